package signin_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// Settings that differ from the defaults.
var (
	required    = func(c *signin.Config) { c.TwoFactorRequired = true }
	singleUse   = func(c *signin.Config) { c.AllowAsMultiFactor = false } // a passkey is one factor, whatever it verified
	remembering = func(c *signin.Config) { c.TwoFactorAlwaysValidate = false }
)

// Shorthand for the methods that a session records.
const (
	pw   = account.MethodPassword
	pk   = account.MethodPasskey
	uv   = account.MethodUserVerification
	totp = account.MethodAuthenticator
)

// proofs demands that the browser is signed in by exactly these methods.
func (b *browser) proofs(p *person, factors int, methods ...account.Method) {
	b.h.t.Helper()
	c := b.signedIn(p)
	if !slices.Equal(c.Session.Methods, methods) {
		b.h.t.Errorf("the session was proved by %v, want %v", c.Session.Methods, methods)
	}
	if got := account.FactorsOf(c.Session.Methods); got != factors {
		b.h.t.Errorf("%v are %d factors, want %d", c.Session.Methods, got, factors)
	}
}

// TestEdges_FirstProof walks the first half of the table with real accounts.
func TestEdges_FirstProof(t *testing.T) {
	t.Parallel()
	byPassword := func(b *browser, p *person) (signin.Outcome, error) { return b.login(p) }
	byPasskey := func(name string, changes ...change) func(*browser, *person) (signin.Outcome, error) {
		return func(b *browser, p *person) (signin.Outcome, error) {
			return b.passkey(p.email, p.devices[name], changes...)
		}
	}
	type settings []func(*signin.Config)
	type want struct {
		state   account.PendingState // "": signed in
		method  account.Method
		methods []account.Method // of the session, or the choice
		factors int
	}
	for _, e := range []struct {
		name     string
		settings settings
		has      []has
		prove    func(*browser, *person) (signin.Outcome, error)
		want     want
	}{
		{"a password and nothing else", nil, nil, byPassword, want{methods: []account.Method{pw}, factors: 1}},
		{"a password beside first passkeys", nil, []has{strong, weak}, byPassword, want{methods: []account.Method{pw}, factors: 1}},
		{"a verified passkey", nil, []has{strong}, byPasskey("strong"), want{methods: []account.Method{pk, uv}, factors: 2}},
		{"a strong passkey that did not verify", nil, []has{strong}, byPasskey("strong", unverified), want{methods: []account.Method{pk}, factors: 1}},
		{"a weak passkey that verifies later proves nothing more", nil, []has{weak}, byPasskey("weak", verified), want{methods: []account.Method{pk}, factors: 1}},
		{"a password before a mailed code", nil, []has{mail}, byPassword, want{state: account.PendingReady, method: account.MethodEmail}},
		{"a password before a texted code", nil, []has{sms}, byPassword, want{state: account.PendingReady, method: account.MethodSMS}},
		{"a password before the app", nil, []has{app}, byPassword, want{state: account.PendingReady, method: totp}},
		{"a password before a secondary passkey", nil, []has{secondary}, byPassword, want{state: account.PendingReady, method: pk}},
		{"a password before a choice", nil, []has{sms, secondary, app}, byPassword, want{state: account.PendingSelect, methods: []account.Method{account.MethodSMS, totp, pk}}},
		{"recovery codes are no second factor to ask for", nil, []has{recoveryCodes}, byPassword, want{methods: []account.Method{pw}, factors: 1}},
		{"a verified passkey beside second factors", nil, []has{strong, app, secondary}, byPasskey("strong"), want{methods: []account.Method{pk, uv}, factors: 2}},
		{"an unverified passkey beside the app", nil, []has{strong, app}, byPasskey("strong", unverified), want{state: account.PendingReady, method: totp}},
		{"a weak passkey that verifies, beside the app", nil, []has{weak, app}, byPasskey("weak", verified), want{state: account.PendingReady, method: totp}},
		{"a verified passkey where it is one factor, beside the app", settings{singleUse}, []has{strong, app}, byPasskey("strong"), want{state: account.PendingReady, method: totp}},
		{"a verified passkey where it is one factor, alone", settings{singleUse}, []has{strong}, byPasskey("strong"), want{methods: []account.Method{pk, uv}, factors: 2}},
		{"required, none", settings{required}, nil, byPassword, want{state: account.PendingSetup}},
		{"required, a weak passkey is no second step", settings{required}, []has{weak}, byPassword, want{state: account.PendingSetup}},
		{"required, a strong passkey is the second step of a password", settings{required}, []has{strong}, byPassword, want{state: account.PendingReady, method: pk}},
		{"required, a strong passkey beside the app is not", settings{required}, []has{strong, app}, byPassword, want{state: account.PendingReady, method: totp}},
		{"required, a verified passkey", settings{required}, []has{strong}, byPasskey("strong"), want{methods: []account.Method{pk, uv}, factors: 2}},
		{"required, an unverified passkey must verify", settings{required}, []has{strong}, byPasskey("strong", unverified), want{state: account.PendingReady, method: pk}},
		{"required, a weak passkey", settings{required}, []has{weak}, byPasskey("weak"), want{state: account.PendingSetup}},
		{"required, a verified passkey where it is one factor", settings{required, singleUse}, []has{strong}, byPasskey("strong"), want{state: account.PendingSetup}},
		{"codes switched off", settings{func(c *signin.Config) { c.TwoFactor = false }}, []has{app, mail}, byPassword, want{methods: []account.Method{pw}, factors: 1}},
		{"codes switched off, a secondary passkey is demanded all the same", settings{func(c *signin.Config) { c.TwoFactor = false }}, []has{app, secondary}, byPassword, want{state: account.PendingReady, method: pk}},
	} {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, e.settings...)
			p := h.person("ada", e.has...)
			b := h.browser()
			sent := len(h.post.all())
			out, err := e.prove(b, p)
			h.ok(err)
			if e.want.state == "" {
				b.proofs(p, e.want.factors, e.want.methods...)
				if out.Pending != nil || out.PendingToken != "" || b.pending != "" {
					t.Error("signed in and pending at once")
				}
				return
			}
			b.nobody()
			if out.Session != nil || out.Token != "" || out.Bearer != "" || out.Device != "" {
				t.Errorf("a pending sign-in came with a session: %+v", out)
			}
			b.waits(e.want.state, e.want.method)
			if e.want.state == account.PendingSelect && !slices.Equal(out.Methods, e.want.methods) {
				t.Errorf("the choice is %v, want %v", out.Methods, e.want.methods)
			}
			wantSent := 0
			if e.want.method == account.MethodEmail || e.want.method == account.MethodSMS {
				wantSent = 1
			}
			if n := len(h.post.all()) - sent; n != wantSent {
				t.Errorf("%d messages went out, want %d", n, wantSent)
			}
		})
	}
}

