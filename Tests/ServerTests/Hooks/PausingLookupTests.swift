import Integrations
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Pauses of a registry that does not answer")
struct PausingLookupTests {
    /// How often the registry is asked by two requests that follow each other, where the first fails.
    private func requests(_ kind: RegistryError.Kind, after seconds: Int = 0) async throws -> Int {
        let world = try HookWorld()
        let lookup = PausingLookup(world.registry, clock: world.patient)
        let app = try world.apps.configuration("blog")
        world.registry.fail(at: "v1", with: kind)
        world.registry.push("v2", HookWorld.image(2))
        _ = try? await lookup.image(app, "v1")
        world.clock.advance(by: .seconds(seconds))
        _ = try? await lookup.image(app, "v2")
        return world.registry.requests.count
    }

    @Test("the next delivery does not wait for it in vain again, until the pause is over")
    func pause() async throws {
        for kind in [RegistryError.Kind.unreachable, .noAnswer] {
            #expect(try await requests(kind) == 1)
            #expect(try await requests(kind, after: 14) == 1)
            #expect(try await requests(kind, after: 15) == 2)
        }
    }

    @Test("an error that was answered, and may concern one image, pauses nothing")
    func answered() async throws {
        for kind in [RegistryError.Kind.serverError(status: 500), .invalidAnswer, .digestMismatch, .cancelled] {
            let count = try await requests(kind)
            #expect(count == 2, "\(kind)")
        }
    }
}
