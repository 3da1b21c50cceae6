import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// What `render jenkins|gitlab|github` prints, run step by step.
@Suite("pipelines")
struct PipelineTests {
    private static func pipeline(
        _ system: PipelineSystem, server: String, _ change: (inout AppConfiguration) throws -> Void = { _ in }
    ) throws -> String {
        let rendering = try #require(Rendering(rawValue: system.rawValue))
        let server = ServerConfiguration(url: URL(string: server))
        return try rendered(rendering, configuration([try blog(change)], server: server))
    }

    @Test(
        "build, test, push and release one version, which a repeated run has again and pushes no second time",
        arguments: PipelineSystem.allCases)
    func version(system: PipelineSystem) async throws {
        try await withFolder { folder in
            try await withServer(FakeViridian(release: .release("live")).script) { server in
                let docker = try RecordingDocker(in: folder + "/docker")
                let repository = try await SampleRepository(
                    at: folder + "/repository", origin: "https://ci:secret@git.domain.com/group/blog.git")
                let run = try PipelineRun(
                    system, Self.pipeline(system, server: server.url), in: repository.path,
                    environment: docker.environment())
                for _ in 1...2 {
                    let variables = try await run.build()
                    let released = try await run.release(variables, token: FakeViridian.token)
                        .run(deadline: .seconds(600))
                    #expect(released.succeeded, "\(released)")
                    #expect(released.output.contains("blog/42: \(server.url)/apps/blog/releases/42\n"), "\(released)")
                    #expect(
                        !released.output.contains(FakeViridian.token) && !released.error.contains(FakeViridian.token))
                }
                let version = repository.version
                let image = "registry.local:5000/blog:\(version)"
                let labels = "org.opencontainers.image"
                #expect(
                    try docker.log.filter { $0 != "compose down" } == [
                        "build build --pull --tag \(image) --label \(labels).revision=\(repository.commit)"
                            + " --label \(labels).source=\(system.source) --label \(labels).created=2015-10-25T14:34:03Z .",
                        "compose run \(version): blog-test sh -c true",
                        "login registry.local:5000 as ci",
                        "push \(image)",
                        "build build --pull --tag \(image) --label \(labels).revision=\(repository.commit)"
                            + " --label \(labels).source=\(system.source) --label \(labels).created=2015-10-25T14:34:03Z .",
                        "compose run \(version): blog-test sh -c true",
                        "login registry.local:5000 as ci",
                        "pull \(image)",
                    ])
                let calls = await server.requests.all.filter { $0.method == "POST" }
                try #require(calls.count == 2)
                var sent: [[String: String]] = []
                for call in calls {
                    sent.append(try JSONDecoder().decode([String: String].self, from: Data(call.body.utf8)))
                }
                #expect(sent[0] == sent[1])
                let digest = try #require(sent[0]["digest"])
                #expect(digest.wholeMatch(of: /sha256:[0-9a-f]{64}/) != nil, "\(digest)")
                #expect(
                    sent[0] == [
                        "app": "blog", "version": version, "digest": digest, "commit": repository.commit,
                        "commitTime": repository.commitTime, "ref": "dev", "url": system.buildURL,
                    ])
                // Each run is a request of its own: after a failure it starts another release.
                #expect(calls[0].headers["idempotency-key"] != calls[1].headers["idempotency-key"])
            }
        }
    }

    @Test(
        "end before the release when building, testing, the login or the push fails",
        arguments: PipelineSystem.allCases, ["build", "run", "login", "push"])
    func broken(system: PipelineSystem, what: String) async throws {
        try await withFolder { folder in
            let docker = try RecordingDocker(in: folder + "/docker")
            let repository = try await SampleRepository(at: folder + "/repository")
            let run = try PipelineRun(
                system, Self.pipeline(system, server: "http://127.0.0.1:1"), in: repository.path,
                environment: docker.environment().merging(["RECORDING_FAILURE": what]) { $1 })
            await #expect(throws: PipelineRun.Failed.self) { try await run.build() }
        }
    }

    @Test("end as the release does", arguments: PipelineSystem.allCases)
    func outcome(system: PipelineSystem) async throws {
        let failure = #""failure": {"phase": "starting", "message": "pod x: crashed", "details": ["x: no database"]}, "#
        let paused: Int32 = system == .github ? 0 : 3
        for (reply, wait, status, line) in [
            (Reply.release("failed", ["starting", "done"], failure), "live", 2, "pod x: crashed\n| x: no database\n"),
            (.release("paused", ["verifying"]), "paused", paused, "blog/42 is paused for verification"),
        ] as [(Reply, String, Int32, String)] {
            try await withServer(FakeViridian(release: reply).script) { server in
                try await withFolder { folder in
                    let docker = try RecordingDocker(in: folder + "/docker")
                    let run = try PipelineRun(
                        system, Self.pipeline(system, server: server.url), in: folder,
                        environment: docker.environment())
                    let done = try await run.release(
                        ["VERSION": "v2"], token: FakeViridian.token, ["WAIT": wait]
                    ).run(deadline: .seconds(600))
                    #expect(done.termination == .exited(status), "\(done)")
                    #expect(done.output.contains(line), "\(done)")
                }
            }
        }
    }

    @Test("in a folder have their script beside them, and call it", arguments: PipelineSystem.allCases)
    func beside(system: PipelineSystem) throws {
        let rendering = try #require(Rendering(rawValue: system.rawValue))
        let server = ServerConfiguration(url: URL(string: "https://deploy.domain.com"))
        let one = configuration([try blog()], server: server)
        let files = try rendering.files(one, apps: one.apps, options: .init(scripts: .beside))
        let path = [
            PipelineSystem.jenkins: "Jenkinsfile", .gitlab: ".gitlab-ci.yml", .github: ".github/workflows/release.yml",
        ]
        #expect(files.map(\.path) == [path[system], "ci/release.sh"])
        #expect(files.last?.mode == 0o755 && files.last?.text.hasPrefix("#!/bin/sh\n") == true)
        #expect(files[0].text.contains("sh ci/release.sh"))
        #expect(!files[0].text.contains("curl "))
        // Alone it is complete.
        let alone = try rendering.files(one, apps: one.apps)
        #expect(alone.map(\.path) == [path[system]])
        #expect(!alone[0].text.contains("ci/release.sh") && alone[0].text.contains("curl "))
        #expect(!alone[0].text.contains(" \n"))
        // Several apps have a folder each.
        let two = configuration([try blog(), try www()], server: server)
        let several = try rendering.files(two, apps: two.apps, options: .init(scripts: .beside))
        #expect(several.map(\.path).contains("www/ci/release.sh"))
    }

    @Test("release the branch that the app's file names, and the article's where it names none")
    func branch() throws {
        for (branches, expected) in [([], "dev"), (["release/*", "main"], "main")] {
            let jenkins = try Self.pipeline(.jenkins, server: "http://x") { $0.releaseOn = .init(branches: branches) }
            #expect(jenkins.contains("RELEASE_BRANCH = '\(expected)'"))
            let github = try Self.pipeline(.github, server: "http://x") { $0.releaseOn = .init(branches: branches) }
            #expect(github.contains("branches: [\(expected)]"))
        }
    }

    @Test("use GitHub's own registry with the workflow's token")
    func ghcr() throws {
        let text = try Self.pipeline(.github, server: "http://x") {
            $0.image = try ImageReference("ghcr.io/group/blog")
        }
        #expect(text.contains("packages: write") && text.contains("REGISTRY_PASSWORD: ${{ github.token }}"))
        #expect(!text.contains("secrets.REGISTRY"))
        let other = try Self.pipeline(.github, server: "http://x")
        #expect(!other.contains("packages: write") && other.contains("secrets.REGISTRY_PASSWORD"))
    }
}
