import ReleaseMachine

extension Journal {
    /// Adds what is known of a version. What was known stays, and the time of its first arrival. Its tag is this image from
    /// `version.pushedAt` on, unless it is known to have been another one since. A script's call for an image that is known says nothing
    /// about where the tag is.
    package func note(_ version: PushedVersion) async throws(JournalError) {
        try await note([version])
    }

    /// The same for several, in one transaction.
    package func note(_ versions: [PushedVersion]) async throws(JournalError) {
        guard !versions.isEmpty else { return }
        try await write { database in for version in versions { try version.insert(database) } }
    }

    /// The known versions of an app, the newest arrival first, at most `limit`.
    package func versions(app: String, limit: Int) async throws(JournalError) -> [PushedVersion] {
        try await read { database in
            try database.rows(
                sql: "SELECT * FROM versions WHERE app = ? ORDER BY pushed_at DESC, version DESC LIMIT ?",
                arguments: [app, limit]
            ).map { PushedVersion($0) }
        }
    }

    /// A place in the list of an app's versions, which is in the order of their arrival.
    package struct VersionPlace: Sendable, Hashable {
        package var pushedAt: Timestamp
        package var version: String
        package var digest: String?

        package init(pushedAt: Timestamp, version: String, digest: String?) {
            self.pushedAt = pushedAt
            self.version = version
            self.digest = digest
        }

        package init(_ version: PushedVersion) {
            self.init(pushedAt: version.pushedAt, version: version.version, digest: version.digest)
        }
    }

    /// The known versions of an app, the newest arrival first, at most `limit`, after the one at `place`.
    package func versions(app: String, limit: Int, after place: VersionPlace?) async throws(JournalError)
        -> [PushedVersion]
    {
        try await read { database in
            try database.rows(
                sql: """
                    SELECT * FROM versions WHERE app = ? AND (pushed_at, version, digest) < (?, ?, ?)
                    ORDER BY pushed_at DESC, version DESC, digest DESC LIMIT ?
                    """,
                arguments: [
                    app, place?.pushedAt.milliseconds ?? Int64.max, place?.version ?? "", place?.digest ?? "", limit,
                ]
            ).map { PushedVersion($0) }
        }
    }

    /// The tags of an app that are known.
    package func tags(app: String) async throws(JournalError) -> [String] {
        try await read {
            try $0.values(String.self, sql: "SELECT DISTINCT version FROM versions WHERE app = ?", arguments: [app])
        }
    }

    /// The tags of an app that are known to have pointed at several images.
    package func movedTags(app: String) async throws(JournalError) -> [String] {
        try await read {
            try $0.values(
                String.self, sql: "SELECT version FROM versions WHERE app = ? GROUP BY version HAVING count(*) > 1",
                arguments: [app])
        }
    }

    /// The URLs of the source repositories from which an app's known versions were built.
    package func sources(app: String) async throws(JournalError) -> [String] {
        try await read {
            try $0.values(
                String.self, sql: "SELECT DISTINCT source FROM versions WHERE app = ? AND source IS NOT NULL LIMIT 100",
                arguments: [app])
        }
    }

    /// The images that are known by this tag: first the one that was pushed last, also where it was known before.
    package func versions(app: String, tag: String) async throws(JournalError) -> [PushedVersion] {
        try await read { database in
            try database.rows(
                sql:
                    "SELECT * FROM versions WHERE app = ? AND version = ? ORDER BY seen_at DESC, digest DESC LIMIT 20",
                arguments: [app, tag]
            ).map { PushedVersion($0) }
        }
    }

    /// The image that this tag is, as far as is known.
    package func version(app: String, tag: String) async throws(JournalError) -> PushedVersion? {
        try await versions(app: app, tag: tag).first
    }

    /// The versions that were built from a commit, by its SHA or the first characters of it.
    package func versions(app: String, commit: String) async throws(JournalError) -> [PushedVersion] {
        guard !commit.isEmpty, commit.utf8.allSatisfy({ isHexadecimal($0) }) else { return [] }
        return try await read { database in
            try database.rows(
                sql: """
                    SELECT * FROM versions WHERE app = ? AND (commit_sha LIKE ? OR version = ?)
                    ORDER BY pushed_at DESC LIMIT 20
                    """,
                arguments: [app, commit + "%", commit]
            ).map { PushedVersion($0) }
        }
    }

    /// When the tags of the app's repository were last listed; `nil`: never.
    package func tagsListed(app: String) async throws(JournalError) -> Timestamp? {
        try await read {
            try $0.value(Int64.self, sql: "SELECT listed_at FROM tag_lists WHERE app = ?", arguments: [app])
        }.map { Timestamp(milliseconds: $0) }
    }

    package func noteTagsListed(app: String, at: Timestamp) async throws(JournalError) {
        try await write {
            try $0.execute(
                sql: """
                    INSERT INTO tag_lists (app, listed_at) VALUES (?, ?)
                    ON CONFLICT (app) DO UPDATE SET listed_at = excluded.listed_at
                    """,
                arguments: [app, at.milliseconds])
        }
    }
}

private func isHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
}

extension PushedVersion {
    fileprivate init(_ row: Row) {
        let digest: String = row["digest"]
        self.init(
            app: row["app"], version: row["version"], digest: digest.isEmpty ? nil : digest, commit: row["commit_sha"],
            commitTime: (row["commit_at"] as Int64?).map { Timestamp(milliseconds: $0) }, source: row["source"],
            ref: row["ref"], url: row["url"], pushedAt: Timestamp(milliseconds: row["pushed_at"]),
            sender: row["sender"])
    }

    func insert(_ database: any DatabaseConnection) throws {
        if digest != nil {
            // It was known by its tag only.
            try database.execute(
                sql: "DELETE FROM versions WHERE app = ? AND version = ? AND digest = ''", arguments: [app, version])
        }
        try database.execute(
            sql: """
                INSERT INTO versions
                    (app, version, digest, commit_sha, commit_at, source, ref, url, pushed_at, seen_at, sender)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (app, version, digest) DO UPDATE SET
                    commit_sha = coalesce(versions.commit_sha, excluded.commit_sha),
                    commit_at = coalesce(versions.commit_at, excluded.commit_at),
                    source = coalesce(versions.source, excluded.source),
                    ref = coalesce(versions.ref, excluded.ref),
                    url = coalesce(versions.url, excluded.url),
                    pushed_at = CASE WHEN versions.pushed_at < excluded.pushed_at THEN versions.pushed_at ELSE excluded.pushed_at END,
                    seen_at = CASE WHEN excluded.sender = 'deploy' OR versions.seen_at > excluded.seen_at THEN versions.seen_at
                        ELSE excluded.seen_at END
                """,
            arguments: [
                app, version, digest ?? "", commit, commitTime?.milliseconds, source, ref, url, pushedAt.milliseconds,
                pushedAt.milliseconds, sender,
            ])
    }
}
