import Foundation
import ReleaseMachine

/// An entry of the audit log: who did what, when, from where, why, and whether it was done.
package struct AuditEntry: Sendable, Hashable {
    package enum Outcome: String, Sendable, Hashable, CaseIterable {
        case done
        /// The caller was not allowed to, or it did not apply.
        case refused
    }

    /// Higher for each new entry; 0 for one that is not in the log yet.
    package var id: Int
    package var at: Timestamp
    /// The name of the token, or the login name on the command line.
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

    /// The entry for an event that a person caused; `nil` for other events.
    /// With `alias` the person is known by another name elsewhere: `Slack U024BE7LH`.
    package init?(
        _ recorded: RecordedEvent, app: String, number: Int, origin: String, token: String? = nil, alias: String? = nil
    ) {
        func entry(_ who: String, _ action: String, _ reason: String?, _ detail: String? = nil) -> AuditEntry {
            AuditEntry(
                at: recorded.at, who: alias.map { "\(who) (\($0))" } ?? who, token: token, action: action, app: app,
                release: number, origin: origin,
                reason: reason, detail: detail)
        }
        switch recorded.event {
        case .requested(let order):
            let action = order.isRollback ? "rollback" : "deploy"
            let override = order.overrode.map { ", in spite of: \($0)" } ?? ""
            self = entry(order.requestedBy, action, order.reason, order.version + override)
        case .promoted(let by): self = entry(by, "promote", nil)
        case .approved(let by): self = entry(by, "approve", nil)
        case .promotionForced(let by, let reason):
            self = entry(by, "promote", reason, "without the approvals that it needed")
        case .abortRequested(let by, let reason): self = entry(by, "abort", reason)
        case .supersedeRequested(let version, let by): self = entry(by, "supersede", nil, "for \(version)")
        case .lossAccepted(let by, let reason, _, _): self = entry(by, "journal.accept", reason)
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

    func insert(_ database: any DatabaseConnection) throws {
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
    package func note(_ entry: AuditEntry) async throws(JournalError) {
        try await write { try entry.insert($0) }
    }

    /// The newest entries first, at most `limit`, older than entry `before`. With `apps`, only entries of these apps.
    package func audit(limit: Int, before: Int? = nil, apps: [String]? = nil) async throws(JournalError) -> [AuditEntry]
    {
        try await read { database in
            let before = before ?? Int.max
            guard let apps else {
                return try database.rows(
                    sql: "SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?",
                    arguments: [before, limit]
                ).map { AuditEntry($0) }
            }
            return try database.rows(
                sql: "SELECT * FROM audit WHERE id < ? AND \(condition("app", isAnyOf: apps)) ORDER BY id DESC LIMIT ?",
                arguments: StatementArguments([before]) + StatementArguments(apps) + StatementArguments([limit])
            ).map { AuditEntry($0) }
        }
    }
}
