package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	_ "modernc.org/sqlite"
)

// database opens a pool of one connection on that file.
func database(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_busy_timeout=10000&_foreign_keys=1")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newDatabase(t *testing.T) *sql.DB {
	t.Helper()
	return database(t, filepath.Join(t.TempDir(), "test.db"))
}

func newStore(t *testing.T) *Store {
	t.Helper()
	db := newDatabase(t)
	s := New(DB{Reader: db, Writer: db, Dialect: SQLite})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// schema is everything that was created in a database.
func schema(t *testing.T, db *sql.DB) []string {
	t.Helper()
	rows, err := db.Query(`SELECT type || ' ' || name || ' ' || COALESCE(sql, '') FROM sqlite_schema ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func version(t *testing.T, db *sql.DB) int {
	t.Helper()
	var v int
	if err := db.QueryRow(selectVersion).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// upTo are the first n migrations of the dialect.
func upTo(t *testing.T, n int) fs.FS {
	t.Helper()
	files, err := Migrations(SQLite)
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if n < 0 {
		n = len(names)
	}
	some := fstest.MapFS{}
	for _, name := range names[:n] {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		some[name] = &fstest.MapFile{Data: data}
	}
	return some
}

func TestMigrateFromEveryVersion(t *testing.T) {
	fresh := newDatabase(t)
	if err := migrate(t.Context(), fresh, SQLite, upTo(t, -1)); err != nil {
		t.Fatal(err)
	}
	newest, want := version(t, fresh), schema(t, fresh)
	for from := range newest + 1 {
		t.Run(fmt.Sprint(from), func(t *testing.T) {
			db := newDatabase(t)
			for _, files := range []fs.FS{upTo(t, from), upTo(t, -1), upTo(t, -1)} {
				if err := migrate(t.Context(), db, SQLite, files); err != nil {
					t.Fatal(err)
				}
			}
			if got := schema(t, db); !slices.Equal(got, want) || version(t, db) != newest {
				t.Errorf("version %d with the schema\n%s\nwant version %d with\n%s",
					version(t, db), strings.Join(got, "\n"), newest, strings.Join(want, "\n"))
			}
		})
	}
}

func TestMigrateKeepsRows(t *testing.T) {
	s := newStore(t)
	if _, err := s.Secret(t.Context(), "name", []byte("value")); err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Secret(t.Context(), "name", []byte("other")); err != nil || string(got) != "value" {
		t.Errorf("got the secret %q and %v", got, err)
	}
}

func TestMigrateConcurrently(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	files := fstest.MapFS{
		"0001_one.sql": {Data: []byte(`CREATE TABLE one (n INTEGER); INSERT INTO one VALUES (1);`)},
		"0002_two.sql": {Data: []byte(`UPDATE one SET n = n + 1`)},
	}
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		db := database(t, path)
		all.Go(func() { errs[i] = migrate(t.Context(), db, SQLite, files) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	db := database(t, path)
	var n, rows int
	if err := db.QueryRow(`SELECT MAX(n), COUNT(*) FROM one`).Scan(&n, &rows); err != nil {
		t.Fatal(err)
	}
	if n != 2 || rows != 1 || version(t, db) != 2 {
		t.Errorf("n is %d in %d rows at version %d: a step ran twice", n, rows, version(t, db))
	}
}

func TestMigrateRefusesNewerSchema(t *testing.T) {
	s := newStore(t)
	before := schema(t, s.db.Writer)
	if err := s.CheckSchema(t.Context()); err != nil {
		t.Errorf("an up-to-date schema: %v", err)
	}
	if _, err := s.db.Writer.Exec(`UPDATE latchkey_schema SET version = version + 1`); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"Migrate": s.Migrate(t.Context()), "CheckSchema": s.CheckSchema(t.Context())} {
		if !errors.Is(err, ErrNewerSchema) {
			t.Errorf("%s: got %v, want ErrNewerSchema", name, err)
		}
	}
	if after := schema(t, s.db.Writer); !slices.Equal(after, before) {
		t.Error("a newer schema was changed")
	}
}

func TestCheckSchemaOlder(t *testing.T) {
	db := newDatabase(t)
	s := New(DB{Reader: db, Writer: db, Dialect: SQLite})
	if err := s.CheckSchema(t.Context()); !errors.Is(err, ErrOlderSchema) {
		t.Errorf("an empty database: got %v, want ErrOlderSchema", err)
	}
	if err := migrate(t.Context(), db, SQLite, fstest.MapFS{}); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckSchema(t.Context()); !errors.Is(err, ErrOlderSchema) {
		t.Errorf("version 0: got %v, want ErrOlderSchema", err)
	}
}

func TestFailedStepChangesNothing(t *testing.T) {
	db := newDatabase(t)
	files := fstest.MapFS{
		"0001_good.sql": {Data: []byte(`CREATE TABLE good (n INTEGER)`)},
		"0002_bad.sql":  {Data: []byte(`CREATE TABLE half (n INTEGER); CREATE TABLE good (n INTEGER)`)},
	}
	err := migrate(t.Context(), db, SQLite, files)
	if err == nil || !strings.Contains(err.Error(), "to version 2") {
		t.Fatalf("got %v, want an error that names version 2", err)
	}
	if version(t, db) != 1 || strings.Contains(strings.Join(schema(t, db), "\n"), "half") {
		t.Errorf("at version %d with\n%s", version(t, db), strings.Join(schema(t, db), "\n"))
	}
	files["0002_bad.sql"] = &fstest.MapFile{Data: []byte(`CREATE TABLE whole (n INTEGER)`)}
	if err := migrate(t.Context(), db, SQLite, files); err != nil || version(t, db) != 2 {
		t.Errorf("mended, at version %d: %v", version(t, db), err)
	}
}

func TestMigrationFilesAreNumbered(t *testing.T) {
	for _, names := range [][]string{
		{"0002_a.sql"}, {"0001_a.sql", "0003_b.sql"}, {"0001_a.sql", "0001_b.sql"}, {"1_a.sql"}, {"a.sql"},
	} {
		files := fstest.MapFS{}
		for _, name := range names {
			files[name] = &fstest.MapFile{Data: []byte(`SELECT 1`)}
		}
		if _, err := readSteps(files); err == nil {
			t.Errorf("%v was accepted", names)
		}
	}
	var names [2][]string
	for i, d := range []Dialect{SQLite, PostgreSQL} {
		files, err := Migrations(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readSteps(files); err != nil {
			t.Error(err)
		}
		if names[i], err = fs.Glob(files, "*"); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(names[0], names[1]) || len(names[0]) == 0 {
		t.Errorf("the dialects have the migrations %v and %v", names[0], names[1])
	}
	if _, err := Migrations("oracle"); err == nil {
		t.Error("there is a dialect that there is not")
	}
}

// What the third migration moves to other tables arrives there.
func TestMigrateMovesRows(t *testing.T) {
	db := newDatabase(t)
	if err := migrate(t.Context(), db, SQLite, upTo(t, 2)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`
		INSERT INTO latchkey_sessions (id, user_id, kind, digest, methods, created, authenticated_at, last_seen, expires, idle_for, ends, remember,
			address, user_agent, held_at)
		VALUES ('b', 'u', 'browser', x'01', '["password"]', 1, 2, 3, 4, 5, 6, TRUE, 'address', 'agent', 7),
			('a', 'u', 'token', x'02', '[]', 11, 12, 13, 14, 15, 16, FALSE, '', '', 0);
		INSERT INTO latchkey_states (id, expires, tries, spent) VALUES (x'02', 20, 0, TRUE), (x'01', 10, 3, FALSE);
		INSERT INTO latchkey_events (at, kind, user_id, reason, method, subject, session_id, address, user_agent)
		VALUES (2, 'k', 'u', 'r', 'm', 's', 'i', 'a', 'g'), (1, 'k2', 'u2', '', '', '', '', '', '')`); err != nil {
		t.Fatal(err)
	}
	dump := func() (all []string) {
		t.Helper()
		for _, query := range []string{
			`SELECT id || user_id || kind || hex(digest) || methods || created || authenticated_at || last_seen || expires || idle_for || ends || remember
				|| address || user_agent || held_at FROM latchkey_sessions ORDER BY id`,
			`SELECT hex(id) || expires || tries || spent FROM latchkey_states ORDER BY id`,
			`SELECT seq || at || kind || user_id || reason || method || subject || session_id || address || user_agent FROM latchkey_events ORDER BY seq`,
		} {
			rows, err := db.Query(query)
			if err != nil {
				t.Fatal(err)
			}
			for rows.Next() {
				var one string
				if err := rows.Scan(&one); err != nil {
					t.Fatal(err)
				}
				all = append(all, one)
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	before := dump()
	if err := migrate(t.Context(), db, SQLite, upTo(t, -1)); err != nil {
		t.Fatal(err)
	}
	if after := dump(); len(before) != 6 || !slices.Equal(before, after) {
		t.Errorf("before\n%s\nafter\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	if _, err := db.Exec(`INSERT INTO latchkey_events (at, kind, user_id, reason, method, subject, session_id, address, user_agent)
		VALUES (3, '', '', '', '', '', '', '', '')`); err != nil {
		t.Fatal(err)
	}
	var newest int
	if err := db.QueryRow(`SELECT seq FROM latchkey_events WHERE at = 3`).Scan(&newest); err != nil || newest != 3 {
		t.Errorf("the next event has the number %d, %v", newest, err)
	}
}
