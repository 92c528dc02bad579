package replicas

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// The database goes away for a while: everybody is told to come again, and then all goes on, without a restart.
func TestDatabaseIsAwayForAWhile(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{})
	s := newServer(t, onPostgres(db.URI("postgres")+"?connect_timeout=1&pool_timeout=2s")...)
	s.start()
	l := lineTo(s)
	p := newPerson(t, l, "ann@example.com", new(atomic.Int64))
	before := on(p.visitor(), l)
	f, _ := p.begin(before, "/wan-signin", map[string]any{"identity": p.email}, p.device.Get)
	waiting := on(p.visitor(), l)
	if !p.half(waiting) {
		t.Fatal("nobody answers")
	}
	s.ready()
	var thaw func() error
	for _, round := range []struct {
		how        string
		away, back func() error
	}{
		{"stopped", db.Stop, db.Start},
		{"killed", db.Kill, db.Start},
		{"hanging", func() (err error) { thaw, err = db.Freeze(t.Context()); return err }, func() error { return thaw() }},
	} {
		must(t, round.away())
		wantUnavailable(t, round.how, s, p)
		must(t, round.back())
		s.ready()
		p.home.Get("/sessions").Want(t, http.StatusOK)
		on(p.visitor(), l).SigninWithPasskey(p.email).Want(t, http.StatusOK)
	}
	// What had begun before goes on as well.
	p.send(before, f).Want(t, http.StatusOK)
	waiting.Post("/mf-recovery", map[string]any{"code": p.codes[0]}).Want(t, http.StatusOK)
	if strings.Contains(s.log.String(), db.Password()) {
		t.Error("the log holds the database's password")
	}
}

// wantUnavailable demands a clear answer from everything that needs the database.
func wantUnavailable(t *testing.T, how string, s *server, p *person) {
	t.Helper()
	f := finish{"/wan-signin/nothing", "{}"}
	for what, r := range map[string]*latchkeytest.Reply{
		"a session's page": p.home.Get("/sessions"),
		"a sign-in":        p.visitor().Login(p.email, password),
		"a ceremony":       p.visitor().Post("/wan-signin", map[string]any{"identity": p.email}),
		"a registration":   p.visitor().Register("bob@example.com", password),
		"a sign-out":       p.home.Logout(),
		"a deletion":       p.home.DeletePasskey("second"),
	} {
		if r.Status != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || len(r.Codes()) != 1 {
			t.Errorf("%s, %s: %d %v, to be tried again after %q", how, what, r.Status, r.Codes(), r.Header.Get("Retry-After"))
		}
	}
	// What is wrong in itself needs no database to be told so.
	if r := p.send(p.visitor(), f); r.Status != http.StatusBadRequest && r.Status != http.StatusServiceUnavailable {
		t.Errorf("%s, a state that is none: %d", how, r.Status)
	}
	for _, path := range []string{"/account", "/wan-register", "/sessions"} {
		code, header, body := browse(t, p, path)
		if code != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.HasPrefix(header.Get("Content-Type"), "text/") {
			t.Errorf("%s, the page %s: %d %s, to be tried again after %q", how, path, code, header.Get("Content-Type"), header.Get("Retry-After"))
		}
		for _, inside := range []string{"sqlstore", "SQLSTATE", "127.0.0.1", "postgres", "pgx"} {
			if strings.Contains(body, inside) {
				t.Errorf("%s, the page %s speaks of %s", how, path, inside)
			}
		}
	}
	for path, want := range map[string]int{"/readyz": http.StatusServiceUnavailable, "/healthz": http.StatusOK} {
		if code, _, err := s.status(t.Context(), path); err != nil || code != want {
			t.Errorf("%s, %s: %d and %v, want %d", how, path, code, err, want)
		}
	}
}

// browse asks for a page with the cookies of the session at home.
func browse(t *testing.T, p *person, path string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, origin+path, nil)
	must(t, err)
	req.Header.Set("Accept", "text/html")
	for _, c := range p.home.Cookies() {
		req.AddCookie(c)
	}
	res, err := p.line.RoundTrip(req)
	must(t, err)
	body, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, res.Header, string(body)
}

// The same while many are at work: nothing that was acknowledged is lost, and what was not is there wholly or not at all.
func TestDatabaseIsAwayUnderLoad(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{Durable: true})
	s := newServer(t, onPostgres(db.URI("postgres"))...)
	s.start()
	c := newCrowd(t, seeded(t), 4, lineTo(s))
	for _, away := range []func() error{db.Stop, db.Kill, db.KillHard} {
		stop := c.run(false)
		c.more(50)
		must(t, away())
		eventually(t, func(ctx context.Context) error {
			code, _, err := s.status(ctx, "/readyz")
			if err == nil && code != http.StatusServiceUnavailable {
				err = fmt.Errorf("/readyz says %d", code)
			}
			return err
		})
		must(t, db.Start())
		c.more(50)
		stop()
		c.settle()
	}
}
