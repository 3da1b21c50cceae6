import Foundation
import HTTPTransport
import Kubernetes
import Processes
import TestSupport
import Testing

extension Releases {
    /// The shell of rendered pipelines, step by step, against `viridian serve` and a real registry. Only docker is not there: skopeo pushes.
    @Suite(.enabled(if: TestRegistry.isThere, "\(TestRegistry.reason)"))
    struct PipelineTests {
        @Test(
            "a commit is pushed and released by its digest, once; repeated it changes nothing, and an older one never comes back"
        )
        func versions() async throws {
            try await withWorld(nodes: 1) { world in
                try await world.ofRegistry { registry in
                    let token = try await world.token()
                    try await world.serving { server in
                        try world.announce(server.url)
                        let jenkins = try await world.pipelineToken()
                        for (index, system) in PipelineSystem.allCases.enumerated() {
                            let ci = try await CI(system, world, day: 25 + index, registry)
                            for attempt in ["first", "repeated"] {
                                let variables = try await ci.run.build()
                                let done = try await ci.run.release(variables, token: jenkins).run(
                                    deadline: .seconds(600))
                                #expect(done.termination == .exited(0), "\(system) \(attempt): \(done)")
                                #expect(done.output.contains("blog/\(index + 1): \(server.url)/apps/blog/releases/"))
                                #expect(
                                    done.output.contains("blog/\(index + 1) is live: \(ci.repository.version) serves"))
                                #expect(!done.output.contains(jenkins) && !done.error.contains(jenkins))
                            }
                            #expect(try await world.served() == [ci.repository.version])
                            let answer = try await server.get("/api/v1/apps/blog/releases/\(index + 1)", token: token)
                            let release = try JSON(parsing: answer.body)
                            let digest = try await registry.digest(of: ci.repository.version)
                            #expect(release["version"]?.string == ci.repository.version, "\(release.text)")
                            #expect(release["digest"]?.string == digest, "\(release.text)")
                            #expect(release["commit"]?.string == ci.repository.commit, "\(release.text)")
                            #expect(release["commitTime"]?.string?.hasPrefix("2015-10-\(25 + index)T14:34:03") == true)
                            #expect(try ci.docker.log.filter { $0.hasPrefix("push ") }.count == 1)
                        }
                        let old = try await CI(.jenkins, world, day: 20, registry)
                        let done = try await old.run.release(try await old.run.build(), token: jenkins)
                            .run(deadline: .seconds(600))
                        #expect(
                            done.termination == .exited(0) && done.output.contains("its commit is older"), "\(done)")
                        #expect(try await server.get("/api/v1/apps/blog/releases/4", token: token).status == 404)
                    }
                }
            }
        }

        @Test("a pipeline ends as its release does: paused, busy, aborted, failed, refused")
        func outcomes() async throws {
            let app = World.App(more: "verify: {required: true, timeout: 10m, then: abort}")
            try await withWorld(nodes: 1, app) { world in
                let token = try await world.token()
                try await world.serving { server in
                    try world.announce(server.url)
                    let ci = try await CI(.gitlab, world, day: 25)
                    func release(_ version: String, _ more: [String: String] = [:]) async throws -> Completed {
                        try await ci.run.release(["VERSION": version], token: token, more).run(deadline: .seconds(600))
                    }
                    let paused = try await release("v1", ["WAIT": "paused"])
                    #expect(paused.termination == .exited(3), "\(paused)")
                    #expect(paused.output.contains("blog/1 is paused for verification until 20"), "\(paused)")
                    let busy = try await release("v2")
                    #expect(busy.termination == .exited(75) && busy.output.contains("blog/1 (v1) is paused"), "\(busy)")

                    // The same version again is followed; it is aborted meanwhile.
                    let command = try ci.run.release(["VERSION": "v1"], token: token)
                    let aborted = try await command.run(
                        deadline: .seconds(600),
                        onLine: { line in
                            guard line.text.contains("paused for verification") else { return }
                            _ = try? await server.post(
                                "/api/v1/apps/blog/releases/1/abort", #"{"reason":"wrong title"}"#, token: token)
                        })
                    #expect(aborted.termination == .exited(4), "\(aborted)")
                    #expect(aborted.output.contains("blog/1 was given up by anna: wrong title"), "\(aborted)")

                    let failed = try await release("crash3")
                    #expect(failed.termination == .exited(2), "\(failed)")
                    #expect(failed.output.contains("failed in phase starting: ") && failed.output.contains("crash"))
                    let refused = try await release("a/b")
                    #expect(refused.termination == .exited(1), "\(refused)")
                    #expect(refused.output.contains("of at most 128 letters"), "\(refused)")
                    let stranger = try await ci.run.release(["VERSION": "v4"], token: "vir_x").run(
                        deadline: .seconds(600))
                    #expect(
                        stranger.termination == .exited(1) && stranger.output.contains("(401 unauthorized)"),
                        "\(stranger)")
                }
            }
        }

        @Test("where versions wait, pipelines wait with them; whose place a newer one takes ends and says so")
        func queue() async throws {
            let app = World.App(more: "verify: {required: true, timeout: 10m, then: abort}\nwhenBusy: queue")
            try await withWorld(nodes: 1, app) { world in
                let (token, jenkins) = (try await world.token(), try await world.pipelineToken())
                try await world.serving { server in
                    try world.announce(server.url)
                    let ci = try await CI(.jenkins, world, day: 25)
                    func command(_ version: String, _ time: String, wait: String = "live") throws -> Command {
                        try ci.run.release(
                            ["VERSION": version, "COMMIT_TIME": time], token: jenkins, ["WAIT": wait])
                    }
                    let first = try await command("v1", "2015-10-25T14:00:00Z", wait: "paused")
                        .run(deadline: .seconds(600))
                    #expect(first.termination == .exited(3), "\(first)")

                    let (lines, said) = AsyncStream.makeStream(of: String.self)
                    let second = try command("v2", "2015-10-25T15:00:00Z")
                    async let superseded = second.run(deadline: .seconds(600), onLine: { said.yield($0.text) })
                    for await line in lines where line.contains("v2 is queued: waits for blog/1 (v1)") { break }

                    let third = try command("v3", "2015-10-25T16:00:00Z")
                    let last = try await third.run(
                        deadline: .seconds(600),
                        onLine: { line in
                            // Both pauses are ended by a person: that of v1 when v3 waits, and its own.
                            let number =
                                line.text.contains("v3 is queued") ? 1 : line.text.contains("is paused") ? 2 : 0
                            guard number > 0 else { return }
                            _ = try? await server.post(
                                "/api/v1/apps/blog/releases/\(number)/promote", "{}", token: token)
                        })
                    #expect(last.termination == .exited(0), "\(last)")
                    #expect(last.output.contains("blog/2 is live: v3 serves"), "\(last)")
                    let ended = try await superseded
                    #expect(ended.termination == .exited(0), "\(ended)")
                    #expect(
                        ended.output.contains("blog v2 was not released: ") && ended.output.contains("v3"), "\(ended)")
                }
            }
        }

        @Test("a restart of the server while a pipeline waits is waited for")
        func restart() async throws {
            let app = World.App(more: "verify: {required: true, timeout: 10m, then: abort}")
            try await withWorld(nodes: 1, app) { world in
                let token = try await world.token()
                let port = try await Ports.shared.some(1)[0]
                try world.announce("http://127.0.0.1:\(port)")
                let ci = try await CI(.jenkins, world, day: 25)
                let (lines, said) = AsyncStream.makeStream(of: String.self)
                let following = try await world.serving(port: port, endingWith: SIGKILL) { _ in
                    let following = Task {
                        try await ci.run.release(["VERSION": "v1"], token: token).run(
                            deadline: .seconds(600), onLine: { said.yield($0.text) })
                    }
                    for await line in lines where line.contains("is paused for verification") { break }
                    return following
                }
                for await line in lines where line.contains("Asking again") { break }
                try await world.serving(port: port) { server in
                    let answer = try await server.post("/api/v1/apps/blog/releases/1/promote", "{}", token: token)
                    #expect(answer.status == 202, "\(String(decoding: answer.body, as: UTF8.self))")
                    let done = try await following.value
                    #expect(done.termination == .exited(0), "\(done)")
                    #expect(done.output.contains("blog/1 is live: v1 serves on"), "\(done)")
                }
            }
        }

        @Test("the script of docs/ci.md, with curl alone, does the same")
        func curlAlone() async throws {
            try await withWorld(nodes: 1) { world in
                let token = try await world.token()
                try await world.serving { server in
                    let repository = try await SampleRepository(at: world.directory + "/repository")
                    for (version, status, text) in [("v1", 0, "blog/1: live\n"), ("crash2", 2, "blog/2: failed\n")] {
                        let environment = world.viridian.environment.merging([
                            "VERSION": version, "VIRIDIAN_TOKEN": token,
                        ]) { $1 }
                        let script = Command(
                            "sh", ["-xe"], environment: environment, workingDirectory: repository.path,
                            input: try CIPage.script(server: server.url))
                        let done = try await script.run(deadline: .seconds(600))
                        #expect(done.termination == .exited(Int32(status)), "\(done)")
                        #expect(done.output.contains(text), "\(done)")
                    }
                }
            }
        }
    }
}

