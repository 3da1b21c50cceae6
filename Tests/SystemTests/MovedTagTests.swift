import Foundation
import Kubernetes
import TestSupport
import Testing

extension Releases {
    @Suite("A tag that moves, on the command line alone", .enabled(if: TestRegistry.isThere, "\(TestRegistry.reason)"))
    struct MovedTagTests {
        @Test("deploy asks the registry where it is now, rollback brings the image before back, and --to another one")
        func moved() async throws {
            try await withWorld(nodes: 1) { world in
                try await world.ofRegistry { registry in
                    let first = try await registry.push(repository: "blog", tag: "latest")
                    try await expect(world, "deploy", "blog", "--version", "latest", is: first)
                    let second = try await registry.push(repository: "blog", tag: "latest")
                    let plan = try await world.viridian("deploy", "blog", "--version", "latest", "--dry-run")
                    #expect(plan.status == 0 && plan.output.contains(":latest@\(second)"), "\(plan)")
                    try await expect(world, "deploy", "blog", "--version", "latest", is: second)
                    try await expect(world, "rollback", "blog", is: first)
                    try await expect(world, "rollback", "blog", "--to", "latest", is: second)
                    try await expect(world, "rollback", "blog", "--to", "latest@\(first.prefix(15))", is: first)

                    await registry.stop()
                    let known = try await expect(world, "deploy", "blog", "--version", "latest", is: second)
                    #expect(!known.error.contains("moving tag"), "\(known)")
                }
            }
        }

        @Test("without an answer of the registry, deploy warns that latest may be two images")
        func unknown() async throws {
            try await withWorld(nodes: 1) { world in
                try await world.ofRegistry { registry in
                    await registry.stop()
                    let said = try await expect(world, "deploy", "blog", "--version", "latest", is: nil)
                    #expect(said.error.contains("latest is a moving tag, and its digest is not known"), "\(said)")
                    let named = try await world.viridian(
                        "deploy", "blog", "--version", "latest", "--image", "\(registry.host)/blog:latest")
                    #expect(named.status == 0 && named.error.isEmpty, "\(named)")
                }
            }
        }

        /// Runs a command whose release has to go live with this image.
        @discardableResult
        private func expect(
            _ world: World, _ words: String..., is digest: String?, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws -> Program.Said {
            let said = try await world.viridian.run(words + ["-o", "json"])
            try #require(said.status == 0, "\(said)", sourceLocation: sourceLocation)
            #expect(said.json?["state"] == "live", "\(said)", sourceLocation: sourceLocation)
            #expect(said.json?["digest"]?.string == digest, "\(said)", sourceLocation: sourceLocation)
            return said
        }
    }
}

extension World {
    /// With the app's image in a real registry, of which nobody tells.
    fileprivate func ofRegistry(_ body: (TestRegistry) async throws -> Void) async throws {
        let registry = try await TestRegistry.start()
        for file in ["apps/blog.yaml", "blog-pod.yaml"] {
            try write(read(file).replacing("registry.local:5000", with: registry.host), to: file)
        }
        let line = "registries: [{host: \"\(registry.host)\", plainHTTP: true}]\n"
        try write(read("viridian.yaml") + line, to: "viridian.yaml")
        do {
            try await body(registry)
            await registry.stop()
        } catch {
            await registry.stop()
            throw error
        }
    }
}
