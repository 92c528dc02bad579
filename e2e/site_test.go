package e2e

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/signin"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

// site is a running Latchkey of one test.
type site struct {
	t     *testing.T
	url   string
	clock *clock
	mail  *outbox
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

	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "latchkey.db"), sqlite.Options{Clock: s.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	log := &errorLog{}
	cfg := latchkey.Default()
	cfg.Origins = []string{s.url}
	cfg.SecretKeys = [][]byte{bytes.Repeat([]byte{7}, 32)}
	cfg.PasswordHash = password.Params{Memory: 64, Time: 1, Threads: 1}
	cfg.Sender, cfg.Clock = s.mail, s.clock.now
	cfg.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError}))
	for _, c := range change {
		c(&cfg)
	}
	auth, err := latchkey.New(cfg, store)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: auth.Handler(), ReadHeaderTimeout: patience}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		// The browser keeps connections open that it has not used yet; there is nothing to wait for.
		err := errors.Join(server.Close(), auth.Close(ctx), store.Close())
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		if err != nil {
			t.Errorf("closing the site: %v", err)
		}
		if lines := log.String(); lines != "" {
			t.Errorf("the site logged errors:\n%s", lines)
		}
	})
	return s
}

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
