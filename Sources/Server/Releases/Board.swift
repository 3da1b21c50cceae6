import Controller
import Foundation
import Journal
import NIOCore
import ReleaseMachine
import ViridianConfiguration

/// What every app looks like at this moment: its newest release, from the journal, and what cluster and nodes last said.
///
/// Other processes append to the same journal, the command line for one. One look at the journal's mark tells whether they did.
package actor Board {
    private struct Place {
        var configuration: AppConfiguration
        var latest: Release?
        var sight: AppSight?
        var trouble: String?
        var version = 0
        /// Of releases before the latest one.
        var digests: [Int: ReleaseDigest] = [:]
        /// As JSON, and of which version.
        var encoded: (version: Int, text: String)?
    }

    private let journal: Journal
    private let watch: JournalWatch
    private let metrics: Metrics
    private let heartbeat: Duration
    private let names: [String]
    private var places: [String: Place] = [:]
    private var position = 0
    private var tails: [TailKey: ReleaseTail] = [:]
    private var watchers: [Int: AsyncStream<Void>.Continuation] = [:]
    private var lastWatcher = 0
    private var isEnding = false
    /// Grows with every change of any app.
    private(set) var version = 1
    private var encoded: (version: Int, body: ByteBuffer)?

    private struct TailKey: Hashable {
        var app: String
        var number: Int
    }

    init(apps: any ServedApps, journal: Journal, metrics: Metrics, heartbeat: Duration) throws {
        self.journal = journal
        self.metrics = metrics
        self.heartbeat = heartbeat
        watch = try JournalWatch(journal)
        names = apps.configurations.map(\.name.text)
        for app in apps.configurations { places[app.name.text] = Place(configuration: app) }
        for head in try journal.heads() {
            position = max(position, head.position)
            places[head.app]?.latest = try journal.releases(app: head.app, limit: 1).first
        }
    }

    // MARK: - Watching the journal

    /// Follows the journal until cancelled. When this returns, everybody who watched has been told that it is over.
    func run() async {
        let clock = ContinuousClock()
        var mark: Int?
        var lastBeat = clock.now
        while !Task.isCancelled {
            if let now = try? watch.mark(), now != mark {
                mark = now
                await refresh()
            }
            if clock.now - lastBeat >= heartbeat {
                lastBeat = clock.now
                for tail in tails.values { await tail.beat() }
                for watcher in watchers.values { watcher.yield() }
                await forgetTails()
            }
            // How late a viewer hears of what another process did; what this process does is told at once.
            try? await clock.sleep(for: .milliseconds(25))
        }
        isEnding = true
        for tail in tails.values { await tail.end() }
        for watcher in watchers.values { watcher.finish() }
        watchers = [:]
    }

    /// Takes in what the journal has got.
    func refresh() async {
        guard let heads = try? journal.heads(after: position), let last = heads.last else { return }
        let news = last.position - position
        position = last.position
        let taken = heads.map { (try? takeIn($0)) ?? 0 }.reduce(0, +)
        if taken != news {
            // Something was said of an older release: that a newer one took its place, for one.
            for head in heads { places[head.app]?.digests.removeAll() }
        }
        let apps = Set(heads.map(\.app))
        for (key, tail) in tails where apps.contains(key.app) { try? await tail.refresh() }
    }

    /// Folds what has come of the app's newest release.
    /// - Returns: how many events that were.
    private func takeIn(_ head: JournalHead) throws -> Int {
        guard var place = places[head.app] else { return 0 }
        let events: [RecordedEvent]
        if var latest = place.latest, latest.order.number == head.number {
            events = try journal.events(app: head.app, number: head.number, after: latest.sequence)
            for event in events {
                let before = latest
                latest.apply(event)
                metrics.observe(event, before: before, after: latest)
            }
            place.latest = latest
        } else {
            events = try journal.events(app: head.app, number: head.number)
            guard let first = events.first, var latest = Release(first) else { return 0 }
            for event in events.dropFirst() {
                let before = latest
                latest.apply(event)
                metrics.observe(event, before: before, after: latest)
            }
            place.latest = latest
        }
        places[head.app] = place
        touch(head.app)
        return events.count
    }

    private func touch(_ app: String) {
        version += 1
        places[app]?.version = version
        for watcher in watchers.values { watcher.yield() }
    }

    // MARK: - What cluster and nodes said

    func note(_ sight: AppSight, for app: String) {
        let isNews = places[app]?.sight.map { $0.survey != sight.survey || $0.readings != sight.readings } ?? true
        places[app]?.sight = sight
        places[app]?.trouble = nil
        if isNews { return touch(app) }
        // When it was seen is told too, but is no news that anybody is woken for.
        version += 1
        places[app]?.encoded = nil
    }

    func note(trouble: String, for app: String) {
        guard places[app]?.trouble != trouble else { return }
        places[app]?.trouble = trouble
        touch(app)
    }

    // MARK: - Asking

    /// Every app, in the configuration's order.
    package func apps() -> [AppView] { names.compactMap { app($0) } }

    package func app(_ name: String) -> AppView? {
        places[name].map {
            AppView(app: $0.configuration, sight: $0.sight, latest: $0.latest, trouble: $0.trouble, isServed: true)
        }
    }

    /// Every app, in the order in which they should be looked at: first what moves, then what somebody watches, then what has not been
    /// looked at for longest.
    func byNeed() async -> [String] {
        var watched: Set<String> = []
        for (key, tail) in tails where await tail.hasViewers { watched.insert(key.app) }
        func need(_ name: String) -> (Int, Timestamp) {
            let isRunning = places[name]?.latest.map { !$0.state.hasEnded } ?? false
            let rank = isRunning ? 0 : watched.contains(name) ? 1 : 2
            return (rank, places[name]?.sight?.at ?? Timestamp(milliseconds: 0))
        }
        return names.map { ($0, need($0)) }.sorted { $0.1 < $1.1 }.map(\.0)
    }

    package func latest(_ app: String) -> Release? { places[app]?.latest }
    package func sight(_ app: String) -> AppSight? { places[app]?.sight }

    /// Every app as JSON, made once for each version of the board.
    func encodedApps() throws -> (version: Int, body: ByteBuffer) {
        if let encoded, encoded.version == version { return encoded }
        // Of many apps few change at a time.
        var body = ByteBuffer(string: #"{"apps":["#)
        for (index, name) in names.enumerated() {
            if index > 0 { body.writeString(",") }
            body.writeString(try json(of: name))
        }
        body.writeString("]}")
        let made = (version, body)
        encoded = made
        return made
    }

    /// The app as JSON, made once for each of its versions.
    private func json(of name: String) throws -> String {
        if let place = places[name], let known = place.encoded, known.version == place.version { return known.text }
        let text = try app(name)?.jsonLine() ?? "null"
        if let version = places[name]?.version { places[name]?.encoded = (version, text) }
        return text
    }

    /// Apps that changed after `version`, as JSON, and the version that this is of.
    func changes(after version: Int) throws -> (apps: [(name: String, json: String)], version: Int) {
        let changed = names.filter { places[$0]?.version ?? 0 > version }
        return (try changed.map { ($0, try json(of: $0)) }, self.version)
    }

    /// A signal for each time that something about any app changed; ends with the server.
    package func watchChanges() -> (id: Int, signals: AsyncStream<Void>) {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        lastWatcher += 1
        if isEnding { continuation.finish() } else { watchers[lastWatcher] = continuation }
        return (lastWatcher, signals)
    }

    package func unwatchChanges(_ id: Int) { watchers.removeValue(forKey: id)?.finish() }

    /// The release's events, and those to come; `nil` when there is no such release.
    package func tail(_ app: String, _ number: Int) async throws -> ReleaseTail? {
        let key = TailKey(app: app, number: number)
        if let tail = tails[key] {
            try await tail.refresh()
            return tail
        }
        guard places[app] != nil, let read = try await read(key) else { return nil }
        // Somebody else may have read it meanwhile, and more may have been appended.
        let tail = tails[key] ?? read
        tails[key] = tail
        if isEnding { await tail.end() }
        try await tail.refresh()
        return tail
    }

    /// Not on the board's time: to read a long release takes some tenths of a second.
    @concurrent private nonisolated func read(_ key: TailKey) async throws -> ReleaseTail? {
        try ReleaseTail(journal: journal, app: key.app, number: key.number)
    }

    /// One release as the journal has it now; `nil` when there is no such release.
    func release(_ app: String, _ number: Int) async throws -> Release? {
        await refresh()
        if let latest = places[app]?.latest, latest.order.number == number { return latest }
        if let tail = tails[TailKey(app: app, number: number)] {
            try await tail.refresh()
            return await tail.release
        }
        return Release(folding: try journal.events(app: app, number: number))
    }

    /// Releases that nobody has looked at for a while are read again when somebody does.
    private func forgetTails() async {
        for (key, tail) in tails where await !tail.hasViewers {
            if await tail.usedAt < .now - .seconds(60) { tails[key] = nil }
        }
    }

    /// The app's releases in short, the newest first; at most `limit`.
    package func digests(_ app: String, limit: Int = 200) throws -> [ReleaseDigest] {
        guard places[app] != nil else { return [] }
        var digests: [ReleaseDigest] = []
        for number in try journal.numbers(app: app, limit: limit) {
            if let latest = places[app]?.latest, latest.order.number == number {
                digests.append(ReleaseDigest(latest))
            } else if let known = places[app]?.digests[number] {
                digests.append(known)
            } else if let release = Release(folding: try journal.events(app: app, number: number)) {
                let digest = ReleaseDigest(release)
                // One that is newer than what the board has taken in goes on.
                if number < places[app]?.latest?.order.number ?? 0 { places[app]?.digests[number] = digest }
                digests.append(digest)
            }
        }
        return digests
    }
}

/// What a long history is counted from.
package struct ReleaseDigest: Sendable, Hashable {
    package var app: String
    package var number: Int
    package var version: String
    package var isRollback: Bool
    package var state: Release.State
    package var hasBeenLive: Bool
    package var needsRepair: Bool
    package var replacedBy: Int?
    package var requestedBy: String
    package var createdAt: Timestamp
    package var endedAt: Timestamp?
    package var commitTime: Timestamp?
    package var phases: [PhaseSpan]

    init(_ release: Release) {
        app = release.order.app
        number = release.order.number
        version = release.order.version
        isRollback = if case .rollback = release.order.kind { true } else { false }
        state = release.state
        hasBeenLive = release.hasBeenLive
        needsRepair = !release.needRepair.isEmpty
        replacedBy = release.replacedBy
        requestedBy = release.order.requestedBy
        createdAt = release.createdAt
        endedAt = release.endedAt
        commitTime = release.order.commitTime
        phases = release.spans
    }
}

struct AppsAnswer: Codable, Sendable {
    var apps: [AppView]
}
