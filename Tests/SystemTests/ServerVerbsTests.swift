import Foundation
import HTTPTransport
import Kubernetes
import Testing

extension Releases {
    /// Verbs through a server, except those that release.
    @Suite struct ServerVerbsTests {
        @Test("audit and token work through a server, with the same output as without one")
        func audit() async throws {
            try await withWorld(nodes: 1) { world in
                let token = try await world.token()
                try await world.serving { server in
                    let environment = ["VIRIDIAN_SERVER": server.url, "VIRIDIAN_TOKEN": token]
                    func there(_ words: String...) async throws -> Program.Said {
                        try await world.viridian.run(words, environment: environment)
                    }
                    let made = try await there(
                        "token", "create", "--role", "viewer", "--name", "tv", "--app", "blog", "--expires", "2d", "-o",
                        "json")
                    let id = try #require(made.json?["id"]?.string, "\(made)")
                    #expect(
                        made.json?["token"]?.string?.hasPrefix("vir_") == true && made.json?["role"] == "viewer",
                        "\(made)")
                    let hours = try await there("token", "create", "--name", "x", "--expires", "5h")
                    #expect(hours.status == 1 && hours.error.contains("whole days"), "\(hours)")
                    #expect(try await there("token", "revoke", id).status == 0)
                    let again = try await there("token", "revoke", id)
                    #expect(again.status == 1 && again.error.contains(id), "\(again)")
                    for words in [
                        ["token", "list"], ["audit", "-o", "json"], ["audit", "blog"], ["audit", "--limit", "1"],
                    ] {
                        let remote = try await world.viridian.run(words, environment: environment)
                        let local = try await world.viridian.run(words)
                        #expect(remote.status == 0 && !remote.output.isEmpty, "\(remote)")
                        // The time of a token's last use changes with every call.
                        if words[0] == "audit" { #expect(remote.output == local.output, "\(remote)\n\(local)") }
                    }
                    #expect(try await there("token", "list").output.contains(id))
                    let elsewhere = try await world.viridian.run(
                        ["check", "--config", "nowhere.yaml"], environment: environment)
                    #expect(elsewhere.status == 1 && elsewhere.error.contains(server.url), "\(elsewhere)")
                }
            }
        }

        @Test(
            "serve says how to create the first token; a hook without a secret and Slack without a configuration are not there"
        )
        func unconfigured() async throws {
            try await withWorld(nodes: 1) { world in
                try await world.serving { server in
                    #expect(server.firstLines.contains { $0.hasSuffix(" --config \(world.configurationFile)") })
                }
                _ = try await world.token()
                try await world.serving { server in
                    for path in ["/hooks/github", "/slack/commands", "/slack/actions"] {
                        let answer = try await server.http.send(
                            .init("POST", path, headers: ["Content-Type": "application/json"], body: Data("{}".utf8)))
                        #expect(answer.status == 404, "\(path): \(String(decoding: answer.body, as: UTF8.self))")
                    }
                }
            }
        }

        @Test("a server that is lost while a release is followed is reported, with the release and how to follow it")
        func lost() async throws {
            try await withWorld(nodes: 1) { world in
                let token = try await world.token()
                let follower = try await world.serving(endingWith: SIGKILL) { server in
                    let options = ["--server", server.url, "--token", token]
                    let paused = try await world.viridian.run(
                        ["deploy", "blog", "--version", "v1", "--verify", "--wait", "paused"] + options)
                    #expect(paused.status == 3, "\(paused)")
                    let follower = Task {
                        try await world.viridian.run(
                            ["logs", "blog", "--follow"] + options, signal: SIGINT,
                            atLineWith: "lost the connection to the server")
                    }
                    let isWatching = try await eventually {
                        let metrics = try await server.get("/metrics", token: nil)
                        return String(decoding: metrics.body, as: UTF8.self).contains("viridian_event_streams 1\n")
                    }
                    #expect(isWatching)
                    return follower
                }
                let said = try await follower.value
                #expect(said.status == 130, "\(said)")
                #expect(said.error.contains("retrying"), "\(said)")
                #expect(said.error.contains("viridian logs blog/1 --follow"), "\(said)")
            }
        }
    }
}
