package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/pgtest"
	"github.com/latchkey-auth/latchkey/store/postgres"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// everything calls the store in its different ways: a read, a transaction, one that spends a state, and the probe.
func everything(ctx context.Context, store *sqlstore.Store, id string) map[string]error {
	_, reading := store.Sessions(ctx, "u")
	return map[string]error{
		"a read":        reading,
		"a transaction": store.Record(ctx, account.Event{Subject: id}),
		"a sign-in":     signIn(ctx, store, "u", id),
		"the probe":     store.Ping(ctx),
	}
}

func wantUnavailable(t *testing.T, when string, store *sqlstore.Store, id string) {
	t.Helper()
	for what, err := range everything(t.Context(), store, id) {
		if !errors.Is(err, account.ErrUnavailable) {
			t.Errorf("%s, %s: got %v, want ErrUnavailable", when, what, err)
		}
	}
}

func wantAll(t *testing.T, when string, store *sqlstore.Store, id string) {
	t.Helper()
	for what, err := range everything(t.Context(), store, id) {
		if err != nil {
			t.Errorf("%s, %s: %v", when, what, err)
		}
	}
}

// While the server is away whoever asks is told so; when it is back the same store works on.
func TestServerGoesAndComesBack(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{})
	store := openAt(t, server.Database(t), postgres.Options{})
	wantAll(t, "at first", store, "first")
	for _, round := range []struct {
		how string
		end func() error
	}{{"stopped", server.Stop}, {"killed", server.Kill}} {
		must(t, round.end())
		wantUnavailable(t, round.how, store, round.how)
		if _, err := postgres.Open(t.Context(), server.URI("postgres"), postgres.Options{}); !errors.Is(err, account.ErrUnavailable) {
			t.Errorf("opening: got %v, want ErrUnavailable", err)
		}
		must(t, server.Start())
		wantAll(t, "started again", store, round.how)
	}
}

// A server that hangs, with every connection open, is given up in bounded time, and taken up again when it goes on.
func TestServerHangs(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{})
	store := openAt(t, server.URI("postgres")+"?connect_timeout=1", postgres.Options{Timeout: 500 * time.Millisecond})
	wantAll(t, "at first", store, "first")
	thaw, err := server.Freeze(t.Context())
	must(t, err)
	limit, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	for what, err := range everything(limit, store, "hanging") {
		if !errors.Is(err, account.ErrUnavailable) {
			t.Errorf("%s: got %v, want ErrUnavailable", what, err)
		}
	}
	must(t, thaw())
	eventually(t, func(ctx context.Context) error { return signIn(ctx, store, "u", "second") })
	wantAll(t, "in the end", store, "third")
}

