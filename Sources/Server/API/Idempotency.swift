import Controller
import Journal
import ReleaseMachine

/// A request with an Idempotency-Key is done once, however often it is sent: also after a restart, because the key is written in the
/// same transaction as the release's first event.
actor Idempotency {
    private let journal: Journal
    private let clock: any ReleaseClock
    private var running: [KeyedRequest: Task<(release: Release, isRepeated: Bool), any Error>] = [:]

    init(journal: Journal, clock: any ReleaseClock) {
        self.journal = journal
        self.clock = clock
    }

    /// - Returns: the release, and whether an earlier request with the same key started it.
    func once(
        _ request: KeyedRequest,
        app: String,
        read: @escaping @Sendable (Int) async throws -> Release,
        _ body: @escaping @Sendable () async throws -> Release
    ) async throws -> (release: Release, isRepeated: Bool) {
        if let other = running.keys.first(where: { $0.owner == request.owner && $0.key == request.key }) {
            guard other.hash == request.hash, let task = running[other] else { throw Idempotency.reused }
            return (try await task.value.release, true)
        }
        // Nothing is awaited between the look at what runs and here.
        let task = Task { [journal, clock] () async throws -> (release: Release, isRepeated: Bool) in
            if let known = try await Self.answered(request, in: journal) { return (try await read(known), true) }
            do {
                let release = try await body()
                if try await Self.answered(request, in: journal) == nil {
                    try await journal.note(request, app: app, number: release.order.number, at: clock.now)
                }
                return (release, false)
            } catch {
                // Another server may have been asked the same at the same moment, and its release came first.
                guard let known = try await Self.answered(request, in: journal) else { throw error }
                return (try await read(known), true)
            }
        }
        running[request] = task
        defer { running[request] = nil }
        return try await task.value
    }

    /// The number of the release that an earlier request with this key started; `nil` when there was none.
    private static func answered(_ request: KeyedRequest, in journal: Journal) async throws -> Int? {
        guard let known = try await journal.answered(owner: request.owner, key: request.key) else { return nil }
        guard known.hash == request.hash else { throw Idempotency.reused }
        return known.number
    }

    static var reused: APIError {
        .invalid("Idempotency-Key", "this key was used for another request: a new request needs a new key")
    }

    static func check(_ key: String) throws(APIError) {
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .invalid("Idempotency-Key", "Idempotency-Key has to be 1 to 255 visible ASCII characters")
        }
    }
}
