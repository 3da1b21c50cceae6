import Foundation
import HTTPTransport
import Integrations
import Logging
import Synchronization
import TestSupport

/// Waits that end when the test says so, or at once.
final class Waits: Sendable {
    private struct State {
        var all: [Duration] = []
        var waiting: [(id: Int, length: Duration, continuation: CheckedContinuation<Void, any Error>)] = []
        var cancelled: Set<Int> = []
        var change = Gate()
    }

    private let state = Mutex(State())
    private let endsAtOnce: @Sendable (Duration) -> Bool

    init(endingAtOnce endsAtOnce: @escaping @Sendable (Duration) -> Bool = { _ in false }) {
        self.endsAtOnce = endsAtOnce
    }

    var all: [Duration] { state.withLock { $0.all } }
    var pause: @Sendable (Duration) async throws -> Void { { try await self.wait($0) } }

    private func wait(_ length: Duration) async throws {
        let id = state.withLock { state in
            state.all.append(length)
            return state.all.count
        }
        if endsAtOnce(length) { return await Task.yield() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let last: Gate? = state.withLock { state in
                    if state.cancelled.contains(id) { return nil }
                    state.waiting.append((id, length, continuation))
                    defer { state.change = Gate() }
                    return state.change
                }
                guard let last else { return continuation.resume(throwing: CancellationError()) }
                Task { await last.open() }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                state.cancelled.insert(id)
                let index = state.waiting.firstIndex { $0.id == id }
                return index.map { state.waiting.remove(at: $0).continuation }
            }
            continuation?.resume(throwing: CancellationError())
        }
    }

    /// Ends one of the waits of this length, when there is one.
    func end(_ length: Duration) async {
        await end { $0 == length }
    }

    func end(where isMeant: @Sendable (Duration) -> Bool) async {
        while true {
            let (continuation, change) = state.withLock { state in
                let index = state.waiting.firstIndex { isMeant($0.length) }
                return (index.map { state.waiting.remove(at: $0).continuation }, state.change)
            }
            if let continuation { return continuation.resume() }
            await change.pass()
        }
    }

    /// Returns when there are so many waits of such a length.
    func wait(for count: Int, where isMeant: @Sendable (Duration) -> Bool) async {
        while true {
            let (found, change) = state.withLock { state in
                (state.waiting.count { isMeant($0.length) }, state.change)
            }
            if found >= count { return }
            await change.pass()
        }
    }
}

/// What was logged, as `level message`, with its metadata.
final class LoggedLines: LogHandler, Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    var logLevel: Logger.Level {
        get { .info }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        let problem = event.metadata?["problem"].map { ": \($0)" } ?? ""
        lines.withLock { $0.append("\(event.level) \(event.message)\(problem)") }
    }
}

/// What `SocketMode` gave to its receiver.
actor ReceivedEnvelopes {
    private(set) var all: [SocketEnvelope] = []
    private var isFailing = false
    private var gate: Gate?
    private var answer: SocketAnswer?
    private var changes = Gate()

    var ids: [String] { all.map(\.id) }

    func set(answer: SocketAnswer) { self.answer = answer }
    func setFailing(_ isFailing: Bool) { self.isFailing = isFailing }

    /// Receiving waits for this.
    func hold(_ gate: Gate) { self.gate = gate }

    struct Unwritten: Error {}

    func receive(_ envelope: SocketEnvelope) async throws -> SocketAnswer? {
        all.append(envelope)
        let last = changes
        changes = Gate()
        await last.open()
        await gate?.pass()
        if isFailing { throw Unwritten() }
        return answer
    }

    func wait(for count: Int) async {
        while all.count < count { await changes.pass() }
    }
}

/// Lets tests wait for a status.
actor StatusChanges {
    private var next = Gate()

    func add() async {
        let last = next
        next = Gate()
        await last.open()
    }

    func wait(until condition: @Sendable () -> Bool) async {
        while !condition() { await next.pass() }
    }
}

/// Socket Mode as a test runs it.
struct SocketModeBench: Sendable {
    let slack: FakeSlackSocket
    let received = ReceivedEnvelopes()
    let waits: Waits
    let log = LoggedLines()
    let status: SocketModeStatus
    let changes: StatusChanges

    /// Returns when the status is this.
    func wait(for snapshot: SocketModeStatus.Snapshot) async {
        await changes.wait { status.snapshot == snapshot }
    }

    /// Times that no back-off has, so that a test can tell waits apart.
    static let timing: SocketMode.Timing = {
        var timing = SocketMode.Timing()
        timing.stagger = .milliseconds(1)
        timing.hello = .seconds(3600)
        timing.settling = .seconds(7200)
        timing.handover = .seconds(10_800)
        timing.refused = .seconds(1_000_000)
        return timing
    }()

    static func isBackOff(_ length: Duration) -> Bool { length <= .seconds(60) && length > .milliseconds(1) }
    static func isRefusal(_ length: Duration) -> Bool { length >= .seconds(800_000) }

    /// Runs a test beside Socket Mode and a Slack. Waits between attempts end at once, others when the test says so.
    static func run(
        open: (@Sendable () async throws -> String)? = nil,
        endingAtOnce endsAtOnce: @escaping @Sendable (Duration) -> Bool = { $0 <= .seconds(60) },
        limits: WebSocketConnection.Limits = .init(),
        _ test: @escaping @Sendable (SocketModeBench) async throws -> Void
    ) async throws {
        try await FakeSlackSocket.with { slack in
            let changes = StatusChanges()
            let bench = SocketModeBench(
                slack: slack, waits: Waits(endingAtOnce: endsAtOnce),
                status: SocketModeStatus { _ in Task { await changes.add() } }, changes: changes)
            let log = bench.log
            let mode = SocketMode(
                open: { if let open { try await open() } else { await slack.ticket() } },
                connect: { url, body in
                    try await WebSocketConnection.withConnection(to: url, limits: limits, body)
                },
                status: bench.status, timing: timing, pause: bench.waits.pause,
                logger: Logger(label: "test") { _ in log })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await mode.run { try await bench.received.receive($0) } }
                defer { group.cancelAll() }
                try await test(bench)
            }
        }
    }
}
