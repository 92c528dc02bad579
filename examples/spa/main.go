// Command spa is a single-page app: one page of its own, a JSON API of its own, and of Latchkey only the JSON endpoints and latchkey.js.
//
//	SECRET=$(openssl rand -base64 48) go run ./examples/spa
package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/passkey"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

//go:embed page
var page embed.FS

func main() {
	store, err := sqlite.Open(context.Background(), "spa.db", sqlite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	at := "localhost:" + cmp.Or(os.Getenv("PORT"), "8080")
	app, err := newApp(store, "http://"+at, os.Getenv("SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	log.Print("http://" + at)
	log.Fatal(http.ListenAndServe(at, app))
}

func newApp(store account.Store, origin, secret string) (http.Handler, error) {
	if len(secret) < 32 {
		return nil, fmt.Errorf("set SECRET to at least 32 random characters, and keep them: openssl rand -base64 48")
	}
	key := sha256.Sum256([]byte(secret))
	cfg := latchkey.Default()
	cfg.RPName = "Notes"
	cfg.Origins = []string{origin}
	cfg.SecretKeys = [][]byte{key[:]}
	cfg.URLPrefix = "/auth"
	cfg.Policy = passkey.SyncedPasskeys{} // those of phones and computers
	cfg.UserPayload = func(u account.User) map[string]any { return map[string]any{"email": u.Email, "since": u.Created} }
	auth, err := latchkey.New(cfg, store)
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(page, "page")
	if err != nil {
		return nil, err
	}
	n := &notebook{notes: map[string][]string{}}
	api := http.NewServeMux()
	api.HandleFunc("GET /api/notes", n.list)
	api.HandleFunc("POST /api/notes", n.add)
	mux := http.NewServeMux()
	mux.Handle("/auth/", auth.Handler())
	mux.Handle("/api/", auth.Require(api))
	mux.Handle("DELETE /api/notes", auth.RequireFresh(15*time.Minute)(http.HandlerFunc(n.clear)))
	mux.Handle("/", policed(http.FileServerFS(files)))
	// The cookie goes with every request to this site: what other sites have a browser send is refused, as Latchkey's own endpoints do.
	return http.NewCrossOriginProtection().Handler(mux), nil
}

// policed lets the page load only what comes from here.
func policed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		next.ServeHTTP(w, r)
	})
}

// notebook keeps everybody's notes, by account.
type notebook struct {
	mu    sync.Mutex
	notes map[string][]string
}

func (n *notebook) list(w http.ResponseWriter, r *http.Request) {
	user, _ := latchkey.UserFrom(r.Context()) // there is one: Require let nobody else through
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer(w, user.ID)
}

func (n *notebook) add(w http.ResponseWriter, r *http.Request) {
	var note struct{ Text string }
	if err := json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&note); err != nil || note.Text == "" {
		http.Error(w, `{"error":"a note has a text"}`, http.StatusBadRequest)
		return
	}
	user, _ := latchkey.UserFrom(r.Context())
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes[user.ID] = append(n.notes[user.ID], note.Text)
	n.answer(w, user.ID)
}

func (n *notebook) clear(w http.ResponseWriter, r *http.Request) {
	user, _ := latchkey.UserFrom(r.Context())
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.notes, user.ID)
	n.answer(w, user.ID)
}

func (n *notebook) answer(w http.ResponseWriter, userID string) {
	w.Header().Set("Content-Type", "application/json")
	list := n.notes[userID]
	if list == nil {
		list = []string{}
	}
	if err := json.NewEncoder(w).Encode(map[string]any{"notes": list}); err != nil {
		log.Print(err) // the browser has gone away
	}
}
