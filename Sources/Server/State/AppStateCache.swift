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
        var latest: Release?
        var observation: AppObservation?
        var problem: String?
        /// What the nodes reported while the cluster has never been read.
        var readings: [NodeReading] = []
        var holds: [Admission.Hold] = []
        var version = 0
        /// Of the releases before the latest one.
        var summaries: [Int: ReleaseSummary] = [:]
        /// The app as JSON, with its version.
        var encoded: (version: Int, text: String)?

        func summary(_ number: Int) -> ReleaseSummary? {
            if let latest, latest.order.number == number { return ReleaseSummary(latest) }
            return summaries[number]
        }

        /// The newest releases, at most `limit`, of those that began at `start` or later; `nil` when not all of them are known.
        func newest(_ limit: Int, since start: Timestamp?) -> [ReleaseSummary]? {
            guard var number = latest?.order.number else { return nil }
            var found: [ReleaseSummary] = []
            while found.count < limit, number > 0 {
                guard let summary = summary(number) else { return nil }
                if let start, summary.createdAt < start { break }
                found.append(summary)
                number -= 1
            }
            return found
        }

        /// There is an event of a release before the latest one: it can only be of one that was live, or has not ended.
        mutating func forgetChangeable() {
            for (number, summary) in summaries where !summary.isFinal { summaries[number] = nil }
        }
    }

    private let journal: Journal
    private let metrics: Metrics
    private let heartbeat: Duration
    private let clock: any ReleaseClock
    private let freezes: [FreezeWindow]
    private var holdFacts = HoldFacts()
    private let configurations: [AppConfiguration]
    private let names: [String]
    /// Where each app is in `configurations` and `entries`. There may be thousands, and both are large: they are in arrays, without gaps, of
    /// which one is read without being copied.
    private let places: [String: Int]
    private var entries: [Entry]
    /// The places of the apps whose newest release has not ended: few of all.
    private var unended: Set<Int> = []
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
        places = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
        entries = Array(repeating: Entry(), count: names.count)
        // Before the releases: what is appended meanwhile is read again, and what was read is not applied twice.
        position = try await journal.newestPosition()
        for release in try await journal.newestReleases() {
            if let place = places[release.order.app] { setLatest(release, at: place) }
        }
        holdFacts = try await HoldFacts(journal, freezes, at: clock.now)
        let holds = Holds(freezes)
        for (place, name) in names.enumerated() {
            entries[place].holds = holdFacts.holds(of: name, holds)
            metrics.set(holds: entries[place].holds.count, queued: holdFacts.queued[name] != nil, of: name)
            metrics.set(entries[place].latest, of: name)
        }
    }

    private func setLatest(_ release: Release, at place: Int) {
        entries[place].latest = release
        if release.state.hasEnded { unended.remove(place) } else { unended.insert(place) }
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
        guard let heads = try? await journal.heads(after: position) else { return }
        guard let last = heads.last else { return await readAllIfGoneBack() }
        let count = last.position - position
        var applied = 0
        for head in heads { applied += (try? await apply(head)) ?? 0 }
        position = last.position
        if applied != count {
            // There is an event of an older release, for example that a newer one replaced it.
            for head in heads { if let place = places[head.app] { entries[place].forgetChangeable() } }
        }
        let apps = Set(heads.map(\.app))
        for (key, feed) in feeds where apps.contains(key.app) { try? await feed.refresh() }
    }

    /// A database may have lost its newest events in a failover: then the newest releases are read again, and viewers connect again.
    private func readAllIfGoneBack() async {
        guard let newest = try? await journal.newestPosition(), newest < position,
            let releases = try? await journal.newestReleases()
        else { return }
        position = newest
        unended = []
        for place in entries.indices {
            (entries[place].latest, entries[place].summaries) = (nil, [:])
            markChanged(place)
        }
        for release in releases { if let place = places[release.order.app] { setLatest(release, at: place) } }
        let ended = feeds
        feeds = [:]
        for feed in ended.values { await feed.end() }
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
        for (place, name) in names.enumerated() {
            let now = facts.holds(of: name, holds)
            guard now != entries[place].holds || facts.queued[name] != before.queued[name] else { continue }
            entries[place].holds = now
            metrics.set(holds: now.count, queued: facts.queued[name] != nil, of: name)
            markChanged(place)
        }
    }

    /// Applies the new events of the app's newest release.
    /// - Returns: the number of events.
    private func apply(_ head: JournalHead) async throws -> Int {
        guard let place = places[head.app] else { return 0 }
        guard let known = entries[place].latest, known.order.number == head.number else {
            let events = try await journal.events(app: head.app, number: head.number)
            guard let first = events.first, var latest = Release(first) else { return 0 }
            apply(events.dropFirst(), to: &latest)
            setLatest(latest, at: place)
            markChanged(place)
            return events.count
        }
        let events = try await journal.events(app: head.app, number: head.number, after: known.sequence)
        var latest = known
        apply(events[...], to: &latest)
        setLatest(latest, at: place)
        markChanged(place)
        return events.count
    }

    private func apply(_ events: ArraySlice<RecordedEvent>, to latest: inout Release) {
        for event in events {
            let before = latest
            latest.apply(event)
            metrics.observe(event, before: before, after: latest)
        }
    }

    private func markChanged(_ place: Int) {
        version += 1
        entries[place].version = version
        for watcher in watchers.values { watcher.yield() }
    }

    // MARK: - Observations

    /// Stores a successful check.
    func record(_ observation: AppObservation, for app: String) {
        guard let place = places[app] else { return }
        if let known = entries[place].observation, known.survey == observation.survey,
            known.readings == observation.readings, entries[place].problem == nil
        {
            // The new time is part of the state, but watchers are not woken for it. What was read is kept where it is in memory.
            entries[place].observation?.at = observation.at
            entries[place].encoded = nil
            version += 1
            return
        }
        entries[place].observation = observation
        entries[place].problem = nil
        entries[place].readings = []
        markChanged(place)
    }

    /// The observations of those of the apps whose reading of a node differs from that in `readings`, which are in the apps' order, with
    /// the new one. Without apps that were read after `start`, or have had a release since then, which moves the nodes.
    func observations(of apps: [String], with readings: [NodeReading], since start: Timestamp) -> [(
        app: String, observation: AppObservation
    )] {
        zip(apps, readings).compactMap { app, reading in
            guard let place = places[app], var observation = entries[place].observation, observation.at < start,
                entries[place].latest?.state.hasEnded != false,
                entries[place].latest?.endedAt.map({ $0 < start }) ?? true
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

    /// Stores the error of a failed check, with what the nodes reported nevertheless: it is shown as long as nothing else is known.
    func record(problem: String, for app: String, readings: [NodeReading] = []) {
        guard let place = places[app] else { return }
        let readings = entries[place].observation == nil ? readings : []
        guard entries[place].problem != problem || entries[place].readings != readings else { return }
        entries[place].problem = problem
        entries[place].readings = readings
        markChanged(place)
    }

    // MARK: - Reading

    /// Every app, in the order of the configuration.
    package func apps() -> [AppView] { names.indices.map { view(at: $0) } }

    /// These apps, with their newest releases.
    func apps(_ names: [String]) -> [(app: AppView, latest: Release?)] {
        names.compactMap { places[$0] }.map { (view(at: $0), entries[$0].latest) }
    }

    /// Every app as lists need it to find those that they show.
    func items() -> [AppIndex.Item] {
        names.indices.map { place in
            let state = entries[place].latest?.state
            // While a release switches the nodes, none of them is drifted.
            let hasDrifted =
                state?.hasEnded != false && entries[place].observation.map { !$0.drifted.isEmpty } ?? false
            return AppIndex.Item(
                name: names[place], cluster: configurations[place].cluster, state: state,
                isTroubled: hasDrifted || entries[place].problem != nil
                    || entries[place].latest.map { !$0.needRepair.isEmpty } ?? false)
        }
    }

    package func app(_ name: String) -> AppView? { places[name].map { view(at: $0) } }

    private func view(at place: Int) -> AppView {
        AppView(
            app: configurations[place], observation: entries[place].observation, latest: entries[place].latest,
            holds: entries[place].holds, queued: holdFacts.queuedView(names[place]), readings: entries[place].readings,
            problem: entries[place].problem, isServed: true)
    }

    /// The apps but `others`, in the order in which they should be checked: first those with a running release, then those with viewers, then the
    /// others by the time of their last check.
    func checkOrder(without others: Set<String> = []) async -> [String] {
        var watched: Set<String> = []
        for (key, feed) in feeds where await feed.hasViewers { watched.insert(key.app) }
        func priority(_ place: Int) -> (Int, Timestamp) {
            let rank = unended.contains(place) ? 0 : watched.contains(names[place]) ? 1 : 2
            return (rank, entries[place].observation?.at ?? Timestamp(milliseconds: 0))
        }
        return names.indices.filter { !others.contains(names[$0]) }.map { ($0, priority($0)) }
            .sorted { $0.1 < $1.1 }.map { names[$0.0] }
    }

    /// Whether an app of this cluster was read there after `time`, and could be read since.
    func hasRead(_ cluster: String?, after time: Timestamp) -> Bool {
        entries.indices.contains { place in
            guard configurations[place].cluster == cluster, let read = entries[place].observation?.at else {
                return false
            }
            return entries[place].problem == nil && read > time
        }
    }

    /// The newest releases of apps that have not ended.
    func openReleases() -> [Release] { unended.sorted().compactMap { entries[$0].latest } }

    package func latest(_ app: String) -> Release? { places[app].flatMap { entries[$0].latest } }
    package func observation(_ app: String) -> AppObservation? { places[app].flatMap { entries[$0].observation } }

    /// Why the last attempt to read the app's cluster and nodes failed, and what the nodes reported where the cluster was never read.
    func failure(_ app: String) -> (problem: String?, readings: [NodeReading]) {
        places[app].map { (entries[$0].problem, entries[$0].readings) } ?? (nil, [])
    }

    /// Every app as JSON, encoded once for each `version`.
    func encodedApps() throws -> (version: Int, body: ByteBuffer) {
        if let encoded, encoded.version == version { return encoded }
        var body = ByteBuffer(string: #"{"apps":["#)
        for place in names.indices {
            if place > 0 { body.writeString(",") }
            body.writeString(try json(at: place))
        }
        body.writeString("]}")
        let result = (version, body)
        encoded = result
        return result
    }

    /// The app as JSON, encoded once for each of its versions.
    private func json(at place: Int) throws -> String {
        if let known = entries[place].encoded, known.version == entries[place].version { return known.text }
        let text = try view(at: place).jsonLine()
        entries[place].encoded = (entries[place].version, text)
        return text
    }

    /// The apps that changed after `version`, as JSON, and the current version.
    func changes(after version: Int) throws -> (apps: [(name: String, json: String)], version: Int) {
        let changed = names.indices.filter { entries[$0].version > version }
        return (try changed.map { (names[$0], try json(at: $0)) }, self.version)
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
        guard places[app] != nil, let read = try await read(key) else { return nil }
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
        if let latest = latest(app), latest.order.number == number { return latest }
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

    /// Summaries of the app's releases, newest first; at most `limit`, and only of those that began at `start` or later.
    package func summaries(
        _ app: String, limit: Int = 200, since start: Timestamp? = nil
    ) async throws -> [ReleaseSummary] {
        guard let place = places[app] else { return [] }
        await refresh()
        if let known = entries[place].newest(limit, since: start) { return known }
        let numbers = try await journal.numbers(app: app, limit: limit, since: start)
        let unknown = numbers.filter { entries[place].summary($0) == nil }
        var read: [Int: ReleaseSummary] = [:]
        for release in try await journal.releases(app: app, numbers: unknown) {
            let number = release.order.number
            read[number] = ReleaseSummary(release)
            // A release newer than the cached one may still change.
            if number < entries[place].latest?.order.number ?? 0 { entries[place].summaries[number] = read[number] }
        }
        return numbers.compactMap { entries[place].summary($0) ?? read[$0] }
    }
}
