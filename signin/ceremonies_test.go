package signin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// finish is the other half of a ceremony or setup, by whichever browser shows the token, with an answer that is good for the
// start in every respect.
type finish struct {
	name  string
	token string
	by    *browser
	call  func(b *browser, token string) error
	// malformed is the same with an answer that cannot be parsed, wrong with one that does not verify; nil: there is no such thing.
	malformed, wrong func(b *browser, token string) error
	within           time.Duration
	expired          message.Key
	// done reports whether it had its effect.
	done func() bool
}

// begin starts one ceremony of each kind, for an account of its own.
func begin(h *house, kind string) (finish, *person) {
	h.t.Helper()
	p := h.person(fmt.Sprint("owner-", h.mark()), strong, secondary)
	h.clock.advance(time.Millisecond)
	b := h.browser()
	f := finish{name: kind, by: b, within: 5 * time.Minute, expired: message.WebAuthnExpired, done: func() bool { return b.caller().SignedIn() }}
	answers := func(c ceremony, d *device, call func(b *browser, token string, response []byte) error) {
		f.token = c.state
		good, bad := d.get(c), d.get(c, forged)
		f.call = func(b *browser, token string) error { return call(b, token, good) }
		f.wrong = func(b *browser, token string) error { return call(b, token, bad) }
		f.malformed = func(b *browser, token string) error { return call(b, token, good[:len(good)-1]) }
	}
	signin1 := func(b *browser, token string, response []byte) error {
		return errOf(b.finishSignin(ceremony{state: token}, response))
	}
	switch kind {
	case "first signin":
		answers(b.startSignin(p.email), p.devices["strong"], signin1)
	case "second signin":
		h.ok(errOf(b.login(p)))
		answers(b.startSignin(""), p.devices["secondary"], signin1)
	case "verify":
		p.signs(b)
		before := b.caller().Session.AuthenticatedAt
		h.clock.advance(time.Second)
		answers(b.startVerify(), p.devices["strong"], func(b *browser, token string, response []byte) error {
			return errOf(b.finishVerify(ceremony{state: token}, response))
		})
		f.done = func() bool { return b.caller().Session.AuthenticatedAt.After(before) }
	case "register":
		p.signs(b)
		h.clock.advance(time.Millisecond)
		f.registers(b, p)
	case "enrol":
		q := h.person(fmt.Sprint("newcomer-", h.mark()))
		strict := h.cfg
		strict.TwoFactorRequired = true
		b.svc = signin.New(strict, h.store, h.store)
		h.ok(errOf(b.login(q)))
		p = q
		f.registers(b, q)
	case "setup":
		p.signs(b)
		h.clock.advance(time.Millisecond)
		s, err := b.startSetup(account.MethodEmail, "")
		h.ok(err)
		code := h.post.code(p.email)
		f.token, f.within, f.expired = s.State, 30*time.Minute, message.TwoFactorSetupExpired
		f.call = func(b *browser, token string) error {
			return errOf(b.finishSetup(signin.SetupStarted{State: token}, code))
		}
		f.done = func() bool {
			second, err := h.SecondFactors(h.ctx, p.id)
			h.ok(err)
			return len(second.Codes) == 1
		}
	default:
		h.t.Fatal(kind)
	}
	return f, p
}

func (f *finish) registers(b *browser, p *person) {
	h := b.h
	c, err := b.startRegistration("new one", account.UsageSecondary)
	h.ok(err)
	good := h.newDevice(true).create(c)
	bad := h.newDevice(true).create(c, elsewhere)
	call := func(b *browser, token string, response []byte) error {
		return errOf(b.finishRegistration(ceremony{state: token}, response))
	}
	f.token, f.within = c.state, 30*time.Minute
	f.call = func(b *browser, token string) error { return call(b, token, good) }
	f.wrong = func(b *browser, token string) error { return call(b, token, bad) }
	f.malformed = func(b *browser, token string) error { return call(b, token, good[:len(good)-1]) }
	had, err := h.Passkeys(h.ctx, p.id)
	h.ok(err)
	f.done = func() bool {
		has, err := h.Passkeys(h.ctx, p.id)
		h.ok(err)
		return len(has) > len(had)
	}
}

var kinds = []string{"first signin", "second signin", "verify", "register", "enrol", "setup"}

// each runs a test over every kind of state, in a house of its own.
func each(t *testing.T, test func(*house, finish, *person), skip ...string) {
	t.Helper()
	t.Parallel()
	for _, kind := range kinds {
		if strings.Contains(strings.Join(skip, ","), kind) {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			f, p := begin(h, kind)
			test(h, f, p)
		})
	}
}

// spent is how many tokens were used up.
func (h *house) spent() int {
	return column[int](h, `SELECT COUNT(*) FROM latchkey_states WHERE spent`)[0]
}

// keeps demands that the call is refused, changes nothing, spends no state, and that the owner's finish still succeeds.
func (f finish) keeps(h *house, want message.Key, call func() error) {
	h.t.Helper()
	before := h.spent()
	h.refuses(want, call)
	if h.spent() != before {
		h.t.Errorf("%s: the refusal spent the state", f.name)
	}
	f.succeeds(h)
}

func (f finish) succeeds(h *house) {
	h.t.Helper()
	if err := f.call(f.by, f.token); err != nil || !f.done() {
		h.t.Fatalf("%s: %v, done: %v", f.name, err, f.done())
	}
}

// deniedTo is what a stranger to a state is told.
func (f finish) deniedTo() message.Key {
	if f.name == "second signin" {
		return message.TwoFactorPermissionDenied
	}
	return message.APIError
}
