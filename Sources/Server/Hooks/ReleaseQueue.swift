import Controller
import Journal
import Logging
import NIOConcurrencyHelpers
import ReleaseMachine
import ViridianConfiguration

/// The versions that hooks and scripts want released: at most one an app waits, the newest. It starts when nothing stands in its way any
/// more.
///
/// The queue is in the journal. Its row goes in the transaction in which the release begins: after a crash at any moment the version either
/// waits, or its release runs.
package actor ReleaseQueue {
    private let apps: any ServedApps
    private let journal: Journal
    private let starter: any ReleaseStarter
    private let clock: any ReleaseClock
    private let logger: Logger
    /// What is known of each app's releases, versions and holds.
    let facts: AdmissionFacts
    /// The deliveries of which something has become.
    nonisolated let progress: AsyncStream<Int>
    private let progressed: AsyncStream<Int>.Continuation
    /// Wakes the task of an app.
    private let wakeups: [String: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)]
    /// How often the start of an app's version has failed since it last succeeded.
    private var failures: [String: Int] = [:]
    /// When the next attempt to start an app's version may be made, after one that failed.
    private var nextAttempt: [String: Timestamp] = [:]

    init(
        apps: any ServedApps, journal: Journal, starter: any ReleaseStarter, clock: any ReleaseClock, logger: Logger
    ) {
        self.apps = apps
        self.journal = journal
        self.starter = starter
        self.clock = clock
        self.logger = logger
        (progress, progressed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1000))
        facts = AdmissionFacts(apps: apps, journal: journal)
        var wakeups: [String: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)] = [:]
        for app in apps.configurations {
            wakeups[app.name.text] = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        }
        self.wakeups = wakeups
    }

    /// A version that a hook or a script wants released, and the delivery that says so.
    struct Submission: Sendable {
        var version: PushedVersion
        var delivery: Int
        var requester: Admission.Requester
        var requestedBy: String
        var reason: String?
    }

    // MARK: - Submitting

    /// Decides about a version: it is put into the queue, or there is a reason why not. Its release begins later, by `run`.
    func submit(_ submission: Submission) throws -> DeliveryResult {
        let (app, name) = (submission.version.app, submission.version.version)
        func result(_ state: DeliveryResult.State, _ sentence: String, _ number: Int? = nil) -> DeliveryResult {
            DeliveryResult(app: app, version: name, state: state, sentence: sentence, number: number)
        }
        let decision = try facts.admission(app).decide(submission.version, for: submission.requester)
        let waitsFor: String
        switch decision {
        case .ignore(let sentence, let number): return result(.ignored, sentence, number)
        case .refuseBusy(let sentence, let number): return result(.refused, sentence, number)
        case .refuseHeld(let sentence, _): return result(.refused, sentence)
        case .wait(let sentence), .supersede(_, let sentence): waitsFor = sentence
        case .start: waitsFor = "\(name) of \(app) is about to start"
        }
        try journal.enqueue(
            QueuedVersion(
                version: submission.version, delivery: submission.delivery, since: clock.now,
                requestedBy: submission.requestedBy, requester: submission.requester, reason: submission.reason,
                waitsFor: waitsFor))
        wake(app)
        return result(.waiting, waitsFor)
    }

    /// Something has changed that may let an app's version start.
    nonisolated func wake(_ app: String) { wakeups[app]?.continuation.yield() }

    // MARK: - Starting

    /// Starts what may start, until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for app in wakeups.keys { group.addTask { await self.work(app) } }
        }
    }

    private func work(_ app: String) async {
        guard let wakeups = wakeups[app]?.stream else { return }
        wake(app)
        await withDiscardingTaskGroup { group in
            var alarm: Timestamp?
            for await _ in wakeups {
                guard !Task.isCancelled else { break }
                guard let next = await advance(app), next != alarm || next <= clock.now else { continue }
                alarm = next
                group.addTask {
                    try? await self.clock.sleep(for: max(next - self.clock.now, .milliseconds(1)))
                    self.wake(app)
                }
            }
            group.cancelAll()
        }
    }

    /// Starts the app's queued version if it may start now.
    /// - Returns: when to look again, beyond the next change; `nil`: at the next change.
    func advance(_ app: String) async -> Timestamp? {
        do {
            guard let queued = try journal.queued(app: app) else {
                failures[app] = nil
                return nil
            }
            return try await advance(app, queued)
        } catch {
            logger.error("the queue cannot be read, retrying", metadata: ["app": "\(app)", "error": "\(error)"])
            return clock.now + .seconds(5)
        }
    }

    private func advance(_ app: String, _ queued: QueuedVersion) async throws -> Timestamp? {
        var admission = try facts.admission(app)
        admission.queued = nil
        // It was accepted, while nothing was running or a lock or a freeze held it: what runs now is waited for.
        if admission.whenBusy == .refuse { admission.whenBusy = .queue }
        func remove(_ state: DeliveryResult.State, _ sentence: String, _ number: Int?) throws {
            let name = queued.version.version
            try journal.dequeue(
                queued,
                result: DeliveryResult(app: app, version: name, state: state, sentence: sentence, number: number))
            progressed.yield(queued.delivery)
            logger.info("not released", metadata: ["app": "\(app)", "version": "\(name)", "why": "\(sentence)"])
        }
        switch admission.decide(queued.version, for: queued.requester) {
        case .start:
            if let next = nextAttempt[app], clock.now < next { return next }
            let next = try await start(app, queued)
            nextAttempt[app] = next
            return next
        case .wait(let sentence):
            try note(queued, sentence)
            return admission.hold(for: queued.requester)?.until
        case .supersede(let number, let sentence):
            try note(queued, sentence)
            try apps.releases(app, RequestOrigin(origin: "hook")).supersede(
                number, for: queued.version.version, by: queued.requestedBy)
            return nil
        case .ignore(let sentence, let number):
            try remove(.ignored, sentence, number)
        case .refuseBusy(let sentence, _), .refuseHeld(let sentence, _): try note(queued, sentence)
        }
        return nil
    }

    private func start(_ app: String, _ queued: QueuedVersion) async throws -> Timestamp? {
        let configuration = try apps.configuration(app)
        let version = queued.version
        do {
            let request = AppReleases.Request(
                version: try Version(version.version),
                image: try version.image.map { try ImageReference($0) }
                    ?? configuration.image.tagged(Version(version.version), digest: version.digest),
                reason: queued.reason,
                commitTime: version.commitTime,
                commit: version.commit,
                source: version.source,
                ref: version.ref,
                requester: queued.requester,
                by: queued.requestedBy)
            _ = try await starter.deploy(
                app, request, RequestOrigin(origin: "hook", delivery: queued.delivery))
            failures[app] = nil
            progressed.yield(queued.delivery)
            return nil
        } catch is CancellationError {
            return nil
        } catch is Stopping {
            return nil
        } catch let held as LeaseHeld {
            // Another process runs a release. It ends with an event in the journal, or its lease expires.
            try note(queued, "waits: \(held)")
            return clock.now + .seconds(2)
        } catch is NotAdmitted {
            return clock.now + .milliseconds(100)
        } catch {
            let count = failures[app, default: 0] + 1
            failures[app] = count
            let wait = min(Duration.seconds(1) * (1 << min(count - 1, 6)), .seconds(30))
            try note(queued, "cannot start, and is tried again: \(error)".oneLine)
            logger.warning(
                "a version cannot start, retrying",
                metadata: ["app": "\(app)", "version": "\(version.version)", "error": "\(error)"])
            return clock.now + wait
        }
    }

    private func note(_ queued: QueuedVersion, _ sentence: String) throws {
        guard queued.waitsFor != sentence else { return }
        try journal.update(queued, waitsFor: sentence)
        progressed.yield(queued.delivery)
    }
}

extension String {
    /// Line breaks become `; `.
    var oneLine: String { split(whereSeparator: \.isNewline).joined(separator: "; ") }
}
