-- Several servers on one journal, as in Sources/JournalSQLite/Migrations/V009__servers.sql.

CREATE TABLE servers (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    host TEXT COLLATE "C" NOT NULL,
    process BIGINT NOT NULL,
    url TEXT COLLATE "C",
    version TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

CREATE TABLE claims (
    kind TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    server TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX claims_by_server ON claims (server);
