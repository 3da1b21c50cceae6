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
    /// The last attempt to start an app's version, if it failed.
    private var attempts: [String: Attempt] = [:]

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

    private struct Attempt: Sendable {
        var entry: String
        /// How many have failed.
        var count: Int
        var next: Timestamp
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
    ///
    /// Servers decide at the same time, and releases begin meanwhile: a decision counts if the queue is still what it was made on.
    func submit(_ submission: Submission) async throws -> DeliveryResult {
        let version = try await completed(submission.version)
        while true {
            do {
                if let result = try await decide(submission, version) { return result }
            } catch let error as JournalError where error.kind == .conflict {}
            try Task.checkCancellation()
        }
    }

    /// - Returns: `nil`, or throws `JournalError.Kind.conflict`, when the queue has changed since.
    private func decide(_ submission: Submission, _ version: PushedVersion) async throws -> DeliveryResult? {
        let app = version.app
        func result(_ state: DeliveryResult.State, _ sentence: String, _ number: Int? = nil) -> DeliveryResult {
            DeliveryResult(app: app, version: version.version, state: state, sentence: sentence, number: number)
        }
        let before = try await journal.queueState(app: app)
        var admission = try await facts.admission(app)
        admission.queued = before.queued?.version
        var state = DeliveryResult.State.waiting
        let waitsFor: String
        switch admission.decide(version, for: submission.requester) {
        case .ignore(let sentence, let number): return result(.ignored, sentence, number)
        case .refuseBusy(let sentence, let number): return result(.refused, sentence, number)
        case .refuseHeld(let sentence, _): return result(.refused, sentence)
        case .wait(let sentence):
            if let queued = before.queued, queued.version.isSame(as: version) {
                // Whatever becomes of the version that waits becomes of this delivery too.
                let waits = result(.waiting, "\(sentence): \(queued.waitsFor)")
                return try await journal.record(waits, of: submission.delivery, while: queued) ? waits : nil
            }
            waitsFor = sentence
        case .supersede(_, let sentence): waitsFor = sentence
        case .start:
            state = .starting
            waitsFor = "\(version.version) of \(app) is about to start"
        }
        try await journal.enqueue(
            QueuedVersion(
                version: version, delivery: submission.delivery, since: clock.now,
                requestedBy: submission.requestedBy, requester: submission.requester, reason: submission.reason,
                waitsFor: waitsFor),
            state: state, after: before)
        wake(app)
        return result(state, waitsFor)
    }

    /// With what the journal knows of the same image: `AppReleases` decides by that again when the release begins.
    private func completed(_ version: PushedVersion) async throws -> PushedVersion {
        guard version.image == nil else { return version }
        var version = version
        let known = try await journal.versions(app: version.app, tag: version.version)
        if let same = known.first(where: { version.digest == nil || $0.digest == version.digest }) { version.add(same) }
        return version
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
            guard let queued = try await journal.queued(app: app) else {
                attempts[app] = nil
                return nil
            }
            return try await advance(app, queued)
        } catch {
            logger.error("the queue cannot be read, retrying", metadata: ["app": "\(app)", "error": "\(error)"])
            return clock.now + .seconds(5)
        }
    }

    private func advance(_ app: String, _ queued: QueuedVersion) async throws -> Timestamp? {
        var admission = try await facts.admission(app)
        admission.queued = nil
        // It was accepted, while nothing was running or a lock or a freeze held it: what runs now is waited for.
        if admission.whenBusy == .refuse { admission.whenBusy = .queue }
        switch admission.decide(queued.version, for: queued.requester) {
        case .start:
            if let attempt = attempts[app], attempt.entry == queued.entry, clock.now < attempt.next {
                return attempt.next
            }
            return try await start(app, queued)
        case .wait(let sentence):
            try await note(queued, sentence)
            return admission.hold(for: queued.requester)?.until
        case .supersede(let number, let sentence):
            try await note(queued, sentence)
            try await apps.releases(app, RequestOrigin(origin: "hook")).supersede(
                number, for: queued.version.version, by: queued.requestedBy)
        case .ignore(let sentence, let number): try await remove(queued, sentence, number)
        case .refuseBusy(let sentence, _), .refuseHeld(let sentence, _): try await note(queued, sentence)
        }
        return nil
    }

    private func remove(_ queued: QueuedVersion, _ sentence: String, _ number: Int?) async throws {
        let (app, name) = (queued.version.app, queued.version.version)
        try await journal.dequeue(
            queued, result: DeliveryResult(app: app, version: name, state: .ignored, sentence: sentence, number: number)
        )
        progressed.yield(queued.delivery)
        logger.info("not released", metadata: ["app": "\(app)", "version": "\(name)", "why": "\(sentence)"])
    }

    /// - Returns: when to try again; `nil`: its release has begun, or the queue has changed.
    private func start(_ app: String, _ queued: QueuedVersion) async throws -> Timestamp? {
        let problem: String
        do {
            _ = try await starter.deploy(
                app, try request(app, queued), RequestOrigin(origin: "hook", entry: queued.entry))
            attempts[app] = nil
            progressed.yield(queued.delivery)
            return nil
        } catch is CancellationError {
            return nil
        } catch is Stopping {
            return nil
        } catch is JournalConflict {
            // It was taken out of the queue or replaced just before.
            wake(app)
            return nil
        } catch let refused as NotAdmitted {
            if case .ignore(let sentence, let number) = refused.decision {
                try await remove(queued, sentence, number)
                return nil
            }
            problem = "\(refused)"
        } catch let held as LeaseHeld {
            // Another process runs a release. It ends with an event in the journal, or its lease expires.
            problem = "waits: \(held)"
        } catch {
            problem = "cannot start, retrying: \(error)".oneLine
            logger.warning(
                "a version cannot start, retrying",
                metadata: ["app": "\(app)", "version": "\(queued.version.version)", "error": "\(error)"])
        }
        try await note(queued, problem)
        let count = attempts[app].map { $0.entry == queued.entry ? $0.count + 1 : 1 } ?? 1
        let next = clock.now + min(Duration.seconds(1) * (1 << min(count - 1, 6)), .seconds(30))
        attempts[app] = Attempt(entry: queued.entry, count: count, next: next)
        return next
    }

    private func request(_ app: String, _ queued: QueuedVersion) async throws -> AppReleases.Request {
        let version = queued.version
        let name = try Version(version.version)
        var image = try version.image.map { try ImageReference($0) }
        if let named = image, named.digest == nil, let digest = version.digest {
            image = try ImageReference("\(named)@\(digest)")
        }
        if image == nil { image = try await apps.releases(app).image(for: name, digest: version.digest) }
        return AppReleases.Request(
            version: name,
            image: image,
            reason: queued.reason,
            commitTime: version.commitTime,
            commit: version.commit,
            source: version.source,
            ref: version.ref,
            requester: queued.requester,
            by: queued.requestedBy)
    }

    private func note(_ queued: QueuedVersion, _ sentence: String) async throws {
        guard queued.waitsFor != sentence else { return }
        try await journal.update(queued, waitsFor: sentence)
        progressed.yield(queued.delivery)
    }
}

extension String {
    /// Line breaks become `; `.
    var oneLine: String { split(whereSeparator: \.isNewline).joined(separator: "; ") }
}
