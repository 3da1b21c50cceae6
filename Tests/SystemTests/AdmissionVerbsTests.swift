import Foundation
import HTTPTransport
import Kubernetes
import Testing

extension Releases {
    /// `versions`, `queue`, `lock`, `unlock` and `deploy --override`.
    @Suite struct AdmissionVerbsTests {
        /// A script's call for a release, as CI sends it.
        private func call(_ version: String, _ server: Serving, _ token: String) async throws -> JSON {
            let digest = "sha256:" + String(repeating: "a", count: 64)
            let body = #"{"app": "blog", "version": "\#(version)", "digest": "\#(digest)", "commit": "1a2b3c4d5e6f"}"#
            let answer = try await server.http.send(
                .init(
                    "POST", "/hooks/deploy",
                    headers: ["Content-Type": "application/json", "Authorization": "Bearer \(token)"],
                    body: Data(body.utf8)))
            let text = String(decoding: answer.body, as: UTF8.self)
            #expect(answer.status == 202, "\(text)")
            return try JSON(parsing: Data(text.utf8))
        }

        @Test(
            "a lock that the command line writes to the journal holds what a script calls for at a running server, until it is unlocked"
        )
        func locked() async throws {
            try await withWorld(nodes: 1) { world in
                let token = try await world.token()
                _ = try await world.release("v1")
                try await world.serving { server in
                    let lock = try await world.viridian("lock", "blog", "--reason", "the move", "--for", "2h")
                    #expect(lock.status == 0, "\(lock)")
                    #expect(lock.output.contains(": the move. To unlock: viridian unlock blog"), "\(lock)")
                    _ = try await call("v2", server, token)
                    for environment in [[:], ["VIRIDIAN_SERVER": server.url, "VIRIDIAN_TOKEN": token]] {
                        func run(_ words: String...) async throws -> Program.Said {
                            let said = try await world.viridian.run(words, environment: environment)
                            if words[0] == "versions", !words.contains("json") {
                                #expect(said.lines.allSatisfy { $0.count <= 80 }, "\(said)")
                            }
                            return said
                        }
                        let queue = try await run("queue")
                        #expect(queue.lines.first?.hasPrefix("blog  v2: blog is locked until ") == true, "\(queue)")
                        let json = try await run("queue", "blog", "-o", "json")
                        #expect(json.json?["version"] == "v2" && json.json?["requestedBy"] == "anna", "\(json)")
                        let status = try await run("status", "blog")
                        #expect(status.output.contains("  held   blog is locked until "), "\(status)")
                        #expect(status.output.contains("  queue  v2 since "), "\(status)")
                        let versions = try await run("versions", "blog")
                        #expect(
                            versions.lines.contains { $0.hasPrefix("v2 ") && $0.contains("  held  ") }, "\(versions)")
                        let version = try await run("versions", "blog", "-o", "json")
                        #expect(version.json?["state"] == "held" && version.json?["source"] == "deploy", "\(version)")
                        let refused = try await run("deploy", "blog", "--version", "v3")
                        #expect(refused.status == 1 && refused.error.contains("blog is locked until"), "\(refused)")
                        let plan = try await run("deploy", "blog", "--version", "v3", "--dry-run")
                        #expect(plan.status == 1 && plan.output.contains("blocked: blog is locked"), "\(plan)")
                    }
                    let unlock = try await world.viridian("unlock", "blog")
                    #expect(unlock.status == 0, "\(unlock)")
                    #expect(unlock.lines.first?.hasPrefix("unlocked: blog is locked until ") == true, "\(unlock)")
                    #expect(unlock.lines.contains { $0.hasPrefix("v2 of blog was held; ") }, "\(unlock)")
                    let started = try await eventually {
                        try await world.viridian("queue").output == "no version waits\n"
                    }
                    #expect(started)
                }
                let release = try await world.viridian("show", "blog/2", "-o", "json")
                #expect(release.json?["version"] == "v2" && release.json?["automatic"] == true, "\(release)")
            }
        }

        @Test("through a server: a lock on all apps, dropping what waits, unlocking, and an override")
        func remote() async throws {
            try await withWorld(nodes: 1) { world in
                let token = try await world.token()
                try await world.serving { server in
                    let environment = ["VIRIDIAN_SERVER": server.url, "VIRIDIAN_TOKEN": token]
                    func run(_ words: String...) async throws -> Program.Said {
                        try await world.viridian.run(words, environment: environment)
                    }
                    let nothing = try await run("unlock")
                    #expect(nothing.status == 1 && nothing.error.contains("there is no lock on all apps"), "\(nothing)")
                    let lock = try await run("lock", "--reason", "all hands", "-o", "json")
                    #expect(lock.status == 0 && lock.json?["reason"] == "all hands", "\(lock)")
                    _ = try await call("v2", server, token)
                    let dropped = try await run("queue", "blog", "--drop")
                    #expect(dropped.output == "v2 of blog no longer waits\n", "\(dropped)")
                    let again = try await run("queue", "blog", "--drop")
                    #expect(again.status == 1 && again.error.contains("no version of blog waits"), "\(again)")
                    let own = try await run("unlock", "blog")
                    #expect(own.status == 1 && own.error.contains("blog has no lock of its own"), "\(own)")
                    let override = try await run("deploy", "blog", "--version", "v1", "--override")
                    #expect(
                        override.status == 64 && override.error.contains("--override takes a --reason"), "\(override)")
                    let live = try await run(
                        "deploy", "blog", "--version", "v1", "--override", "--reason", "visitors see errors")
                    #expect(live.status == 0, "\(live)")
                    let audit = try await run("audit", "blog")
                    #expect(audit.output.contains("in spite of: blog is locked by"), "\(audit)")
                    let unlock = try await run("unlock")
                    #expect(unlock.lines == ["unlocked: all apps are locked by anna: all hands"], "\(unlock)")
                }
            }
        }
    }
}
