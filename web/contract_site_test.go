package web_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/throttle"
	"github.com/latchkey-auth/latchkey/signin"
	"github.com/latchkey-auth/latchkey/store/sqlite"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// site is a Latchkey that serves over HTTP, on a clock of its own.
type site struct {
	origin string // the first configured one
	host   string // of that origin
	prefix string
	clock  *clock
	mail   *outbox
	cfg    latchkey.Config // as it was started
	auth   *latchkey.Auth
	store  *sqlstore.Store
	raw    *sql.DB // beside the store, to look at every row
	server *httptest.Server
	log    *errorLog
	https  bool
}

// newSite serves with cheap password hashes, without limits, and with whatever change says.
func newSite(t testing.TB, change ...func(*latchkey.Config)) *site {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	s := &site{clock: &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}, mail: &outbox{}, server: server, log: &errorLog{}}
	cfg := latchkey.Default()
	cfg.Origins = []string{"http://localhost:" + port}
	cfg.SecretKeys = [][]byte{bytes.Repeat([]byte{7}, 32)}
	cfg.PasswordHash = password.Params{Memory: 64, Time: 1, Threads: 1}
	cfg.ThrottleAccount, cfg.ThrottleAddress, cfg.ThrottleSend = throttle.Rate{}, throttle.Rate{}, throttle.Rate{}
	cfg.Sender, cfg.Clock = s.mail, s.clock.now
	cfg.Log = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelError}))
	for _, c := range change {
		c(&cfg)
	}
	s.origin, s.prefix = cfg.Origins[0], cfg.URLPrefix
	_, s.host, _ = strings.Cut(s.origin, "://")
	s.https = strings.HasPrefix(s.origin, "https:")
	var err error
	path := filepath.Join(t.TempDir(), "latchkey.db")
	if s.store, err = sqlite.Open(t.Context(), path, sqlite.Options{Clock: s.clock.now}); err != nil {
		t.Fatal(err)
	}
	if s.raw, err = sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.raw.Close() })
	if _, err := s.raw.ExecContext(t.Context(), appendOnly); err != nil {
		t.Fatal(err)
	}
	hear := cfg.OnEvent
	cfg.OnEvent = func(ctx context.Context, e account.Event) {
		hooked := cfg.BeforeSignin != nil || cfg.BeforeRegister != nil // whose words are their own
		if !hooked && !slices.Contains(account.Reasons(e.Kind), e.Reason) {
			t.Errorf("the event %s has the reason %q, which account.Reasons does not know", e.Kind, e.Reason)
		}
		if hear != nil {
			hear(ctx, e)
		}
	}
	s.cfg = cfg
	if s.auth, err = latchkey.New(cfg, s.store); err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = s.auth.Handler()
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := errors.Join(s.auth.Close(context.Background()), s.store.Close()); err != nil {
			t.Error(err)
		}
		if lines := s.log.String(); lines != "" {
			t.Errorf("the site logged errors:\n%s", lines)
		}
	})
	return s
}

// appendOnly has the database itself refuse what the server never does to its log, so that every test of a site shows it.
const appendOnly = `
	CREATE TRIGGER no_update BEFORE UPDATE ON latchkey_events BEGIN SELECT RAISE(ABORT, 'an event was changed'); END;
	CREATE TRIGGER no_delete BEFORE DELETE ON latchkey_events BEGIN SELECT RAISE(ABORT, 'an event was deleted'); END;`

// alongside is the same site with other settings, on the same store.
func (s *site) alongside(t testing.TB, change func(*latchkey.Config)) *site {
	t.Helper()
	other := *s
	change(&other.cfg)
	return other.over(t, s.store)
}

// over is the same site on what stands before its store.
func (s *site) over(t testing.TB, store account.Store) *site {
	t.Helper()
	other := *s
	var err error
	if other.auth, err = latchkey.New(other.cfg, store); err != nil {
		t.Fatal(err)
	}
	other.server = httptest.NewServer(other.auth.Handler())
	t.Cleanup(func() {
		other.server.Close()
		if err := other.auth.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &other
}

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// outbox keeps what the site sends.
type outbox struct {
	mu       sync.Mutex
	messages []signin.Message
	broken   bool
}

// Send implements signin.Sender.
func (o *outbox) Send(_ context.Context, m signin.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken {
		return errors.New("the line is down")
	}
	o.messages = append(o.messages, m)
	return nil
}

// breaks makes every sending fail, or work again.
func (o *outbox) breaks(yes bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = yes
}

// to is what was sent to an address, oldest first.
func (o *outbox) to(address string) []signin.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []signin.Message
	for _, m := range o.messages {
		if m.To == address {
			out = append(out, m)
		}
	}
	return out
}

// kinds are the kinds of what was sent to an address.
func (o *outbox) kinds(address string) []string {
	var out []string
	for _, m := range o.to(address) {
		out = append(out, m.Kind)
	}
	return out
}

// code is the newest code that was sent to an address.
func (o *outbox) code(t testing.TB, address string) string {
	t.Helper()
	all := o.to(address)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Code != "" {
			return all[i].Code
		}
	}
	t.Fatalf("no code was sent to %s", address)
	return ""
}

// errorLog keeps what is logged as an error.
type errorLog struct {
	mu       sync.Mutex
	lines    bytes.Buffer
	expected bool
}

func (l *errorLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.expected {
		return len(p), nil
	}
	return l.lines.Write(p)
}

func (l *errorLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

// take is what was logged so far, which is expected then.
func (l *errorLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.lines.Reset()
	return l.lines.String()
}

// expects silences the log for what a test breaks on purpose.
func (l *errorLog) expects() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expected = true
}

var serial atomic.Int64

// unique makes a word that no other test has.
func unique(word string) string { return fmt.Sprintf("%s%d", word, serial.Add(1)) }

// app is an authenticator app (RFC 6238) on the site's clock.
type app struct {
	site *site
	key  []byte
}

func newApp(t testing.TB, s *site, b32 string) *app {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(b32, "="))
	if err != nil {
		t.Fatal(err)
	}
	return &app{site: s, key: key}
}

// at is the code that many steps of 30 seconds from now.
func (a *app) at(steps int) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(a.site.clock.now().Unix()/30+int64(steps)))
	h := hmac.New(sha1.New, a.key)
	h.Write(counter[:])
	sum := h.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000)
}

// next is a code that was not used yet: it lets a step pass first.
func (a *app) next() string {
	a.site.clock.pass(30 * time.Second)
	return a.at(0)
}

// wrong is a code that is none of those near.
func (a *app) wrong() string {
	for _, guess := range []string{"000000", "111111", "222222", "333333", "444444"} {
		if guess != a.at(-1) && guess != a.at(0) && guess != a.at(1) {
			return guess
		}
	}
	panic("five codes at once")
}
