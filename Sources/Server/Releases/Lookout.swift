import Controller
import Journal
import Logging
import ReleaseMachine
import ViridianConfiguration

/// Looks at cluster and nodes of every app: notices drift, mends it where an app's `repair` is `auto`, and ends the time of old
/// colours that were kept for an instant rollback.
package actor Lookout {
    private let apps: any ServedApps
    private let journal: Journal
    private let board: Board
    private let metrics: Metrics
    private let clock: any ReleaseClock
    private let interval: Duration
    private let logger: Logger
    private var looking: [String: Task<Void, Never>] = [:]
    /// Who waits for the look at an app.
    private var waiting: [String: [AsyncStream<Void>.Continuation]] = [:]
    private var isOver = false
    /// When the cluster last answered for any app.
    package private(set) var reachedAt: Timestamp?

    /// Each look asks every node: how many of them go on at once.
    static let parallel = 4

    init(
        apps: any ServedApps,
        journal: Journal,
        board: Board,
        metrics: Metrics,
        clock: any ReleaseClock,
        interval: Duration,
        logger: Logger
    ) {
        self.apps = apps
        self.journal = journal
        self.board = board
        self.metrics = metrics
        self.clock = clock
        self.interval = interval
        self.logger = logger
    }

    /// Looks at every app within the interval, one after the other, until it is cancelled. Where looking takes longer than that, a round
    /// takes as long as it takes: the metric says how long.
    ///
    /// A look is cancelled with it: one at a cluster that does not answer would hold the server's end up for as long as its calls may
    /// take.
    func run(afterFirstRound: @Sendable () -> Void = {}) async {
        await withTaskCancellationHandler {
            await goRound(afterFirstRound)
        } onCancel: {
            Task { await self.end() }
        }
        end()
        for task in looking.values { await task.value }
    }

    private func end() {
        isOver = true
        for task in looking.values { task.cancel() }
    }

    private func goRound(_ afterFirstRound: @Sendable () -> Void) async {
        var isFirst = true
        while !Task.isCancelled {
            let began = clock.now
            // Nothing is known of any app at first. Of several servers of one fleet not all look at the same moment.
            let length = interval * Double.random(in: 0.9...1.1)
            await lookAtAll(within: isFirst ? .zero : length)
            if isFirst { afterFirstRound() }
            isFirst = false
            let rest = length - (clock.now - began)
            if rest > .zero { try? await clock.sleep(for: rest) }
            metrics.set("viridian_look_round_seconds", (clock.now - began).inSeconds)
        }
    }

    private func lookAtAll(within length: Duration) async {
        let names = await board.byNeed()
        let began = clock.now
        await withTaskGroup(of: Void.self) { group in
            for (index, name) in names.enumerated() {
                // As many as may go on have begun: one has to end first.
                if index >= Lookout.parallel { await group.next() }
                let due = length * Double(index) / Double(names.count) - (clock.now - began)
                if due > .zero { try? await clock.sleep(for: due) }
                guard !Task.isCancelled else { return }
                group.addTask { await self.look(at: name, mending: true) }
            }
        }
    }

    /// Looks at one app now; callers that come while somebody looks share that look.
    package func look(at app: String) async { await look(at: app, mending: false) }

    /// Looks where the last look is older than `age`.
    package func look(at app: String, unlessYoungerThan age: Duration) async {
        if let sight = await board.sight(app), clock.now - sight.at < age { return }
        await look(at: app, mending: false)
    }

    /// Begins a look where the last one is older than the end of the newest release, or than `age`, and does not wait for it:
    /// whoever watches the board hears what it saw.
    package func begin(at app: String, unlessYoungerThan age: Duration? = nil) async {
        let sight = await board.sight(app)
        let ended = await board.latest(app)?.endedAt
        let isOutdated = sight.flatMap { sight in ended.map { $0 > sight.at } } ?? false
        let isOld = age.map { age in sight.map { clock.now - $0.at >= age } ?? true } ?? false
        guard isOutdated || isOld else { return }
        start(at: app, mending: false)
    }

    /// Returns when the look is over, or when whoever waits for it is cancelled: the look is there for others too, and goes on.
    private func look(at app: String, mending: Bool) async {
        start(at: app, mending: mending)
        guard looking[app] != nil else { return }
        let (done, waiter) = AsyncStream.makeStream(of: Void.self)
        waiting[app, default: []].append(waiter)
        for await _ in done {}
    }

    private func start(at app: String, mending: Bool) {
        guard looking[app] == nil, !isOver else { return }
        looking[app] = Task {
            await reallyLook(at: app, mending: mending)
            looking[app] = nil
            for waiter in waiting.removeValue(forKey: app) ?? [] { waiter.finish() }
        }
    }

    private func reallyLook(at app: String, mending: Bool) async {
        do {
            let releases = try apps.releases(app, Provenance(origin: "server"))
            let sight = try await releases.look()
            reachedAt = clock.now
            await board.note(sight, for: app)
            let latest = await board.latest(app)
            // What moves is not astray.
            let astray = latest?.state.hasEnded == false ? [] : sight.astray
            metrics.set(sight, astray: astray.count, of: app)
            guard mending, latest?.state.hasEnded != false, !Task.isCancelled else { return }
            if !astray.isEmpty {
                let nodes = astray.map(\.node).joined(separator: " ")
                logger.warning("nodes are astray", metadata: ["app": "\(app)", "nodes": "\(nodes)"])
                if releases.app.repair == .auto { await repair(releases, app) }
            }
            if !sight.left(by: latest).isEmpty { await clearLeftovers(releases, app) }
            await endRetention(releases, sight, latest, app)
        } catch is CancellationError {
            return
        } catch {
            guard !Task.isCancelled else { return }
            metrics.count("viridian_look_failures_total", ["app": app])
            await board.note(trouble: "\(error)", for: app)
            logger.warning(
                "cluster or nodes cannot be looked at", metadata: ["app": "\(app)", "error": "\("\(error)".safe)"])
        }
    }

    private func repair(_ releases: AppReleases, _ app: String) async {
        do {
            let report = try await releases.repair(isDryRun: false)
            let moved = report.nodes.filter { $0.outcome == .broughtBack }.map(\.address)
            logger.notice("repaired", metadata: ["app": "\(app)", "nodes": "\(moved.joined(separator: " "))"])
            metrics.count("viridian_repairs_total", ["app": app])
            note("repair", app, detail: report.deeds)
            let sight = try await releases.look()
            await board.note(sight, for: app)
            metrics.set(sight, astray: sight.astray.count, of: app)
        } catch is LeaseHeld {
            return  // A release has begun: it reads every node itself.
        } catch {
            logger.error("drift cannot be repaired", metadata: ["app": "\(app)", "error": "\("\(error)".safe)"])
        }
    }

    private func clearLeftovers(_ releases: AppReleases, _ app: String) async {
        do {
            let cleared = try await releases.clearLeftovers()
            guard !cleared.isEmpty else { return }
            let text = cleared.map { "\($0.kind) \($0.version.color) (\($0.version.version))" }.joined(separator: ", ")
            logger.notice("what a release left was cleared away", metadata: ["app": "\(app)", "what": "\(text.safe)"])
            note("leftovers-cleared", app, detail: text)
            await board.note(try await releases.look(), for: app)
        } catch is LeaseHeld {
            return
        } catch {
            logger.error(
                "what a release left cannot be cleared away",
                metadata: ["app": "\(app)", "error": "\("\(error)".safe)"])
        }
    }

    private func endRetention(_ releases: AppReleases, _ sight: AppSight, _ latest: Release?, _ app: String) async {
        guard let live = sight.survey.recorded?.color, sight.survey.workloads[live.other] != nil,
            let until = latest?.retainedUntil, until <= clock.now
        else { return }
        do {
            guard let gone = try await releases.endRetention() else { return }
            logger.notice(
                "the old colour's time is over",
                metadata: ["app": "\(app)", "color": "\(gone.color)", "version": "\(gone.version)"])
            note("retention-ended", app, detail: "deleted \(app)-\(gone.color) (\(gone.version))")
            await board.note(try await releases.look(), for: app)
        } catch is LeaseHeld {
            return
        } catch {
            logger.error(
                "the old colour cannot be deleted", metadata: ["app": "\(app)", "error": "\("\(error)".safe)"])
        }
    }

    private func note(_ action: String, _ app: String, detail: String) {
        let entry = AuditEntry(
            at: clock.now, who: ReleaseRunner.name, action: action, app: app, origin: "server", detail: detail)
        do {
            try journal.note(entry)
        } catch {
            logger.error("the audit log cannot be written", metadata: ["error": "\(error)"])
        }
    }
}