/// A CI with a checked-out repository of one commit, and the pipeline as `viridian render` prints it.
private struct CI: Sendable {
    let repository: SampleRepository
    let docker: RecordingDocker
    let run: PipelineRun

    /// With a registry, what it builds is really pushed there.
    init(_ system: PipelineSystem, _ world: World, day: Int, _ registry: TestRegistry? = nil) async throws {
        let folder = "\(world.directory)/\(system)-\(day)"
        let rendered = try await world.viridian("render", system.rawValue, "blog")
        try #require(rendered.status == 0, "\(rendered)")
        repository = try await SampleRepository(at: folder, day: day)
        docker = try RecordingDocker(in: folder + "-docker")
        var push: String?
        if let registry {
            let layout = try registry.layout()
            try layout.select(try layout.image(labels: ["org.opencontainers.image.revision": repository.commit]))
            let program = """
                #!/bin/sh
                set -e
                skopeo --insecure-policy copy --quiet --preserve-digests --dest-tls-verify=false --dest-no-creds \\
                    --digestfile "$0.digest" "oci:\(layout.directory)" "docker://$1" >&2
                cat "$0.digest"

                """
            push = folder + "-push"
            try world.write(program, to: "\(system)-\(day)-push")
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "-push")
        }
        run = try PipelineRun(
            system, rendered.output, in: folder,
            environment: docker.environment(push: push).merging(["POLL": "1"]) { $1 })
    }
}

