-- When the person of a session last proved to hold something. Sessions from before have not, and prove it where it is asked for.
ALTER TABLE latchkey_sessions ADD COLUMN IF NOT EXISTS held_at BIGINT NOT NULL DEFAULT 0;

-- Wrong guesses in a row at one step of one account.
CREATE TABLE IF NOT EXISTS latchkey_streaks (
    subject   TEXT   NOT NULL,
    step      TEXT   NOT NULL,
    failures  BIGINT NOT NULL,
    forget_at BIGINT NOT NULL,
    PRIMARY KEY (subject, step)
);
CREATE INDEX IF NOT EXISTS latchkey_streaks_forget_at ON latchkey_streaks (forget_at);
