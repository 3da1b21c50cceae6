import Foundation
import Journal
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

/// What `docker-registry` answers, not what a test has written down.
@Suite("Lists of a real registry's tags", .enabled(if: TestRegistry.isThere, "\(TestRegistry.reason)"))
struct RealRegistryTests {
    private func withRegistry(
        triggers: ReleaseTriggers, _ body: @escaping @Sendable (TestRegistry, TestServer) async throws -> Void
    ) async throws {
        let registry = try await TestRegistry.start()
        let hooks = HookSettings(
            hooks: HooksConfiguration(gitlab: GitLabHook(secret: Secret("gl"))),
            registries: [
                RegistryConfiguration(host: registry.host, plainHTTP: true, poll: .milliseconds(100))
            ])
        do {
            // There are tags before the first list.
            try await registry.push(repository: "blog", tag: "v1")
            try await withServer(
                configure: { app in
                    if let image = try? ImageReference("\(registry.host)/blog") { app.image = image }
                    app.releaseOn = triggers
                }, hooks: hooks
            ) { server in
                let isListed = try await eventually { try await server.journal.tagsListed(app: "blog") }
                #expect(isListed != nil)
                try await body(registry, server)
            }
            await registry.stop()
        } catch {
            await registry.stop()
            throw error
        }
    }

    @Test("signatures and charts are left out, and the image beside them is released")
    func noImages() async throws {
        try await withRegistry(triggers: ReleaseTriggers(tags: ["*"])) { registry, server in
            let layout = try registry.layout()
            let signature = try layout.image()
            let name = "sha256-" + String(repeating: "a", count: 64) + ".sig"
            try await registry.push(signature, of: layout, repository: "blog", tag: name)
            let config = try layout.blob(Data("{}".utf8), "application/vnd.cncf.helm.config.v1+json")
            try await registry.push(layout.manifest(config: config), of: layout, repository: "blog", tag: "w-chart")
            let digest = try await registry.push(repository: "blog", tag: "v2")
            let release = try await server.release(1, in: .live)
            #expect(release.order.image == "\(registry.host)/blog:v2@\(digest)")
            #expect(Set(try await server.journal.tags(app: "blog")) == ["v1", "v2"])
        }
    }

    @Test("a pipeline that is told before its image is pushed releases that image when it is there")
    func pipelineFirst() async throws {
        try await withRegistry(triggers: ReleaseTriggers(branches: ["master"])) { registry, server in
            let body = """
                {"object_kind": "pipeline", "object_attributes": {"id": 1, "ref": "master", "tag": false,
                  "sha": "\(HookWorld.commit)", "source": "push", "status": "success"},
                  "project": {"path_with_namespace": "mike/blog", "web_url": "https://gitlab.domain.com/mike/blog"},
                  "commit": {"timestamp": "2015-10-25T14:00:00Z"}, "user": {"username": "mike"}}
                """
            let answer = try await server.post(
                "/hooks/gitlab", body, token: "",
                headers: ["X-Gitlab-Event": "Pipeline Hook", "X-Gitlab-Token": "gl"])
            #expect(answer.status == 202, "\(answer)")
            let waits = try await eventually {
                try await server.journal.deliveries(limit: 1).first?.outcome?.hasPrefix("waits for an image of blog")
            }
            #expect(waits == true)
            let labels = ["org.opencontainers.image.revision": HookWorld.commit]
            let digest = try await registry.push(repository: "blog", tag: "v2", labels: labels)
            let release = try await server.release(1, in: .live)
            #expect(release.order.image == "\(registry.host)/blog:v2@\(digest)")
            #expect(release.order.commit == HookWorld.commit && release.order.ref == "master")
        }
    }
}
