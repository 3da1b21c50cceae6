import Controller
import Journal
import ReleaseMachine
import ViridianConfiguration

/// What holds the apps' releases at a moment, and which versions wait: few and small, and the same for most of the journal's commits.
struct HoldFacts: Sendable, Equatable {
    private(set) var locks: [ReleaseLock] = []
    /// By app.
    private(set) var queued: [String: QueuedVersion] = [:]
    /// The names of the freeze windows that are closed for somebody.
    private var closed: [String] = []
    private var at = Timestamp(milliseconds: 0)

    init() {}

    init(_ journal: Journal, _ freezes: [FreezeWindow], at now: Timestamp) async throws(JournalError) {
        locks = try await journal.locks(at: now)
        queued = Dictionary(try await journal.queue().map { ($0.version.app, $0) }) { $1 }
        close(freezes, at: now)
    }

    /// The same, as they are at a later time: a lock may have ended, a freeze begun or ended.
    func later(_ freezes: [FreezeWindow], at now: Timestamp) -> HoldFacts {
        var facts = self
        facts.locks.removeAll { lock in lock.until.map { $0 <= now } ?? false }
        facts.close(freezes, at: now)
        return facts
    }

    private mutating func close(_ freezes: [FreezeWindow], at now: Timestamp) {
        closed = freezes.filter { $0.closedUntil(now, app: $0.apps?.first ?? "") != nil }.map(\.name)
        at = now
    }

    /// The time at which they were read is not part of them.
    static func == (one: HoldFacts, other: HoldFacts) -> Bool {
        one.locks == other.locks && one.queued == other.queued && one.closed == other.closed
    }

    /// Two tasks that read at the same time may end in the other order.
    func isOlder(than other: HoldFacts) -> Bool { at < other.at }

    func holds(of app: String, _ holds: Holds) -> [Admission.Hold] { holds.holding(app, locks: locks, at: at) }

    func queuedView(_ app: String) -> AppView.QueuedView? {
        queued[app].map {
            AppView.QueuedView(version: $0.version.version, since: $0.since, waits: $0.waitsFor)
        }
    }
}
