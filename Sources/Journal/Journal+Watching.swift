import GRDB
import ReleaseMachine

/// The newest event of an app.
package struct JournalHead: Sendable, Hashable {
    package var app: String
    /// Its newest release, and how many events that has.
    package var number: Int
    package var sequence: Int
    /// Grows with every event of any app, also of an older release.
    package var position: Int
}

extension Journal {
    /// Apps that something happened to after `position`, the first one first.
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

    /// Throws when nothing can be written: no right, no space, or somebody keeps it locked.
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

/// Tells whether a journal was changed, by whichever process, at the price of a few microseconds.
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

    /// Differs from what it was before when another connection has committed something since; SQLite, PRAGMA data_version.
    package func mark() throws(JournalError) -> Int {
        do {
            return try queue.inDatabase { try Int.fetchOne($0, sql: "PRAGMA data_version") ?? 0 }
        } catch {
            throw JournalError(path: path, error)
        }
    }
}
