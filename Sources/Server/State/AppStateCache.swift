import Controller
import Foundation
import Journal
import NIOCore
import ReleaseMachine
import ViridianConfiguration

/// The current state of every app: its newest release, from the journal, and the last observation of the cluster and the nodes.
///
/// Other processes, such as the command line and other servers, append to the same journal.
package actor AppStateCache {
    private struct Entry {
        /// Its place in the configuration, where it is the only one of its kind: configurations are large, and there may be thousands.
        var place: Int
        var latest: Release?
        var observation: AppObservation?
        var problem: String?
        var holds: [Admission.Hold] = []
        var version = 0
        /// Of the releases before the latest one.
        var summaries: [Int: ReleaseSummary] = [:]
        /// The app as JSON, with its version.
        var encoded: (version: Int, text: String)?
    }

    private let journal: Journal
    private let metrics: Metrics
    private let heartbeat: Duration
    private let clock: any ReleaseClock
    private let freezes: [FreezeWindow]
    private var holdFacts = HoldFacts()
    private let configurations: [AppConfiguration]
    private let names: [String]
    private var entries: [String: Entry] = [:]
    private var position = 0
    private var feeds: [FeedKey: ReleaseFeed] = [:]
    private var watchers: [Int: AsyncStream<Void>.Continuation] = [:]
    private var journalWatchers: [Int: AsyncStream<Void>.Continuation] = [:]
    private var lastWatcher = 0
    private var isStopping = false
    private var isRefreshing = false
    /// Calls of `refresh` that came while another one was reading.
    private var refreshing: [CheckedContinuation<Void, Never>] = []
    /// Grows with every change of any app.
    private(set) var version = 1
    private var encoded: (version: Int, body: ByteBuffer)?

    private struct FeedKey: Hashable {
        var app: String
        var number: Int
    }

    init(
        apps: any ServedApps, journal: Journal, metrics: Metrics, clock: any ReleaseClock, heartbeat: Duration
    ) async throws {
        self.journal = journal
        self.metrics = metrics
        self.clock = clock
        self.heartbeat = heartbeat
        freezes = apps.freezes
        configurations = apps.configurations
        names = configurations.map(\.name.text)
        for (place, name) in names.enumerated() { entries[name] = Entry(place: place) }
        for head in try await journal.heads() {
            position = max(position, head.position)
            entries[head.app]?.latest = try await journal.releases(app: head.app, limit: 1).first
        }
        holdFacts = try await HoldFacts(journal, freezes, at: clock.now)
        let holds = Holds(freezes)
        for name in names {
            entries[name]?.holds = holdFacts.holds(of: name, holds)
            metrics.set(holds: entries[name]?.holds.count ?? 0, queued: holdFacts.queued[name] != nil, of: name)
            metrics.set(entries[name]?.latest, of: name)
        }
    }

    // MARK: - Watching the journal

    /// Follows the journal until the task is cancelled. All feeds and watchers have ended when this returns.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.follow() }
            group.addTask { await self.look() }
        }
        isStopping = true
        for feed in feeds.values { await feed.end() }
        for watcher in [watchers, journalWatchers].flatMap(\.values) { watcher.finish() }
        (watchers, journalWatchers) = ([:], [:])
    }

    private func follow() async {
        for await _ in journal.changes() {
            await refresh()
            for watcher in journalWatchers.values { watcher.yield() }
            await refreshHolds()
        }
    }

    /// What changes without an event: locks and freezes end by themselves, and viewers are told that the server is still there.
    private func look() async {
        let clock = ContinuousClock()
        var lastHeartbeat = clock.now
        while !Task.isCancelled {
            try? await clock.sleep(for: min(heartbeat, .seconds(1)))
            setHolds(holdFacts.later(freezes, at: self.clock.now))
            guard clock.now - lastHeartbeat >= heartbeat else { continue }
            lastHeartbeat = clock.now
            for feed in feeds.values { await feed.sendHeartbeat() }
            for watcher in watchers.values { watcher.yield() }
            await removeUnusedFeeds()
        }
    }

    /// Reads the new events from the journal. One call reads at a time; those that come meanwhile share the next one.
    func refresh() async {
        if isRefreshing { return await withCheckedContinuation { refreshing.append($0) } }
        isRefreshing = true
        await readNewEvents()
        while !refreshing.isEmpty {
            let waiting = refreshing
            refreshing = []
            await readNewEvents()
            for caller in waiting { caller.resume() }
        }
        isRefreshing = false
    }

    private func readNewEvents() async {
        guard let heads = try? await journal.heads(after: position), let last = heads.last else { return }
        let count = last.position - position
        var applied = 0
        for head in heads { applied += (try? await apply(head)) ?? 0 }
        position = last.position
        if applied != count {
            // There is an event of an older release, for example that a newer one replaced it.
            for head in heads { entries[head.app]?.summaries.removeAll() }
        }
        let apps = Set(heads.map(\.app))
        for (key, feed) in feeds where apps.contains(key.app) { try? await feed.refresh() }
    }

    /// Reads what holds the apps' releases, and what waits.
    func refreshHolds() async {
        guard let facts = try? await HoldFacts(journal, freezes, at: clock.now) else { return }
        setHolds(facts)
    }

    private func setHolds(_ facts: HoldFacts) {
        guard facts != holdFacts, !facts.isOlder(than: holdFacts) else { return }
        let before = holdFacts
        holdFacts = facts
        let holds = Holds(freezes)
        for name in names {
            let now = facts.holds(of: name, holds)
            guard now != entries[name]?.holds || facts.queued[name] != before.queued[name] else { continue }
            entries[name]?.holds = now
            metrics.set(holds: now.count, queued: facts.queued[name] != nil, of: name)
            markChanged(name)
        }
    }

    /// Applies the new events of the app's newest release.
    /// - Returns: the number of events.
    private func apply(_ head: JournalHead) async throws -> Int {
        guard let known = entries[head.app]?.latest, known.order.number == head.number else {
            guard entries[head.app] != nil else { return 0 }
            let events = try await journal.events(app: head.app, number: head.number)
            guard let first = events.first, var latest = Release(first) else { return 0 }
            apply(events.dropFirst(), to: &latest)
            entries[head.app]?.latest = latest
            markChanged(head.app)
            return events.count
        }
        let events = try await journal.events(app: head.app, number: head.number, after: known.sequence)
        var latest = known
        apply(events[...], to: &latest)
        entries[head.app]?.latest = latest
        markChanged(head.app)
        return events.count
    }

    private func apply(_ events: ArraySlice<RecordedEvent>, to latest: inout Release) {
        for event in events {
            let before = latest
            latest.apply(event)
            metrics.observe(event, before: before, after: latest)
        }
    }

    private func markChanged(_ app: String) {
        version += 1
        entries[app]?.version = version
        for watcher in watchers.values { watcher.yield() }
    }

    // MARK: - Observations

    /// Stores a successful check.
    func record(_ observation: AppObservation, for app: String) {
        let isChanged =
            entries[app]?.observation.map { $0.survey != observation.survey || $0.readings != observation.readings }
            ?? true
        entries[app]?.observation = observation
        entries[app]?.problem = nil
        if isChanged { return markChanged(app) }
        // The new time is part of the state, but watchers are not woken for it.
        version += 1
        entries[app]?.encoded = nil
    }

    /// The observations of those of the apps whose reading of a node differs from that in `readings`, which are in the apps' order, with
    /// the new one. Without apps that were read after `start`, or have had a release since then, which moves the nodes.
    func observations(of apps: [String], with readings: [NodeReading], since start: Timestamp) -> [(
        app: String, observation: AppObservation
    )] {
        zip(apps, readings).compactMap { app, reading in
            guard let entry = entries[app], var observation = entry.observation, observation.at < start,
                entry.latest?.state.hasEnded != false, entry.latest?.endedAt.map({ $0 < start }) ?? true
            else { return nil }
            if let place = observation.readings.firstIndex(where: { $0.node == reading.node }) {
                guard observation.readings[place] != reading else { return nil }
                observation.readings[place] = reading
            } else {
                observation.readings.append(reading)
            }
            return (app, observation)
        }
    }

    /// Stores the error of a failed check.
    func record(problem: String, for app: String) {
        guard entries[app]?.problem != problem else { return }
        entries[app]?.problem = problem
        markChanged(app)
    }

    // MARK: - Reading

    /// Every app, in the order of the configuration.
    package func apps() -> [AppView] { names.compactMap { app($0) } }

    package func app(_ name: String) -> AppView? {
        entries[name].map {
            AppView(
                app: configurations[$0.place], observation: $0.observation, latest: $0.latest, holds: $0.holds,
                queued: holdFacts.queuedView(name), problem: $0.problem, isServed: true)
        }
    }

    /// The apps but `others`, in the order in which they should be checked: first those with a running release, then those with viewers, then the
    /// others by the time of their last check.
    func checkOrder(without others: Set<String> = []) async -> [String] {
        var watched: Set<String> = []
        for (key, feed) in feeds where await feed.hasViewers { watched.insert(key.app) }
        func priority(_ name: String) -> (Int, Timestamp) {
            let isRunning = entries[name]?.latest.map { !$0.state.hasEnded } ?? false
            let rank = isRunning ? 0 : watched.contains(name) ? 1 : 2
            return (rank, entries[name]?.observation?.at ?? Timestamp(milliseconds: 0))
        }
        return names.filter { !others.contains($0) }.map { ($0, priority($0)) }.sorted { $0.1 < $1.1 }.map(\.0)
    }

    /// Whether one of these apps was read in its cluster after `time`, and could be read since.
    func hasRead(_ apps: [String], after time: Timestamp) -> Bool {
        apps.contains { name in
            entries[name].map { $0.problem == nil && ($0.observation.map { $0.at > time } ?? false) } ?? false
        }
    }

    /// The newest releases of apps that have not ended.
    func openReleases() -> [Release] {
        names.compactMap { entries[$0]?.latest }.filter { !$0.state.hasEnded }
    }

    package func latest(_ app: String) -> Release? { entries[app]?.latest }
    package func observation(_ app: String) -> AppObservation? { entries[app]?.observation }

    /// Every app as JSON, encoded once for each `version`.
    func encodedApps() throws -> (version: Int, body: ByteBuffer) {
        if let encoded, encoded.version == version { return encoded }
        var body = ByteBuffer(string: #"{"apps":["#)
        for (index, name) in names.enumerated() {
            if index > 0 { body.writeString(",") }
            body.writeString(try json(of: name))
        }
        body.writeString("]}")
        let result = (version, body)
        encoded = result
        return result
    }

    /// The app as JSON, encoded once for each of its versions.
    private func json(of name: String) throws -> String {
        if let entry = entries[name], let known = entry.encoded, known.version == entry.version { return known.text }
        let text = try app(name)?.jsonLine() ?? "null"
        if let version = entries[name]?.version { entries[name]?.encoded = (version, text) }
        return text
    }

    /// The apps that changed after `version`, as JSON, and the current version.
    func changes(after version: Int) throws -> (apps: [(name: String, json: String)], version: Int) {
        let changed = names.filter { entries[$0]?.version ?? 0 > version }
        return (try changed.map { ($0, try json(of: $0)) }, self.version)
    }

    /// A signal for each change of any app, until `unwatchChanges` or the server stops.
    package func watchChanges() -> (id: Int, signals: AsyncStream<Void>) {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        lastWatcher += 1
        if isStopping { continuation.finish() } else { watchers[lastWatcher] = continuation }
        return (lastWatcher, signals)
    }

    /// A signal whenever anything has been written to the journal, by this process or another, until `unwatchJournal` or the server stops.
    func watchJournal() -> (id: Int, signals: AsyncStream<Void>) {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        lastWatcher += 1
        if isStopping { continuation.finish() } else { journalWatchers[lastWatcher] = continuation }
        return (lastWatcher, signals)
    }

    func unwatchJournal(_ id: Int) { journalWatchers.removeValue(forKey: id)?.finish() }

    package func unwatchChanges(_ id: Int) { watchers.removeValue(forKey: id)?.finish() }

    /// The release's events, past and future; `nil` when there is no such release.
    package func feed(_ app: String, _ number: Int) async throws -> ReleaseFeed? {
        let key = FeedKey(app: app, number: number)
        if let feed = feeds[key] {
            try await feed.refresh()
            return feed
        }
        guard entries[app] != nil, let read = try await read(key) else { return nil }
        // Another task may have read it meanwhile, and more may have been appended.
        let feed = feeds[key] ?? read
        feeds[key] = feed
        if isStopping { await feed.end() }
        try await feed.refresh()
        return feed
    }

    /// Not on the cache's actor: a long release takes some tenths of a second.
    @concurrent private nonisolated func read(_ key: FeedKey) async throws -> ReleaseFeed? {
        try await ReleaseFeed(journal: journal, app: key.app, number: key.number)
    }

    /// One release as the journal has it now; `nil` when there is no such release.
    func release(_ app: String, _ number: Int) async throws -> Release? {
        await refresh()
        if let latest = entries[app]?.latest, latest.order.number == number { return latest }
        if let feed = feeds[FeedKey(app: app, number: number)] {
            try await feed.refresh()
            return await feed.release
        }
        return Release(folding: try await journal.events(app: app, number: number))
    }

    /// Removes the feeds that had no viewer for a minute. They are read again when needed.
    private func removeUnusedFeeds() async {
        for (key, feed) in feeds where await !feed.hasViewers {
            if await feed.usedAt < .now - .seconds(60) { feeds[key] = nil }
        }
    }

    /// Summaries of the app's releases, newest first; at most `limit`.
    package func summaries(_ app: String, limit: Int = 200) async throws -> [ReleaseSummary] {
        guard entries[app] != nil else { return [] }
        var summaries: [ReleaseSummary] = []
        for number in try await journal.numbers(app: app, limit: limit) {
            if let latest = entries[app]?.latest, latest.order.number == number {
                summaries.append(ReleaseSummary(latest))
            } else if let known = entries[app]?.summaries[number] {
                summaries.append(known)
            } else if let release = Release(folding: try await journal.events(app: app, number: number)) {
                let summary = ReleaseSummary(release)
                // A release newer than the cached one may still change.
                if number < entries[app]?.latest?.order.number ?? 0 { entries[app]?.summaries[number] = summary }
                summaries.append(summary)
            }
        }
        return summaries
    }
}
