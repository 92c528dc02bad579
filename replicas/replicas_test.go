package replicas

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// three are servers on one new database, which were all started at once.
func three(t *testing.T, env ...string) (servers []*server, lines []*line) {
	t.Helper()
	pgtest.Need(t)
	settings := append(onPostgres(pgtest.Database(t)), env...)
	for range 3 {
		s := newServer(t, settings...)
		servers, lines = append(servers, s), append(lines, lineTo(s))
	}
	errs := make([]error, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() { errs[i] = s.launch() })
	}
	all.Wait()
	for _, err := range errs {
		must(t, err)
	}
	return servers, lines
}

// on moves a browser to another server, as a balancer does.
func on(c *latchkeytest.Client, l *line) *latchkeytest.Client {
	c.HTTP.Transport = l
	return c
}

// copyOf is another browser with the same cookies.
func (p *person) copyOf(c *latchkeytest.Client, l *line) *latchkeytest.Client {
	other := on(p.visitor(), l)
	other.HTTP.Jar.SetCookies(nil, c.Cookies())
	return other
}

func TestCeremoniesBeginOnOneServerAndEndOnAnother(t *testing.T) {
	_, at := three(t)
	p := newPerson(t, at[0], "ann@example.com", new(atomic.Int64))
	for i, to := range [][2]*line{{at[0], at[1]}, {at[1], at[2]}, {at[2], at[0]}} {
		c := on(p.visitor(), to[0])
		f, _ := p.begin(c, "/wan-signin", map[string]any{"identity": p.email}, p.device.Get)
		p.send(on(c, to[1]), f).Want(t, http.StatusOK)
		c.Get("/sessions").Want(t, http.StatusOK)

		f, _ = p.begin(on(c, to[0]), "/wan-register", map[string]any{"name": fmt.Sprint("key ", i), "usage": "first"}, latchkeytest.NewAuthenticator().Create)
		p.send(on(c, to[1]), f).Want(t, http.StatusOK)
		on(c, to[0]).DeletePasskey(fmt.Sprint("key ", i)).Want(t, http.StatusOK)

		f, _ = p.begin(on(c, to[0]), "/wan-verify", nil, p.device.Get)
		p.send(on(c, to[1]), f).Want(t, http.StatusOK)

		// The first factor here, the second there.
		c = on(p.visitor(), to[0])
		if !p.half(c) {
			t.Fatal("nobody answers")
		}
		on(c, to[1]).Post("/mf-recovery", map[string]any{"code": p.codes[i]}).Want(t, http.StatusOK)
	}
	// A password that was set on one signs in on all, and an address that is taken is taken everywhere.
	for _, l := range at {
		c := on(p.visitor(), l)
		c.Login(p.email, password).Want(t, http.StatusOK)
		if r := on(p.visitor(), l).Register(p.email, password); r.Status != http.StatusBadRequest {
			t.Errorf("a second account with the address: %d", r.Status)
		}
	}
}

// Decoys must be the same everywhere: who asks twice and gets different ones knows that nobody has that address.
func TestDecoysAreTheSameEverywhere(t *testing.T) {
	_, at := three(t)
	var want any
	for i, l := range at {
		c := latchkeytest.NewClient(t, origin, origin)
		options, _ := on(c, l).Post("/wan-signin", map[string]any{"identity": "nobody@example.com"}).Want(t, http.StatusOK).Response["credential_options"].(map[string]any)
		got := fmt.Sprint(options["allowCredentials"])
		if i == 0 {
			want = got
		}
		if got != want || got == fmt.Sprint(nil) {
			t.Errorf("server %d offers %s, another %s", i, got, want)
		}
	}
}

// A state, and a recovery code, is good for one attempt, at whatever servers it is tried.
func TestSpentOnceOverAll(t *testing.T) {
	_, at := three(t)
	p := newPerson(t, at[0], "ann@example.com", new(atomic.Int64))
	for range 10 {
		f, _ := p.begin(p.visitor(), "/wan-signin", map[string]any{"identity": p.email}, p.device.Get)
		replies := race(at, func(l *line) *latchkeytest.Reply { return p.send(on(p.visitor(), l), f) })
		oneWins(t, "a state", replies, replayed)
	}
	for i := range 4 {
		// Each with a pending sign-in of its own.
		pending := map[*line]*latchkeytest.Client{}
		for _, l := range at {
			pending[l] = on(p.visitor(), l)
			if !p.half(pending[l]) {
				t.Fatal("nobody answers")
			}
		}
		replies := race(at, func(l *line) *latchkeytest.Reply {
			return pending[l].Post("/mf-recovery", map[string]any{"code": p.codes[i]})
		})
		oneWins(t, "a recovery code", replies, func(r *latchkeytest.Reply) bool { return slices.Contains(r.Codes(), "INVALID_RECOVERY_CODE") })
	}
	// The session at home, one for each state, one for each code.
	if n, _ := p.sessions(); n != 1+10+4 {
		t.Errorf("%d sessions, want 15", n)
	}
}

