package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/signin"
	"github.com/latchkey-auth/latchkey/store/sqlite"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// site is a running Latchkey of one test.
type site struct {
	t     *testing.T
	url   string
	clock *clock
	mail  *outbox
	store *sqlstore.Store
	auth  *latchkey.Auth
	log   errorLog
	// serving is auth's pages and the routes of an app behind its middleware.
	serving atomic.Pointer[http.ServeMux]
	down    atomic.Bool // no request is answered
	// expected are parts of what this test makes the site log.
	expected []string
}

// newSite serves Latchkey on loopback, with cheap password hashes and whatever change says.
func newSite(t *testing.T, change ...func(*latchkey.Config)) *site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, url: "http://localhost:" + port, clock: &clock{}, mail: &outbox{}}
	s.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "latchkey.db"), sqlite.Options{Clock: s.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	s.configure(change...)
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.down.Load() {
			panic(http.ErrAbortHandler) // drops the connection
		}
		s.serving.Load().ServeHTTP(w, r)
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		// The browser keeps connections open that it has not used yet; there is nothing to wait for.
		err := errors.Join(server.Close(), s.auth.Close(ctx), s.store.Close())
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		if err != nil {
			t.Errorf("closing the site: %v", err)
		}
		for line := range strings.Lines(s.log.String()) {
			if !slices.ContainsFunc(s.expected, func(part string) bool { return strings.Contains(line, part) }) {
				t.Errorf("the site logged: %s", line)
			}
		}
	})
	return s
}

// appPage is a page of an app that uses Latchkey, with a form that is posted to the same route.
func appPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	said := "This is the app."
	if r.Method == http.MethodPost {
		said = "It is done."
	}
	fmt.Fprintf(w, `<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,"><main><h1>%s</h1>
		<form method="post"><button type="submit">Do it</button></form></main></html>`, said)
}

// configure gives the site other settings over the same store, as a restart does.
func (s *site) configure(change ...func(*latchkey.Config)) {
	s.t.Helper()
	cfg := latchkey.Default()
	cfg.Origins = []string{s.url}
	cfg.SecretKeys = [][]byte{bytes.Repeat([]byte{7}, 32)}
	cfg.PasswordHash = password.Params{Memory: 64, Time: 1, Threads: 1}
	cfg.Sender, cfg.Clock = s.mail, s.clock.now
	cfg.Log = slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelError}))
	for _, c := range change {
		c(&cfg)
	}
	auth, err := latchkey.New(cfg, s.store)
	if err != nil {
		s.t.Fatal(err)
	}
	s.auth = auth
	mux := http.NewServeMux()
	mux.Handle("/", auth.Handler())
	mux.Handle("/app/page", auth.Require(http.HandlerFunc(appPage)))
	mux.Handle("/app/fresh", auth.RequireFresh(10*time.Minute)(http.HandlerFunc(appPage)))
	mux.Handle("/app/two", auth.RequireTwoFactors(http.HandlerFunc(appPage)))
	s.serving.Store(mux)
}

// mayLog names a part of an error that this test brings about itself.
func (s *site) mayLog(part string) { s.expected = append(s.expected, part) }

// tab opens a browser of its own at the site.
func (s *site) tab() *tab {
	s.t.Helper()
	return newTab(s.t, s.url)
}

// clock is the real one, moved by what a test adds to it.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// outbox keeps what the site sends.
type outbox struct {
	mu       sync.Mutex
	messages []signin.Message
	read     int
	broken   error
}

// Send implements signin.Sender.
func (o *outbox) Send(_ context.Context, m signin.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken != nil {
		return o.broken
	}
	o.messages = append(o.messages, m)
	return nil
}

// breaks makes every sending fail with err, until it is called with nil.
func (o *outbox) breaks(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = err
}

// next is the oldest message of that kind that was not read yet; those before it are passed over.
func (o *outbox) next(t *testing.T, kind string) signin.Message {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.read < len(o.messages) {
		m := o.messages[o.read]
		o.read++
		if m.Kind == kind {
			return m
		}
	}
	t.Fatalf("no message of kind %q was sent", kind)
	return signin.Message{}
}

// errorLog keeps what is logged.
type errorLog struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (l *errorLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

func (l *errorLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}
