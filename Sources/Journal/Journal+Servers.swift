import Foundation
import ReleaseMachine

/// A server that uses the journal.
package struct ServerRecord: Sendable, Hashable {
    /// Another one after each start.
    package var id: String
    package var host: String
    /// The number of its process.
    package var process: Int
    /// Where people reach it; `nil` where that is not configured.
    package var url: String?
    package var version: String
    package var startedAt: Timestamp
    /// By the journal's clock.
    package var seenAt: Timestamp
    /// It has not been seen for so long that the others do what it has claimed.
    package var isGone = false

    package init(id: String, host: String, process: Int, url: String?, version: String, startedAt: Timestamp) {
        self.id = id
        self.host = host
        self.process = process
        self.url = url
        self.version = version
        self.startedAt = startedAt
        seenAt = startedAt
    }

    /// Servers seen at `limit` or before are gone.
    fileprivate init(_ row: Row, goneSince limit: Int64) {
        self.init(
            id: row["id"], host: row["host"], process: row["process"], url: row["url"], version: row["version"],
            startedAt: Timestamp(milliseconds: row["started_at"]))
        seenAt = Timestamp(milliseconds: row["seen_at"])
        isGone = seenAt.milliseconds <= limit
    }
}

/// What a server does that no other may do at the same time.
package struct Claim: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case delivery
        case slackRequest = "slack-request"
        case message
        /// Something that one server does for all.
        case duty
    }

    package var kind: Kind
    package var subject: String

    package init(_ kind: Kind, _ subject: String) {
        (self.kind, self.subject) = (kind, subject)
    }

    package init(_ kind: Kind, _ id: Int) { self.init(kind, "\(id)") }
}

extension Journal {
    /// How often a server writes that it is there: two attempts may fail before it counts as gone.
    package static let serverRenewal = Duration.seconds(4)
    /// How long servers that are gone are listed.
    private static let goneServersKept = Duration.seconds(86_400)

    /// Writes that a server is there, and frees what servers have claimed that are gone.
    /// - Returns: whether something was freed.
    @discardableResult
    package func note(_ server: ServerRecord) async throws(JournalError) -> Bool {
        try await write { database in
            let now = try now(database)
            try database.execute(
                sql: """
                    INSERT INTO servers (id, host, process, url, version, started_at, seen_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
                    """,
                arguments: [
                    server.id, server.host, server.process, server.url, server.version,
                    server.startedAt.milliseconds, now,
                ])
            try database.execute(
                sql: "DELETE FROM servers WHERE seen_at < ?",
                arguments: [now - Self.goneServersKept.milliseconds])
            let gone = try database.values(
                String.self,
                sql: """
                    SELECT DISTINCT server FROM claims
                    WHERE NOT EXISTS (SELECT 1 FROM servers WHERE id = claims.server AND seen_at > ?)
                    """,
                arguments: [now - serverLife.milliseconds])
            try Self.free(gone, database)
            return !gone.isEmpty
        }
    }

    /// A server stops: what it has claimed is free.
    package func forget(server id: String) async throws(JournalError) {
        try await write { database in
            try Self.free([id], database)
            try database.execute(sql: "DELETE FROM servers WHERE id = ?", arguments: [id])
        }
    }

    /// No other server is running: what others have claimed is free. Only a journal in one file knows that.
    package func forgetServers(exceptOf id: String) async throws(JournalError) {
        try await write { database in
            let others = try database.values(
                String.self, sql: "SELECT DISTINCT server FROM claims WHERE server <> ?", arguments: [id])
            try Self.free(others, database)
            try database.execute(sql: "DELETE FROM servers WHERE id <> ?", arguments: [id])
        }
    }

    /// The servers that were seen within a day, the longest running first.
    package func servers() async throws(JournalError) -> [ServerRecord] {
        try await read { database in
            let limit = try goneSince(database)
            return try database.rows(sql: "SELECT * FROM servers ORDER BY started_at, id")
                .map { ServerRecord($0, goneSince: limit) }
        }
    }

    /// Claims something for a server, unless another server that is there has claimed it.
    /// - Returns: whether it is this server's now.
    package func claim(_ claim: Claim, for server: String) async throws(JournalError) -> Bool {
        if try await read({ try claim.holder($0) == server }) { return true }
        return try await write { database in
            guard try claim.isFree(for: server, goneSince: goneSince(database), database) else { return false }
            try claim.insert(for: server, database)
            return true
        }
    }

    /// The server that has claimed something, whether it is there or not.
    package func holder(of claim: Claim) async throws(JournalError) -> String? {
        try await read { try claim.holder($0) }
    }

    /// The time in milliseconds, from one clock for all servers: the database server's, where they are on several machines.
    private func now(_ database: any DatabaseConnection) throws -> Int64 {
        guard isShared else { return Int64(Date().timeIntervalSince1970 * 1000) }
        return try database.value(
            Int64.self, sql: "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint") ?? 0
    }

    /// Servers that were not seen since then are gone.
    func goneSince(_ database: any DatabaseConnection) throws -> Int64 {
        try now(database) - serverLife.milliseconds
    }

    /// Messages that a server was sending are due: nobody knows whether they have arrived.
    private static func free(_ servers: [String], _ database: any DatabaseConnection) throws {
        guard !servers.isEmpty else { return }
        let claimed = condition("server", isAnyOf: servers)
        try database.execute(
            sql: """
                UPDATE outbox SET next_at = tried_at, begun_until = NULL
                WHERE state = 'pending' AND begun_until IS NOT NULL AND CAST(id AS TEXT) IN
                    (SELECT subject FROM claims WHERE kind = 'message' AND \(claimed))
                """,
            arguments: StatementArguments(servers))
        try database.execute(sql: "DELETE FROM claims WHERE \(claimed)", arguments: StatementArguments(servers))
    }
}

extension Claim {
    /// That no other server which is there has claimed the row: for a statement whose column `subject` has the subject. Its arguments are
    /// the kind, the server, and since when those are gone that were not seen.
    static func isFree(_ subject: String) -> String {
        """
        NOT EXISTS (
            SELECT 1 FROM claims JOIN servers ON servers.id = claims.server
            WHERE claims.kind = ? AND claims.subject = \(subject) AND claims.server <> ? AND servers.seen_at > ?)
        """
    }

    static func isFreeArguments(_ kind: Kind, _ server: String, goneSince limit: Int64) -> StatementArguments {
        [kind.rawValue, server, limit]
    }

    func holder(_ database: any DatabaseConnection) throws -> String? {
        try database.value(
            String.self, sql: "SELECT server FROM claims WHERE kind = ? AND subject = ?",
            arguments: [kind.rawValue, subject])
    }

    func isFree(for server: String, goneSince limit: Int64, _ database: any DatabaseConnection) throws -> Bool {
        try database.value(
            Bool.self, sql: "SELECT \(Self.isFree("CAST(? AS TEXT)"))",
            arguments: [kind.rawValue, subject, server, limit]) ?? false
    }

    func insert(for server: String, _ database: any DatabaseConnection) throws {
        try database.execute(
            sql: """
                INSERT INTO claims (kind, subject, server) VALUES (?, ?, ?)
                ON CONFLICT (kind, subject) DO UPDATE SET server = excluded.server
                """,
            arguments: [kind.rawValue, subject, server])
    }

    func end(_ database: any DatabaseConnection) throws {
        try database.execute(
            sql: "DELETE FROM claims WHERE kind = ? AND subject = ?", arguments: [kind.rawValue, subject])
    }
}
