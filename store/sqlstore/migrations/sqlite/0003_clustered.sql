-- What every sign-in adds stands in as few trees as can be: a WITHOUT ROWID table is its own index by id. The newest sessions of
-- an account and kind are found in the index alone.
CREATE TABLE latchkey_sessions_clustered (
    id               TEXT    NOT NULL PRIMARY KEY,
    user_id          TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    digest           BLOB    NOT NULL,
    methods          TEXT    NOT NULL, -- JSON
    created          BIGINT  NOT NULL,
    authenticated_at BIGINT  NOT NULL,
    last_seen        BIGINT  NOT NULL,
    expires          BIGINT  NOT NULL,
    idle_for         BIGINT  NOT NULL, -- microseconds, 0 for ever
    ends             BIGINT  NOT NULL, -- the earlier of expires and last_seen + idle_for
    remember         BOOLEAN NOT NULL,
    address          TEXT    NOT NULL,
    user_agent       TEXT    NOT NULL,
    held_at          BIGINT  NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO latchkey_sessions_clustered (id, user_id, kind, digest, methods, created, authenticated_at, last_seen, expires,
    idle_for, ends, remember, address, user_agent, held_at)
SELECT id, user_id, kind, digest, methods, created, authenticated_at, last_seen, expires,
    idle_for, ends, remember, address, user_agent, held_at
FROM latchkey_sessions ORDER BY id;
DROP TABLE latchkey_sessions;
ALTER TABLE latchkey_sessions_clustered RENAME TO latchkey_sessions;
CREATE UNIQUE INDEX latchkey_sessions_digest ON latchkey_sessions (digest);
CREATE INDEX latchkey_sessions_user ON latchkey_sessions (user_id, kind, created);
CREATE INDEX latchkey_sessions_ends ON latchkey_sessions (ends);

CREATE TABLE latchkey_states_clustered (
    id      BLOB    NOT NULL PRIMARY KEY,
    expires BIGINT  NOT NULL,
    tries   BIGINT  NOT NULL,
    spent   BOOLEAN NOT NULL
) WITHOUT ROWID;
INSERT INTO latchkey_states_clustered (id, expires, tries, spent) SELECT id, expires, tries, spent FROM latchkey_states ORDER BY id;
DROP TABLE latchkey_states;
ALTER TABLE latchkey_states_clustered RENAME TO latchkey_states;
CREATE INDEX latchkey_states_expires ON latchkey_states (expires);

-- AUTOINCREMENT writes a second table with each row, so that the number of the newest row does not come back when that is deleted.
-- Only the oldest are.
CREATE TABLE latchkey_events_plain (
    seq        INTEGER NOT NULL PRIMARY KEY,
    at         BIGINT  NOT NULL,
    kind       TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    method     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    session_id TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    user_agent TEXT    NOT NULL
);
INSERT INTO latchkey_events_plain (seq, at, kind, user_id, reason, method, subject, session_id, address, user_agent)
SELECT seq, at, kind, user_id, reason, method, subject, session_id, address, user_agent FROM latchkey_events ORDER BY seq;
DROP TABLE latchkey_events;
ALTER TABLE latchkey_events_plain RENAME TO latchkey_events;
CREATE INDEX latchkey_events_at ON latchkey_events (at);
CREATE INDEX latchkey_events_user ON latchkey_events (user_id, at);
