package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/pgtest"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/store/postgres"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

// database is a filled one.
type database struct {
	kind string // "SQLite", "PostgreSQL"
	// at is what DATABASE says.
	at string
	// people have a passkey each; the first of them, so many, a session too; those from disabled on are.
	people, sessions, disabled int
	close                      func() error
}

// crowd is who is to be put into a database. Of the people, the last so many are disabled.
type crowd struct {
	people, sessions, disabled int
}

// column lists of the tables that are filled, in the order of the rows below.
var tables = []struct {
	name    string
	columns []string
}{
	{"latchkey_users", []string{"id", "email", "email_key", "password_hash", "active", "created"}},
	{"latchkey_accounts", []string{"user_id", "handle", "revision"}},
	{"latchkey_credentials", []string{"id", "user_id", "credential_id", "public_key", "algorithm", "sign_count", "transports", "backup_eligible", "backed_up",
		"user_verified", "attachment", "discoverable", "aaguid", "attestation_format", "nickname", "usage", "created", "last_used"}},
	{"latchkey_registrations", []string{"credential", "authenticator_data", "client_data_json"}},
	{"latchkey_sessions", []string{"id", "user_id", "kind", "digest", "methods", "created", "authenticated_at", "last_seen", "expires", "idle_for", "ends",
		"remember", "address", "user_agent"}},
}

// filler makes the rows of a person.
type filler struct {
	crowd
	cose, hash []byte
	now        int64 // when the sessions were last seen
}

func newFiller(ctx context.Context, c crowd) (*filler, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	hash, err := password.New(password.Params{}, runtime.GOMAXPROCS(0), rander{}).Hash(ctx, passwordOfAll)
	return &filler{crowd: c, cose: latchkeytest.CBOR(key.COSE()), hash: []byte(hash), now: time.Now().UnixMicro()}, err
}

// row is that person's row in the table with that number; nil: there is none.
func (f *filler) row(table int, p person) []any {
	at := made.UnixMicro() + int64(p)
	switch tables[table].name {
	case "latchkey_users":
		return []any{p.id(), p.email(), p.email(), string(f.hash), int(p) < f.people-f.disabled, at}
	case "latchkey_accounts":
		return []any{p.id(), p.handle(), int64(0)}
	case "latchkey_credentials":
		return []any{p.rowID("credential"), p.id(), p.credentialID(), f.cose, int64(-7), int64(0), `["internal","hybrid"]`, false, false,
			true, "cross-platform", "yes", make([]byte, 16), "none", "My passkey", "first", at, at}
	case "latchkey_registrations":
		return []any{p.rowID("credential"), make([]byte, 164), make([]byte, 140)}
	}
	if int(p) >= f.sessions {
		return nil
	}
	const day = 24 * 3600 * 1e6
	digest := p.digest()
	return []any{p.rowID("session"), p.id(), "browser", digest[:], `["passkey","user_verification"]`, at, at, f.now, at + day, int64(day), at + day,
		false, "127.0.0.1", "bench"}
}

// eachRow gives the rows of a table.
func (f *filler) eachRow(table int, use func([]any) error) error {
	for p := range person(f.people) {
		row := f.row(table, p)
		if row == nil {
			return nil
		}
		if err := use(row); err != nil {
			return err
		}
	}
	return nil
}

// fillSQLite makes a file with those people.
func fillSQLite(ctx context.Context, path string, c crowd) (_ *database, err error) {
	store, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	if err := store.Close(); err != nil {
		return nil, err
	}
	// Nobody minds if this is lost, so it may be fast; the server opens the file with its own settings.
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(OFF)&_pragma=cache_size(-200000)")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	f, err := newFiller(ctx, c)
	if err != nil {
		return nil, err
	}
	for i, table := range tables {
		if err := fillTable(ctx, db, f, i, table.name, table.columns); err != nil {
			return nil, fmt.Errorf("fill %s: %w", table.name, err)
		}
	}
	_, err = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return &database{kind: "SQLite", at: path, people: c.people, sessions: c.sessions, disabled: c.people - c.disabled, close: func() error { return nil }}, err
}

// perTransaction bounds the write-ahead file while it is filled.
const perTransaction = 50_000

func fillTable(ctx context.Context, db *sql.DB, f *filler, i int, name string, columns []string) error {
	marks := make([]string, len(columns))
	for j := range marks {
		marks[j] = fmt.Sprintf("$%d", j+1)
	}
	// Names of the bench's own, never input.
	insert, err := db.PrepareContext(ctx, "INSERT INTO "+name+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(marks, ", ")+")")
	if err != nil {
		return err
	}
	defer insert.Close()
	var tx *sql.Tx
	var stmt *sql.Stmt
	n := 0
	err = f.eachRow(i, func(row []any) error {
		if tx == nil {
			if tx, err = db.BeginTx(ctx, nil); err != nil {
				return err
			}
			stmt = tx.StmtContext(ctx, insert)
		}
		if _, err := stmt.ExecContext(ctx, row...); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if n++; n%perTransaction == 0 {
			err, tx = tx.Commit(), nil
		}
		return err
	})
	if err == nil && tx != nil {
		err = tx.Commit()
	}
	return err
}

// fillPostgres starts a throw-away server with those people.
func fillPostgres(ctx context.Context, c crowd) (_ *database, err error) {
	server, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		return nil, err
	}
	d := &database{kind: "PostgreSQL", people: c.people, sessions: c.sessions, disabled: c.people - c.disabled, close: server.Close}
	defer func() {
		if err != nil {
			err = errors.Join(err, server.Close())
		}
	}()
	if err := server.Do(ctx, "postgres", `CREATE DATABASE bench`); err != nil {
		return nil, err
	}
	d.at = server.URI("bench")
	store, err := postgres.Open(ctx, d.at, postgres.Options{})
	if err != nil {
		return nil, err
	}
	if err := store.Close(); err != nil {
		return nil, err
	}
	f, err := newFiller(ctx, c)
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(d.at)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	err = conn.Raw(func(raw any) error {
		native := raw.(*stdlib.Conn).Conn()
		for i, table := range tables {
			if _, err := native.CopyFrom(ctx, pgx.Identifier{table.name}, table.columns, &copying{filler: f, table: i, next: -1}); err != nil {
				return fmt.Errorf("fill %s: %w", table.name, err)
			}
		}
		_, err := native.Exec(ctx, `ANALYZE`)
		return err
	})
	return d, err
}

// copying is the source of a COPY.
type copying struct {
	*filler
	table int
	next  person
}

func (c *copying) Next() bool {
	c.next++
	return int(c.next) < c.people && c.row(c.table, c.next) != nil
}
func (c *copying) Values() ([]any, error) { return c.row(c.table, c.next), nil }
func (c *copying) Err() error             { return nil }
