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
    /// For which server messages are claimed while they are sent.
    private let server: String
    private let alarms: [String: Alarm]

    /// A message whose attempt has not ended by then was begun by a process that died. Longer than the calls of any attempt take.
    static let longestAttempt = Duration.seconds(120)
    /// A message is not tried for longer than this by itself.
    static let patience = Duration.seconds(86_400)
    /// The interval in which messages are noticed that another process asked to send again.
    static let checkInterval = Duration.seconds(30)
    /// How long messages that were dealt with are kept.
    static let retention = Duration.seconds(30 * 86_400)
    private static let tidyInterval = Duration.seconds(3600)
    static let backOff = RetryPolicy(attempts: .max, firstDelay: .seconds(5), longestDelay: .seconds(600))

    init(
        destinations: [any OutboxDestination], journal: Journal, appStates: AppStateCache, clock: any ReleaseClock,
        metrics: Metrics, server: String = ReleaseLock.newID(), logger: Logger
    ) {
        self.destinations = destinations
        self.journal = journal
        self.appStates = appStates
        self.clock = clock
        self.metrics = metrics
        self.server = server
        self.logger = logger
        alarms = Dictionary(destinations.map { ($0.name, Alarm()) }) { $1 }
    }

    /// Projects and sends until the task is cancelled.
    func run() async {
        let sender = JournalSender(journal)
        do {
            if sender.isAlone { try await journal.forgetServers(exceptOf: server) }
            try await begin(isAlone: sender.isAlone)
        } catch {
            // What waits for its next attempt goes on waiting.
            logger.error("the outbox cannot be read", metadata: ["error": "\("\(error)".safe)"])
        }
        await withDiscardingTaskGroup { group in
            group.addTask { await tidy() }
            guard !destinations.isEmpty else { return }
            group.addTask { await project() }
            for destination in destinations {
                group.addTask {
                    await send(to: destination)
                    await destination.close()
                }
            }
        }
        withExtendedLifetime(sender) {}
    }

    /// Messages that wait for another attempt are tried at once: whoever starts the server may have fixed what they failed of.
    /// So are those that a process was sending when it died, if this one `isAlone`.
    func begin(isAlone: Bool = false) async throws {
        try await journal.retryNotifications(of: destinations.map(\.name), at: clock.now, isAlone: isAlone)
    }

    /// Sends a message again that was delivered or failed, or a pending one now.
    /// - Returns: the message; `nil` when there is none with this id.
    func resend(_ id: Int) async throws -> OutboxNotification? {
        guard let notification = try await journal.resend(id, at: clock.now) else { return nil }
        await alarms[notification.destination]?.ring()
        return notification
    }

    /// Messages that a server was sending which is gone are due.
    func noteOtherServers() async { for alarm in alarms.values { await alarm.ring() } }

    // MARK: - What is over

    private func tidy() async {
        while !Task.isCancelled {
            do {
                try await forget()
            } catch {
                logger.error("old messages cannot be removed", metadata: ["error": "\("\(error)".safe)"])
            }
            try? await clock.sleep(for: Self.tidyInterval)
        }
    }

    /// Removes what is old, and gives up what is meant for destinations that are not configured any more.
    func forget() async throws {
        try await journal.forgetNotifications(before: clock.now + (.zero - Self.retention))
        try await journal.endNotifications(
            exceptOf: destinations.map(\.name), before: clock.now + (.zero - Self.patience))
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
                projection = try await OutboxProjection(journal: journal, destinations: destinations, at: clock.now)
            }
            guard try await projection?.update(at: clock.now) == true else { return }
            for alarm in alarms.values { await alarm.ring() }
        } catch {
            guard !Task.isCancelled else { return }
            // It is tried again from the same position with the next change, or the next check.
            logger.error("messages about releases cannot be written", metadata: ["error": "\("\(error)".safe)"])
        }
    }

    // MARK: - Sending

    private func send(to destination: any OutboxDestination) async {
        var pauses = Pauses()
        while !Task.isCancelled {
            var next = clock.now + Self.checkInterval
            do {
                if let due = try await sendDue(to: destination, &pauses) { next = min(next, due) }
                try await measure(destination)
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
    /// - Returns: when to go on; `nil` when nothing is pending.
    func sendDue(to destination: any OutboxDestination, _ pauses: inout Pauses) async throws -> Timestamp? {
        while true {
            let now = clock.now
            let due = try await journal.dueNotification(of: destination.name, at: now) { [pauses] in
                !pauses.holds(destination.limit(of: $0), at: now)
            }
            guard let due else {
                return await [
                    pauses.nextEnd(after: now), try journal.nextNotification(of: destination.name, after: now),
                ]
                .compactMap { $0 }.min()
            }
            try Task.checkCancellation()
            try await attempt(due, destination, &pauses)
        }
    }

    private func attempt(
        _ notification: OutboxNotification, _ destination: any OutboxDestination, _ pauses: inout Pauses
    ) async throws {
        let now = clock.now
        guard try await journal.beginAttempt(notification, at: now, until: now + Self.longestAttempt, by: server) else {
            return
        }
        if let reason = try await reasonNotToSend(notification, to: destination) {
            return try await end(notification, .obsolete, reason)
        }
        let limit = destination.limit(of: notification)
        do {
            let outcome = try await destination.deliver(notification, try context(notification))
            pauses.end(limit)
            switch outcome {
            case .delivered(let answer): try await end(notification, .delivered, answer)
            case .obsolete(let reason): try await end(notification, .obsolete, reason)
            }
        } catch let failure as DeliveryFailure {
            switch failure.kind {
            case .unavailable(let after):
                let until = pauses.begin(limit, at: clock.now, atLeast: after)
                let backOff = Self.backOff.backOff(attempt: notification.attempts + 1)
                try await retry(notification, failure, at: max(until, clock.now + backOff))
            case .limited(let after):
                try await retry(notification, failure, at: pauses.rest(limit, at: clock.now, for: after))
            case .refused: try await end(notification, .failed, failure.description)
            }
        } catch let error as CancellationError {
            throw error
        } catch {
            guard !Task.isCancelled else { throw error }
            // Not the receiver's fault: the journal cannot be written, for example. The message is begun once more.
            let failure = DeliveryFailure(.unavailable(after: nil), "\(error)")
            try await retry(notification, failure, at: pauses.begin(limit, at: clock.now, atLeast: nil))
        }
    }

    /// What is over is not told as news.
    private func reasonNotToSend(_ notification: OutboxNotification, to destination: any OutboxDestination) async throws
        -> String?
    {
        if destination.tellsState, let later = try await journal.laterDelivered(than: notification) {
            return "not sent: \(later.message) has been delivered since"
        }
        guard let limit = destination.staleAfter, !notification.isResent, clock.now - notification.at >= limit,
            let later = try await journal.laterNews(than: notification, at: clock.now)
        else { return nil }
        return later.state == .delivered
            ? "not sent: it is over, and \(later.message) has been delivered since"
            : "not sent: it is over, and \(later.message) is told instead"
    }

    private func context(_ notification: OutboxNotification) async throws -> DeliveryContext {
        let (destination, app, number) = (notification.destination, notification.app, notification.number)
        return await DeliveryContext(
            known: try journal.externalID(at: destination, app: app, number: number),
            isRepeated: notification.attempts > 0,
            taken: { [journal] in try await journal.externalIDs(at: destination, exceptOf: app, number) },
            record: { [journal] in try await journal.record(externalID: $0, of: notification.id) },
            events: { [journal] in try await journal.events(app: app, number: number) })
    }

    private func retry(_ notification: OutboxNotification, _ failure: DeliveryFailure, at next: Timestamp) async throws
    {
        guard next - max(notification.queuedAt, notification.notBefore ?? notification.queuedAt) < Self.patience else {
            return try await end(
                notification, .failed, "given up after 24 hours; the last answer: \(failure.description)")
        }
        guard try await journal.endAttempt(notification, .pending, answer: failure.description, nextAt: next) else {
            return
        }
        metrics.count(
            "viridian_notifications_total", ["destination": notification.destination, "outcome": "retried"])
        logger.info("a message is sent again later", metadata: notification.metadata(failure.description))
    }

    private func end(_ notification: OutboxNotification, _ state: OutboxNotification.State, _ answer: String)
        async throws
    {
        try await journal.endAttempt(notification, state, answer: answer, nextAt: clock.now)
        metrics.count(
            "viridian_notifications_total", ["destination": notification.destination, "outcome": state.rawValue])
        if state == .failed { logger.warning("a message was not delivered", metadata: notification.metadata(answer)) }
    }

    /// Updates the metrics of what waits.
    func measure(_ destination: any OutboxDestination) async throws {
        let backlog = try await journal.outboxBacklogs(at: clock.now)[destination.name]
        let labels = ["destination": destination.name]
        metrics.set("viridian_notifications_pending", Double(backlog?.count ?? 0), labels)
        let lag = backlog?.oldest.map { max(clock.now - $0, .zero) } ?? .zero
        metrics.set("viridian_notifications_lag_seconds", lag.inSeconds, labels)
        // Seen at zero before the first failure, which alerts notice as an increase.
        metrics.count("viridian_notifications_total", labels.merging(["outcome": "failed"]) { $1 }, by: 0)
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
