package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/pprof"
	"os"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

// app is a program that adopted the library: the same small handler bare, and behind Require. It prints its address.
func serveApp(ctx context.Context, path string) (err error) {
	store, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	key, err := base64.StdEncoding.DecodeString(secretKeys)
	if err != nil {
		return err
	}
	cfg := latchkey.Default()
	cfg.Origins, cfg.SecretKeys = []string{origin}, [][]byte{key}
	auth, err := latchkey.New(cfg, store)
	if err != nil {
		return err
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, helloText) // a client that went away
	})
	mux := http.NewServeMux()
	mux.Handle("GET /bare", hello)
	mux.Handle("GET /guarded", auth.Require(hello))
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	srv := &http.Server{Addr: os.Getenv("BENCH_LISTEN"), Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	stopped := make(chan error, 1)
	go func() { <-ctx.Done(); stopped <- srv.Close() }()
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return errors.Join(<-stopped, auth.Close(context.WithoutCancel(ctx)))
}

const helloText = "hello"

// app starts that program.
func (r *run) app(ctx context.Context, d *database) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, r.path("app.log"), self, []string{"-role", "app", d.at}, []string{"BENCH_LISTEN=" + address}, address, "/bare")
}

// get asks the program for a page with the cookie that a browser shows.
func get(path string, cookie func(*browser) string) step {
	return func(b *browser, _ int) error {
		b.cookie = cookie(b)
		status, text, err := b.ask(http.MethodGet, path, nil)
		if err == nil && (status != http.StatusOK || !bytes.Equal(text, []byte(helloText))) {
			err = fmt.Errorf("GET %s: status %d: %s", path, status, text)
		}
		return err
	}
}

// measureSessions compares a route behind Require with the same route bare.
func measureSessions(ctx context.Context, r *run) (err error) {
	d, err := fillSQLite(ctx, r.path("sessions.db"), crowd{people: 100_000, sessions: 100_000})
	if err != nil {
		return err
	}
	s, err := r.app(ctx, d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	someone := func(*browser) string { return person(rand.IntN(d.sessions)).token() }
	own := func(b *browser) string { return cmp.Or(b.cookie, someone(b)) }
	for _, connections := range []int{1, 16} {
		bare, err := r.load(ctx, s, connections, fmt.Sprintf("bare handler %d", connections), get("/bare", own))
		if err != nil {
			return err
		}
		for _, who := range []struct {
			name   string
			cookie func(*browser) string
		}{{"each its own session", own}, {"each time another's", someone}} {
			guarded, err := r.load(ctx, s, connections, fmt.Sprintf("session-checked, %s %d", who.name, connections), get("/guarded", who.cookie))
			if err != nil {
				return err
			}
			r.report.sessions = append(r.report.sessions, sessionRow{who.name, connections, bare, guarded})
		}
	}
	return nil
}
