import Foundation
import ReleaseMachine

/// A one-time link with which a person in Slack connects themselves to an access token. Only the hash of its code is stored.
package struct SlackLink: Sendable, Hashable {
    package var team: String
    package var user: String
    /// What the person is called in Slack, for people to read only.
    package var name: String
    package var at: Timestamp

    package init(team: String, user: String, name: String, at: Timestamp) {
        self.team = team
        self.user = user
        self.name = name
        self.at = at
    }

    fileprivate init(_ row: Row) {
        self.init(
            team: row["team"], user: row["user"], name: row["name"], at: Timestamp(milliseconds: row["at"]))
    }
}

// `user` is in quotes: in PostgreSQL the bare word is the connection's user.
extension Journal {
    /// Stores a link, in place of earlier ones of the same person.
    package func add(_ link: SlackLink, hash: [UInt8]) async throws(JournalError) {
        try await write { database in
            try database.execute(
                sql: "DELETE FROM slack_links WHERE team = ? AND \"user\" = ?", arguments: [link.team, link.user])
            try database.execute(
                sql: "INSERT INTO slack_links (hash, team, \"user\", name, at) VALUES (?, ?, ?, ?, ?)",
                arguments: [Data(hash), link.team, link.user, link.name, link.at.milliseconds])
        }
    }

    /// A link that was made at `since` or later and has not been used.
    package func slackLink(hash: [UInt8], since: Timestamp) async throws(JournalError) -> SlackLink? {
        try await read { database in
            try database.row(
                sql: "SELECT * FROM slack_links WHERE hash = ? AND at >= ?",
                arguments: [Data(hash), since.milliseconds]
            ).map { SlackLink($0) }
        }
    }

    /// Uses a link up: its person has the rights of the token from now on. `audit` is its entry in the audit log.
    /// - Returns: the link; `nil` when there is none any more that was made at `since` or later.
    package func connectSlackUser(
        link hash: [UInt8], since: Timestamp, token: String, at: Timestamp,
        audit: @escaping @Sendable (SlackLink) -> AuditEntry
    ) async throws(JournalError) -> SlackLink? {
        try await write { database in
            let row = try database.row(
                sql: "DELETE FROM slack_links WHERE hash = ? AND at >= ? RETURNING *",
                arguments: [Data(hash), since.milliseconds])
            guard let link = row.map({ SlackLink($0) }) else { return nil }
            try database.execute(
                sql: """
                    INSERT INTO slack_users (team, "user", token, since) VALUES (?, ?, ?, ?)
                    ON CONFLICT (team, "user") DO UPDATE SET token = excluded.token, since = excluded.since
                    """,
                arguments: [link.team, link.user, token, at.milliseconds])
            try audit(link).insert(database)
            return link
        }
    }

    /// The id of the access token that a person in Slack is connected to.
    package func token(ofSlackUser user: String, team: String) async throws(JournalError) -> String? {
        try await read { database in
            try database.value(
                String.self, sql: "SELECT token FROM slack_users WHERE team = ? AND \"user\" = ?",
                arguments: [team, user])
        }
    }

    /// - Returns: false when the person was not connected.
    package func disconnectSlackUser(_ user: String, team: String, audit: AuditEntry) async throws(JournalError) -> Bool
    {
        try await write { database in
            let changed = try database.execute(
                sql: "DELETE FROM slack_users WHERE team = ? AND \"user\" = ?", arguments: [team, user])
            guard changed > 0 else { return false }
            try audit.insert(database)
            return true
        }
    }

    // MARK: - The workspace

    /// The workspace that a bot's token belongs to, by the token's hash; `nil` when Slack has not said it yet.
    package func workspace(ofSlackToken hash: [UInt8]) async throws(JournalError) -> String? {
        try await read { database in
            try database.value(
                String.self, sql: "SELECT team FROM slack_workspaces WHERE token = ?", arguments: [Data(hash)])
        }
    }

    package func note(workspace team: String, ofSlackToken hash: [UInt8]) async throws(JournalError) {
        try await write { database in
            try database.execute(
                sql: """
                    INSERT INTO slack_workspaces (token, team) VALUES (?, ?)
                    ON CONFLICT (token) DO UPDATE SET team = excluded.team
                    """,
                arguments: [Data(hash), team])
        }
    }
}
