package signin_test

import (
	"sync"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// racers is how many goroutines use one secret at once.
const racers = 16

// oneWins has so many use one secret at once: one gets past, the others get one of those refusals.
func (h *house) oneWins(use func(i int) error, losers ...message.Key) {
	h.t.Helper()
	var mu sync.Mutex
	var won int
	lost := map[message.Key]int{}
	atOnce(racers, func(i int) {
		err := use(i)
		mu.Lock()
		defer mu.Unlock()
		if r, ok := signin.AsRefusal(err); ok {
			lost[r.Key]++
		} else if err == nil {
			won++
		} else {
			h.t.Errorf("neither: %v", err)
		}
	})
	for _, k := range losers {
		delete(lost, k)
	}
	if won != 1 || len(lost) > 0 {
		h.t.Errorf("%d won; lost otherwise than expected: %v", won, lost)
	}
}

// sessionsOf counts an account's sessions of browsers.
func (h *house) sessionsOf(p *person) int {
	return column[int](h, `SELECT COUNT(*) FROM latchkey_sessions WHERE kind = 'browser' AND user_id = ?`, p.id)[0]
}

// waiting are so many browsers with pending sign-ins of their own.
func (p *person) waiting(n int) []*browser {
	p.h.t.Helper()
	out := make([]*browser, n)
	for i := range out {
		b := p.h.browser()
		p.h.ok(errOf(b.login(p)))
		out[i] = b.late(b.caller())
	}
	return out
}

func TestRaces_OneStateWinsOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			f, _ := begin(h, kind)
			by := make([]*browser, racers)
			c := f.by.caller()
			for i := range by {
				by[i] = f.by.late(c)
			}
			h.oneWins(func(i int) error { return f.call(by[i], f.token) }, message.CredentialReplayed,
				message.WebAuthnNoVerify, message.TwoFactorPermissionDenied, message.Unauthenticated)
		})
	}
}

// A good answer and one that does not verify race for one state: whichever comes first spends it.
func TestRaces_GoodAgainstBad(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 8 {
		f, p := begin(h, "first signin")
		before := h.sessionsOf(p)
		good := make([]error, 2)
		by := [2]*browser{h.browser(), h.browser()}
		atOnce(2, func(i int) {
			if i == 0 {
				good[0] = f.call(by[0], f.token)
			} else {
				good[1] = f.wrong(by[1], f.token)
			}
		})
		made := h.sessionsOf(p) - before
		if good[1] == nil || (good[0] == nil) != (made == 1) || made > 1 {
			t.Errorf("%v; %d sessions", good, made)
		}
	}
}

func TestRaces_OneRecoveryCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app, recoveryCodes)
	by := p.waiting(racers)
	h.oneWins(func(i int) error { return errOf(by[i].recover(p.recovery[0])) }, message.InvalidRecoveryCode)
	if n := h.sessionsOf(p); n != 1 {
		t.Errorf("%d sessions", n)
	}
	if left, err := h.RecoveryCodesLeft(h.ctx, p.id); left != 4 || err != nil {
		t.Errorf("%d codes are left, %v", left, err)
	}
}

func TestRaces_OneStepOfTheApp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app)
	in := p.signs(h.browser())
	verifier := in.late(in.caller())
	by := p.waiting(racers - 1)
	code := p.nextCode()
	h.oneWins(func(i int) error {
		if i == racers-1 {
			return errOf(verifier.verify(signin.Proof{Code: code}))
		}
		return errOf(by[i].code(code))
	}, message.TwoFactorInvalidToken)
}

func TestRaces_OneMailedCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", mail)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	c, code := b.caller(), h.post.code(p.email)
	by := make([]*browser, racers)
	for i := range by {
		by[i] = b.late(c)
	}
	h.oneWins(func(i int) error { return errOf(by[i].code(code)) }, message.TwoFactorPermissionDenied, message.TwoFactorInvalidToken)
	if n := h.sessionsOf(p); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// However many compare at once, a code that was sent is compared five times.
func TestRaces_ASentCodeIsComparedFiveTimes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", mail)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	c, code := b.caller(), h.post.code(p.email)
	atOnce(racers, func(int) {
		if r, ok := signin.AsRefusal(errOf(b.late(c).code(not(code)))); !ok || r.Key != message.TwoFactorInvalidToken {
			t.Errorf("%v", r)
		}
	})
	if n := column[int](h, `SELECT code_tries FROM latchkey_pendings`)[0]; n != 5 {
		t.Errorf("it was compared %d times", n)
	}
	h.refused(message.TwoFactorInvalidToken, errOf(b.code(code)))
}

// Of two verifications with one token, one renews it.
func TestRaces_OneRenewal(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	b := p.signs(h.browser())
	c := b.caller()
	by := make([]*browser, racers)
	for i := range by {
		by[i] = b.late(c)
	}
	h.oneWins(func(i int) error { return errOf(by[i].verify(signin.Proof{Password: p.password})) }, message.Unauthenticated)
	var alive int
	for _, x := range by {
		x.fixed = nil
		if x.cookie != b.cookie && x.caller().SignedIn() {
			alive++
		}
	}
	if alive != 1 {
		t.Errorf("%d tokens open the session", alive)
	}
}

// Racing registrations of one address make one account.
func TestRaces_OneAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.oneWins(func(i int) error {
		email := "New@Example.Test"
		if i%2 == 0 {
			email = "new@example.test"
		}
		return errOf(h.Register(h.ctx, &signin.Caller{}, signin.NewAccount{Email: email, Password: "a new password"}, signin.Wish{}))
	}, message.EmailInUse)
}

// A passkey that does not count is used at once from many places: each is a ceremony of its own.
func TestRaces_ManySigninsOfOnePerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong)
	d := p.devices["strong"]
	h.ok(errOf(h.browser().passkey(p.email, d)))
	var mu sync.Mutex
	var failed []error
	by := make([]*browser, racers)
	for i := range by {
		by[i] = h.browser()
	}
	atOnce(racers, func(i int) {
		_, err := by[i].passkey(p.email, d)
		if r, ok := signin.AsRefusal(err); err != nil && (!ok || r.Key != message.WebAuthnNoVerify) {
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, err)
		}
	})
	if len(failed) > 0 {
		t.Error(failed)
	}
	// the count is the highest that was used, so that none of the answers is good again
	creds, err := h.Passkeys(h.ctx, p.id)
	h.ok(err)
	if creds[0].SignCount == 0 || creds[0].Usage != account.UsageFirst {
		t.Errorf("%+v", creds[0])
	}
}
