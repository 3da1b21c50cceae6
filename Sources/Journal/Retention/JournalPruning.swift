import ReleaseMachine

/// Deletes what is older than what the journal keeps, a few rows a transaction: others write in between.
///
/// It may be run again and again, and then looks only at what has become old since; and by several processes at the same time.
package struct JournalPruning: Sendable {
    package let retention: Retention
    private let journal: Journal
    /// Per app, what is old and stays: releases that have not ended or that a rollback may need, versions of releases that are kept.
    private var keptReleases: [String: Set<Int>] = [:]
    private var keptVersions: [String: Set<KnownVersion>] = [:]

    /// So many events are deleted in one transaction, or those of one release.
    private static let eventsAtOnce = 500
    private static let rowsAtOnce = 500

    package init(_ retention: Retention, of journal: Journal) {
        self.retention = retention
        self.journal = journal
    }

    /// How far it is with the releases of one app.
    package struct Progress: Sendable, Hashable {
        package enum Step: Sendable { case reading, deleting }

        package var app: String
        package var step: Step
        package var done: Int
        package var all: Int

        package init(app: String, step: Step, done: Int, all: Int) {
            (self.app, self.step, self.done, self.all) = (app, step, done, all)
        }
    }

    /// Deletes everything that is too old. `goesOn` is called after each transaction and may wait; when it returns false, the rest stays for
    /// the next time. With `isDryRun` nothing is deleted, only counted.
    package mutating func run(
        at now: Timestamp, isDryRun: Bool = false, goesOn: () async -> Bool = { true },
        progress: (Progress) -> Void = { _ in }
    ) async throws -> DeletedRecords {
        var deleted = DeletedRecords()
        let start = retention.start(at: now)
        var gone: [String: Set<Int>] = [:]
        for app in try await journal.apps(withReleasesBefore: start, moreThan: Retention.newest) {
            let old = try await oldReleases(of: app, before: start, progress)
            gone[app] = Set(old.map(\.number))
            var done = 0
            for batch in Self.batches(old) {
                deleted += try await isDryRun ? DeletedRecords(batch, app) : journal.delete(batch, of: app, at: now)
                done += batch.count
                if !isDryRun { progress(Progress(app: app, step: .deleting, done: done, all: old.count)) }
                guard await goesOn() else { return deleted }
            }
        }
        for app in try await journal.apps(withVersionsBefore: start) {
            let old = try await oldVersions(of: app, before: start, without: gone[app] ?? [])
            for batch in stride(from: 0, to: old.count, by: Self.rowsAtOnce) {
                let versions = Array(old[batch..<min(batch + Self.rowsAtOnce, old.count)])
                deleted.versions +=
                    try await isDryRun ? versions.count : journal.delete(versions, of: app, before: start)
                guard await goesOn() else { return deleted }
            }
        }
        deleted.locks = try await journal.deleteLocks(endedBefore: start, isDryRun: isDryRun)
        return deleted
    }

    // MARK: - What is too old

    /// The app's releases that are to be deleted, the oldest first.
    private mutating func oldReleases(
        of app: String, before start: Timestamp, _ progress: (Progress) -> Void
    ) async throws -> [EndedRelease] {
        let candidates = try await journal.numbers(of: app, begunBefore: start, olderThan: Retention.newest)
        guard let newest = candidates.last, !Set(candidates).isSubset(of: keptReleases[app] ?? []) else { return [] }
        let kept = try await releasesForRollback(of: app, upTo: newest)
            .union(journal.releasesWithPendingMessages(of: app))
        var old: [EndedRelease] = []
        for (done, number) in candidates.enumerated() where !kept.contains(number) {
            try Task.checkCancellation()
            progress(Progress(app: app, step: .reading, done: done, all: candidates.count))
            guard let release = Release(folding: try await journal.events(app: app, number: number)),
                release.state.hasEnded, release.updatedAt < start
            else { continue }
            old.append(EndedRelease(number: number, events: release.sequence, endedAt: release.updatedAt))
        }
        keptReleases[app] = Set(candidates).subtracting(old.map(\.number))
        if !old.isEmpty { keptVersions[app] = nil }
        return old
    }

    /// Of the app's newest releases that went live, those with numbers up to `newest`.
    private func releasesForRollback(of app: String, upTo newest: Int) async throws -> Set<Int> {
        var live: [Int] = []
        var before: Int?
        while live.count < Retention.newest {
            try Task.checkCancellation()
            let releases = try await journal.releases(app: app, limit: 25, before: before)
            guard let last = releases.last else { break }
            before = last.order.number
            live += releases.filter(\.hasBeenLive).map(\.order.number)
        }
        return Set(live.prefix(Retention.newest).filter { $0 <= newest })
    }

    /// The app's versions that are to be deleted, once the releases `gone` are.
    private mutating func oldVersions(
        of app: String, before start: Timestamp, without gone: Set<Int>
    ) async throws -> [KnownVersion] {
        let candidates = try await journal.versions(of: app, before: start)
        guard !Set(candidates).isSubset(of: keptVersions[app] ?? []) else { return [] }
        let kept = try await journal.orders(of: app).filter { !gone.contains($0.number) }
        let orders = Dictionary(grouping: kept, by: \.version)
        let queued = try await journal.queued(app: app)?.version.version
        let isListed = retention.listedApps.contains(app)
        let old = candidates.filter { version in
            guard version.version != queued, !isListed || version.newerImages > 1 else { return false }
            return !(orders[version.version] ?? []).contains { $0.digest.map(version.isImage) ?? true }
        }
        keptVersions[app] = Set(candidates).subtracting(old)
        return old
    }

    /// The releases in groups for one transaction each.
    private static func batches(_ releases: [EndedRelease]) -> [[EndedRelease]] {
        var batches: [[EndedRelease]] = []
        var events = 0
        for release in releases {
            if batches.isEmpty || events + release.events > eventsAtOnce {
                batches.append([])
                events = 0
            }
            batches[batches.count - 1].append(release)
            events += release.events
        }
        return batches
    }
}

/// A release that has ended.
struct EndedRelease: Sendable, Hashable {
    var number: Int
    /// The number of its last event.
    var events: Int
    /// When that had happened.
    var endedAt: Timestamp
}

/// A version that is known.
struct KnownVersion: Sendable, Hashable {
    var version: String
    /// Empty where only the tag is known.
    var digest: String
    /// So many other images are known that the tag has been since.
    var newerImages: Int

    func isImage(_ other: String) -> Bool { digest.isEmpty || digest == other }
}

extension DeletedRecords {
    fileprivate init(_ releases: [EndedRelease], _ app: String) {
        self.init()
        apps = [app]
        self.releases = releases.count
        events = releases.map(\.events).reduce(0, +)
    }
}
