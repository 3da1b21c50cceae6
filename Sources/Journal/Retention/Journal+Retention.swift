import ReleaseMachine

/// What `JournalPruning` finds and deletes.
extension Journal {
    /// The release whose events were deleted because of their age; `nil`: this one's were not.
    package func deletedRelease(app: String, number: Int) async throws(JournalError) -> DeletedRelease? {
        try await read { database in
            try database.row(
                sql: "SELECT ended_at, deleted_at FROM deleted_releases WHERE app = ? AND number = ?",
                arguments: [app, number]
            ).map { row in
                DeletedRelease(
                    app: app, number: number, endedAt: Timestamp(milliseconds: row["ended_at"]),
                    deletedAt: Timestamp(milliseconds: row["deleted_at"]))
            }
        }
    }

    // MARK: - Releases

    /// The apps that have more releases than that, and some that began before `start`.
    func apps(withReleasesBefore start: Timestamp, moreThan count: Int) async throws(JournalError) -> [String] {
        try await read {
            try $0.values(
                String.self,
                sql: """
                    SELECT app FROM events WHERE sequence = 1
                    GROUP BY app HAVING count(*) > ? AND min(at) < ? ORDER BY app
                    """,
                arguments: [count, start.milliseconds])
        }
    }

    /// The numbers of an app's releases that began before `start`, without its `count` newest ones; the oldest first.
    func numbers(of app: String, begunBefore start: Timestamp, olderThan count: Int) async throws(JournalError) -> [Int]
    {
        try await read {
            try $0.values(
                Int.self,
                sql: """
                    SELECT number FROM events WHERE app = ? AND sequence = 1 AND at < ? AND number <
                        (SELECT min(number) FROM
                            (SELECT number FROM events WHERE app = ? AND sequence = 1 ORDER BY number DESC LIMIT ?) AS newest)
                    ORDER BY number
                    """,
                arguments: [app, start.milliseconds, app, count])
        }
    }

    /// The numbers of an app's releases about which something is to be told still: whatever tells it may read their events.
    func releasesWithPendingMessages(of app: String) async throws(JournalError) -> [Int] {
        try await read {
            try $0.values(
                Int.self, sql: "SELECT DISTINCT number FROM outbox WHERE state = 'pending' AND app = ?",
                arguments: [app])
        }
    }

    /// Deletes releases in one transaction. One to which something has happened since is left, and the newest of the app.
    func delete(_ releases: [EndedRelease], of app: String, at now: Timestamp) async throws(JournalError)
        -> DeletedRecords
    {
        try await write { database in
            var deleted = DeletedRecords()
            for release in releases {
                let newest = try database.value(
                    Int.self, sql: "SELECT max(sequence) FROM events WHERE app = ? AND number = ?",
                    arguments: [app, release.number])
                let isNewest = try database.value(
                    Int.self, sql: "SELECT 1 FROM heads WHERE app = ? AND number <= ?",
                    arguments: [app, release.number])
                guard newest == release.events, isNewest == nil else { continue }
                try database.execute(
                    sql: "INSERT INTO deleted_releases (app, number, ended_at, deleted_at) VALUES (?, ?, ?, ?)",
                    arguments: [app, release.number, release.endedAt.milliseconds, now.milliseconds])
                deleted.events += try database.execute(
                    sql: "DELETE FROM events WHERE app = ? AND number = ?", arguments: [app, release.number])
                deleted.releases += 1
                deleted.apps = [app]
            }
            return deleted
        }
    }

    // MARK: - Versions

    /// The apps of which versions are known that were last pushed before `start`.
    func apps(withVersionsBefore start: Timestamp) async throws(JournalError) -> [String] {
        try await read {
            try $0.values(
                String.self,
                sql: "SELECT DISTINCT app FROM versions WHERE pushed_at < ? AND seen_at < ? ORDER BY app",
                arguments: [start.milliseconds, start.milliseconds])
        }
    }

    /// The app's versions that were last pushed before `start`.
    func versions(of app: String, before start: Timestamp) async throws(JournalError) -> [KnownVersion] {
        try await read { database in
            try database.rows(
                sql: """
                    SELECT version, digest, (SELECT count(*) FROM versions AS newer
                        WHERE newer.app = versions.app AND newer.version = versions.version
                            AND newer.digest <> versions.digest AND newer.seen_at >= versions.seen_at) AS newer
                    FROM versions WHERE app = ? AND pushed_at < ? AND seen_at < ?
                    """,
                arguments: [app, start.milliseconds, start.milliseconds]
            ).map { KnownVersion(version: $0["version"], digest: $0["digest"], newerImages: $0["newer"]) }
        }
    }

    /// What each of the app's releases was to do, in the order of their numbers.
    func orders(of app: String) async throws(JournalError) -> [Order] {
        try await read { database in
            try database.rows(
                sql: """
                    SELECT events.sequence, events.at, events.event
                    FROM (SELECT app, number FROM events WHERE app = ? AND sequence = 1) AS begun
                    JOIN events ON events.app = begun.app AND events.number = begun.number AND events.sequence = 1
                    ORDER BY begun.number
                    """,
                arguments: [app]
            ).compactMap { try Release(JournalJSON.event($0))?.order }
        }
    }

    /// Deletes versions that were last pushed before `start`. Where they were all that was known of a tag, the registry's next list of the
    /// app's tags is a first one again: nothing in it has just been pushed.
    /// - Returns: how many.
    func delete(_ versions: [KnownVersion], of app: String, before start: Timestamp) async throws(JournalError) -> Int {
        try await write { database in
            var count = 0
            for version in versions {
                count += try database.execute(
                    sql: """
                        DELETE FROM versions WHERE app = ? AND version = ? AND digest = ? AND pushed_at < ? AND seen_at < ?
                        """,
                    arguments: [app, version.version, version.digest, start.milliseconds, start.milliseconds])
            }
            let last = versions.filter { $0.newerImages == 0 }.map(\.version)
            if !last.isEmpty { try database.execute(sql: "DELETE FROM tag_lists WHERE app = ?", arguments: [app]) }
            return count
        }
    }

    // MARK: - Locks

    /// Deletes locks that ended before `start`, by themselves or because somebody ended them.
    /// - Returns: how many, or how many there are.
    func deleteLocks(endedBefore start: Timestamp, isDryRun: Bool) async throws(JournalError) -> Int {
        let old = "(ended_at < ? OR ended_at IS NULL AND until < ?)"
        let arguments: StatementArguments = [start.milliseconds, start.milliseconds]
        let count = try await read {
            try $0.value(Int.self, sql: "SELECT count(*) FROM locks WHERE \(old)", arguments: arguments) ?? 0
        }
        guard !isDryRun, count > 0 else { return count }
        return try await write { try $0.execute(sql: "DELETE FROM locks WHERE \(old)", arguments: arguments) }
    }
}
