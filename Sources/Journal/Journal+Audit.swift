import Foundation
import GRDB
import ReleaseMachine

/// One line of the audit log: who did what, when, from where, why, and what came of it.
package struct AuditEntry: Sendable, Hashable {
    package enum Outcome: String, Sendable, Hashable, CaseIterable {
        case done
        /// The caller had no right to it, or it did not apply.
        case refused
    }

    /// Grows with each entry; 0 for one that is not in the log yet.
    package var id: Int
    package var at: Timestamp
    /// A token's name, or a login name for what was done on the command line.
    package var who: String
    /// The id of the token: its name is not unique. `nil` for what was done on the command line.
    package var token: String?
    /// `deploy`, `rollback`, `promote`, `abort`, `repair`, `token.create`, `sign-in`, …
    package var action: String
    package var app: String?
    package var release: Int?
    /// An address, or the machine on which the command line ran.
    package var origin: String
    package var reason: String?
    package var outcome: Outcome
    package var detail: String?

    package init(
        at: Timestamp,
        who: String,
        token: String? = nil,
        action: String,
        app: String? = nil,
        release: Int? = nil,
        origin: String,
        reason: String? = nil,
        outcome: Outcome = .done,
        detail: String? = nil
    ) {
        id = 0
        self.at = at
        self.who = who
        self.token = token
        self.action = action
        self.app = app
        self.release = release
        self.origin = origin
        self.reason = reason
        self.outcome = outcome
        self.detail = detail
    }

    /// What the log says of an event that is a person's word; `nil` for other events.
    package init?(_ recorded: RecordedEvent, app: String, number: Int, origin: String, token: String? = nil) {
        func entry(_ who: String, _ action: String, _ reason: String?, _ detail: String? = nil) -> AuditEntry {
            AuditEntry(
                at: recorded.at, who: who, token: token, action: action, app: app, release: number, origin: origin,
                reason: reason, detail: detail)
        }
        switch recorded.event {
        case .requested(let order):
            let action = if case .rollback = order.kind { "rollback" } else { "deploy" }
            self = entry(order.requestedBy, action, order.reason, order.version)
        case .promoted(let by): self = entry(by, "promote", nil)
        case .abortRequested(let by, let reason): self = entry(by, "abort", reason)
        default: return nil
        }
    }

    fileprivate init(_ row: Row) {
        id = row["id"]
        at = Timestamp(milliseconds: row["at"])
        who = row["who"]
        token = row["token"]
        action = row["action"]
        app = row["app"]
        release = row["release"]
        origin = row["origin"]
        reason = row["reason"]
        outcome = Outcome(rawValue: row["outcome"]) ?? .done
        detail = row["detail"]
    }

    func insert(_ database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO audit (at, who, token, action, app, release, origin, reason, outcome, detail)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                at.milliseconds, who, token, action, app, release, origin, reason, outcome.rawValue, detail,
            ]
        )
    }
}

extension Journal {
    package func note(_ entry: AuditEntry) throws(JournalError) {
        try write { try entry.insert($0) }
    }

    /// The newest entries first, at most `limit`, older than entry `before`; those of some apps only where `apps` is given, entries
    /// of no app left out then.
    package func audit(limit: Int, before: Int? = nil, apps: [String]? = nil) throws(JournalError) -> [AuditEntry] {
        try read { database in
            let before = before ?? Int.max
            guard let apps else {
                return try Row.fetchAll(
                    database,
                    sql: "SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?",
                    arguments: [before, limit]
                ).map { AuditEntry($0) }
            }
            let marks = apps.map { _ in "?" }.joined(separator: ", ")
            return try Row.fetchAll(
                database,
                sql: "SELECT * FROM audit WHERE id < ? AND app IN (\(marks)) ORDER BY id DESC LIMIT ?",
                arguments: StatementArguments([before]) + StatementArguments(apps) + StatementArguments([limit])
            ).map { AuditEntry($0) }
        }
    }
}

/// A request that a caller gave a key, so that sending it again does nothing again.
package struct KeyedRequest: Sendable, Hashable {
    /// Whose key it is: two callers may choose the same.
    package var owner: String
    package var key: String
    /// Of what was asked for: the same key with something else is a mistake.
    package var hash: [UInt8]

    package init(owner: String, key: String, hash: [UInt8]) {
        self.owner = owner
        self.key = key
        self.hash = hash
    }

    func insert(_ database: Database, app: String, number: Int, at: Timestamp) throws {
        try database.execute(
            sql: "INSERT INTO requests (owner, key, hash, app, number, at) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [owner, key, Data(hash), app, number, at.milliseconds]
        )
    }
}

extension Journal {
    /// The release that a request with this key started, and the hash of what it asked for.
    package func answered(owner: String, key: String) throws(JournalError) -> (app: String, number: Int, hash: [UInt8])?
    {
        try read { database in
            try Row.fetchOne(
                database,
                sql: "SELECT app, number, hash FROM requests WHERE owner = ? AND key = ?",
                arguments: [owner, key]
            ).map { row in
                let hash: Data = row["hash"]
                return (row["app"], row["number"], Array(hash))
            }
        }
    }

    /// Notes what a key stands for where its request started nothing of its own: an interrupted release was taken up.
    package func note(_ request: KeyedRequest, app: String, number: Int, at: Timestamp) throws(JournalError) {
        try write { try request.insert($0, app: app, number: number, at: at) }
    }

    /// Forgets keys that are older than anybody's patience with a request.
    package func forgetRequests(before: Timestamp) throws(JournalError) {
        try write { try $0.execute(sql: "DELETE FROM requests WHERE at < ?", arguments: [before.milliseconds]) }
    }
}

/// Where a person's words come from, and the key that was given to the request that brought them.
package struct Provenance: Sendable, Hashable {
    package var origin: String
    /// The id of the token that brought them, where one did.
    package var token: String?
    package var request: KeyedRequest?

    package init(origin: String, token: String? = nil, request: KeyedRequest? = nil) {
        self.origin = origin
        self.token = token
        self.request = request
    }
}
