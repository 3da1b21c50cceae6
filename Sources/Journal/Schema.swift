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
        migrator.registerMigration("2: heads") { try $0.execute(sql: heads) }
        migrator.registerMigration("3: access") { try $0.execute(sql: access) }
        migrator.registerMigration("4: tokens in the audit log") {
            try $0.execute(sql: "ALTER TABLE audit ADD COLUMN token TEXT")
        }
        return migrator
    }

    /// The newest event of each app, kept by the database itself, so that whoever watches the journal need not read all of it.
    /// `position` grows with every event of any app.
    private static let heads = """
        CREATE TABLE heads (
            app TEXT NOT NULL PRIMARY KEY,
            number INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            position INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX heads_by_position ON heads (position);
        INSERT INTO heads
            SELECT app, number, max(sequence), row_number() OVER (ORDER BY app) FROM events AS e
            WHERE number = (SELECT max(number) FROM events WHERE app = e.app) GROUP BY app, number;
        CREATE TRIGGER events_move_heads AFTER INSERT ON events BEGIN
            INSERT INTO heads (app, number, sequence, position)
                VALUES (new.app, new.number, new.sequence, (SELECT coalesce(max(position), 0) + 1 FROM heads))
                ON CONFLICT (app) DO UPDATE SET
                    position = excluded.position,
                    sequence = CASE WHEN excluded.number > number THEN excluded.sequence
                        WHEN excluded.number = number THEN max(sequence, excluded.sequence) ELSE sequence END,
                    number = max(number, excluded.number);
        END;
        """

    /// Who may do what, and who did.
    private static let access = """
        CREATE TABLE tokens (
            id TEXT NOT NULL PRIMARY KEY,
            hash BLOB NOT NULL UNIQUE,
            name TEXT NOT NULL,
            role TEXT NOT NULL,
            apps TEXT,
            created_at INTEGER NOT NULL,
            created_by TEXT NOT NULL,
            expires_at INTEGER,
            used_at INTEGER,
            revoked_at INTEGER
        ) WITHOUT ROWID;
        CREATE TABLE sessions (
            hash BLOB NOT NULL PRIMARY KEY,
            token TEXT NOT NULL,
            csrf TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            seen_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            who TEXT NOT NULL,
            action TEXT NOT NULL,
            app TEXT,
            release INTEGER,
            origin TEXT NOT NULL,
            reason TEXT,
            outcome TEXT NOT NULL,
            detail TEXT
        );
        CREATE INDEX audit_by_app ON audit (app, id);
        CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END;
        CREATE TRIGGER audit_is_never_removed BEFORE DELETE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit log is never shortened'); END;
        CREATE TABLE requests (
            owner TEXT NOT NULL,
            key TEXT NOT NULL,
            hash BLOB NOT NULL,
            app TEXT NOT NULL,
            number INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (owner, key)
        ) WITHOUT ROWID;
        """

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
