-- Several servers on one journal. Times are milliseconds since 1970.

-- Each server writes itself, and renews `seen_at` every few seconds. `url` is NULL where none is configured.
CREATE TABLE servers (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    process INTEGER NOT NULL,
    url TEXT,
    version TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) WITHOUT ROWID;

-- What a server is doing that no other may do at the same time. A claim counts while its server is seen.
CREATE TABLE claims (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    server TEXT NOT NULL,
    PRIMARY KEY (kind, subject)
) WITHOUT ROWID;
CREATE INDEX claims_by_server ON claims (server);
