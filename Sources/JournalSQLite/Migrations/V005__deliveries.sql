-- What other systems told, and the versions that are known from it. Times are milliseconds since 1970.

-- The inbox: a delivery of a hook is written here before it is answered. `key` is the sender's own id, against repetition; NULL where the
-- sender has none. `events` is JSON (`HookEvent` in Sources/Integrations/Inbound/HookEvent.swift). `next_at` is when the delivery is to be
-- acted on; NULL when everything has been done. Never removed while `next_at` is set. `is_given_up`: what it means could not be found out.
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

-- What became of a delivery for one app. `state` is starting, waiting, started, ignored, refused or failed; `number` is the release that it started or that
-- there was already.
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

-- The versions of each app that can be released. The digest is empty where only the tag is known. `pushed_at` is when the image first arrived
-- under this tag, `seen_at` when the tag was last said to be this image: a tag may be moved, and moved back.
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

-- When the tags of an app's repository were last listed: what the first list has is known, and starts nothing.
CREATE TABLE tag_lists (
    app TEXT NOT NULL PRIMARY KEY,
    listed_at INTEGER NOT NULL
) WITHOUT ROWID;
