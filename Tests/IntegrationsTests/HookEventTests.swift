import Foundation
import Integrations
import Testing

@Suite("Events of hooks in the inbox") struct HookEventTests {
    @Test("an event that was stored is read as the same event")
    func isStored() throws {
        let event = HookEvent.pushed(PushedImage(host: "registry.local:5000", repository: "blog", tag: "v2"))
        let stored = try JSONEncoder().encode(event)
        #expect(try JSONDecoder().decode(HookEvent.self, from: stored) == event)
    }
}
