import Controller
import Foundation
import Journal
import Logging
import ReleaseMachine

/// Acts on the deliveries in the inbox, when it is time and as often as it takes.
///
/// A delivery is done when what became of it is in the journal. After a crash it is acted on again, which changes nothing where a release
/// has begun or a version waits already.
package actor DeliveryProcessor {
    private let journal: Journal
    private let decider: DeliveryDecider
    private let clock: any ReleaseClock
    private let logger: Logger
    /// For which server deliveries are claimed: no other one acts on them meanwhile.
    private let server: String
    private let wakeup = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    /// Callers that wait for what becomes of a delivery.
    private var waiting: [Int: AsyncStream<Void>.Continuation] = [:]
    private var inProgress: Set<Int> = []
    /// When the next delivery that has to wait wakes `run`.
    private var alarm: Timestamp?

    /// How many deliveries are acted on at once: each may wait for a registry.
    private static let concurrency = 8
    /// With more callers than this nobody waits: what became of a delivery is in the list.
    private static let mostWaiting = 50
    /// The `sender` of a script's call.
    static let script = "deploy"

    init(
        decider: DeliveryDecider, journal: Journal, clock: any ReleaseClock, server: String = ReleaseLock.newID(),
        logger: Logger
    ) {
        self.decider = decider
        self.journal = journal
        self.clock = clock
        self.server = server
        self.logger = logger
    }

    // MARK: - For those who deliver

    /// There is something new in the inbox.
    nonisolated func wake() { wakeup.continuation.yield() }

    /// The delivery as it is after what has to be done for it, or after `limit`.
    func delivery(_ id: Int, within limit: Duration) async throws -> Delivery? {
        wake()
        guard waiting.count < DeliveryProcessor.mostWaiting, waiting[id] == nil else {
            return try await journal.delivery(id)
        }
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        waiting[id] = continuation
        defer { waiting[id] = nil }
        let end = clock.now + limit
        while let delivery = try await journal.delivery(id) {
            let left = end - clock.now
            guard !delivery.isSettled, left > .zero else { return delivery }
            await withTaskGroup { group in
                group.addTask { for await _ in stream { return } }
                group.addTask { [clock] in try? await clock.sleep(for: left) }
                await group.next()
                group.cancelAll()
            }
        }
        return nil
    }

    /// Something has become of a delivery.
    func noteProgress(of id: Int) { waiting[id]?.yield() }

    /// Another server may have acted on deliveries that callers wait for here, or it is gone and they are free.
    func noteOtherServers() {
        for waiting in waiting.values { waiting.yield() }
        wake()
    }

    // MARK: - Acting

    /// Acts on deliveries until cancelled.
    func run() async {
        wake()
        await withDiscardingTaskGroup { group in
            for await _ in wakeup.stream {
                guard !Task.isCancelled else { break }
                do {
                    for delivery in try await due() {
                        inProgress.insert(delivery.id)
                        group.addTask { await self.act(on: delivery) }
                    }
                    guard inProgress.isEmpty, let next = try await journal.nextDelivery(for: server) else { continue }
                    setAlarm(next, &group)
                } catch {
                    logger.error("the inbox cannot be read, retrying", metadata: ["error": "\(error)"])
                    setAlarm(clock.now + .seconds(5), &group)
                }
            }
            group.cancelAll()
        }
    }

    /// What may be begun now.
    private func due() async throws -> [Delivery] {
        // One that was in progress before they are read may have ended by now, and be read as due all the same. Its end wakes again.
        let before = inProgress
        let free = DeliveryProcessor.concurrency - before.count
        guard free > 0 else { return [] }
        let due = try await journal.claimDeliveries(for: server, at: clock.now, limit: before.count + free)
        return Array(due.filter { !before.contains($0.id) }.prefix(free))
    }

    /// At most one task waits for a time: whoever delivers something in between does not add another.
    private func setAlarm(_ next: Timestamp, _ group: inout DiscardingTaskGroup) {
        if let alarm, alarm <= next { return }
        alarm = next
        group.addTask { [clock] in
            try? await clock.sleep(for: max(next - clock.now, .milliseconds(1)))
            await self.ring(next)
        }
    }

    private func ring(_ time: Timestamp) {
        if alarm == time { alarm = nil }
        wake()
    }

    func act(on delivery: Delivery) async {
        do {
            var attempt = try await decider.attempt(delivery)
            let count = delivery.attempts + 1
            if !attempt.postponed.isEmpty, count < DeliveryAttempt.most {
                try await postpone(delivery, attempt, count)
            } else {
                let isGivenUp = !attempt.postponed.isEmpty
                attempt.giveUp()
                try await finish(delivery, attempt, isGivenUp: isGivenUp)
            }
        } catch is CancellationError {
            // The delivery stays in the inbox.
        } catch {
            await retry(delivery, because: error)
        }
        inProgress.remove(delivery.id)
        noteProgress(of: delivery.id)
        wake()
    }

    private func finish(_ delivery: Delivery, _ attempt: DeliveryAttempt, isGivenUp: Bool) async throws {
        let hasResults = !attempt.results.isEmpty || !delivery.results.isEmpty
        try await journal.finish(
            delivery: delivery.id, outcome: hasResults ? nil : attempt.outcome, isGivenUp: isGivenUp && hasResults,
            results: attempt.results.filter { !$0.isInQueue }, versions: attempt.versions)
        log(attempt, of: delivery)
    }

    /// What is decided is written down at once, and is not decided again.
    private func postpone(_ delivery: Delivery, _ attempt: DeliveryAttempt, _ count: Int) async throws {
        try await journal.note(attempt.versions)
        for result in attempt.results where !result.isInQueue { try await journal.record(result, of: delivery.id) }
        try await journal.retry(
            delivery: delivery.id, at: clock.now + attempt.pause(after: count), because: attempt.waits + ", retrying")
        log(attempt, of: delivery)
        logger.info(
            "a delivery waits", metadata: ["delivery": "\(delivery.id)", "for": "\(attempt.waits)"])
    }

    private func log(_ attempt: DeliveryAttempt, of delivery: Delivery) {
        for result in attempt.results {
            logger.log(
                level: result.state == .failed ? .warning : .info, "\(result.sentence)",
                metadata: [
                    "delivery": "\(delivery.id)", "sender": "\(delivery.sender)", "app": "\(result.app)",
                    "state": "\(result.state.rawValue)",
                ])
        }
    }

    /// The whole delivery cannot be acted on: the journal fails, or it was written by another version of the server.
    private func retry(_ delivery: Delivery, because error: any Error) async {
        let problem = "\(error)".oneLine
        let count = delivery.attempts + 1
        do {
            if count >= DeliveryAttempt.most || error is DecodingError {
                let outcome = "given up after \(counted(count, "attempt")): \(problem)"
                try await journal.finish(delivery: delivery.id, outcome: outcome, isGivenUp: true)
                logger.error(
                    "a delivery was given up", metadata: ["delivery": "\(delivery.id)", "error": "\(problem)"])
                return
            }
            let next = clock.now + DeliveryAttempt().pause(after: count)
            try await journal.retry(delivery: delivery.id, at: next, because: "\(problem), retrying")
            logger.warning(
                "a delivery cannot be acted on, retrying",
                metadata: ["delivery": "\(delivery.id)", "error": "\(problem)"])
        } catch {
            logger.error("the inbox cannot be written", metadata: ["error": "\(error)"])
        }
    }
}

extension DeliveryResult {
    /// It was recorded in the queue's own transaction.
    fileprivate var isInQueue: Bool { state == .waiting || state == .starting }
}

extension Delivery {
    /// Nothing more becomes of it soon: no app's version is about to start.
    var isSettled: Bool { nextAt == nil && !results.contains { $0.state == .starting } }
}
