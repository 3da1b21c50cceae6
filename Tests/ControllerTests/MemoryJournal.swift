import Controller
import ReleaseMachine
import Synchronization

/// A journal in memory that several engines may share, and that can fail at an append as if the process were killed there.
final class MemoryJournal: ReleaseJournal {
    /// What a killed process would not notice.
    struct Killed: Error {}

    /// Where it breaks, counted in appends of events.
    struct Break: Sendable, Hashable {
        var at: Int
        /// The event was written before the process died.
        var isWritten: Bool
    }

    private struct State {
        var events: [Int: [RecordedEvent]] = [:]
        /// The newest arrival first.
        var versions: [PushedVersion] = []
        var appends = 0
        var breaking: Break?
        /// Run once, just before an append: what another process does at that moment.
        var intrusion: (@Sendable (MemoryJournal) async throws -> Void)?
        var watchers: [AsyncStream<Void>.Continuation] = []
    }

    private let state = Mutex(State())

    func append(_ events: [RecordedEvent], app: String, number: Int) async throws {
        guard let first = events.first else { return }
        let intrusion = state.withLock { state in
            defer { state.intrusion = nil }
            return state.intrusion
        }
        try await intrusion?(self)
        try state.withLock { state in
            state.appends += 1
            let breaks = state.breaking.map { state.appends >= $0.at } ?? false
            if breaks, state.breaking?.isWritten != true || state.appends > state.breaking?.at ?? 0 { throw Killed() }
            let known = state.events[number, default: []].map(\.sequence)
            guard !known.contains(first.sequence), first.sequence == 1 || known.contains(first.sequence - 1) else {
                throw JournalConflict()
            }
            state.events[number, default: []] += events
            state.events[number]?.sort { $0.sequence < $1.sequence }
            for watcher in state.watchers { watcher.yield() }
            if breaks { throw Killed() }
        }
    }

    func changes(of app: String) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        state.withLock { $0.watchers.append(continuation) }
        continuation.yield()
        return stream
    }

    func events(app: String, number: Int, after sequence: Int) throws -> [RecordedEvent] {
        state.withLock { $0.events[number, default: []].filter { $0.sequence > sequence } }
    }

    func releases(app: String, limit: Int, before: Int?) throws -> [Release] {
        state.withLock { state in
            state.events.keys.sorted(by: >).filter { $0 < before ?? .max }.prefix(limit)
                .compactMap { Release(folding: state.events[$0, default: []]) }
        }
    }

    func lastNumber(app: String) throws -> Int { state.withLock { $0.events.keys.max() ?? 0 } }

    func versions(app: String, tag: String) throws -> [PushedVersion] {
        state.withLock { $0.versions.filter { $0.app == app && $0.version == tag } }
    }
    func queuedVersion(app: String) throws -> PushedVersion? { nil }
    func locks(at now: Timestamp) throws -> [ReleaseLock] { [] }
    func addAutomatic(_ lock: ReleaseLock) throws {}

    // MARK: For tests

    /// A version was pushed, after all others.
    func know(_ version: PushedVersion) { state.withLock { $0.versions.insert(version, at: 0) } }

    var appends: Int { state.withLock { $0.appends } }

    func breaks(at place: Break?) {
        state.withLock {
            $0.appends = 0
            $0.breaking = place
        }
    }

    func intrude(_ body: @escaping @Sendable (MemoryJournal) async throws -> Void) {
        state.withLock { $0.intrusion = body }
    }

    /// A request from another process.
    func request(_ event: Event, number: Int = 1) async throws {
        while true {
            let last = try events(app: "blog", number: number, after: 0).last?.sequence ?? 0
            do {
                return try await append(
                    [RecordedEvent(sequence: last + 1, at: ManualClock.start, event: event)], app: "blog",
                    number: number)
            } catch is JournalConflict {
                continue
            }
        }
    }

    func events(_ number: Int) -> [Event] { state.withLock { $0.events[number, default: []].map(\.event) } }

    func forgetAll() { state.withLock { $0.events = [:] } }

    /// The journal goes back, as in a failover to a standby that was behind: of a release the events after `sequence` are lost. Whoever
    /// watches it connects again, and looks.
    func loseEvents(of number: Int = 1, after sequence: Int) {
        state.withLock { state in
            let kept = state.events[number, default: []].filter { $0.sequence <= sequence }
            state.events[number] = kept.isEmpty ? nil : kept
            for watcher in state.watchers { watcher.yield() }
        }
    }
}
