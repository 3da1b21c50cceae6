import Foundation
import GRDB
import Journal

/// How it is with the file of a journal, for `viridian journal check`.
package struct SQLiteReport: Sendable, Hashable {
    package var path: String
    /// Of the file and its write-ahead log.
    package var bytes: Int
    /// The newest migration that was applied.
    package var schema: String
    /// What SQLite finds in the file (`PRAGMA integrity_check`), at most a hundred.
    package var problems: [String]

    /// Reads the whole file, without changing it. Blocks its thread.
    package static func read(_ path: String) throws(JournalError) -> SQLiteReport {
        do {
            guard FileManager.default.fileExists(atPath: path) else {
                throw SQLiteSchema.Rejection.unusable("there is no such file")
            }
            try SQLiteSchema.check(path)
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? queue.close() }
            return try queue.read { database in
                let problems = try String.fetchAll(database, sql: "PRAGMA integrity_check(100)")
                let applied = try SQLiteSchema.migrator.appliedIdentifiers(database)
                return SQLiteReport(
                    path: path, bytes: size(path) + size(path + "-wal"),
                    schema: SQLiteSchema.migrations.last { applied.contains($0.name) }?.name ?? "none",
                    problems: problems == ["ok"] ? [] : problems)
            }
        } catch {
            throw JournalError(path: path, error)
        }
    }

    private static func size(_ path: String) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    }
}