// TestEdges_SecondProof answers pending sign-ins.
func TestEdges_SecondProof(t *testing.T) {
	t.Parallel()
	for _, e := range []struct {
		name    string
		has     []has
		answer  func(*browser, *person) error
		factors int
		proved  []account.Method
	}{
		{"the app", []has{app}, func(b *browser, p *person) error { return errOf(b.code(p.nextCode())) }, 2, []account.Method{pw, totp}},
		{"a mailed code", []has{mail}, func(b *browser, p *person) error { return errOf(b.code(p.h.post.code(p.email))) }, 2, []account.Method{pw, account.MethodEmail}},
		{"a texted code", []has{sms}, func(b *browser, p *person) error { return errOf(b.code(p.h.post.code(p.phone))) }, 2, []account.Method{pw, account.MethodSMS}},
		{"a secondary passkey", []has{secondary}, func(b *browser, p *person) error { return errOf(b.passkey("", p.devices["secondary"])) }, 2, []account.Method{pw, pk}},
		{"a recovery code", []has{app, recoveryCodes}, func(b *browser, p *person) error { return errOf(b.recover(p.recovery[0])) }, 2, []account.Method{pw, account.MethodRecoveryCode}},
		{"the app at the choice", []has{app, mail}, func(b *browser, p *person) error { return errOf(b.code(p.nextCode())) }, 2, []account.Method{pw, totp}},
		{"the app, ready for a passkey", []has{app, secondary}, func(b *browser, p *person) error {
			b.h.ok(errOf(b.choose(pk)))
			return errOf(b.code(p.nextCode()))
		}, 2, []account.Method{pw, totp}},
		{"a passkey, ready for the app", []has{app, secondary}, func(b *browser, p *person) error {
			b.h.ok(errOf(b.choose(totp)))
			return errOf(b.passkey("", p.devices["secondary"]))
		}, 2, []account.Method{pw, pk}},
		{"another choice", []has{sms, mail}, func(b *browser, p *person) error {
			b.h.ok(errOf(b.choose(account.MethodSMS)))
			b.waits(account.PendingReady, account.MethodSMS)
			b.h.ok(errOf(b.choose(account.MethodEmail)))
			b.waits(account.PendingReady, account.MethodEmail)
			return errOf(b.code(p.h.post.code(p.email)))
		}, 2, []account.Method{pw, account.MethodEmail}},
	} {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.person("ada", e.has...)
			b := h.browser()
			h.ok(errOf(b.login(p)))
			b.nobody()
			h.ok(e.answer(b, p))
			b.proofs(p, e.factors, e.proved...)
			if left := column[int](h, `SELECT COUNT(*) FROM latchkey_pendings`); left[0] != 0 {
				t.Error("the pending sign-in is still there")
			}
		})
	}
}

