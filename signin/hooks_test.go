package signin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/throttle"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// doorman is a BeforeSignin and BeforeRegister that says what a test wants it to, and remembers what it was asked.
type doorman struct {
	mu         sync.Mutex
	says       error
	attempts   []signin.Attempt
	applicants []signin.Applicant
}

func (d *doorman) install(c *signin.Config) {
	c.BeforeSignin = func(_ context.Context, a signin.Attempt) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.attempts = append(d.attempts, a)
		return d.says
	}
	c.BeforeRegister = func(_ context.Context, a signin.Applicant) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.applicants = append(d.applicants, a)
		return d.says
	}
}

func (d *doorman) say(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.says = err
}

func (d *doorman) asked() (int, int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.attempts), len(d.applicants)
}

var closed = &signin.Denial{Reason: "closed", Text: "We are closed on Sundays."}

// Whichever way somebody signs in, the app may refuse, and then nothing is as if they had; once it lets them, the same proof counts.
func TestHooks_ARefusedSigninChangesNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		has    []has
		before func(b *browser, p *person) // up to the last step
		step   func(b *browser, p *person) error
		proved []account.Method
		method account.Method
		spends bool
	}{
		"password": {
			step:   func(b *browser, p *person) error { return errOf(b.login(p)) },
			proved: []account.Method{pw}, method: pw,
		},
		"passkey": {
			has: []has{strong}, step: func(b *browser, p *person) error { return errOf(b.passkey(p.email, p.devices["strong"])) },
			proved: []account.Method{account.MethodPasskey, account.MethodUserVerification}, method: account.MethodPasskey, spends: true,
		},
		"passkey as second factor": {
			has: []has{secondary}, before: func(b *browser, p *person) { p.h.ok(errOf(b.login(p))) },
			step:   func(b *browser, p *person) error { return errOf(b.passkey("", p.devices["secondary"])) },
			proved: []account.Method{pw, account.MethodPasskey}, method: account.MethodPasskey, spends: true,
		},
		"authenticator app": {
			has: []has{app}, before: func(b *browser, p *person) { p.h.ok(errOf(b.login(p))); p.nextCode() },
			step:   func(b *browser, p *person) error { return errOf(b.code(p.code())) },
			proved: []account.Method{pw, account.MethodAuthenticator}, method: account.MethodAuthenticator,
		},
		"mailed code": {
			has: []has{mail}, before: func(b *browser, p *person) { p.h.ok(errOf(b.login(p))) },
			step:   func(b *browser, p *person) error { return errOf(b.code(p.h.post.code(p.email))) },
			proved: []account.Method{pw, account.MethodEmail}, method: account.MethodEmail,
		},
		"recovery code": {
			has: []has{app, recoveryCodes}, before: func(b *browser, p *person) { p.h.ok(errOf(b.login(p))) },
			step:   func(b *browser, p *person) error { return errOf(b.recover(p.recovery[0])) },
			proved: []account.Method{pw, account.MethodRecoveryCode}, method: account.MethodRecoveryCode,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &doorman{}
			h := newHouse(t, d.install)
			p := h.person("ada", tt.has...)
			b := h.browser()
			if tt.before != nil {
				tt.before(b, p)
			}
			if n, _ := d.asked(); n != 0 {
				t.Fatalf("the app was asked %d times before everything was proved", n)
			}
			waiting, spent := b.pending, h.spent()
			d.say(closed)
			mark := h.mark()
			r := h.refuses(message.Unauthorized, func() error { return tt.step(b, p) })
			if r.Text != message.DeniedWith || !slices.Contains(r.Params, any("We are closed on Sundays.")) {
				t.Errorf("the person reads %q %v", r.Text, r.Params)
			}
			b.nobody()
			if b.pending != waiting {
				t.Error("what waits has ended")
			}
			if got := h.spent() - spent; (got == 1) != tt.spends {
				t.Errorf("%d states were spent", got)
			}
			d.mu.Lock()
			a := d.attempts[0]
			d.mu.Unlock()
			if a.User.ID != p.id || !slices.Equal(a.Methods, tt.proved) || a.Client.Address != b.client.Address {
				t.Errorf("the app was asked about %+v", a)
			}
			told := h.heard(mark)
			if e := told[len(told)-1]; e.Kind != account.EventSigninRefused || e.Reason != "closed" || e.Method != tt.method || e.UserID != p.id {
				t.Errorf("the event says %+v", e)
			}
			d.say(nil)
			h.ok(tt.step(b, p))
			b.signedIn(p)
		})
	}
}

