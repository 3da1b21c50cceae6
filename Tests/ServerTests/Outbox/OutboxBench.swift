import Controller
import Foundation
import Integrations
import Journal
import JournalSQLite
import Logging
import ReleaseMachine
import Synchronization
import ViridianConfiguration

@testable import Server

/// A journal, a clock that the test sets, and the outbox of a server that may die and start again.
final class OutboxBench: Sendable {
    static let commit = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"

    let folder: TestFolder
    let clock = SettableClock()

    init() throws { folder = try TestFolder() }

    /// A server's outbox, as after a start.
    struct Process {
        let journal: Journal
        let outbox: Outbox
        let destinations: [any OutboxDestination]
        let metrics: Metrics
        private var projection: OutboxProjection
        private var pauses: [String: Outbox.Pauses] = [:]
        private let clock: SettableClock

        fileprivate init(_ bench: OutboxBench, _ destinations: [any OutboxDestination]) async throws {
            journal = try Journal(path: bench.folder.journal)
            clock = bench.clock
            self.destinations = destinations
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let apps = FakeApps(world: FakeWorld(), journal: journal, me: "server", configurations: [])
            metrics = Metrics(version: "0")
            outbox = Outbox(
                destinations: destinations, journal: journal,
                appStates: try await AppStateCache(
                    apps: apps, journal: journal, metrics: metrics, clock: clock, heartbeat: .seconds(15)),
                clock: bench.clock, metrics: metrics, logger: logger)
            projection = try await OutboxProjection(journal: journal, destinations: destinations, at: bench.clock.now)
        }

        mutating func project() async throws { _ = try await projection.update(at: clock.now) }

        /// Sends what is due to each destination.
        mutating func send() async throws {
            for destination in destinations {
                var own = pauses[destination.name] ?? Outbox.Pauses()
                defer { pauses[destination.name] = own }
                _ = try await outbox.sendDue(to: destination, &own)
            }
        }

        /// Sends until nothing is pending, through the pauses, for a day at most.
        mutating func sendAll() async throws {
            for _ in 0..<600 {
                try await send()
                guard try await passTime() else { return }
            }
        }

        /// Lets the time pass until a message may be sent; false when none is pending.
        func passTime() async throws -> Bool {
            let now = clock.now
            guard try await journal.outboxBacklogs(at: now).values.contains(where: { $0.count > 0 }) else {
                return false
            }
            var times: [Timestamp] = []
            for destination in destinations {
                let next = try await journal.nextNotification(of: destination.name, after: now)
                times += [next, pauses[destination.name]?.nextEnd(after: now)].compactMap { $0 }
            }
            if let next = times.min() { clock.advance(by: next - now) }
            return true
        }

        /// What became of each message, the oldest first: `github blog/1 queued: delivered`.
        func states() async throws -> [String] {
            try await journal.notifications(limit: 500).reversed().map {
                "\($0.destination) \($0.app)/\($0.number) \($0.message): \($0.state)"
            }
        }
    }

    func begin(_ destinations: [any OutboxDestination]) async throws -> Process {
        try await Process(self, destinations)
    }

    // MARK: - Events

    func request(_ journal: Journal, _ number: Int, app: String = "blog", source: String, at: Timestamp? = nil)
        async throws
    {
        let order = Order(
            app: app, number: number, version: "v\(number)", image: "registry.local:5000/\(app):v\(number)",
            requestedBy: "anna", commit: Self.commit, source: source, ref: "main")
        try await add([.requested(order)], journal, number, app: app, at: at)
    }

    /// A release that pauses for an hour.
    func requestVerified(_ journal: Journal, _ number: Int, app: String = "blog") async throws {
        let order = Order(
            app: app, number: number, version: "v\(number)", image: "registry.local:5000/\(app):v\(number)",
            verify: true,
            requestedBy: "anna")
        try await add([.requested(order)], journal, number, app: app)
    }

    /// The events from the survey to the end.
    static let course: [Event] = [
        .discovered(
            Survey(live: LiveVersion(color: .blue, version: "v0"), candidate: .green, replicas: 1, nodes: ["node-1"])),
        .candidateCreated, .podsReady, .nodeStaged(node: "node-1"), .candidateConfirmed, .nodeSwitched(node: "node-1"),
        .liveRecorded(.green), .drained(DrainEvidence()), .readBack([NodeReading(node: "node-1", color: .green)]),
        .oldRemoved,
    ]

    func add(_ events: [Event], _ journal: Journal, _ number: Int, app: String = "blog", at: Timestamp? = nil)
        async throws
    {
        var sequence = try await journal.events(app: app, number: number).count
        for event in events {
            sequence += 1
            try await journal.append(
                RecordedEvent(sequence: sequence, at: at ?? clock.now, event: event), app: app, number: number)
        }
    }
}

/// A destination that does as the test says, and knows what it was told.
final class ScriptedDestination: OutboxDestination {
    let name: String
    let tellsState: Bool
    let staleAfter: Duration?
    private let limit: @Sendable (OutboxNotification) -> String
    private let script: @Sendable (OutboxNotification) async throws -> String
    private let told = Mutex<[String]>([])

    init(
        _ name: String, tellsState: Bool = false, staleAfter: Duration? = nil,
        _ script: @escaping @Sendable (OutboxNotification) async throws -> String = { _ in "ok" },
        limit: @escaping @Sendable (OutboxNotification) -> String = { _ in "" }
    ) {
        self.name = name
        self.tellsState = tellsState
        self.staleAfter = staleAfter
        self.limit = limit
        self.script = script
    }

    /// What was delivered: `blog/1 live`.
    var all: [String] { told.withLock { $0 } }

    func messages(for history: Milestones) throws -> [NewNotification] {
        history.all.map {
            NewNotification(
                destination: name, kind: "test", app: $0.release.order.app, number: $0.release.order.number,
                message: $0.kind.rawValue, payload: "{}", at: $0.at)
        }
    }

    func limit(of notification: OutboxNotification) -> String { limit(notification) }

    func deliver(_ notification: OutboxNotification, _ context: DeliveryContext) async throws -> DeliveryOutcome {
        let answer = try await script(notification)
        told.withLock { $0.append("\(notification.app)/\(notification.number) \(notification.message)") }
        return .delivered(answer)
    }

    func sendTest() async throws -> String { "ok" }

    func close() async {}
}
