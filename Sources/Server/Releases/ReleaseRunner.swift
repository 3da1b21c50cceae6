import Controller
import Journal
import Logging
import ReleaseMachine
import ViridianConfiguration

/// Runs releases for as long as the server does, and answers whoever asked for one as soon as it has begun.
///
/// Stopping leaves every release as the journal tells it; the next start takes those that have not ended up again.
package actor ReleaseRunner {
    private let apps: any ServedApps
    private let board: Board
    private let lookout: Lookout
    private let clock: any ReleaseClock
    private let logger: Logger
    private let jobs: AsyncStream<@Sendable () async -> Void>
    private let submit: AsyncStream<@Sendable () async -> Void>.Continuation
    /// Apps whose newest release this process runs, or waits to run.
    private var running: Set<String> = []
    /// Those who asked for a release and wait until it has begun.
    private var beginning: [String: AsyncThrowingStream<Release, any Error>.Continuation] = [:]
    /// Those who want to begin a release as soon as the one before is over.
    private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]
    private var isStopping = false

    static let name = "viridian serve"

    init(apps: any ServedApps, board: Board, lookout: Lookout, clock: any ReleaseClock, logger: Logger) {
        self.apps = apps
        self.board = board
        self.lookout = lookout
        self.clock = clock
        self.logger = logger
        (jobs, submit) = AsyncStream.makeStream()
    }

    /// Runs what is submitted until cancelled; returns when all of it has stopped.
    func run() async {
        for app in apps.configurations.map(\.name.text) {
            if let latest = await board.latest(app), !latest.state.hasEnded { takeUp(app) }
        }
        await withDiscardingTaskGroup { group in
            for await job in jobs { group.addTask { await job() } }
            isStopping = true
            group.cancelAll()
        }
        // What was asked for and had not begun.
        for answer in beginning.values { answer.finish(throwing: Stopping()) }
        for waiter in waiting.values.joined() { waiter.resume() }
        (beginning, waiting) = ([:], [:])
    }

    // MARK: - What people ask for

    /// Starts a release of a version; returns when its first event is in the journal.
    package func deploy(
        _ app: String,
        _ request: AppReleases.Request,
        _ provenance: Provenance
    ) async throws -> Release {
        let releases = try apps.releases(app, provenance)
        return try await begin(app) { observe in
            try await releases.deploy(request, until: .whenEnded, observe: observe)
        }
    }

    /// Goes back to the version before, or to `version`; a release that is still running is aborted.
    package func rollback(
        _ app: String,
        to version: Version?,
        by: String,
        reason: String?,
        _ provenance: Provenance
    ) async throws -> Release {
        let releases = try apps.releases(app, provenance)
        if version == nil, let latest = try releases.latest(), !latest.state.hasEnded {
            return try await abort(app, nil, by: by, reason: reason ?? "rolled back", provenance)
        }
        return try await begin(app) { observe in
            try await releases.rollback(to: version, by: by, reason: reason, until: .whenEnded, observe: observe)
        }
    }

    /// Says that the traffic may move to release `number`, or to the newest one.
    package func promote(_ app: String, _ number: Int?, by: String, _ provenance: Provenance) async throws -> Release {
        let release = try apps.releases(app, provenance).approve(number, by: by)
        await told(app)
        return release
    }

    /// Gives release `number`, or the newest one, up.
    package func abort(
        _ app: String,
        _ number: Int?,
        by: String,
        reason: String?,
        _ provenance: Provenance
    ) async throws -> Release {
        let release = try apps.releases(app, provenance).giveUp(number, by: by, reason: reason)
        await told(app)
        return release
    }

    // MARK: - Running

    /// A word is in the journal: whoever runs the release sees it there. Where nobody does, this process goes on with it.
    private func told(_ app: String) async {
        if !running.contains(app) { takeUp(app) }
        await board.refresh()
    }

    private func takeUp(_ app: String) {
        guard !isStopping else { return }
        running.insert(app)
        submit.yield { await self.keepRunning(app) }
    }

    private func begin(
        _ app: String,
        _ body: @escaping @Sendable (@escaping Engine.Observer) async throws -> Release
    ) async throws -> Release {
        guard !isStopping else { throw Stopping() }
        await justEnded(app)
        guard !running.contains(app) else {
            throw LeaseHeld(app: app, holder: "this server", release: nil).naming(await board.latest(app))
        }
        running.insert(app)
        let (first, answer) = AsyncThrowingStream.makeStream(of: Release.self, bufferingPolicy: .bufferingOldest(1))
        beginning[app] = answer
        let observe = observer()
        submit.yield {
            do {
                let ended = try await body { recorded, release in
                    answer.yield(release)
                    await observe(recorded, release)
                }
                answer.yield(ended)
                answer.finish()
                await self.ended(app)
            } catch {
                answer.finish(throwing: error)
                await self.goOn(app, after: error)
            }
        }
        for try await release in first { return release }
        throw Stopping()
    }

    /// What kept a release from beginning has been told to whoever asked; one that has begun is gone on with.
    private func goOn(_ app: String, after error: any Error) async {
        await board.refresh()
        guard !Task.isCancelled, let latest = await board.latest(app), !latest.state.hasEnded, !(error is LeaseHeld),
            !(error is Interrupted)
        else { return await ended(app) }
        logger.error(
            "the release stopped and is gone on with",
            metadata: ["release": "\(latest.order.name)", "error": "\(error)"])
        await keepRunning(app)
    }

    /// Runs the app's newest release to its end, waiting for whoever else runs it.
    private func keepRunning(_ app: String) async {
        var wait = Duration.milliseconds(200)
        while !Task.isCancelled {
            do {
                guard let release = try await apps.releases(app).resume(by: ReleaseRunner.name, observe: observer()),
                    !release.state.hasEnded
                else { break }
            } catch is LeaseHeld {
                // Somebody else runs it. Should they die, the next try takes it over.
            } catch {
                if !Task.isCancelled {
                    logger.error("a release cannot go on yet", metadata: ["app": "\(app)", "error": "\(error)"])
                }
            }
            try? await clock.sleep(for: wait)
            wait = min(wait * 2, .seconds(5))
        }
        await ended(app)
    }

    /// A release that has ended is seen to be live a moment before its lease is given back: whoever releases the next version then
    /// is made to wait for that moment, and not told that it is running.
    private func justEnded(_ app: String) async {
        await board.refresh()
        guard running.contains(app), await board.latest(app)?.state.hasEnded == true, running.contains(app) else {
            return
        }
        await withCheckedContinuation { waiting[app, default: []].append($0) }
    }

    private func ended(_ app: String) async {
        running.remove(app)
        beginning[app] = nil
        for waiter in waiting.removeValue(forKey: app) ?? [] { waiter.resume() }
        await board.refresh()
        if !Task.isCancelled { await lookout.look(at: app) }
    }

    private func observer() -> Engine.Observer {
        { [board, logger] recorded, release in
            await board.refresh()
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

/// The server is about to end and starts nothing any more.
struct Stopping: Error, CustomStringConvertible {
    var description: String { "the server is stopping: ask again when it is back" }
}

extension Event {
    /// The case's name, as it is in the journal, and the node or the words that it is about: for one line of a log.
    package var name: String {
        let name = String(String(describing: self).prefix { $0 != "(" })
        return switch self {
        case .nodePrepared(let node), .nodeStaged(let node), .nodeSwitched(let node), .nodeReverted(let node):
            "\(name) \(node)"
        case .nodeFailed(let step, let trouble): "\(name) \(step.rawValue) \(trouble.node): \(trouble.message.safe)"
        case .refused(_, let message, _), .troubled(_, let message): "\(name): \(message.safe)"
        case .takenUp(let by), .promoted(let by), .abortRequested(let by, _): "\(name) by \(by.safe)"
        case .requested(let order): "\(name) by \(order.requestedBy.safe)"
        default: name
        }
    }
}
