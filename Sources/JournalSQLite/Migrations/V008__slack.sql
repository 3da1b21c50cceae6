-- Messages that replace others and wait for their time, and Slack. Times are milliseconds since 1970.

-- Messages of one lane go out in order, those of different lanes independently; of those that may go, lower priorities first. A message is not
-- sent before `not_before`, and nothing waits for it until then. `is_resent` is 1 once a person asked to send it again. `revision`
-- grows when a later message replaces it. While it is being sent, `begun_until` is when the attempt has ended at the latest.
ALTER TABLE outbox ADD COLUMN lane TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN is_resent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN begun_until INTEGER;
-- Since when there is the destination: of what had ended before, it is not told.
ALTER TABLE outbox_cursors ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET lane = app;
DROP INDEX outbox_to_send;
CREATE INDEX outbox_to_send ON outbox (destination, lane, id) WHERE state = 'pending';
-- How it goes with each destination is counted without reading the messages.
CREATE INDEX outbox_by_destination ON outbox (destination, state, app, tried_at);

-- What people in Slack ask for: a request is written here before it is acknowledged. `id` tells a repeated one apart: Slack's id of what the person
-- did, the signature of a request to the server, or the envelope's id in Socket Mode. It came at `at`, and its age counts from `sent_at`.
-- `request` is JSON (`SlackRequest` in Sources/Integrations/Slack/SlackRequest.swift). `begun_at` is set before something is done that must not be done
-- twice, `done_at` when it has been acted on; `answer` is what the person was told.
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

-- The signatures of requests that came: one that comes again is refused.
CREATE TABLE slack_signatures (
    signature TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) WITHOUT ROWID;

-- The workspace that a bot's token belongs to, which stays the same: after a start it is known without Slack. Only the token's hash is stored.
CREATE TABLE slack_workspaces (
    token BLOB NOT NULL PRIMARY KEY,
    team TEXT NOT NULL
) WITHOUT ROWID;

-- People in Slack who have connected themselves to an access token, whose rights they have.
CREATE TABLE slack_users (
    team TEXT NOT NULL,
    user TEXT NOT NULL,
    token TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (team, user)
) WITHOUT ROWID;

-- One-time links with which they do; only the hash of a link's code is stored.
CREATE TABLE slack_links (
    hash BLOB NOT NULL PRIMARY KEY,
    team TEXT NOT NULL,
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID;
