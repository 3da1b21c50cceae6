import Controller
import Journal
import Logging
import ReleaseMachine
import ViridianConfiguration

/// Checks the cluster and the nodes of every app: detects drift, fixes it where the app's `repair` is `auto`, and deletes leftovers of
/// releases and old colours whose retention is over.
package actor DriftMonitor {
    let apps: any ServedApps
    private let journal: Journal
    let appStates: AppStateCache
    let metrics: Metrics
    let clock: any ReleaseClock
    private let interval: Duration
    let logger: Logger
    /// The duty to act on what is read: of several servers one has it. `nil`: there is no other server.
    private let repairing: JournalLease?
    private var checks: [String: Task<Void, Never>] = [:]
    /// Callers that wait for the check of an app.
    private var waiting: [String: [AsyncStream<Void>.Continuation]] = [:]
    /// The last automatic repair's report in one line, by app.
    private var lastRepair: [String: String] = [:]
    private var isStopping = false
    /// What each app's lease named of the journal when the journal had it, and when that was.
    private var compared: [String: (end: JournalEnd?, at: Timestamp)] = [:]
    /// When the last check of any app succeeded; `nil` before the first one.
    package private(set) var reachedAt: Timestamp?

    /// The number of concurrent checks of single apps. Each one reads every node.
    static let maximumConcurrentChecks = 4

    init(
        apps: any ServedApps,
        journal: Journal,
        appStates: AppStateCache,
        metrics: Metrics,
        clock: any ReleaseClock,
        interval: Duration,
        repairing: JournalLease? = nil,
        logger: Logger
    ) {
        self.apps = apps
        self.journal = journal
        self.appStates = appStates
        self.metrics = metrics
        self.clock = clock
        self.interval = interval
        self.repairing = repairing
        self.logger = logger
    }

    /// Checks all apps, spread over the interval, until the task is cancelled. A round that takes longer than the interval delays the next
    /// one; `viridian_check_round_seconds` shows it.
    ///
    /// Running checks are cancelled too: with a cluster that does not answer they would delay the server's shutdown.
    func run(afterFirstRound: @Sendable () -> Void = {}) async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for readings in apps.sharedReadings { group.addTask { await readings.run() } }
                group.addTask { await self.watchJournal() }
                await checkRepeatedly(afterFirstRound)
                group.cancelAll()
            }
        } onCancel: {
            Task { await self.end() }
        }
        end()
        for task in checks.values { await task.value }
    }

    private func end() {
        isStopping = true
        for task in checks.values { task.cancel() }
    }

    /// Apart from the rounds, which take minutes where there are many nodes: the alert is about now.
    private func watchJournal() async {
        while !Task.isCancelled {
            await metrics.set("viridian_journal_writable", (try? journal.checkWritable()) == nil ? 0 : 1)
            try? await clock.sleep(for: min(interval, Self.journalInterval))
        }
    }

    private static let journalInterval = Duration.seconds(10)

    private func checkRepeatedly(_ afterFirstRound: @Sendable () -> Void) async {
        var isFirst = true
        while !Task.isCancelled {
            let began = clock.now
            // Random, so that several servers of one fleet do not check at the same time.
            let length = interval * Double.random(in: 0.9...1.1)
            await checkAll(within: isFirst ? .zero : length)
            if isFirst { afterFirstRound() }
            isFirst = false
            let rest = length - (clock.now - began)
            if rest > .zero { try? await clock.sleep(for: rest) }
            metrics.set("viridian_check_round_seconds", (clock.now - began).inSeconds)
        }
    }

    private func checkAll(within length: Duration) async {
        let clusters = apps.sharedReadings
        let names = await appStates.checkOrder(without: Set(clusters.flatMap(\.apps)))
        async let together: Void = checkTogether(clusters, within: length)
        await checkEach(names, within: length)
        await together
    }

    /// Checks apps one by one.
    private func checkEach(_ names: [String], within length: Duration) async {
        let began = clock.now
        await withTaskGroup(of: Void.self) { group in
            for (index, name) in names.enumerated() {
                if index >= DriftMonitor.maximumConcurrentChecks { await group.next() }
                let due = length * Double(index) / Double(names.count) - (clock.now - began)
                if due > .zero { try? await clock.sleep(for: due) }
                guard !Task.isCancelled else { return }
                group.addTask { await self.check(name, repairing: true) }
            }
        }
    }

    /// Checks one app now. Concurrent callers share one check.
    package func check(_ app: String) async { await check(app, repairing: false) }

    /// Checks the app unless its last check is younger than `age`.
    package func check(_ app: String, unlessYoungerThan age: Duration) async {
        if let observation = await appStates.observation(app), clock.now - observation.at < age { return }
        await check(app, repairing: false)
    }

    /// Starts a check when the last one is older than the end of the newest release, or than `age`. Does not wait for it: the result
    /// reaches those who watch the app's state.
    package func beginCheck(_ app: String, unlessYoungerThan age: Duration? = nil) async {
        let observation = await appStates.observation(app)
        let ended = await appStates.latest(app)?.endedAt
        let isOutdated = observation.flatMap { observation in ended.map { $0 > observation.at } } ?? false
        let isOld = age.map { age in observation.map { clock.now - $0.at >= age } ?? true } ?? false
        guard isOutdated || isOld else { return }
        start(app, repairing: false)
    }

    /// Returns when the check is done, or the caller is cancelled. The check itself goes on, because other callers share it.
    func check(_ app: String, repairing: Bool) async {
        start(app, repairing: repairing)
        guard checks[app] != nil else { return }
        let (done, waiter) = AsyncStream.makeStream(of: Void.self)
        waiting[app, default: []].append(waiter)
        for await _ in done {}
    }

    private func start(_ app: String, repairing: Bool) {
        guard checks[app] == nil, !isStopping else { return }
        checks[app] = Task {
            await observe(app, repairing: repairing)
            checks[app] = nil
            for waiter in waiting.removeValue(forKey: app) ?? [] { waiter.finish() }
        }
    }

    private func observe(_ app: String, repairing: Bool) async {
        var readings: [NodeReading] = []
        do {
            let seen = try await apps.releases(app).observeParts()
            readings = seen.readings
            let observation = AppObservation(at: seen.at, survey: try seen.survey.get(), readings: readings)
            try await act(on: observation, of: app, repairing: repairing)
        } catch is CancellationError {
            return
        } catch {
            guard !Task.isCancelled else { return }
            metrics.count("viridian_check_failures_total", ["app": app])
            await appStates.record(problem: "\(error)", for: app, readings: readings)
            logger.warning(
                "the cluster or the nodes cannot be checked",
                metadata: ["app": "\(app)", "error": "\("\(error)".safe)"])
        }
    }

    /// What a round has read of all apps says nothing of the journal yet. One that had what the lease names is asked again only when that
    /// changes, or after some minutes: with thousands of apps each round would ask it thousands of times.
    private func comparing(_ observation: AppObservation, of app: String) async -> AppObservation {
        let end = observation.survey.journal
        if let known = compared[app], known.end == end, clock.now - known.at < Self.comparisonInterval {
            return observation
        }
        guard let result = try? await apps.releases(app).comparing(observation) else { return observation }
        compared[app] = result.lost == nil ? (end, clock.now) : nil
        return result
    }

    private static let comparisonInterval = Duration.seconds(300)

    /// Records what was read of an app and, when repairing, fixes drift, and deletes leftovers and an old colour whose retention is over.
    func act(on observation: AppObservation, of app: String, repairing: Bool) async throws {
        reachedAt = clock.now
        let observation = await comparing(observation, of: app)
        await appStates.record(observation, for: app)
        let latest = await appStates.latest(app)
        // Nodes are not drifted while a release moves them.
        let drifted = latest?.state.hasEnded == false ? [] : observation.drifted
        metrics.set(observation, drifted: drifted.count, of: app)
        guard repairing, latest?.state.hasEnded != false, !Task.isCancelled else { return }
        let hasLeftovers = !observation.leftovers(of: latest).isEmpty
        let isRetentionOver = isRetentionOver(observation, latest)
        // With thousands of apps, most have nothing to do.
        guard !drifted.isEmpty || hasLeftovers || isRetentionOver else { return }
        if let lease = self.repairing, await !lease.isHeld() { return }
        let releases = try apps.releases(app)
        if !drifted.isEmpty {
            let nodes = drifted.map(\.node).joined(separator: " ")
            logger.warning("nodes drifted", metadata: ["app": "\(app)", "nodes": "\(nodes)"])
            if releases.app.repair == .auto { await repair(releases, app) }
        }
        if hasLeftovers { await clearLeftovers(releases, app) }
        if isRetentionOver { await endRetention(releases, app) }
    }

    private func repair(_ releases: AppReleases, _ app: String) async {
        do {
            let report = try await releases.repair(isDryRun: false)
            let moved = report.nodes.filter { $0.outcome == .broughtBack }.map(\.address)
            // A node that stays unreachable gives the same report at every check: it is recorded once.
            if !moved.isEmpty || report.summary != lastRepair.updateValue(report.summary, forKey: app) {
                logger.notice("repaired", metadata: ["app": "\(app)", "nodes": "\(moved.joined(separator: " "))"])
                metrics.count("viridian_repairs_total", ["app": app])
                await audit("repair", app, detail: report.summary)
            }
            let observation = try await releases.observe()
            await appStates.record(observation, for: app)
            metrics.set(observation, drifted: observation.drifted.count, of: app)
        } catch is LeaseHeld {
            return  // A release has started. It reads every node itself.
        } catch {
            logger.error("the repair failed", metadata: ["app": "\(app)", "error": "\("\(error)".safe)"])
        }
    }

    private func clearLeftovers(_ releases: AppReleases, _ app: String) async {
        do {
            let cleared = try await releases.clearLeftovers()
            guard !cleared.isEmpty else { return }
            let text = cleared.map { "\($0.kind) \($0.version.color) (\($0.version.version))" }.joined(separator: ", ")
            logger.notice("leftovers of a release were deleted", metadata: ["app": "\(app)", "what": "\(text.safe)"])
            await audit("leftovers-cleared", app, detail: text)
            await appStates.record(try await releases.observe(), for: app)
        } catch is LeaseHeld {
            return
        } catch {
            logger.error(
                "leftovers of a release cannot be deleted",
                metadata: ["app": "\(app)", "error": "\("\(error)".safe)"])
        }
    }

    private func isRetentionOver(_ observation: AppObservation, _ latest: Release?) -> Bool {
        guard let live = observation.survey.recorded?.color, observation.survey.workloads[live.other] != nil,
            let until = latest?.retainedUntil
        else { return false }
        return until <= clock.now
    }

    private func endRetention(_ releases: AppReleases, _ app: String) async {
        do {
            guard let gone = try await releases.endRetention() else { return }
            logger.notice(
                "the retained old colour was deleted",
                metadata: ["app": "\(app)", "color": "\(gone.color)", "version": "\(gone.version)"])
            await audit("retention-ended", app, detail: "deleted \(app)-\(gone.color) (\(gone.version))")
            await appStates.record(try await releases.observe(), for: app)
        } catch is LeaseHeld {
            return
        } catch {
            logger.error(
                "the old colour cannot be deleted", metadata: ["app": "\(app)", "error": "\("\(error)".safe)"])
        }
    }

    private func audit(_ action: String, _ app: String, detail: String) async {
        let entry = AuditEntry(
            at: clock.now, who: ReleaseRunner.name, action: action, app: app, origin: "server", detail: detail)
        do {
            try await journal.note(entry)
        } catch {
            logger.error("the audit log cannot be written", metadata: ["error": "\(error)"])
        }
    }
}
