package signin_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/factor"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/seal"
	"github.com/latchkey-auth/latchkey/internal/throttle"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/passkey"
	"github.com/latchkey-auth/latchkey/signin"
	"github.com/latchkey-auth/latchkey/store/sqlite"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

const (
	origin      = "https://latchkey.test"
	otherOrigin = "https://app.latchkey.test"
)

// noon is when every test begins.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is the time of a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// post is a Sender that keeps what it is given, or fails.
type post struct {
	mu   sync.Mutex
	sent []signin.Message
	down bool
}

var errPostDown = errors.New("the post is down")

func (p *post) Send(_ context.Context, m signin.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return errPostDown
	}
	p.sent = append(p.sent, m)
	return nil
}

func (p *post) fails(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// all are the messages so far.
func (p *post) all() []signin.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}

// code is the last code that went to an address or number, "" if none did.
func (p *post) code(to string) string {
	for _, m := range slices.Backward(p.all()) {
		if m.To == to && m.Code != "" {
			return m.Code
		}
	}
	return ""
}

// kinds counts the messages of a kind.
func (p *post) kinds(kind string) (n int) {
	for _, m := range p.all() {
		if m.Kind == kind {
			n++
		}
	}
	return n
}

// house is a service over a real store, with its clock, its post and all that it has told.
type house struct {
	*signin.Service
	t     testing.TB
	ctx   context.Context
	cfg   signin.Config
	path  string
	raw   *sql.DB // beside the store, to look at every row
	noted *sql.Stmt
	db    *sqlstore.Store
	store *spy
	clock *clock
	post  *post
	owner *person // of a test in which somebody else comes between

	mu      sync.Mutex
	told    []account.Event
	secrets map[string]string // by what they are

	// lenient is a service on the same store that demands no second factor and throttles nothing, to arrange accounts with.
	lenient *signin.Service
}

// emptyStore is the file of a store without a row. To copy it is cheaper than to make the tables each time.
var emptyStore = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "signin-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "empty.db")
	db, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, err
	}
	if _, err := raw.Exec(appendOnly); err != nil {
		return nil, err
	}
	if err := raw.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// appendOnly has the database itself refuse what the server never does to its log, so that every test of a house shows it.
const appendOnly = `
	CREATE TRIGGER no_update BEFORE UPDATE ON latchkey_events BEGIN SELECT RAISE(ABORT, 'an event was changed'); END;
	CREATE TRIGGER no_delete BEFORE DELETE ON latchkey_events BEGIN SELECT RAISE(ABORT, 'an event was deleted'); END;`

var texts = sync.OnceValues(func() (*message.Catalogue, error) { return message.New() })

// newerKeys is a service on the same store with a newer key before the old one.
func newerKeys(h *house) *signin.Service {
	h.t.Helper()
	ring, err := seal.NewRing([][]byte{key(3), key(2), key(1)})
	h.ok(err)
	cfg := h.cfg
	cfg.Ring = ring
	return signin.New(cfg, h.store, h.store)
}

// dearer are the settings with a dearer password hash.
func dearer(h *house) signin.Config {
	cfg := h.cfg
	cfg.Passwords = password.New(password.Params{Memory: 128, Time: 1, Threads: 1}, 2, rand.Reader)
	return cfg
}

// seenEvery is how old a session's last seen may become before it is written again.
const seenEvery = time.Minute

// key is a secret key of the server.
func key(n byte) []byte { return bytes.Repeat([]byte{n}, seal.KeySize) }