func TestEdges_TwoThingsHeldAreOneFactor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", weak, app)
	b := h.browser()
	h.ok(errOf(b.passkey(p.email, p.devices["weak"])))
	h.ok(errOf(b.code(p.nextCode())))
	b.proofs(p, 1, pk, totp)
}

// A code that was sent for one choice is dead once another is made.
func TestEdges_AnotherChoiceKillsTheCodeThatIsOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", sms, mail)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	h.ok(errOf(b.choose(account.MethodSMS)))
	texted := h.post.code(p.phone)
	for ok := true; ok; ok = h.post.code(p.email) == texted { // one code in a million comes twice
		h.ok(errOf(b.choose(account.MethodEmail)))
	}
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.code(texted)) })
	b.nobody()
}

func TestEdges_AStrongPasskeyIsTheSecondStepOnlyWhenItVerifies(t *testing.T) {
	t.Parallel()
	h := newHouse(t, required)
	p := h.person("ada", strong, weak)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	b.waits(account.PendingReady, pk)
	// nothing but that passkey is offered: no setup, no other method
	h.refuses(message.TwoFactorPermissionDenied, func() error { return errOf(b.startSetup(totp, "")) })
	h.refuses(message.Unauthenticated, func() error { return errOf(b.startRegistration("mine", account.UsageSecondary)) })
	h.refuses(message.TwoFactorMethodNotAvailable, func() error { return errOf(b.choose(account.MethodEmail)) })
	h.ok(errOf(b.choose(pk)))

	start := b.startSignin("")
	h.refuses(message.WebAuthnNoVerify, func() error { return errOf(b.finishSignin(start, p.devices["strong"].get(start, unverified))) })
	start = b.startSignin("")
	h.refuses(message.WebAuthnWrongUsage, func() error { return errOf(b.finishSignin(start, p.devices["weak"].get(start, verified))) })
	h.ok(errOf(b.passkey("", p.devices["strong"])))
	b.proofs(p, 2, pw, pk, uv)
}

