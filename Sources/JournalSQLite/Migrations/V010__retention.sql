-- Releases that are older than what the journal keeps. Times are milliseconds since 1970.

-- A release whose events were deleted, and when the last of them had happened: whoever asks for it is told so.
CREATE TABLE deleted_releases (
    app TEXT NOT NULL,
    number INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL,
    PRIMARY KEY (app, number)
) WITHOUT ROWID;

-- Events go with their whole release only, which is written above first.
DROP TRIGGER events_are_never_removed;
CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
    WHEN NOT EXISTS (SELECT 1 FROM deleted_releases WHERE app = old.app AND number = old.number)
    BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;

-- The releases of an app with their beginnings, without reading the other events.
CREATE INDEX events_that_begin ON events (app, number, at) WHERE sequence = 1;