// Whoever goes away while the server commits waits for how that ends: a sign-in that is there is not said to be cancelled.
func TestGoingAwayDuringCommit(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{})
	store := openAt(t, server.URI("postgres"), postgres.Options{})
	setting := func(statement string) {
		t.Helper()
		must(t, server.Do(t.Context(), "postgres", statement))
		must(t, server.Do(t.Context(), "postgres", `SELECT pg_reload_conf()`))
	}
	// A standby that does not come keeps every commit waiting.
	setting(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	// The setting takes a moment to hold: the last sign-in is the one that it keeps.
	last := ""
	signed := in(func() error {
		for i := 0; ctx.Err() == nil; i++ {
			last = fmt.Sprint("number ", i)
			if err := signIn(ctx, store, "u", last); err != nil {
				return err
			}
		}
		return nil
	})
	eventually(t, func(ctx context.Context) error {
		_, err := server.Number(ctx, "postgres", `SELECT 1 / COUNT(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
		return err
	})
	leave()
	setting(`ALTER SYSTEM SET synchronous_standby_names = ''`)
	must(t, <-signed)
	if _, _, err := store.Session(t.Context(), account.SessionBrowser, digestOf(last)); err != nil {
		t.Error(err)
	}
}

// Connections that were cut while nobody used them cost nobody an error.
func TestCutConnectionsAreReplaced(t *testing.T) {
	uri := pgtest.Database(t)
	store := openAt(t, uri, postgres.Options{})
	db := raw(t, uri)
	for i, id := range []string{"a", "b", "c"} {
		wantAll(t, "before", store, "before "+id)
		exec(t, db, `SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		calls := []func() error{
			func() error { _, err := store.Sessions(t.Context(), "u"); return err },
			func() error { return signIn(t.Context(), store, "u", "after "+id) },
			func() error { return store.Record(t.Context(), account.Event{}) },
		}
		if err := calls[i](); err != nil {
			t.Errorf("after: %v", err)
		}
	}
}

// What takes too long is given up, on the server and here, and says so.
func TestTooSlow(t *testing.T) {
	uri := pgtest.Database(t)
	patient := openAt(t, uri, postgres.Options{})
	must(t, signIn(t.Context(), patient, "u", "x"))
	tx, err := raw(t, uri).BeginTx(t.Context(), nil)
	must(t, err)
	exec(t, tx, `LOCK TABLE latchkey_sessions, latchkey_events IN ACCESS EXCLUSIVE MODE`)
	server := openAt(t, uri+"?statement_timeout=100ms", postgres.Options{NoMigrate: true})
	here := openAt(t, uri+"?statement_timeout=", postgres.Options{NoMigrate: true, Timeout: 200 * time.Millisecond})
	limit, stop := context.WithTimeout(t.Context(), 8*time.Second)
	defer stop()
	for name, store := range map[string]*sqlstore.Store{"the server gives up": server, "the store gives up": here} {
		_, reading := store.Sessions(limit, "u")
		for what, err := range map[string]error{"a read": reading, "a sign-in": signIn(limit, store, "u", "slow "+name)} {
			if !errors.Is(err, account.ErrUnavailable) {
				t.Errorf("%s, %s: got %v, want ErrUnavailable", name, what, err)
			}
		}
	}
	// Somebody who goes away by himself is told that.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := patient.Sessions(ctx, "u"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, account.ErrUnavailable) {
		t.Errorf("a caller who gives up: %v", err)
	}
	// A pool of which every connection is taken is waited for no longer than that either.
	one := openAt(t, uri, postgres.Options{NoMigrate: true, MaxConns: 1, Timeout: 300 * time.Millisecond})
	var all []<-chan error
	for range 5 {
		all = append(all, in(func() error { return one.Record(limit, account.Event{}) }))
	}
	for _, done := range all {
		if err := <-done; !errors.Is(err, account.ErrUnavailable) {
			t.Errorf("with every connection taken: got %v, want ErrUnavailable", err)
		}
	}
	must(t, tx.Rollback())
	wantAll(t, "in the end", one, "end")
}

// A server that has as many sessions as it takes is full, not wrong.
func TestFullServer(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{Settings: map[string]string{"max_connections": "4", "superuser_reserved_connections": "0", "max_wal_senders": "0"}})
	uri := server.Database(t)
	store := openAt(t, uri, postgres.Options{})
	db := raw(t, uri)
	var taken []*sql.Conn
	for range 3 {
		c, err := db.Conn(t.Context())
		must(t, err)
		taken = append(taken, c)
	}
	other, err := postgres.Open(t.Context(), uri, postgres.Options{})
	if !errors.Is(err, account.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if err == nil {
		must(t, other.Close())
	}
	for _, c := range taken {
		must(t, c.Close())
	}
	must(t, db.Close())
	eventually(t, func(ctx context.Context) error { return store.Ping(ctx) })
}

// A server that turns read-only under a store is left at once, for one that takes writes.
func TestReadOnlyServerIsLeft(t *testing.T) {
	old := pgtest.New(t, pgtest.Options{})
	uri, _, err := old.Create(t.Context()) // it goes with the server
	must(t, err)
	name := uri[len(old.URI("")):]
	next, err := old.Standby(t.Context())
	must(t, err)
	defer func() { must(t, next.Close()) }()
	must(t, old.Synchronous(t.Context()))
	store := openAt(t, pgtest.URIs(name, old, next), postgres.Options{})
	// Reading alone finds out as well: what a server that is no primary any more knows of sessions may be old.
	reader := openAt(t, pgtest.URIs(name, old, next), postgres.Options{})
	wantAll(t, "at first", store, "first")
	wantAll(t, "at first", reader, "first reader")

	must(t, next.Promote(t.Context()))
	for _, statement := range []string{
		`ALTER SYSTEM SET synchronous_standby_names = ''`, `ALTER SYSTEM SET default_transaction_read_only = on`, `SELECT pg_reload_conf()`,
	} {
		must(t, old.Do(t.Context(), name, statement))
	}
	eventually(t, func(ctx context.Context) error {
		_, err := old.Number(ctx, name, `SELECT 1 / CASE current_setting('default_transaction_read_only') WHEN 'on' THEN 1 ELSE 0 END`)
		return err
	})
	eventually(t, func(ctx context.Context) error { return signIn(ctx, store, "u", "second") })
	eventually(t, func(ctx context.Context) error {
		_, _, err := reader.Session(ctx, account.SessionBrowser, digestOf("second"))
		return err
	})
	for _, s := range []struct {
		server *pgtest.Server
		want   int
	}{{old, 0}, {next, 1}} {
		got, err := s.server.Number(t.Context(), name, `SELECT COUNT(*) FROM latchkey_sessions WHERE id = 'second'`)
		if err != nil || got != s.want {
			t.Errorf("%d of the new sessions, want %d: %v", got, s.want, err)
		}
	}
}

// Of several hosts the one that takes writes is used, wherever it stands in the list, and nobody need say so.
func TestHostThatTakesWrites(t *testing.T) {
	primary := pgtest.New(t, pgtest.Options{})
	standby, err := primary.Standby(t.Context())
	must(t, err)
	defer func() { must(t, standby.Close()) }()
	for name, uri := range map[string]string{
		"asked for":     pgtest.URIs("postgres", standby, primary),
		"not asked for": pgtest.Hosts("postgres", standby, primary),
	} {
		t.Run(name, func(t *testing.T) {
			store := openAt(t, uri, postgres.Options{})
			wantAll(t, "with a standby in front", store, name)
		})
	}
	must(t, primary.Kill())
	if _, err := postgres.Open(t.Context(), pgtest.URIs("postgres", standby, primary), postgres.Options{}); !errors.Is(err, account.ErrUnavailable) {
		t.Errorf("with the standby alone: got %v, want ErrUnavailable", err)
	}
}