// The options of a second step name the passkeys that may answer, and say whether they must verify their user.
func TestEdges_TheSecondStepNamesItsPasskeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings []func(*signin.Config)
		has      []has
		named    []string
		verify   string
	}{
		"secondary ones":                     {nil, []has{strong, weak, secondary}, []string{"secondary"}, "discouraged"},
		"secondary ones, required":           {[]func(*signin.Config){required}, []has{strong, weak, secondary}, []string{"secondary"}, "discouraged"},
		"the strong one that stands in":      {[]func(*signin.Config){required}, []has{weak, strong, withPasskey("weak too", account.UsageFirst, false)}, []string{"strong"}, "required"},
		"none beside the app":                {nil, []has{strong, app}, nil, "discouraged"},
		"none beside the app, though strong": {[]func(*signin.Config){required}, []has{strong, app}, nil, "discouraged"},
	} {
		h := newHouse(t, c.settings...)
		p := h.person("ada", c.has...)
		eve := h.person("eve", strong, secondary)
		b := h.browser()
		h.ok(errOf(b.login(p)))
		start := b.startSignin(eve.email) // whatever identity is sent
		ids, _ := allowed(t, start.options)
		var want [][]byte
		for _, n := range c.named {
			want = append(want, p.devices[n].Credentials()[0].ID)
		}
		if fmt.Sprint(ids) != fmt.Sprint(want) || !strings.Contains(string(start.options), `"userVerification":"`+c.verify+`"`) {
			t.Errorf("%s: %s", name, start.options)
		}
	}
}

// Where the factors were reset between the halves of the second step, the strong passkey that now stands in must have verified its user.
func TestEdges_AStrongPasskeyThatStandsInLaterVerifies(t *testing.T) {
	t.Parallel()
	h := newHouse(t, required)
	p := h.person("ada", strong, secondary)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	start, again := b.startSignin(""), b.startSignin("")
	u, err := h.db.User(h.ctx, p.id)
	h.ok(err)
	h.ok(h.ResetFactors(h.ctx, signin.Client{}, u, false))
	h.refuses(message.WebAuthnWrongUsage, func() error { return errOf(b.finishSignin(start, p.devices["strong"].get(start, unverified))) })
	h.ok(errOf(b.finishSignin(again, p.devices["strong"].get(again))))
	b.proofs(p, 2, pw, pk, uv)
}

func TestEdges_AFirstPasskeyIsNeverTheSecondStepBesideOthers(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string][]func(*signin.Config){"required": {required}, "not required": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, settings...)
			p := h.person("ada", strong, secondary)
			b := h.browser()
			h.ok(errOf(b.login(p)))
			start := b.startSignin("")
			h.refuses(message.WebAuthnWrongUsage, func() error { return errOf(b.finishSignin(start, p.devices["strong"].get(start))) })
			b.waits(account.PendingReady, pk)
		})
	}
}

func TestEdges_ASecondaryPasskeyNeverStartsASignin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", withPasskey("s", account.UsageSecondary, true), weak)
	for _, identity := range []string{p.email, ""} {
		b := h.browser()
		start := b.startSignin(identity)
		h.refuses(message.WebAuthnWrongUsage, func() error { return errOf(b.finishSignin(start, p.devices["s"].get(start))) })
		b.nobody()
	}
}

// A setup on the way in ends with its time, as one of a signed-in person does, and may be begun again.
func TestEdges_SetupFromLoginInTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t, required, func(c *signin.Config) { c.TwoFactorSetupWithin = time.Minute })
	p := h.person("ada")
	b := h.browser()
	h.ok(errOf(b.login(p)))
	for _, m := range []account.Method{totp, account.MethodEmail} {
		s, err := b.startSetup(m, "")
		h.ok(err)
		h.clock.advance(time.Minute)
		code := func() string {
			if p.key = s.KeyText; m == totp {
				return p.code()
			}
			return h.post.code(p.email)
		}
		h.refuses(message.TwoFactorSetupExpired, func() error { return errOf(b.code(code())) })
		b.waits(account.PendingValidating, m)
	}
	s, err := b.startSetup(totp, "")
	h.ok(err)
	p.key = s.KeyText
	h.clock.advance(time.Minute - time.Microsecond)
	h.ok(errOf(b.code(p.code())))
	b.proofs(p, 2, pw, totp)
}