// newHouse builds one with the default settings, throttles off, and these changes.
func newHouse(t testing.TB, changes ...func(*signin.Config)) *house {
	t.Helper()
	h := &house{t: t, ctx: context.WithoutCancel(t.Context()), clock: &clock{now: noon}, post: &post{}, secrets: map[string]string{}}
	h.path = filepath.Join(t.TempDir(), "latchkey.db")
	schema, err := emptyStore()
	h.ok(err)
	h.ok(os.WriteFile(h.path, schema, 0o600))
	if h.db, err = sqlite.Open(h.ctx, h.path, sqlite.Options{Clock: h.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.db.Close(); err != nil {
			t.Error(err)
		}
	})
	if h.raw, err = sql.Open("sqlite", h.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.raw.Close() })
	h.store = &spy{users: h.db, store: h.db, calls: map[string]int{}}
	h.cfg = h.settings()
	for _, change := range changes {
		change(&h.cfg)
	}
	h.Service = signin.New(h.cfg, h.store, h.store)
	lenient := h.cfg
	lenient.TwoFactorRequired, lenient.AllowAsFirstFactor, lenient.TwoFactor = false, true, true
	lenient.BeforeSignin, lenient.BeforeRegister = nil, nil
	lenient.ThrottleAccount, lenient.ThrottleAddress, lenient.ThrottleSend = throttle.Rate{}, throttle.Rate{}, throttle.Rate{}
	h.lenient = signin.New(lenient, h.store, h.store)
	_, err = h.db.Secret(h.ctx, "decoy", key(9)) // which else is made when first needed
	h.ok(err)
	return h
}

// settings are the defaults of the contract, with throttles off.
func (h *house) settings() signin.Config {
	h.t.Helper()
	rp, err := passkey.New(passkey.Config{RPID: "latchkey.test", RPName: "Latchkey", Origins: []string{origin, otherOrigin}})
	if err != nil {
		h.t.Fatal(err)
	}
	ring, err := seal.NewRing([][]byte{key(1)})
	if err != nil {
		h.t.Fatal(err)
	}
	catalogue, err := texts()
	if err != nil {
		h.t.Fatal(err)
	}
	return signin.Config{
		RelyingParty: rp, Policy: passkey.Classic{}, Origins: []string{origin, otherOrigin}, SiteName: "Latchkey", Ring: ring,
		Passwords: password.New(password.Params{Memory: 64, Time: 1, Threads: 1}, 2, rand.Reader),
		Messages:  catalogue, Sender: h.post, ParsePhone: factor.E164, OnEvent: h.hear, Clock: h.clock.Now,
		AllowAsFirstFactor: true, AllowAsMultiFactor: true, AllowUserHints: true,
		AllowAsVerify:  []account.Usage{account.UsageFirst, account.UsageSecondary},
		RegisterWithin: 30 * time.Minute, RegisterTimeout: time.Minute, SigninWithin: 5 * time.Minute, SigninTimeout: time.Minute,
		NameMaxLength: 64, Freshness: 24 * time.Hour, FreshnessGrace: time.Hour,
		TwoFactor: true, TwoFactorMethods: []account.Method{account.MethodEmail, account.MethodAuthenticator, account.MethodSMS},
		TwoFactorAlwaysValidate: true, TwoFactorLoginValidity: 720 * time.Hour, TwoFactorSetupWithin: 30 * time.Minute,
		MailCodeValidity: 5 * time.Minute, SMSCodeValidity: 2 * time.Minute,
		RecoveryCodes: true, RecoveryCodesN: 5, TOTPIssuer: "Latchkey", GenericResponses: true, PasswordLengthMin: 8,
		SessionIdle: 12 * time.Hour, SessionLifetime: 24 * time.Hour, RememberLifetime: 720 * time.Hour,
	}
}

func (h *house) hear(_ context.Context, e account.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, e)
	hooked := h.cfg.BeforeSignin != nil || h.cfg.BeforeRegister != nil // whose words are their own
	if !hooked && !slices.Contains(account.Reasons(e.Kind), e.Reason) {
		h.t.Errorf("the event %s has the reason %q, which account.Reasons does not know", e.Kind, e.Reason)
	}
}

// heard are the events that the app was told since the mark, which is the number it heard before.
func (h *house) heard(mark int) []account.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.told[mark:])
}

func (h *house) mark() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.told)
}

// secret remembers a secret that must turn up nowhere.
func (h *house) secret(what, s string) string {
	if s != "" {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.secrets[s] = what
	}
	return s
}

// ok ends the test if an arrangement failed.
func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}
