-- The tables of journals that are in use, word for word as SQLite has them in sqlite_master after all migrations. Tests compare
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
    WHEN NOT EXISTS (SELECT 1 FROM deleted_releases WHERE app = old.app AND number = old.number)
    BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
CREATE INDEX events_that_begin ON events (app, number, at) WHERE sequence = 1;
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
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    sender TEXT NOT NULL,
    key TEXT,
    kind TEXT NOT NULL,
    origin TEXT NOT NULL,
    events TEXT NOT NULL,
    next_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    is_given_up INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX deliveries_are_unique ON deliveries (sender, key) WHERE key IS NOT NULL;
CREATE INDEX deliveries_to_act_on ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE delivery_results (
    delivery INTEGER NOT NULL,
    app TEXT NOT NULL,
    version TEXT NOT NULL,
    state TEXT NOT NULL,
    sentence TEXT NOT NULL,
    number INTEGER,
    PRIMARY KEY (delivery, app, version)
) WITHOUT ROWID;
CREATE INDEX delivery_results_by_version ON delivery_results (app, version);
CREATE TABLE versions (
    app TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL,
    commit_sha TEXT,
    commit_at INTEGER,
    source TEXT,
    ref TEXT,
    url TEXT,
    pushed_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    sender TEXT NOT NULL,
    PRIMARY KEY (app, version, digest)
) WITHOUT ROWID;
CREATE INDEX versions_by_arrival ON versions (app, pushed_at);
CREATE INDEX versions_by_commit ON versions (commit_sha) WHERE commit_sha IS NOT NULL;
CREATE TABLE tag_lists (
    app TEXT NOT NULL PRIMARY KEY,
    listed_at INTEGER NOT NULL
) WITHOUT ROWID;
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
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    destination TEXT NOT NULL,
    kind TEXT NOT NULL,
    app TEXT NOT NULL,
    number INTEGER NOT NULL,
    message TEXT NOT NULL,
    payload TEXT NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    queued_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    tried_at INTEGER,
    answer TEXT,
    external_id TEXT
, lane TEXT NOT NULL DEFAULT '', priority INTEGER NOT NULL DEFAULT 0, not_before INTEGER NOT NULL DEFAULT 0, is_resent INTEGER NOT NULL DEFAULT 0, revision INTEGER NOT NULL DEFAULT 0, begun_until INTEGER);
CREATE UNIQUE INDEX outbox_is_said_once ON outbox (destination, app, number, message);
CREATE INDEX outbox_to_send ON outbox (destination, lane, id) WHERE state = 'pending';
CREATE INDEX outbox_by_destination ON outbox (destination, state, app, tried_at);
CREATE TABLE outbox_cursors (
    destination TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
, since INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE slack_requests (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    request TEXT NOT NULL,
    begun_at INTEGER,
    done_at INTEGER,
    answer TEXT
);
CREATE INDEX slack_requests_to_act_on ON slack_requests (number) WHERE done_at IS NULL;
CREATE TABLE slack_signatures (
    signature TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE slack_workspaces (
    token BLOB NOT NULL PRIMARY KEY,
    team TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE slack_users (
    team TEXT NOT NULL,
    user TEXT NOT NULL,
    token TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (team, user)
) WITHOUT ROWID;
CREATE TABLE slack_links (
    hash BLOB NOT NULL PRIMARY KEY,
    team TEXT NOT NULL,
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE servers (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    process INTEGER NOT NULL,
    url TEXT,
    version TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE claims (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    server TEXT NOT NULL,
    PRIMARY KEY (kind, subject)
) WITHOUT ROWID;
CREATE INDEX claims_by_server ON claims (server);
CREATE TABLE deleted_releases (
    app TEXT NOT NULL,
    number INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL,
    PRIMARY KEY (app, number)
) WITHOUT ROWID;
