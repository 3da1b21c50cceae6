import Foundation
import GRDB
import Testing

@testable import Journal
@testable import JournalSQLite

@Suite("The journal's tables are those of journals in use")
struct SchemaTests {
    /// What journals in use have recorded as applied.
    private let released = [
        "1: events", "2: heads", "3: access", "4: tokens in the audit log", "5: deliveries", "6: queue and locks",
        "7: outbox", "8: Slack", "9: servers", "10: retention",
    ]

    private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func text(_ path: String) throws -> String {
        try String(contentsOf: SchemaTests.repository.appending(path: path), encoding: .utf8)
    }

    /// The statements that made what is in the file, without those of SQLite and GRDB.
    private func statements(_ folder: Folder) throws -> [String] {
        let queue = try DatabaseQueue(path: folder.journal)
        defer { try? queue.close() }
        return try queue.read { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT sql FROM sqlite_master
                    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> 'grdb_migrations'
                    ORDER BY type, name
                    """
            )
        }
    }

    /// A journal as earlier builds made it, closed.
    private func makeReleased(in folder: Folder) throws {
        let queue = try DatabaseQueue(path: folder.journal)
        try queue.write { database in
            try database.execute(sql: "PRAGMA application_id = \(SQLiteSchema.applicationID)")
            try database.execute(sql: try text("Tests/Journals/schema.sql"))
            try database.execute(sql: "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
            for name in released {
                try database.execute(sql: "INSERT INTO grdb_migrations VALUES (?)", arguments: [name])
            }
        }
        try queue.close()
    }

    @Test("a new journal has them, word for word")
    func new() async throws {
        let (new, used) = (try Folder(), try Folder())
        try await Journal(path: new.journal).add(1)
        try makeReleased(in: used)
        let expected = try statements(used)
        #expect(expected.count == 41)
        #expect(try statements(new) == expected)
    }

    @Test("a journal in use opens as it is: nothing is migrated, and it takes events")
    func used() async throws {
        let folder = try Folder()
        try makeReleased(in: folder)
        let before = try statements(folder)
        let journal = try Journal(path: folder.journal)
        try await journal.add(1, lines: 2)
        #expect(try await journal.events(app: "blog", number: 1).count == 3)
        #expect(try await journal.heads().map(\.sequence) == [3])
        let applied = try await journal.pool.read {
            try String.fetchAll($0, sql: "SELECT identifier FROM grdb_migrations ORDER BY rowid")
        }
        #expect(applied == released)
        #expect(try statements(folder) == before)
    }

    @Test("migrations that were released keep their names")
    func names() {
        #expect(Array(SQLiteSchema.migrations.map(\.name).prefix(released.count)) == released)
    }

    @Test("every file of a migration is applied, in the order of the files' names")
    func files() async throws {
        let folder = SchemaTests.repository.appending(path: "Sources/JournalSQLite/Migrations")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".sql") }
        let texts = try files.sorted().map { try text("Sources/JournalSQLite/Migrations/\($0)") }
        #expect(SQLiteSchema.migrations.map { String(decoding: $0.sql, as: UTF8.self) } == texts)
    }
}