extension World {
    /// A token as pipelines get one: of a deployer, for one app.
    fileprivate func pipelineToken() async throws -> String {
        let said = try await viridian(
            "token", "create", "--role", "deployer", "--name", "jenkins", "--app", "blog", "-o", "json")
        return try #require(said.json?["token"]?.string, "\(said)")
    }

    /// Names the server in the configuration, from which pipelines are rendered.
    fileprivate func announce(_ url: String) throws {
        try write(read("viridian.yaml") + "server: {url: \"\(url)\"}\n", to: "viridian.yaml")
    }

    /// With the app's image in a real registry.
    fileprivate func ofRegistry(_ body: (TestRegistry) async throws -> Void) async throws {
        let registry = try await TestRegistry.start()
        for file in ["apps/blog.yaml", "blog-pod.yaml"] {
            try write(read(file).replacing("registry.local:5000", with: registry.host), to: file)
        }
        try write(
            read("viridian.yaml") + "registries: [{host: \"\(registry.host)\", plainHTTP: true}]\n", to: "viridian.yaml"
        )
        do {
            try await body(registry)
            await registry.stop()
        } catch {
            await registry.stop()
            throw error
        }
    }
}

extension TestRegistry {
    /// The digest that a tag of blog has.
    fileprivate func digest(of tag: String) async throws -> String {
        let done = try await Command(
            "skopeo", ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://\(host)/blog:\(tag)"]
        ).run(deadline: .seconds(600))
        return done.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