// race does the same at all servers at once.
func race(at []*line, do func(*line) *latchkeytest.Reply) []*latchkeytest.Reply {
	replies := make([]*latchkeytest.Reply, len(at))
	var all sync.WaitGroup
	for i, l := range at {
		all.Go(func() { replies[i] = do(l) })
	}
	all.Wait()
	return replies
}

func oneWins(t *testing.T, what string, replies []*latchkeytest.Reply, lost func(*latchkeytest.Reply) bool) {
	t.Helper()
	won := 0
	for _, r := range replies {
		switch {
		case r.Status == http.StatusOK:
			won++
		case !lost(r):
			t.Errorf("%s: %d %v", what, r.Status, r.Codes())
		}
	}
	if won != 1 {
		t.Errorf("%s was good %d times", what, won)
	}
}

// What is ended on one server is over on all, at the next request.
func TestEndedOnOneServerIsOverOnAll(t *testing.T) {
	servers, at := three(t)
	p := newPerson(t, at[0], "ann@example.com", new(atomic.Int64))
	everywhere := func(c *latchkeytest.Client, want int) {
		t.Helper()
		for i, l := range at {
			if r := p.copyOf(c, l).Get("/sessions"); r.Status != want {
				t.Errorf("server %d: %d, want %d", i, r.Status, want)
			}
		}
	}
	signIn := func(l *line) *latchkeytest.Client {
		c := on(p.visitor(), l)
		c.SigninWithPasskey(p.email).Want(t, http.StatusOK)
		everywhere(c, http.StatusOK) // whatever a server might keep in memory, it has by now
		return c
	}
	for i, l := range at {
		next := at[(i+1)%len(at)]
		c := signIn(l)
		p.copyOf(c, next).Logout().Want(t, http.StatusOK)
		everywhere(c, http.StatusUnauthorized)

		c = signIn(l)
		on(p.home, next).Post("/sessions/end", map[string]any{"others": true}).Want(t, http.StatusOK)
		everywhere(c, http.StatusUnauthorized)
		everywhere(p.home, http.StatusOK)
	}
	c := signIn(at[0])
	servers[1].command("session", "revoke", p.email, "--all")
	everywhere(c, http.StatusUnauthorized)
	c = signIn(at[0])
	servers[1].command("user", "disable", p.email)
	everywhere(c, http.StatusUnauthorized)
	for _, l := range at {
		if r := on(p.visitor(), l).SigninWithPasskey(p.email); r.Status == http.StatusOK {
			t.Error("a disabled account signs in")
		}
	}
	servers[2].command("user", "enable", p.email)
	everywhere(c, http.StatusUnauthorized)
	signIn(at[2])
}

// Guesses are counted over all: whoever is sent from one server to the next has no more of them.
func TestThrottlesHoldOverAll(t *testing.T) {
	_, at := three(t, "LATCHKEY_THROTTLE_ACCOUNT=4/1h")
	p := newPerson(t, at[0], "ann@example.com", new(atomic.Int64))
	guess := func(l *line) *latchkeytest.Reply { return on(p.visitor(), l).Login(p.email, "a wrong guess") }
	for i := range 4 {
		if r := guess(at[i%3]); r.Status != http.StatusBadRequest {
			t.Fatalf("guess %d: %d %v", i, r.Status, r.Codes())
		}
	}
	for i, l := range at {
		r := guess(l)
		if r.Status != http.StatusTooManyRequests || r.Header.Get("Retry-After") == "" {
			t.Errorf("one guess too many at server %d: %d, to be tried again after %q", i, r.Status, r.Header.Get("Retry-After"))
		}
		// The account's other way in stays open.
		on(p.visitor(), l).SigninWithPasskey(p.email).Want(t, http.StatusOK)
	}
	// Many at once get no more than that either.
	q := newPerson(t, at[0], "bob@example.com", new(atomic.Int64))
	looked := 0
	for _, r := range race(slices.Repeat(at, 4), func(l *line) *latchkeytest.Reply { return on(q.visitor(), l).Login(q.email, "a wrong guess") }) {
		switch r.Status {
		case http.StatusBadRequest:
			looked++
		case http.StatusTooManyRequests:
		default:
			t.Errorf("%d %v", r.Status, r.Codes())
		}
	}
	if looked != 4 {
		t.Errorf("%d guesses were looked at, want 4", looked)
	}
}
