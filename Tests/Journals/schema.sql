-- The tables of journals that are in use, word for word as SQLite has them in sqlite_master after migrations 1 to 4. Tests compare
-- them with what the migrations make. A new migration changes this file too; nothing else may.

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
CREATE TABLE heads (
    app TEXT NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX heads_by_position ON heads (position);
CREATE TRIGGER events_move_heads AFTER INSERT ON events BEGIN
    INSERT INTO heads (app, number, sequence, position)
        VALUES (new.app, new.number, new.sequence, (SELECT coalesce(max(position), 0) + 1 FROM heads))
        ON CONFLICT (app) DO UPDATE SET
            position = excluded.position,
            sequence = CASE WHEN excluded.number > number THEN excluded.sequence
                WHEN excluded.number = number THEN max(sequence, excluded.sequence) ELSE sequence END,
            number = max(number, excluded.number);
END;
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
, token TEXT);
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
