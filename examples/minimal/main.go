// Command minimal is the smallest app with passkeys: one page of its own that only signed-in people see.
//
//	go run ./examples/minimal
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

func main() {
	app, err := newApp(context.Background(), "minimal.db", "http://localhost:8080", os.Getenv("SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	log.Print("http://localhost:8080/notes")
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", app))
}

func newApp(ctx context.Context, database, origin, secret string) (http.Handler, error) {
	if len(secret) < 32 {
		return nil, fmt.Errorf("set SECRET to at least 32 random characters, and keep them: openssl rand -base64 48")
	}
	store, err := sqlite.Open(ctx, database, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256([]byte(secret))
	cfg := latchkey.Default()
	cfg.RPName = "Notes"
	cfg.Origins = []string{origin}
	cfg.SecretKeys = [][]byte{key[:]}
	auth, err := latchkey.New(cfg, store)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", auth.Handler())
	mux.Handle("/notes", auth.Require(http.HandlerFunc(notes)))
	return mux, nil
}

func notes(w http.ResponseWriter, r *http.Request) {
	user, _ := latchkey.UserFrom(r.Context()) // there is one: Require let nobody else through
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<!doctype html><title>Notes</title><h1>Notes of %s</h1><p><a href="/account">Your account</a></p>`, html.EscapeString(user.Email))
}
