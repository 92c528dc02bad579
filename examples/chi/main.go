// Command chi is an app with a router of its own and pages in its own look: Latchkey is mounted below /auth, inside the app's frame.
//
//	SECRET=$(openssl rand -base64 48) go run ./examples/chi
package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

//go:embed look
var look embed.FS

func main() {
	store, err := sqlite.Open(context.Background(), "chi.db", sqlite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	app, err := newApp(store, "http://localhost:8080", os.Getenv("SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	log.Print("http://localhost:8080")
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", app))
}

func newApp(store account.Store, origin, secret string) (http.Handler, error) {
	if len(secret) < 32 {
		return nil, fmt.Errorf("set SECRET to at least 32 random characters, and keep them: openssl rand -base64 48")
	}
	own, err := fs.Sub(look, "look")
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256([]byte(secret))
	cfg := latchkey.Default()
	cfg.RPName = "Acme Notes"
	cfg.Origins = []string{origin}
	cfg.SecretKeys = [][]byte{key[:]}
	cfg.URLPrefix = "/auth"
	cfg.PostLoginView, cfg.PostLogoutView = "/notes", "/"
	cfg.Overlay = own // the frame, the sign-in page and one text
	cfg.TemplateValues = func(r *http.Request, page string) map[string]any {
		_, signedIn := latchkey.UserFrom(r.Context())
		return map[string]any{"signedIn": signedIn, "year": 2026}
	}
	auth, err := latchkey.New(cfg, store)
	if err != nil {
		return nil, err
	}

	r := chi.NewRouter()
	r.Use(middleware.Recoverer)
	r.Handle("/auth/*", auth.Handler()) // without stripping the prefix
	r.With(auth.Identify).Get("/", front)
	r.Route("/notes", func(r chi.Router) {
		r.Use(auth.Require)
		r.Get("/", notes)
		r.With(auth.RequireFresh(15*time.Minute)).Get("/export", export)
	})
	return r, nil
}

var page = template.Must(template.New("").Parse(`<!doctype html><title>Acme Notes</title>
<h1>{{.Title}}</h1><p>{{.Text}}</p><p>{{if .Email}}<a href="/notes">Notes</a> · <a href="/auth/account">{{.Email}}</a>{{else}}<a href="/auth/login">Sign in</a>{{end}}</p>`))

func show(w http.ResponseWriter, r *http.Request, title, text string) {
	user, _ := latchkey.UserFrom(r.Context()) // nobody's address is empty
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, map[string]string{"Title": title, "Text": text, "Email": user.Email}); err != nil {
		log.Print(err) // the browser has gone away
	}
}

func front(w http.ResponseWriter, r *http.Request) {
	show(w, r, "Acme Notes", "Whatever you must not forget.")
}
func notes(w http.ResponseWriter, r *http.Request)  { show(w, r, "Your notes", "Buy milk.") }
func export(w http.ResponseWriter, r *http.Request) { show(w, r, "Export", "All of your notes.") }