// Who is not known is not asked about: a wrong guess tells nothing of the app's rules.
func TestHooks_NobodyIsAskedAboutBeforeTheyAreKnown(t *testing.T) {
	t.Parallel()
	d := &doorman{says: closed}
	h := newHouse(t, d.install)
	p := h.person("ada", strong)
	b := h.browser()
	h.refuses(message.GenericAuthnFailed, func() error { return errOf(b.loginAs(p.email, "wrong")) })
	h.refuses(message.GenericAuthnFailed, func() error { return errOf(b.loginAs("nobody@example.test", "wrong")) })
	h.refuses(message.WebAuthnNoVerify, func() error { return errOf(b.passkey(p.email, p.devices["strong"], forged)) })
	p.disabled()
	h.refuses(message.GenericAuthnFailed, func() error { return errOf(b.login(p)) })
	h.refuses(message.DisabledAccount, func() error { return errOf(b.passkey(p.email, p.devices["strong"])) })
	if n, _ := d.asked(); n != 0 {
		t.Errorf("the app was asked %d times", n)
	}
}

// A right guess that the app refuses is none of those that close the account.
func TestHooks_ARefusalIsNoWrongGuess(t *testing.T) {
	t.Parallel()
	d := &doorman{}
	h := newHouse(t, d.install, func(c *signin.Config) { c.ThrottleAccount = throttle.Rate{N: 3, Per: 5 * 60e9} })
	p := h.person("ada")
	d.say(closed)
	for range 6 {
		h.refuses(message.Unauthorized, func() error { return errOf(h.browser().login(p)) })
	}
	d.say(nil)
	h.ok(errOf(h.browser().login(p)))
}

// A hook that fails lets nobody in, and uses nothing up.
func TestHooks_AFailingHookIsAFailure(t *testing.T) {
	t.Parallel()
	d := &doorman{}
	h := newHouse(t, d.install)
	p := h.person("ada", strong)
	b := h.browser()
	broken := errors.New("the directory is down")
	d.say(broken)
	c := b.startSignin(p.email)
	answer := p.devices["strong"].get(c)
	before := h.snapshot()
	if err := errOf(b.finishSignin(c, answer)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if err := errOf(b.svc.Register(h.ctx, b.caller(), signin.NewAccount{Email: "new@example.test", Password: "a password of eve"}, signin.Wish{})); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if diff := differences(before, h.snapshot()); diff != "" {
		t.Error(diff)
	}
	d.say(nil)
	h.ok(errOf(b.finishSignin(c, answer)))
	b.signedIn(p)
}

func TestHooks_ARefusedRegistrationMakesNoAccount(t *testing.T) {
	t.Parallel()
	d := &doorman{says: &signin.Denial{Key: message.EmailInvalid, Reason: "Not a word!"}}
	h := newHouse(t, d.install)
	p := h.person("ada")
	register := func(email string) error {
		b := h.browser()
		return errOf(b.keep(b.svc.Register(h.ctx, b.caller(), signin.NewAccount{Email: email, Password: "a password of eve"}, signin.Wish{})))
	}
	// the same for an address that has an account and for one that has none, at the same cost
	var calls []map[string]int
	for _, email := range []string{p.email, "new@example.test"} {
		calls = append(calls, h.store.during(func() {
			if r := h.refuses(message.Unauthorized, func() error { return register(email) }); r.Text != message.EmailInvalid {
				t.Errorf("the person reads %q", r.Text)
			}
		}))
	}
	for method, n := range calls[0] {
		if calls[1][method] != n || method == "UserByEmail" || method == "CreateUser" {
			t.Errorf("%s was called %d times for an address with an account, and %d times for one without", method, n, calls[1][method])
		}
	}
	if events := h.events(); events[len(events)-1].Reason != "denied" {
		t.Errorf("the reason is %q", events[len(events)-1].Reason)
	}
	h.refuses(message.EmailInvalid, func() error { return register("not an address") })
	if _, n := d.asked(); n != 2 {
		t.Errorf("the app was asked %d times", n)
	}
	d.say(nil)
	h.ok(register("new@example.test"))
}

// Where addresses are confirmed, the app is asked before the mail and before the account; what it says tells nothing about who has one.
func TestHooks_ARegistrationThatIsConfirmedIsAskedAboutTwice(t *testing.T) {
	t.Parallel()
	d := &doorman{says: closed}
	h := newHouse(t, d.install)
	p := h.person("ada")
	mails := len(h.post.all())
	ask := func(email string) error {
		return h.AskConfirmation(h.ctx, h.browser().caller(), email, "https://latchkey.test/confirm/")
	}
	h.refuses(message.Unauthorized, func() error { return ask(p.email) })
	h.refuses(message.Unauthorized, func() error { return ask("new@example.test") })
	if n := len(h.post.all()); n != mails {
		t.Errorf("%d mails went out", n-mails)
	}
	d.say(nil)
	h.ok(ask("new@example.test"))
	all := h.post.all()
	_, token, _ := strings.Cut(all[len(all)-1].Text, "/confirm/")
	token, _, _ = strings.Cut(token, "\n")
	confirm := func() error {
		b := h.browser()
		return errOf(b.keep(b.svc.Confirm(h.ctx, b.caller(), strings.TrimSpace(token), signin.NewAccount{Password: "a password of eve"})))
	}
	d.say(closed)
	h.refuses(message.Unauthorized, confirm)
	d.say(nil)
	h.ok(confirm())
	d.mu.Lock()
	defer d.mu.Unlock()
	if first, last := d.applicants[0], d.applicants[len(d.applicants)-1]; first.Confirmed || !last.Confirmed || last.Email != "new@example.test" {
		t.Errorf("the app was asked about %+v and %+v", first, last)
	}
}

// An account that is made, and whose owner may not sign in yet, is there with its event.
func TestHooks_AnAccountIsMadeThoughItsOwnerMayNotSignInYet(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *signin.Config) { c.BeforeSignin = func(context.Context, signin.Attempt) error { return closed } })
	b := h.browser()
	h.refused(message.Unauthorized, errOf(b.svc.Register(h.ctx, b.caller(), signin.NewAccount{Email: "new@example.test", Password: "a password of eve"}, signin.Wish{})))
	if _, err := h.db.UserByEmail(h.ctx, "new@example.test"); err != nil {
		t.Error(err)
	}
	kinds := []account.EventKind{}
	for _, e := range h.events() {
		kinds = append(kinds, e.Kind)
	}
	if !slices.Equal(kinds, []account.EventKind{account.EventRegistered, account.EventSigninRefused}) {
		t.Errorf("events %v", kinds)
	}
	if d := (&signin.Denial{}).Error(); d == "" {
		t.Error("a denial without a text")
	}
}

