package main

import (
	"database/sql"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/store/sqlite"
	"github.com/latchkey-auth/latchkey/store/storetest"
)

const origin = "http://localhost:8080"

// app opens the app's database, as it was before Latchkey.
func app(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := openApp(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// The suite that every implementation of account.Users passes.
func TestUsers(t *testing.T) {
	storetest.Users(t, func(t *testing.T) account.Users {
		return &Users{db: app(t, filepath.Join(t.TempDir(), "app.db"))}
	})
}

// Somebody whom the app has known for years gets a passkey and signs in with it; the app's table is what it was.
func TestAnOldUserSignsInWithAPasskey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	db := app(t, path)
	// The hash is of "Wooden-Kettle-42-Marsh", made by the app before.
	const hash = "$argon2id$v=19$m=64,t=1,p=1$c29tZSBzYWx0IG9mIG9sZA$25k5EvUU297OBLfbSKJ4mrNknmGJ+1+5eU8qiSM8dZg"
	must(t, db, `INSERT INTO users (email, email_lower, password_hash, full_name, role, created_at) VALUES
		('Ada@Example.test', 'ada@example.test', ?, 'Ada Lovelace', 'admin', '2019-04-05 06:07:08+00:00'),
		('eve@example.test', 'eve@example.test', NULL, 'Eve', 'member', '2020-04-05 06:07:08+00:00')`, hash)
	before := dump(t, db)

	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := newApp(db, store, origin, strings.Repeat("secret", 6))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})

	c := latchkeytest.NewClient(t, server.URL, origin)
	c.Login("ada@example.test", "Wooden-Kettle-42-Marsh").Want(t, http.StatusOK)
	c.AddPasskey("phone", "first").Want(t, http.StatusOK)
	c.Logout().Want(t, http.StatusOK)
	c.SigninWithPasskey("ADA@example.test").Want(t, http.StatusOK)
	res, err := c.HTTP.Get(server.URL + "/dashboard")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(body), "<h1>Ada Lovelace</h1><p>You are admin.") {
		t.Errorf("the dashboard shows %s (%v)", body, err)
	}

	// A new hash of the same password is all that may differ: the old one was a cheap one.
	after := dump(t, db)
	if after[1]["password_hash"] == before[1]["password_hash"] {
		t.Error("the cheap hash was not renewed")
	}
	after[1]["password_hash"] = before[1]["password_hash"]
	if d := cmp.Diff(before, after); d != "" {
		t.Errorf("the app's table changed: %s", d)
	}

	// Who registers with Latchkey is a user of the app like all others.
	c = latchkeytest.NewClient(t, server.URL, origin)
	c.Register("Grace@example.test", "Wooden-Kettle-42-Marsh").Want(t, http.StatusOK)
	if rows := dump(t, db); len(rows) != 4 || rows[3]["email"] != "Grace@example.test" || rows[3]["role"] != "member" {
		t.Errorf("users: %v", rows)
	}
	c = latchkeytest.NewClient(t, server.URL, origin)
	if got := c.Register("ADA@example.test", "Wooden-Kettle-42-Marsh").Want(t, http.StatusBadRequest).Codes(); len(got) != 1 || got[0] != "EMAIL_INUSE" {
		t.Errorf("the address of an old user: %v", got)
	}
}

// dump is the table as it is: its definition, then its rows.
func dump(t *testing.T, db *sql.DB) []map[string]any {
	t.Helper()
	var definition string
	if err := db.QueryRowContext(t.Context(), `SELECT sql FROM sqlite_master WHERE name = 'users'`).Scan(&definition); err != nil {
		t.Fatal(err)
	}
	out := []map[string]any{{"sql": definition}}
	rows, err := db.QueryContext(t.Context(), `SELECT * FROM users ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, dest := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		row := map[string]any{}
		for i, name := range names {
			row[name] = values[i]
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func must(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}
