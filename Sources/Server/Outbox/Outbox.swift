import Controller
import HTTPTransport
import Integrations
import Journal
import Logging
import ReleaseMachine

/// Tells other systems about releases, at least once and in order: the events of the journal are projected to messages in its outbox, and
/// each destination is sent its own at its own pace. Nothing that runs a release waits for any of it.
package struct Outbox: Sendable {
    package let destinations: [any OutboxDestination]
    private let journal: Journal
    private let appStates: AppStateCache
    private let clock: any ReleaseClock
    private let metrics: Metrics
    private let logger: Logger
    private let alarms: [String: Alarm]

    /// A message whose attempt has not ended by then was begun by a process that died. Longer than the calls of any attempt take.
    static let longestAttempt = Duration.seconds(120)
    /// A message is not tried for longer than this by itself.
    static let patience = Duration.seconds(86_400)
    /// The interval in which messages are noticed that another process asked to send again.
    static let checkInterval = Duration.seconds(30)
    /// How long messages that were dealt with are kept.
    static let retention = Duration.seconds(30 * 86_400)
    private static let backOff = RetryPolicy(attempts: .max, firstDelay: .seconds(5), longestDelay: .seconds(600))

    init(
        destinations: [any OutboxDestination], journal: Journal, appStates: AppStateCache, clock: any ReleaseClock,
        metrics: Metrics, logger: Logger
    ) {
        self.destinations = destinations
        self.journal = journal
        self.appStates = appStates
        self.clock = clock
        self.metrics = metrics
        self.logger = logger
        alarms = Dictionary(destinations.map { ($0.name, Alarm()) }) { $1 }
    }

    /// Projects and sends until the task is cancelled.
    func run() async {
        guard !destinations.isEmpty else { return }
        await withDiscardingTaskGroup { group in
            group.addTask { await project() }
            for destination in destinations {
                group.addTask {
                    await send(to: destination)
                    await destination.close()
                }
            }
        }
    }

    /// Sends a message again that was delivered or failed, or a pending one now.
    /// - Returns: the message; `nil` when there is none with this id.
    func resend(_ id: Int) async throws -> OutboxNotification? {
        guard let notification = try journal.resend(id, at: clock.now) else { return nil }
        await alarms[notification.destination]?.ring()
        return notification
    }

    // MARK: - From events to messages

    private func project() async {
        let (id, signals) = await appStates.watchChanges()
        var projection: OutboxProjection?
        await project(&projection)
        for await _ in signals { await project(&projection) }
        await appStates.unwatchChanges(id)
    }

    private func project(_ projection: inout OutboxProjection?) async {
        do {
            if projection == nil {
                projection = try OutboxProjection(journal: journal, destinations: destinations)
                try journal.forgetNotifications(
                    before: Timestamp(milliseconds: clock.now.milliseconds - Self.retention.milliseconds))
            }
            guard try await projection?.update(at: clock.now) == true else { return }
            for alarm in alarms.values { await alarm.ring() }
        } catch {
            guard !Task.isCancelled else { return }
            // The next change tries again from the same position.
            logger.error("messages about releases cannot be written", metadata: ["error": "\("\(error)".safe)"])
        }
    }

    // MARK: - Sending

    /// When a destination is retried that did not answer: nothing else is sent to it before.
    struct Pause {
        var until = Timestamp(milliseconds: 0)
        /// Attempts that failed since the last one that did not.
        var failures = 0
    }

    private func send(to destination: any OutboxDestination) async {
        var pause = Pause()
        while !Task.isCancelled {
            var next = clock.now + Self.checkInterval
            do {
                if let due = try await sendDue(to: destination, &pause) { next = min(next, due) }
            } catch {
                guard !Task.isCancelled else { return }
                logger.error(
                    "messages cannot be sent",
                    metadata: ["destination": "\(destination.name)", "error": "\("\(error)".safe)"])
            }
            await alarms[destination.name]?.wait(until: next, clock)
        }
    }

    /// Sends what is due, one message after the other.
    /// - Returns: when the next message is due; `nil` when none is pending.
    func sendDue(to destination: any OutboxDestination, _ pause: inout Pause) async throws -> Timestamp? {
        while clock.now >= pause.until,
            let due = try journal.dueNotification(of: destination.name, at: clock.now)
        {
            try Task.checkCancellation()
            try await attempt(due, destination, &pause)
        }
        return try journal.nextNotification(of: destination.name).map { max($0, pause.until) }
    }

    private func attempt(
        _ notification: OutboxNotification, _ destination: any OutboxDestination, _ pause: inout Pause
    ) async throws {
        let now = clock.now
        guard try journal.beginAttempt(notification, at: now, until: now + Self.longestAttempt) else { return }
        if destination.tellsState, let later = try journal.laterDelivered(than: notification) {
            return try end(notification, .obsolete, "not sent: \(later.message) has been delivered since")
        }
        do {
            let outcome = try await destination.deliver(notification, try context(notification))
            pause = Pause()
            switch outcome {
            case .delivered(let answer): try end(notification, .delivered, answer)
            case .obsolete(let reason): try end(notification, .obsolete, reason)
            }
        } catch let failure as DeliveryFailure {
            try retry(notification, failure, &pause)
        }
    }

    private func context(_ notification: OutboxNotification) throws -> DeliveryContext {
        let (destination, app, number) = (notification.destination, notification.app, notification.number)
        return DeliveryContext(
            known: try journal.externalID(at: destination, app: app, number: number),
            isRepeated: notification.attempts > 0,
            taken: try journal.externalIDs(at: destination, exceptOf: app, number),
            record: { [journal] in try journal.record(externalID: $0, of: notification.id) })
    }

    private func retry(_ notification: OutboxNotification, _ failure: DeliveryFailure, _ pause: inout Pause) throws {
        guard case .unavailable(let after) = failure.kind else {
            return try end(notification, .failed, failure.description)
        }
        let now = clock.now
        pause.failures += 1
        pause.until = now + max(Self.backOff.backOff(attempt: pause.failures), after ?? .zero)
        let next = max(pause.until, now + Self.backOff.backOff(attempt: notification.attempts + 1))
        guard next - notification.queuedAt < Self.patience else {
            return try end(notification, .failed, "given up after 24 hours; the last answer: \(failure.description)")
        }
        try journal.endAttempt(notification.id, .pending, answer: failure.description, nextAt: next)
        metrics.count(
            "viridian_notifications_total", ["destination": notification.destination, "outcome": "retried"])
        logger.info("a message is sent again later", metadata: notification.metadata(failure.description))
    }

    private func end(_ notification: OutboxNotification, _ state: OutboxNotification.State, _ answer: String) throws {
        try journal.endAttempt(notification.id, state, answer: answer, nextAt: clock.now)
        metrics.count(
            "viridian_notifications_total", ["destination": notification.destination, "outcome": state.rawValue])
        if state == .failed { logger.warning("a message was not delivered", metadata: notification.metadata(answer)) }
    }
}

extension OutboxNotification {
    fileprivate func metadata(_ answer: String) -> Logger.Metadata {
        [
            "notification": "\(id)", "destination": "\(destination)", "release": "\(app)/\(number)",
            "message": "\(message)", "answer": "\(answer.safe)",
        ]
    }
}
