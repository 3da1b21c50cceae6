import Foundation
import ReleaseMachine

/// What a token allows; each role includes the one before it.
package enum Role: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// Reads.
    case viewer
    /// Starts, promotes, aborts and rolls back releases; repairs.
    case deployer
    /// Creates and revokes tokens.
    case admin

    private var rank: Int { Role.allCases.firstIndex(of: self) ?? 0 }
    package static func < (one: Role, other: Role) -> Bool { one.rank < other.rank }
}

/// An access token, without the token itself: only its hash is stored.
package struct TokenRecord: Sendable, Hashable {
    package var id: String
    package var name: String
    package var role: Role
    /// The apps that it is limited to; `nil` is all apps.
    package var apps: [String]?
    package var createdAt: Timestamp
    package var createdBy: String
    package var expiresAt: Timestamp?
    package var usedAt: Timestamp?
    package var revokedAt: Timestamp?

    package init(
        id: String,
        name: String,
        role: Role,
        apps: [String]? = nil,
        createdAt: Timestamp,
        createdBy: String,
        expiresAt: Timestamp? = nil
    ) {
        self.id = id
        self.name = name
        self.role = role
        self.apps = apps
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.expiresAt = expiresAt
    }

    package func isGood(at now: Timestamp) -> Bool {
        revokedAt == nil && expiresAt.map { now < $0 } ?? true
    }

    fileprivate init(_ row: Row) {
        func time(_ column: String) -> Timestamp? {
            let value: Int64? = row[column]
            return value.map { Timestamp(milliseconds: $0) }
        }
        id = row["id"]
        name = row["name"]
        // A role that only a later version knows.
        role = Role(rawValue: row["role"]) ?? .viewer
        let apps: String? = row["apps"]
        self.apps = apps.map { $0.split(separator: ",").map(String.init) }
        createdAt = Timestamp(milliseconds: row["created_at"])
        createdBy = row["created_by"]
        expiresAt = time("expires_at")
        usedAt = time("used_at")
        revokedAt = time("revoked_at")
    }
}

extension Journal {
    /// Stores a new token by its hash, with its entry in the audit log.
    package func add(_ token: TokenRecord, hash: [UInt8], audit: AuditEntry) async throws(JournalError) {
        try await write { database in
            try database.execute(
                sql: """
                    INSERT INTO tokens (id, hash, name, role, apps, created_at, created_by, expires_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    token.id, Data(hash), token.name, token.role.rawValue, token.apps?.joined(separator: ","),
                    token.createdAt.milliseconds, token.createdBy, token.expiresAt?.milliseconds,
                ]
            )
            try audit.insert(database)
        }
    }

    package func token(hash: [UInt8]) async throws(JournalError) -> TokenRecord? {
        try await read { database in
            try database.row(sql: "SELECT * FROM tokens WHERE hash = ?", arguments: [Data(hash)])
                .map { TokenRecord($0) }
        }
    }

    package func token(id: String) async throws(JournalError) -> TokenRecord? {
        try await read { database in
            try database.row(sql: "SELECT * FROM tokens WHERE id = ?", arguments: [id]).map {
                TokenRecord($0)
            }
        }
    }

    /// All tokens, expired and revoked ones too, newest first.
    package func tokens() async throws(JournalError) -> [TokenRecord] {
        try await read { database in
            try database.rows(sql: "SELECT * FROM tokens ORDER BY created_at DESC, id").map { TokenRecord($0) }
        }
    }

    /// Revokes a token, ends the sessions that were opened with it, and disconnects the people in Slack who had its rights.
    /// - Returns: false when there is no such token, or it was revoked before.
    package func revokeToken(id: String, at: Timestamp, audit: AuditEntry) async throws(JournalError) -> Bool {
        try await write { database in
            let changed = try database.execute(
                sql: "UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                arguments: [at.milliseconds, id]
            )
            guard changed > 0 else { return false }
            try database.execute(sql: "DELETE FROM sessions WHERE token = ?", arguments: [id])
            try database.execute(sql: "DELETE FROM slack_users WHERE token = ?", arguments: [id])
            try audit.insert(database)
            return true
        }
    }

    package func noteUse(ofToken id: String, at: Timestamp) async throws(JournalError) {
        try await write { database in
            try database.execute(
                sql: "UPDATE tokens SET used_at = ? WHERE id = ? AND coalesce(used_at, 0) < ?",
                arguments: [at.milliseconds, id, at.milliseconds]
            )
        }
    }
}
