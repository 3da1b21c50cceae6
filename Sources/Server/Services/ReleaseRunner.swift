import Controller
import Journal
import Logging
import ReleaseMachine
import ViridianConfiguration

/// Runs releases in this process. A request for one is answered when its first event is in the journal.
///
/// When the server stops, running releases stay as the journal has them. The next start resumes them, or another server on the same journal:
/// each looks every few seconds whether the process that runs a release still holds its lease.
package actor ReleaseRunner {
    private let apps: any ServedApps
    private let appStates: AppStateCache
    private let driftMonitor: DriftMonitor
    private let clock: any ReleaseClock
    private let logger: Logger
    private let jobs: AsyncStream<@Sendable () async -> Void>
    private let submit: AsyncStream<@Sendable () async -> Void>.Continuation
    /// Apps whose newest release this process runs, or will run.
    private var running: Set<String> = []
    /// Those of them whose lease is being asked for: whether this process runs the release is not known yet.
    private var asking: Set<String> = []
    /// Callers that wait for the first event of a release.
    private var starting: [String: AsyncThrowingStream<Release, any Error>.Continuation] = [:]
    /// Callers that wait for the end of a release to start the next one.
    private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]
    private var isStopping = false
    /// When a release that another process runs is looked at again, by app.
    private var looks: [String: Timestamp] = [:]

    /// Between two looks at the lease of a release that another process runs; of one that is awaiting promotion.
    private static let lookInterval = Duration.seconds(2)
    private static let pausedLookInterval = Duration.seconds(5)
    /// Of one that stands still because the journal has gone back: somebody has to do something about that.
    private static let lossLookInterval = Duration.seconds(30)

    static let name = "viridian serve"

    init(
        apps: any ServedApps, appStates: AppStateCache, driftMonitor: DriftMonitor, clock: any ReleaseClock,
        logger: Logger
    ) {
        self.apps = apps
        self.appStates = appStates
        self.driftMonitor = driftMonitor
        self.clock = clock
        self.logger = logger
        (jobs, submit) = AsyncStream.makeStream()
    }

    /// Runs what is submitted until cancelled; returns when all of it has stopped.
    func run() async {
        for release in await appStates.openReleases() { resume(release.order.app) }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.takeOver() }
            for await job in jobs { group.addTask { await job() } }
            isStopping = true
            group.cancelAll()
        }
        asking = []
        // Releases that were requested and have not started.
        for answer in starting.values { answer.finish(throwing: Stopping()) }
        for waiter in waiting.values.joined() { waiter.resume() }
        (starting, waiting) = ([:], [:])
    }

    // MARK: - Commands

    /// Starts a release of a version; returns when its first event is in the journal.
    package func deploy(
        _ app: String,
        _ request: AppReleases.Request,
        _ requestOrigin: RequestOrigin
    ) async throws -> Release {
        let releases = try apps.releases(app, requestOrigin)
        return try await start(app) { observe in
            try await releases.deploy(request, until: .whenEnded, observe: observe)
        }
    }

    /// Rolls back to the previous version, or to `version`. Without a version it aborts a release that has not ended.
    package func rollback(
        _ app: String,
        to version: VersionReference?,
        by: String,
        reason: String?,
        _ requestOrigin: RequestOrigin
    ) async throws -> Release {
        let releases = try apps.releases(app, requestOrigin)
        if version == nil, let latest = try await releases.latest(), !latest.state.hasEnded {
            try await releases.lockBeforeRollback(of: latest, by: by)
            return try await abort(app, nil, by: by, reason: reason ?? "rolled back", requestOrigin)
        }
        return try await start(app) { observe in
            try await releases.rollback(to: version, by: by, reason: reason, until: .whenEnded, observe: observe)
        }
    }

    /// Promotes release `number`, or the newest one, or adds the person's approval when it needs more than one.
    /// With `forcedReason`, an administrator promotes it without the approvals that it needs.
    package func promote(
        _ app: String, _ number: Int?, by: String, forcedReason: String? = nil, _ requestOrigin: RequestOrigin
    ) async throws -> Release {
        let release = try await apps.releases(app, requestOrigin).requestPromotion(
            of: number, by: by, forcedReason: forcedReason)
        await notifyRunner(app)
        return release
    }

    /// Aborts release `number`, or the newest one; with `onlyPaused` not after somebody has decided about its promotion.
    package func abort(
        _ app: String,
        _ number: Int?,
        by: String,
        reason: String?,
        onlyPaused: Bool = false,
        _ requestOrigin: RequestOrigin
    ) async throws -> Release {
        let release = try await apps.releases(app, requestOrigin).requestAbort(
            of: number, by: by, reason: reason, onlyPaused: onlyPaused)
        await notifyRunner(app)
        return release
    }

    // MARK: - Running

    /// A command is in the journal, where the process that runs the release reads it. This process resumes the release when it does not
    /// run it already.
    private func notifyRunner(_ app: String) async {
        if !running.contains(app) { resume(app) }
        await appStates.refresh()
    }

    private func resume(_ app: String) {
        guard !isStopping else { return }
        running.insert(app)
        asking.insert(app)
        submit.yield { await self.keepRunning(app) }
    }

    private func start(
        _ app: String,
        _ body: @escaping @Sendable (@escaping Engine.Observer) async throws -> Release
    ) async throws -> Release {
        guard !isStopping else { throw Stopping() }
        await waitForEnd(app)
        guard !running.contains(app) else {
            throw LeaseHeld(app: app, holder: "this server", release: nil).naming(await appStates.latest(app))
        }
        running.insert(app)
        let (first, answer) = AsyncThrowingStream.makeStream(of: Release.self, bufferingPolicy: .bufferingOldest(1))
        starting[app] = answer
        let observe = observer()
        submit.yield {
            do {
                let ended = try await body { recorded, release in
                    // First: whoever has the answer finds the release in everything that is asked for next.
                    await observe(recorded, release)
                    answer.yield(release)
                }
                answer.yield(ended)
                answer.finish()
                await self.ended(app)
            } catch {
                answer.finish(throwing: error)
                await self.resume(app, after: error)
            }
        }
        for try await release in first { return release }
        throw Stopping()
    }

    /// Resumes a release that stopped with an error after its start. One that did not start was answered with the error.
    private func resume(_ app: String, after error: any Error) async {
        await appStates.refresh()
        guard !Task.isCancelled, let latest = await appStates.latest(app), !latest.state.hasEnded,
            !(error is LeaseHeld),
            !(error is Interrupted)
        else { return await ended(app) }
        logger.error(
            "the release stopped with an error and is resumed",
            metadata: ["release": "\(latest.order.name)", "error": "\(error)"])
        await keepRunning(app)
    }

    /// Resumes releases that another process has run and does not run any more: it died, or gave up.
    private func takeOver() async {
        while !Task.isCancelled {
            // Random, so that several servers do not ask at the same time.
            try? await clock.sleep(for: Duration.milliseconds(500) * Double.random(in: 0.8...1.2))
            let now = clock.now
            for release in await appStates.openReleases() {
                let app = release.order.app
                guard !running.contains(app), !isStopping else { continue }
                if let look = looks[app], look > now { continue }
                resume(app)
            }
        }
    }

    /// Another process runs the release. If that one dies, a later look takes the release over: soon after its lease has ended.
    private func lookLater(_ app: String, _ held: LeaseHeld) async {
        let isPaused = await appStates.latest(app)?.state == .paused
        let usual = isPaused ? Self.pausedLookInterval : Self.lookInterval
        let end = held.expiresIn.map { max($0, .zero) + .milliseconds(200) } ?? usual
        look(app, in: min(usual, end))
    }

    private func look(_ app: String, in length: Duration) {
        looks[app] = clock.now + length * Double.random(in: 0.9...1)
        running.remove(app)
        answered(app)
    }

    /// Who runs the app's release is known, or that no release of it runs here.
    private func answered(_ app: String) {
        asking.remove(app)
        for waiter in waiting.removeValue(forKey: app) ?? [] { waiter.resume() }
    }

    /// Runs the app's newest release to its end, unless another process runs it.
    private func keepRunning(_ app: String) async {
        var wait = Duration.milliseconds(200)
        var problem: String?
        while !Task.isCancelled {
            do {
                guard let release = try await apps.releases(app).resume(by: ReleaseRunner.name, observe: observer()),
                    !release.state.hasEnded
                else { break }
            } catch let held as LeaseHeld {
                return await lookLater(app, held)
            } catch let lost as JournalWentBack {
                logger.error("a release stands still", metadata: ["app": "\(app)", "error": "\(lost)"])
                return look(app, in: Self.lossLookInterval)
            } catch {
                answered(app)
                // Said once for as long as it stays the same.
                if !Task.isCancelled, "\(error)" != problem {
                    problem = "\(error)"
                    logger.error(
                        "a release cannot be resumed, retrying", metadata: ["app": "\(app)", "error": "\(error)"])
                }
            }
            try? await clock.sleep(for: wait)
            wait = min(wait * 2, .seconds(5))
        }
        await ended(app)
    }

    /// Waits until it is known who runs the app's release, and for the moment between its end and the release of its lease: a request for
    /// the next one is not refused then.
    private func waitForEnd(_ app: String) async {
        await appStates.refresh()
        while asking.contains(app) {
            await withCheckedContinuation { waiting[app, default: []].append($0) }
        }
        guard running.contains(app), await appStates.latest(app)?.state.hasEnded == true, running.contains(app) else {
            return
        }
        await withCheckedContinuation { waiting[app, default: []].append($0) }
    }

    private func ended(_ app: String) async {
        looks[app] = nil
        running.remove(app)
        starting[app] = nil
        answered(app)
        await appStates.refresh()
        if !Task.isCancelled { await driftMonitor.check(app) }
    }

    private func observer() -> Engine.Observer {
        { [appStates, logger] recorded, release in
            await appStates.refresh()
            logger.info(
                "\(recorded.event.name)",
                metadata: [
                    "release": "\(release.order.name)", "version": "\(release.order.version)",
                    "phase": "\(release.phase)", "state": "\(release.state)", "sequence": "\(recorded.sequence)",
                ]
            )
        }
    }
}

/// The server is stopping and starts no release.
struct Stopping: Error, CustomStringConvertible {
    var description: String { "the server is stopping: retry when it is back" }
}

extension Event {
    /// The event's type, as in the journal, with its node, message or user: for one line of a log.
    package var name: String {
        let name = String(String(describing: self).prefix { $0 != "(" })
        return switch self {
        case .nodePrepared(let node), .nodeStaged(let node), .nodeSwitched(let node), .nodeReverted(let node):
            "\(name) \(node)"
        case .nodeFailed(let step, let problem): "\(name) \(step.rawValue) \(problem.node): \(problem.message.safe)"
        case .refused(_, let message, _), .troubled(_, let message): "\(name): \(message.safe)"
        case .takenUp(let by), .promoted(let by), .approved(let by), .promotionForced(let by, _),
            .abortRequested(let by, _):
            "\(name) by \(by.safe)"
        case .requested(let order): "\(name) by \(order.requestedBy.safe)"
        default: name
        }
    }
}
