-- Every statement may run twice: where a database commits before each change of a table, as CockroachDB does, a migration that was cut
-- off goes on from where it was.

-- Accounts, where the app has no users table of its own.
CREATE TABLE IF NOT EXISTS latchkey_users (
    id            TEXT    NOT NULL PRIMARY KEY,
    email         TEXT    NOT NULL, -- as its owner spells it
    email_key     TEXT    NOT NULL, -- as it is compared
    password_hash TEXT    NOT NULL,
    active        BOOLEAN NOT NULL,
    created       BIGINT  NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS latchkey_users_email ON latchkey_users (email_key);

-- What every account has here, wherever the account itself is kept.
CREATE TABLE IF NOT EXISTS latchkey_accounts (
    user_id  TEXT   NOT NULL PRIMARY KEY,
    handle   BYTEA,            -- WebAuthn's user.id; none yet where NULL
    revision BIGINT NOT NULL  -- counted up to lock the account
);
CREATE UNIQUE INDEX IF NOT EXISTS latchkey_accounts_handle ON latchkey_accounts (handle);

CREATE TABLE IF NOT EXISTS latchkey_credentials (
    id                 TEXT    NOT NULL PRIMARY KEY,
    user_id            TEXT    NOT NULL,
    credential_id      BYTEA    NOT NULL,
    public_key         BYTEA    NOT NULL,
    algorithm          BIGINT  NOT NULL,
    sign_count         BIGINT  NOT NULL,
    transports         TEXT    NOT NULL, -- JSON
    backup_eligible    BOOLEAN NOT NULL,
    backed_up          BOOLEAN NOT NULL,
    user_verified      BOOLEAN NOT NULL,
    attachment         TEXT    NOT NULL,
    discoverable       TEXT    NOT NULL,
    aaguid             BYTEA    NOT NULL,
    attestation_format TEXT    NOT NULL,
    nickname           TEXT    NOT NULL,
    usage              TEXT    NOT NULL,
    created            BIGINT  NOT NULL,
    last_used          BIGINT  NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS latchkey_credentials_credential_id ON latchkey_credentials (credential_id);
CREATE UNIQUE INDEX IF NOT EXISTS latchkey_credentials_nickname ON latchkey_credentials (user_id, nickname);

-- The raw evidence is large and hardly ever read: beside the credentials, not in them.
CREATE TABLE IF NOT EXISTS latchkey_registrations (
    credential         TEXT NOT NULL PRIMARY KEY REFERENCES latchkey_credentials (id) ON DELETE CASCADE,
    authenticator_data BYTEA NOT NULL,
    client_data_json   BYTEA NOT NULL
);

CREATE TABLE IF NOT EXISTS latchkey_factors (
    user_id   TEXT   NOT NULL,
    method    TEXT   NOT NULL,
    secret    BYTEA   NOT NULL,
    phone     TEXT   NOT NULL,
    last_step BIGINT NOT NULL,
    created   BIGINT NOT NULL,
    last_used BIGINT NOT NULL,
    PRIMARY KEY (user_id, method)
);

CREATE TABLE IF NOT EXISTS latchkey_recovery_codes (
    user_id TEXT   NOT NULL,
    digest  BYTEA   NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (user_id, digest)
);

CREATE TABLE IF NOT EXISTS latchkey_sessions (
    id               TEXT    NOT NULL PRIMARY KEY,
    user_id          TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    digest           BYTEA    NOT NULL,
    methods          TEXT    NOT NULL, -- JSON
    created          BIGINT  NOT NULL,
    authenticated_at BIGINT  NOT NULL,
    last_seen        BIGINT  NOT NULL,
    expires          BIGINT  NOT NULL,
    idle_for         BIGINT  NOT NULL, -- microseconds, 0 for ever
    ends             BIGINT  NOT NULL, -- the earlier of expires and last_seen + idle_for
    remember         BOOLEAN NOT NULL,
    address          TEXT    NOT NULL,
    user_agent       TEXT    NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS latchkey_sessions_digest ON latchkey_sessions (digest);
CREATE INDEX IF NOT EXISTS latchkey_sessions_user ON latchkey_sessions (user_id);
CREATE INDEX IF NOT EXISTS latchkey_sessions_ends ON latchkey_sessions (ends);

CREATE TABLE IF NOT EXISTS latchkey_pendings (
    id           TEXT    NOT NULL PRIMARY KEY,
    user_id      TEXT    NOT NULL,
    digest       BYTEA    NOT NULL,
    state        TEXT    NOT NULL,
    proved       TEXT    NOT NULL, -- JSON
    method       TEXT    NOT NULL,
    setup        BYTEA,
    code_method  TEXT,             -- NULL, as the next two: no code is out
    code_mac     BYTEA,
    code_expires BIGINT,
    code_tries   BIGINT  NOT NULL,
    remember     BOOLEAN NOT NULL,
    next         TEXT    NOT NULL,
    created      BIGINT  NOT NULL,
    expires      BIGINT  NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS latchkey_pendings_digest ON latchkey_pendings (digest);
CREATE INDEX IF NOT EXISTS latchkey_pendings_user ON latchkey_pendings (user_id);
CREATE INDEX IF NOT EXISTS latchkey_pendings_expires ON latchkey_pendings (expires);

-- Sealed tokens that were answered. Ids grow with time, so that new rows go to the end of the index.
CREATE TABLE IF NOT EXISTS latchkey_states (
    id      BYTEA    NOT NULL PRIMARY KEY,
    expires BIGINT  NOT NULL,
    tries   BIGINT  NOT NULL,
    spent   BOOLEAN NOT NULL
);
CREATE INDEX IF NOT EXISTS latchkey_states_expires ON latchkey_states (expires);

-- Token buckets: full_at is the moment when one has all its tokens again (the theoretical arrival time of GCRA).
CREATE TABLE IF NOT EXISTS latchkey_buckets (
    bucket  TEXT   NOT NULL PRIMARY KEY,
    full_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS latchkey_buckets_full_at ON latchkey_buckets (full_at);

-- The audit log. Rows are added, never changed.
CREATE TABLE IF NOT EXISTS latchkey_events (
    seq        BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
CREATE INDEX IF NOT EXISTS latchkey_events_at ON latchkey_events (at);
CREATE INDEX IF NOT EXISTS latchkey_events_user ON latchkey_events (user_id, at);

CREATE TABLE IF NOT EXISTS latchkey_secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);
