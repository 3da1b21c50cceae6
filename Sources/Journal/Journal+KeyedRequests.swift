import Foundation
import ReleaseMachine

/// A request with an Idempotency-Key: it is done once, however often it is sent.
package struct KeyedRequest: Sendable, Hashable {
    /// The id of the token: two callers may choose the same key.
    package var owner: String
    package var key: String
    /// Of what was asked for: the same key with another body is a mistake.
    package var hash: [UInt8]

    package init(owner: String, key: String, hash: [UInt8]) {
        self.owner = owner
        self.key = key
        self.hash = hash
    }

    func insert(_ database: any DatabaseConnection, app: String, number: Int, at: Timestamp) throws {
        try database.execute(
            sql: "INSERT INTO requests (owner, key, hash, app, number, at) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [owner, key, Data(hash), app, number, at.milliseconds]
        )
    }
}

extension Journal {
    /// The release that a request with this key started, and the hash of what was asked for.
    package func answered(owner: String, key: String) async throws(JournalError) -> (
        app: String, number: Int, hash: [UInt8]
    )? {
        try await read { database in
            try database.row(
                sql: "SELECT app, number, hash FROM requests WHERE owner = ? AND key = ?",
                arguments: [owner, key]
            ).map { row in
                let hash: Data = row["hash"]
                return (row["app"], row["number"], Array(hash))
            }
        }
    }

    /// Stores the release for a key whose request started none of its own: it took up an interrupted one.
    package func note(_ request: KeyedRequest, app: String, number: Int, at: Timestamp) async throws(JournalError) {
        try await write { try request.insert($0, app: app, number: number, at: at) }
    }

    /// Deletes keys that are so old that nobody sends their request again.
    package func forgetRequests(before: Timestamp) async throws(JournalError) {
        try await write { try $0.execute(sql: "DELETE FROM requests WHERE at < ?", arguments: [before.milliseconds]) }
    }
}

/// Where a request comes from, and its Idempotency-Key.
package struct RequestOrigin: Sendable, Hashable {
    package var origin: String
    /// The id of the token; `nil` for the command line.
    package var token: String?
    package var request: KeyedRequest?
    /// The entry of the queue that is released.
    package var entry: String?
    /// Where the audit log's person is known by another name: `Slack U024BE7LH`.
    package var alias: String?

    package init(
        origin: String, token: String? = nil, request: KeyedRequest? = nil, entry: String? = nil, alias: String? = nil
    ) {
        self.alias = alias
        self.origin = origin
        self.token = token
        self.request = request
        self.entry = entry
    }

    /// A person's name for the audit log: `mike (Slack U024BE7LH)`.
    package func auditName(_ name: String) -> String { alias.map { "\(name) (\($0))" } ?? name }
}
