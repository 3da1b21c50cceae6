import Foundation
import GRDB
import ReleaseMachine

/// The journal's tables. A migration that has been released is never edited: add another.
enum Schema {
    /// "Viri": tells our files from other SQLite databases.
    static let applicationID: Int64 = 0x5669_7269

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: events") { database in
            try database.execute(
                sql: """
                    CREATE TABLE events (
                        app TEXT NOT NULL,
                        number INTEGER NOT NULL,
                        sequence INTEGER NOT NULL,
                        at INTEGER NOT NULL,
                        event TEXT NOT NULL,
                        PRIMARY KEY (app, number, sequence)
                    ) WITHOUT ROWID;
                    CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
                        BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
                    CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
                        BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
                    """
            )
        }
        return migrator
    }

    static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    static func event(_ row: Row) throws -> RecordedEvent {
        let payload: String = row["event"]
        return RecordedEvent(
            sequence: row["sequence"],
            at: Timestamp(milliseconds: row["at"]),
            event: try JSONDecoder().decode(Event.self, from: Data(payload.utf8))
        )
    }
}
