import Foundation
import HTTPTransport
import Kubernetes
import Processes
import TestSupport
import Testing

extension Releases {
    /// Real pushes with labels, a running server, and a forge that is as strict as GitHub.
    @Suite("Reports to GitHub", .enabled(if: TestRegistry.isThere, "\(TestRegistry.reason)"))
    struct ReportTests {
        private static let token = "ghp_0123456789secret"
        private static let commits = [
            "1f2e3d4c5b6a79880011223344556677889900aa", "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678",
        ]

        @Test("what happens while GitHub is down, and until the server is killed, is reported after its restart, once")
        func outage() async throws {
            let forge = FakeGitHub(token: Self.token, commits: ["mike/blog": Set(Self.commits)])
            try await withServer({ request, _ in await forge.answer(request) }) { github in
                try await withWorld { world in
                    let registry = try await TestRegistry.start()
                    do {
                        try await story(world, registry, forge, "\(github.url)/mike/blog", api: github.url)
                        await registry.stop()
                    } catch {
                        await registry.stop()
                        throw error
                    }
                }
            }
        }

        private func story(
            _ world: World, _ registry: TestRegistry, _ forge: FakeGitHub, _ source: String, api: String
        ) async throws {
            for file in ["apps/blog.yaml", "blog-pod.yaml"] {
                try world.write(
                    world.read(file).replacing("registry.local:5000", with: registry.host), to: file)
            }
            try world.write(
                world.read("viridian.yaml") + "report: {github: {token: \(Self.token), api: \"\(api)\"}}\n"
                    + "hooks: {registry: {secret: open sesame}}\n",
                to: "viridian.yaml")
            let token = try await world.token()
            try await world.serving(endingWith: SIGKILL) { server in
                try await release(1, world, server, token, registry, source)
                let isTold = try await eventually {
                    await forge.deployments.first?.statuses.map(\.state) == ["queued", "in_progress", "success"]
                }
                let first = await forge.deployments
                try #require(isTold, "\(first)")
                await forge.weather.goDown()
                try await release(2, world, server, token, registry, source)
                let waits = try await eventually {
                    let list = try await world.viridian("notify", "list", "blog", "-o", "json").jsonLines
                    return list.contains { $0["state"] == "pending" && $0["answer"]?.string?.contains("502") == true }
                }
                #expect(waits)
            }
            await forge.weather.comeBack()
            let pending = try await world.viridian("notify", "list", "-o", "json").jsonLines
                .filter { $0["state"] == "pending" }
            let oldest = try #require(pending.last?["id"]?.integer, "\(pending.map(\.text))")
            try await world.serving { server in
                let again = try await world.viridian(
                    "notify", "resend", "\(oldest)", "--server", server.url, "--token", token)
                #expect(again.status == 0 && again.output.contains("will be sent to github again"), "\(again)")
                let wanted = [
                    ["queued", "in_progress", "success", "inactive"], ["queued", "in_progress", "success"],
                ]
                let isWhole = try await eventually {
                    await forge.deployments.map { $0.statuses.map(\.state) } == wanted
                }
                let deployments = await forge.deployments
                #expect(isWhole, "\(deployments)")
                #expect(deployments.map(\.ref) == Self.commits)

                let list = try await world.viridian("notify", "list")
                #expect(list.status == 0 && list.lines.count == 8, "\(list)")
                #expect(list.lines.dropFirst().allSatisfy { $0.contains("delivered") }, "\(list)")
                #expect(!list.output.contains(Self.token))
                let remote = try await world.viridian("notify", "list", "--server", server.url, "--token", token)
                #expect(remote.output == list.output)
                let link = "\(source)/compare/\(Self.commits[0])...\(Self.commits[1])"
                let shown = try await world.viridian("show", "blog/2")
                #expect(shown.lines.contains { $0.hasPrefix("changes") && $0.hasSuffix(link) }, "\(shown)")
                #expect(try await world.viridian("show", "blog/2", "-o", "json").json?["compareURL"]?.string == link)
                let none = try await world.viridian("notify", "resend", "999")
                #expect(none.status == 1 && none.error.contains("there is no notification 999"), "\(none)")
            }
        }

        /// Pushes a version, tells the server of it as a pipeline would, and waits until it is live.
        private func release(
            _ number: Int, _ world: World, _ server: Serving, _ token: String, _ registry: TestRegistry,
            _ source: String
        ) async throws {
            let digest = try await registry.push(
                repository: "blog", tag: "v\(number)",
                labels: [
                    "org.opencontainers.image.revision": Self.commits[number - 1],
                    "org.opencontainers.image.source": source,
                ])
            let call = #"{"app": "blog", "version": "v\#(number)", "digest": "\#(digest)"}"#
            let answer = try await server.post("/hooks/deploy", call, token: token)
            try #require(answer.status == 202, "\(String(decoding: answer.body, as: UTF8.self))")
            try await server.wait(for: "live", of: number, token)
        }
    }
}
