-- What goes out: messages about releases, for destinations outside. Times are milliseconds since 1970.

-- A message for one destination: said at most once a release, however often it is projected from the events. `message` tells the
-- messages about one release apart (`success`), `payload` is JSON of the message's kind. `state` is pending, delivered, failed or obsolete;
-- `next_at` is when a pending one is tried, `external_id` the receiver's own id of what the message made.
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
);
CREATE UNIQUE INDEX outbox_is_said_once ON outbox (destination, app, number, message);
CREATE INDEX outbox_to_send ON outbox (destination, app, id) WHERE state = 'pending';

-- The position in `heads` up to which the events have been projected for a destination.
CREATE TABLE outbox_cursors (
    destination TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) WITHOUT ROWID;
