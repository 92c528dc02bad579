package replicas

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
)

// rounds is how often each test kills.
const rounds = 50

// Whatever moment the server is killed at: what it acknowledged is so when it runs again, and of what it did not there is all or nothing,
// together with the state that it was done by.
func TestKilledOnSQLite(t *testing.T) {
	r := seeded(t)
	s := newServer(t)
	s.start()
	c := newCrowd(t, r, 4, lineTo(s))
	for range rounds {
		stop := c.run(true)
		c.more(1 + r.Int64N(60))
		s.kill()
		stop()
		s.start()
		c.settle()
	}
	s.terminate()
	s.stopped()
	var said string
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "latchkey.db"))
	must(t, err)
	must(t, db.QueryRow(`PRAGMA integrity_check`).Scan(&said))
	must(t, db.Close())
	if said != "ok" {
		t.Errorf("integrity_check: %s", said)
	}
	t.Logf("%d things acknowledged, %d without an answer", c.acknowledged.Load(), c.unanswered)
}

// The same, where now and then it is the database that dies.
func TestKilledOnPostgreSQL(t *testing.T) {
	pgtest.Need(t)
	r := seeded(t)
	db := pgtest.New(t, pgtest.Options{Durable: true})
	s := newServer(t, onPostgres(db.URI("postgres"))...)
	s.start()
	c := newCrowd(t, r, 4, lineTo(s))
	for range rounds {
		stop := c.run(true)
		c.more(1 + r.Int64N(60))
		server, database := which(r)
		if server {
			s.kill()
			quiet(t, db)
		}
		switch database {
		case "killed":
			must(t, db.Kill())
		case "killed hard":
			must(t, db.KillHard())
		}
		stop()
		if database != "" {
			must(t, db.Start())
		}
		if server {
			s.start()
		}
		c.settle()
	}
	t.Logf("%d things acknowledged, %d without an answer", c.acknowledged.Load(), c.unanswered)
}

// quiet waits until the database has noticed that a server is gone: what it was told to commit, it may until then.
func quiet(t *testing.T, db *pgtest.Server) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		n, err := db.Number(ctx, "postgres", `SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'latchkey'`)
		if err == nil && n > 0 {
			err = errors.New("it still works for a server that is gone")
		}
		return err
	})
}

// which is what dies: mostly the server, sometimes the database, rarely both.
func which(r *rand.Rand) (server bool, database string) {
	switch n := r.IntN(10); {
	case n < 6:
		return true, ""
	case n < 8:
		return false, "killed"
	case n < 9:
		return false, "killed hard"
	}
	return true, "killed"
}
