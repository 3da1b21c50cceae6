import Foundation
import ReleaseMachine

/// A person who is signed in to the pages with a token. Only the hash of the cookie is stored.
package struct SessionRecord: Sendable, Hashable {
    package var token: String
    /// Every form of the pages has to send it: another site cannot, because it does not know it.
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
    package func add(_ session: SessionRecord, hash: [UInt8]) async throws(JournalError) {
        try await write { database in
            try database.execute(
                sql: "INSERT INTO sessions (hash, token, csrf, created_at, seen_at) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    Data(hash), session.token, session.csrf, session.createdAt.milliseconds,
                    session.seenAt.milliseconds,
                ]
            )
        }
    }

    package func session(hash: [UInt8]) async throws(JournalError) -> SessionRecord? {
        try await read { database in
            try database.row(sql: "SELECT * FROM sessions WHERE hash = ?", arguments: [Data(hash)]).map {
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

    package func noteVisit(ofSession hash: [UInt8], at: Timestamp) async throws(JournalError) {
        try await write { database in
            try database.execute(
                sql: "UPDATE sessions SET seen_at = ? WHERE hash = ?", arguments: [at.milliseconds, Data(hash)])
        }
    }

    package func endSession(hash: [UInt8]) async throws(JournalError) {
        try await write { try $0.execute(sql: "DELETE FROM sessions WHERE hash = ?", arguments: [Data(hash)]) }
    }

    /// Deletes sessions that were last seen, or began, before the given times.
    package func forgetSessions(notSeenSince: Timestamp, begunBefore: Timestamp) async throws(JournalError) {
        try await write { database in
            try database.execute(
                sql: "DELETE FROM sessions WHERE seen_at < ? OR created_at < ?",
                arguments: [notSeenSince.milliseconds, begunBefore.milliseconds]
            )
        }
    }
}