// The app hears of an event though the browser that caused it has gone, and in its request's context.
func TestHooks_EventsOutliveTheRequest(t *testing.T) {
	t.Parallel()
	type key struct{}
	var got any
	var ended error
	h := newHouse(t, func(c *signin.Config) {
		c.OnEvent = func(ctx context.Context, e account.Event) { got, ended = ctx.Value(key{}), ctx.Err() }
	})
	p := h.person("ada")
	ctx, cancel := context.WithCancel(context.WithValue(h.ctx, key{}, "the request"))
	h.store.onceBefore("Record", cancel)
	h.store.patient = true
	h.refused(message.GenericAuthnFailed, errOf(h.Login(ctx, h.browser().caller(), p.email, "wrong", signin.Wish{})))
	if got != "the request" || ended != nil {
		t.Errorf("the app was told in a context with %v (%v)", got, ended)
	}
}

// Whatever an app says, the log's words stay few and the text on the page short.
func TestHooks_ADenialIsBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reason, want string }{
		{"closed_2", "closed_2"}, {"", "denied"}, {strings.Repeat("a", 32), strings.Repeat("a", 32)}, {strings.Repeat("a", 33), "denied"},
		{"Closed", "denied"}, {"ada@example.test", "denied"}, {"a b", "denied"}, {"ä", "denied"},
	} {
		d := &doorman{says: &signin.Denial{Reason: c.reason, Text: strings.Repeat("ä", 400)}}
		h := newHouse(t, d.install)
		p := h.person("ada")
		r := h.refuses(message.Unauthorized, func() error { return errOf(h.browser().login(p)) })
		if events := h.events(); events[len(events)-1].Reason != c.want {
			t.Errorf("%q is told as %q, want %q", c.reason, events[len(events)-1].Reason, c.want)
		}
		if text, _ := r.Params[1].(string); text != strings.Repeat("ä", 250) {
			t.Errorf("a text of %d bytes", len(text))
		}
	}
	d := &doorman{says: &signin.Denial{}}
	h := newHouse(t, d.install)
	p := h.person("ada")
	if r := h.refuses(message.Unauthorized, func() error { return errOf(h.browser().login(p)) }); r.Text != message.Denied {
		t.Errorf("without a text the person reads %q", r.Text)
	}
}
