import Controller
import Integrations
import ReleaseMachine
import Synchronization
import ViridianConfiguration

/// Asks a registry that did not answer only again after a pause: a delivery does not wait for it when the one before has waited in vain.
final class PausingLookup: VersionLookup {
    private struct Pause: Sendable {
        var until: Timestamp
        var error: RegistryError
    }

    private let lookup: any VersionLookup
    private let clock: any ReleaseClock
    private let pauses = Mutex<[String: Pause]>([:])

    private static let length = Duration.seconds(15)

    init(_ lookup: any VersionLookup, clock: any ReleaseClock) {
        self.lookup = lookup
        self.clock = clock
    }

    func image(_ app: AppConfiguration, _ reference: String) async throws(RegistryError) -> RegistryImage? {
        try await asking(app) { () async throws(RegistryError) in try await lookup.image(app, reference) }
    }

    func tags(_ app: AppConfiguration) async throws(RegistryError) -> [String] {
        try await asking(app) { () async throws(RegistryError) in try await lookup.tags(app) }
    }

    private func asking<Value>(
        _ app: AppConfiguration, _ question: () async throws(RegistryError) -> Value
    ) async throws(RegistryError) -> Value {
        let host = app.image.registry ?? ""
        if let pause = pauses.withLock({ $0[host] }), clock.now < pause.until { throw pause.error }
        do {
            let answer = try await question()
            pauses.withLock { $0[host] = nil }
            return answer
        } catch {
            // Only what took its time: an error that was answered may concern one image.
            if error.kind == .unreachable || error.kind == .noAnswer {
                pauses.withLock { $0[host] = Pause(until: clock.now + PausingLookup.length, error: error) }
            }
            throw error
        }
    }
}
