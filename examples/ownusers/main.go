// Command ownusers is an app that has had its users for years: their table stays as it is, and passkeys come to it.
//
// The table is the kind that PostgreSQL has (numbers as keys, addresses compared by a column of their own, a role, times); it lies in SQLite
// here, so that the example runs by itself. Latchkey reads and writes it through [Users]; all that is Latchkey's own lies in tables that begin
// with latchkey_, in this database or in another.
//
//	SECRET=$(openssl rand -base64 48) go run ./examples/ownusers
package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

// schema is the app's own, from before Latchkey.
//
//go:embed schema.sql
var schema string

func main() {
	ctx := context.Background()
	db, err := openApp(ctx, "ownusers.db")
	if err != nil {
		log.Fatal(err)
	}
	store, err := sqlite.Open(ctx, "ownusers.db", sqlite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	app, err := newApp(db, store, "http://localhost:8080", os.Getenv("SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	log.Print("http://localhost:8080/dashboard")
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", app))
}

// openApp opens the app's database as the app does.
func openApp(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate&_time_format=sqlite")
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func newApp(db *sql.DB, store account.Store, origin, secret string) (http.Handler, error) {
	if len(secret) < 32 {
		return nil, fmt.Errorf("set SECRET to at least 32 random characters, and keep them: openssl rand -base64 48")
	}
	key := sha256.Sum256([]byte(secret))
	cfg := latchkey.Default()
	cfg.RPName = "Dashboard"
	cfg.Origins = []string{origin}
	cfg.SecretKeys = [][]byte{key[:]}
	cfg.Users = &Users{db: db} // all that it takes
	auth, err := latchkey.New(cfg, store)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", auth.Handler())
	mux.Handle("/dashboard", auth.Require(dashboard(db)))
	return mux, nil
}

// dashboard knows people by the app's own columns.
func dashboard(db *sql.DB) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := latchkey.UserFrom(r.Context()) // there is one: Require let nobody else through
		var name, role string
		if err := db.QueryRowContext(r.Context(), `SELECT full_name, role FROM users WHERE id = $1`, user.ID).Scan(&name, &role); err != nil {
			log.Print(err)
			http.Error(w, "the dashboard cannot be shown", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>Dashboard</title><h1>%s</h1><p>You are %s.</p><p><a href="/account">Your account</a></p>`,
			html.EscapeString(name), html.EscapeString(role))
	})
}