// TestEdges_SetupFromLogin sets a first second factor up on the way in.
func TestEdges_SetupFromLogin(t *testing.T) {
	t.Parallel()
	byCode := func(m account.Method, code func(*person, signin.SetupStarted) string) func(*browser, *person) {
		return func(b *browser, p *person) {
			h := b.h
			s, err := b.startSetup(m, p.phone)
			h.ok(err)
			if s.State != "" {
				h.t.Error("a pending setup came with a token")
			}
			b.waits(account.PendingValidating, m)
			if second, err := b.svc.SecondFactors(h.ctx, p.id); err != nil || len(second.Codes) > 0 {
				h.t.Errorf("something is stored before it is confirmed: %v, %v", second, err)
			}
			h.ok(errOf(b.code(code(p, s))))
			b.proofs(p, 2, pw, m)
		}
	}
	for name, walk := range map[string]func(*browser, *person){
		"app": byCode(totp, func(p *person, s signin.SetupStarted) string { p.key = s.KeyText; return p.code() }),
		"mail": byCode(account.MethodEmail, func(p *person, _ signin.SetupStarted) string {
			return p.h.post.code(p.email)
		}),
		"sms": byCode(account.MethodSMS, func(p *person, _ signin.SetupStarted) string {
			return p.h.post.code(p.phone)
		}),
		"passkey": func(b *browser, p *person) {
			d := b.h.newDevice(true)
			cred, err := b.enrol("mine", account.UsageFirst, d)
			b.h.ok(err)
			if cred.Usage != account.UsageSecondary {
				b.h.t.Errorf("a passkey of a pending sign-in is %s", cred.Usage)
			}
			b.nobody()
			b.waits(account.PendingReady, pk)
			b.h.ok(errOf(b.passkey("", d)))
			b.proofs(p, 2, pw, pk, uv)
		},
		"passkey after a change of mind": func(b *browser, p *person) {
			h := b.h
			s, err := b.startSetup(totp, "")
			h.ok(err)
			p.key = s.KeyText
			d := h.newDevice(false)
			h.ok(errOf(b.enrol("mine", account.UsageSecondary, d)))
			b.waits(account.PendingReady, pk)
			h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.code(p.code())) }) // the setup is gone
			h.ok(errOf(b.passkey("", d)))
			b.proofs(p, 2, pw, pk)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, required)
			p := h.person("ada")
			b := h.browser()
			h.ok(errOf(b.login(p)))
			b.waits(account.PendingSetup, "")
			walk(b, p)
			// and from now on it is asked for
			other := h.browser()
			h.ok(errOf(other.login(p)))
			if c := other.caller(); c.Pending == nil || c.Pending.State != account.PendingReady {
				t.Errorf("the next sign-in: %+v", c.Pending)
			}
		})
	}
}

func TestEdges_SetupFromLoginTakesNothingElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t, required)
	p := h.person("ada", recoveryCodes)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	denied := func() {
		t.Helper()
		h.refuses(message.TwoFactorPermissionDenied, func() error { return errOf(b.choose(totp)) })
		h.refuses(message.TwoFactorPermissionDenied, func() error { return errOf(b.recover(p.recovery[0])) })
		h.refuses(message.TwoFactorPermissionDenied, func() error { return b.rescue(signin.RescueHelp) })
	}
	denied()
	h.refuses(message.TwoFactorPermissionDenied, func() error { return errOf(b.code("123456")) })
	h.refuses(message.TwoFactorMethodNotAvailable, func() error { return errOf(b.startSetup("webauthn", "")) })
	h.ok(errOf(b.startSetup(account.MethodEmail, "")))
	denied()
	b.nobody()
}

// TestEdges_Registration: a new account goes through the table as well.
func TestEdges_Registration(t *testing.T) {
	t.Parallel()
	h := newHouse(t, required)
	b := h.browser()
	_, err := b.keep(h.Register(h.ctx, b.caller(), signin.NewAccount{Email: "new@example.test", Password: "a new password"}, signin.Wish{}))
	h.ok(err)
	b.nobody()
	b.waits(account.PendingSetup, "")

	h = newHouse(t)
	b = h.browser()
	out, err := b.keep(h.Register(h.ctx, b.caller(), signin.NewAccount{Email: "new@example.test", Password: "a new password"}, signin.Wish{}))
	h.ok(err)
	b.proofs(&person{h: h, id: out.User.ID, email: "new@example.test"}, 1, pw)
}
