-- The newest sessions of an account and kind are found in the index alone.
CREATE INDEX IF NOT EXISTS latchkey_sessions_owner ON latchkey_sessions (user_id, kind, created);
DROP INDEX IF EXISTS latchkey_sessions_user;
