import Controller
import Foundation
import Journal
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

@Suite("A person's release asks the registry", .enabled(if: TestRegistry.isThere, "\(TestRegistry.reason)"))
struct RegistryDigestTests {
    @Test("which image its tag is now, and notes it; without an answer, what is known counts")
    func moved() async throws {
        let registry = try await TestRegistry.start()
        let image = try ImageReference("\(registry.host)/web/blog")
        let settings = HookSettings(registries: [RegistryConfiguration(host: registry.host, plainHTTP: true)])
        try await withServer(configure: { $0.image = image }, hooks: settings) { server in
            let first = try await registry.push(repository: "web/blog", tag: "v1")
            let begun = try await server.deploy("v1")
            #expect(begun.json["image"].string == "\(image):v1@\(first)", "\(begun)")
            _ = try await server.release(1, in: .live)
            let second = try await registry.push(
                repository: "web/blog", tag: "v1", labels: ["org.opencontainers.image.revision": "1a2b3c4d"])
            let moved = try await server.deploy("v1")
            #expect(moved.json["digest"].string == second && moved.json["commit"].string == "1a2b3c4d", "\(moved)")
            _ = try await server.release(2, in: .live)
            let versions = try await server.get("/api/v1/apps/blog/versions")
            let states = versions.json["versions"].array.map { ($0["digest"].string, $0["state"].string) }
            #expect(
                states.contains { $0 == (second, "live") } && states.contains { $0 == (first, "older") }, "\(versions)")
            await registry.stop()
            let offline = try await server.deploy("v1")
            #expect(offline.json["digest"].string == second, "\(offline)")
            _ = try await server.release(3, in: .live)
            let unknown = try await server.deploy("v2")
            #expect(unknown.json["image"].string == "\(image):v2" && unknown.json["digest"] == .null, "\(unknown)")
        }
        await registry.stop()
    }
}
