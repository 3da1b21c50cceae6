import GRDB
import ReleaseMachine

/// The newest event of an app.
package struct JournalHead: Sendable, Hashable {
    package var app: String
    /// Its newest release, and the number of that release's newest event.
    package var number: Int
    package var sequence: Int
    /// Higher after every event of any app, also of an older release.
    package var position: Int
}

extension Journal {
    /// Apps with an event after `position`, in the order of their newest events.
    package func heads(after position: Int = 0) throws(JournalError) -> [JournalHead] {
        try read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT * FROM heads WHERE position > ? ORDER BY position",
                arguments: [position]
            ).map { row in
                JournalHead(
                    app: row["app"],
                    number: row["number"],
                    sequence: row["sequence"],
                    position: row["position"]
                )
            }
        }
    }

    /// The app's newest event; `nil`: it has no release.
    package func head(app: String) throws(JournalError) -> JournalHead? {
        try read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM heads WHERE app = ?", arguments: [app]).map { row in
                JournalHead(
                    app: row["app"], number: row["number"], sequence: row["sequence"], position: row["position"])
            }
        }
    }

    /// Throws when nothing can be written: no permission, no space, or another process keeps the file locked.
    package func checkWritable() throws(JournalError) {
        do {
            try pool.writeWithoutTransaction { database in
                try database.inTransaction(.immediate) { .rollback }
            }
        } catch {
            throw JournalError(path: path, error)
        }
    }
}

/// Tells whether any process has written to a journal since the last call, in a few microseconds.
package struct JournalWatch: Sendable {
    private let path: String
    private let queue: DatabaseQueue

    package init(_ journal: Journal) throws(JournalError) {
        path = journal.path
        do {
            var configuration = GRDB.Configuration()
            configuration.busyMode = .timeout(5)
            queue = try DatabaseQueue(path: journal.path, configuration: configuration)
        } catch {
            throw JournalError(path: journal.path, error)
        }
    }

    /// Differs from the mark before when another connection has committed since (SQLite's PRAGMA data_version).
    package func mark() throws(JournalError) -> Int {
        do {
            return try queue.inDatabase { try Int.fetchOne($0, sql: "PRAGMA data_version") ?? 0 }
        } catch {
            throw JournalError(path: path, error)
        }
    }
}
