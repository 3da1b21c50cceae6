import Foundation
import GRDB
import ReleaseMachine

/// What a token lets its bearer do; each role may do what the one before may.
package enum Role: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// Looks.
    case viewer
    /// Releases.
    case deployer
    /// Gives and takes rights.
    case admin

    private var rank: Int { Role.allCases.firstIndex(of: self) ?? 0 }
    package static func < (one: Role, other: Role) -> Bool { one.rank < other.rank }
}

/// An access token without the token: only its hash is kept.
package struct TokenRecord: Sendable, Hashable {
    package var id: String
    package var name: String
    package var role: Role
    /// The apps that it is for; `nil` is all.
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
        // A role that a later version has given is none that this one knows.
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
    /// Keeps a new token by its hash, and tells the audit log.
    package func add(_ token: TokenRecord, hash: [UInt8], act: AuditEntry) throws(JournalError) {
        try write { database in
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
            try act.insert(database)
        }
    }

    package func token(hash: [UInt8]) throws(JournalError) -> TokenRecord? {
        try read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM tokens WHERE hash = ?", arguments: [Data(hash)])
                .map { TokenRecord($0) }
        }
    }

    package func token(id: String) throws(JournalError) -> TokenRecord? {
        try read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM tokens WHERE id = ?", arguments: [id]).map {
                TokenRecord($0)
            }
        }
    }

    /// All tokens, those that are no longer good too, the newest first.
    package func tokens() throws(JournalError) -> [TokenRecord] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM tokens ORDER BY created_at DESC, id").map { TokenRecord($0) }
        }
    }

    /// Ends a token and the sessions that were opened with it.
    /// - Returns: false when there is no such token, or it was revoked before.
    package func revokeToken(id: String, at: Timestamp, act: AuditEntry) throws(JournalError) -> Bool {
        try write { database in
            try database.execute(
                sql: "UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                arguments: [at.milliseconds, id]
            )
            guard database.changesCount > 0 else { return false }
            try database.execute(sql: "DELETE FROM sessions WHERE token = ?", arguments: [id])
            try act.insert(database)
            return true
        }
    }

    package func noteUse(ofToken id: String, at: Timestamp) throws(JournalError) {
        try write { database in
            try database.execute(
                sql: "UPDATE tokens SET used_at = ? WHERE id = ? AND coalesce(used_at, 0) < ?",
                arguments: [at.milliseconds, id, at.milliseconds]
            )
        }
    }
}

/// A person's visit to the pages, opened with a token. Only the hash of its cookie is kept.
package struct SessionRecord: Sendable, Hashable {
    package var token: String
    /// What a form has to bring along, so that another site cannot send it in this person's name.
    package var csrf: String
    package var createdAt: Timestamp
    package var seenAt: Timestamp

    package init(token: String, csrf: String, createdAt: Timestamp, seenAt: Timestamp) {
        self.token = token
        self.csrf = csrf
        self.createdAt = createdAt
        self.seenAt = seenAt
    }
}

extension Journal {
    package func add(_ session: SessionRecord, hash: [UInt8]) throws(JournalError) {
        try write { database in
            try database.execute(
                sql: "INSERT INTO sessions (hash, token, csrf, created_at, seen_at) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    Data(hash), session.token, session.csrf, session.createdAt.milliseconds,
                    session.seenAt.milliseconds,
                ]
            )
        }
    }

    package func session(hash: [UInt8]) throws(JournalError) -> SessionRecord? {
        try read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM sessions WHERE hash = ?", arguments: [Data(hash)]).map {
                row in
                SessionRecord(
                    token: row["token"],
                    csrf: row["csrf"],
                    createdAt: Timestamp(milliseconds: row["created_at"]),
                    seenAt: Timestamp(milliseconds: row["seen_at"])
                )
            }
        }
    }

    package func noteVisit(ofSession hash: [UInt8], at: Timestamp) throws(JournalError) {
        try write { database in
            try database.execute(
                sql: "UPDATE sessions SET seen_at = ? WHERE hash = ?", arguments: [at.milliseconds, Data(hash)])
        }
    }

    package func endSession(hash: [UInt8]) throws(JournalError) {
        try write { try $0.execute(sql: "DELETE FROM sessions WHERE hash = ?", arguments: [Data(hash)]) }
    }

    /// Removes sessions that were not seen since, or began before, the given points.
    package func forgetSessions(notSeenSince: Timestamp, begunBefore: Timestamp) throws(JournalError) {
        try write { database in
            try database.execute(
                sql: "DELETE FROM sessions WHERE seen_at < ? OR created_at < ?",
                arguments: [notSeenSince.milliseconds, begunBefore.milliseconds]
            )
        }
    }
}
