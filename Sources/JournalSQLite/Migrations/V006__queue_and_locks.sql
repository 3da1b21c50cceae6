-- What waits, and what holds releases. Times are milliseconds since 1970.

-- The newest version of each app that waits to be released: one an app. `version` is JSON (`PushedVersion` in
-- Sources/ReleaseMachine/Admission/PushedVersion.swift). `entry` tells a row from any other that was there for the app. The row goes in the
-- same transaction in which its release begins.
CREATE TABLE queue (
    app TEXT NOT NULL PRIMARY KEY,
    entry TEXT NOT NULL UNIQUE,
    version TEXT NOT NULL,
    delivery INTEGER NOT NULL,
    since INTEGER NOT NULL,
    requested_by TEXT NOT NULL,
    requester TEXT NOT NULL,
    reason TEXT,
    waits_for TEXT NOT NULL
) WITHOUT ROWID;

-- Locks on releases; `app` is NULL for all apps. A lock that has ended stays, for the record.
CREATE TABLE locks (
    id TEXT NOT NULL PRIMARY KEY,
    app TEXT,
    reason TEXT NOT NULL,
    locked_by TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER,
    is_automatic INTEGER NOT NULL,
    ended_at INTEGER,
    ended_by TEXT
) WITHOUT ROWID;
CREATE INDEX locks_that_hold ON locks (app) WHERE ended_at IS NULL;
