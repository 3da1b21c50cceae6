import Foundation
import ReleaseMachine

/// A request from Slack, written down before it is acknowledged.
package struct WrittenSlackRequest: Sendable, Hashable {
    /// Tells a repeated request apart: its signature; in Socket Mode what Slack says that the person did, or the id of its envelope.
    package var id: String
    /// When it came.
    package var at: Timestamp
    /// When Slack sent it, from which its age counts; not later than `at`.
    package var sentAt: Timestamp
    /// JSON (`SlackRequest`).
    package var request: String
    /// Something was begun for it that must not be done twice.
    package var isBegun = false

    package init(id: String, at: Timestamp, sentAt: Timestamp? = nil, request: String) {
        self.id = id
        self.at = at
        self.sentAt = min(sentAt ?? at, at)
        self.request = request
    }
}

/// What became of writing a request down.
package enum SlackWriting: Sendable, Hashable {
    case written
    /// What it asks for was written before: nothing was changed, except that the signature is known now.
    case repeated
    /// Its signature was written before: nothing was changed.
    case replayed
}

extension Journal {
    /// Writes a request down, with its signature if it has one.
    package func add(_ request: WrittenSlackRequest, signature: String? = nil) async throws(JournalError)
        -> SlackWriting
    {
        try await write { database in
            if let signature, try !Self.add(signature, at: request.at, database) { return .replayed }
            let changed = try database.execute(
                sql: """
                    INSERT INTO slack_requests (id, at, sent_at, request) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
                    """,
                arguments: [request.id, request.at.milliseconds, request.sentAt.milliseconds, request.request])
            return changed > 0 ? .written : .repeated
        }
    }

    /// Writes down the signature of a request that is dropped, so that it is good for nothing any more.
    /// - Returns: false when it was written before.
    package func add(slackSignature signature: String, at: Timestamp) async throws(JournalError) -> Bool {
        try await write { database in try Self.add(signature, at: at, database) }
    }

    private static func add(_ signature: String, at: Timestamp, _ database: any DatabaseConnection) throws -> Bool {
        let changed = try database.execute(
            sql: "INSERT INTO slack_signatures (signature, at) VALUES (?, ?) ON CONFLICT (signature) DO NOTHING",
            arguments: [signature, at.milliseconds])
        return changed > 0
    }

    package func hasSlackRequest(_ id: String) async throws(JournalError) -> Bool {
        try await read { database in
            try database.value(
                Bool.self, sql: "SELECT EXISTS (SELECT 1 FROM slack_requests WHERE id = ?)", arguments: [id]) ?? false
        }
    }

    package func hasSlackSignature(_ signature: String) async throws(JournalError) -> Bool {
        try await read { database in
            try database.value(
                Bool.self, sql: "SELECT EXISTS (SELECT 1 FROM slack_signatures WHERE signature = ?)",
                arguments: [signature]) ?? false
        }
    }

    /// What has not been acted on, in the order in which it was written.
    package func slackRequestsToActOn(limit: Int) async throws(JournalError) -> [WrittenSlackRequest] {
        try await read { database in
            try database.rows(
                sql: """
                    SELECT id, at, sent_at, request, begun_at FROM slack_requests
                    WHERE done_at IS NULL ORDER BY number LIMIT ?
                    """,
                arguments: [limit]
            ).map { WrittenSlackRequest($0) }
        }
    }

    /// What has not been acted on, in the same order, claimed for a server: no other server acts on it until it is finished, or this one is
    /// gone.
    package func claimSlackRequests(for server: String, limit: Int) async throws(JournalError) -> [WrittenSlackRequest]
    {
        let open: @Sendable (any DatabaseConnection) throws -> [WrittenSlackRequest] = { database in
            let gone = try goneSince(database)
            return try database.rows(
                sql: """
                    SELECT id, at, sent_at, request, begun_at FROM slack_requests
                    WHERE done_at IS NULL AND \(Claim.isFree("slack_requests.id")) ORDER BY number LIMIT ?
                    """,
                arguments: Claim.isFreeArguments(.slackRequest, server, goneSince: gone) + [limit]
            ).map { WrittenSlackRequest($0) }
        }
        let isClaimed: @Sendable (any DatabaseConnection, WrittenSlackRequest) throws -> Bool = { database, request in
            try Claim(.slackRequest, request.id).holder(database) == server
        }
        let known = try await read { database in
            let requests = try open(database)
            return try (requests, requests.allSatisfy { try isClaimed(database, $0) })
        }
        if known.1 { return known.0 }
        return try await write { database in
            let requests = try open(database)
            for request in requests where try !isClaimed(database, request) {
                try Claim(.slackRequest, request.id).insert(for: server, database)
            }
            return requests
        }
    }

    /// Something is about to be done for a request that must not be done twice.
    /// - Returns: false when it was begun before, by whichever process.
    package func begin(slackRequest id: String, at: Timestamp) async throws(JournalError) -> Bool {
        try await write { database in
            let changed = try database.execute(
                sql: """
                    UPDATE slack_requests SET begun_at = ? WHERE id = ? AND begun_at IS NULL AND done_at IS NULL
                    """,
                arguments: [at.milliseconds, id])
            return changed > 0
        }
    }

    /// A request has been acted on. `answer` is what the person was told.
    package func finish(slackRequest id: String, answer: String?, at: Timestamp) async throws(JournalError) {
        try await write { database in
            try database.execute(
                sql: "UPDATE slack_requests SET done_at = ?, answer = ? WHERE id = ?",
                arguments: [at.milliseconds, answer, id])
            try Claim(.slackRequest, id).end(database)
        }
    }

    /// Deletes requests that were acted on, signatures, and links that were not used.
    package func forgetSlackRequests(before: Timestamp, linksBefore: Timestamp) async throws(JournalError) {
        try await write { database in
            try database.execute(
                sql: "DELETE FROM slack_requests WHERE at < ? AND done_at IS NOT NULL",
                arguments: [before.milliseconds])
            try database.execute(
                sql: "DELETE FROM slack_signatures WHERE at < ?", arguments: [before.milliseconds])
            try database.execute(
                sql: "DELETE FROM slack_links WHERE at < ?", arguments: [linksBefore.milliseconds])
        }
    }
}

extension WrittenSlackRequest {
    fileprivate init(_ row: Row) {
        self.init(
            id: row["id"], at: Timestamp(milliseconds: row["at"]), sentAt: Timestamp(milliseconds: row["sent_at"]),
            request: row["request"])
        isBegun = (row["begun_at"] as Int?) != nil
    }
}
