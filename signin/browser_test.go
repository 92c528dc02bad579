package signin_test

import (
	"encoding/json"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/signin"
)

// browser is somebody's browser, or a program: where it is and the secrets that it was given.
type browser struct {
	h      *house
	svc    *signin.Service
	client signin.Client

	cookie, pending, device, bearer, known string
	// note is the grace's.
	note string
	// program: it shows its bearer token and no cookie.
	program bool
	// fixed is who it was identified as before something else happened; nil: it is asked each time.
	fixed *signin.Caller
}

// browser is a new one, at an address that all share.
func (h *house) browser() *browser {
	return &browser{h: h, svc: h.Service, client: signin.Client{Address: at("192.0.2.1"), UserAgent: "Browser/1.0", Origin: origin, Lang: "en"}}
}

// arranger is a browser at the lenient service.
func (h *house) arranger() *browser {
	b := h.browser()
	b.svc = h.lenient
	return b
}

// caller is who the service takes the browser for.
func (b *browser) caller() *signin.Caller {
	b.h.t.Helper()
	if b.fixed != nil {
		c := *b.fixed
		return &c
	}
	c, err := b.svc.Identify(b.h.ctx, b.client, signin.Credentials{Cookie: b.cookie, Bearer: b.bearer, HasBearer: b.program, Pending: b.pending, Device: b.device, Known: b.known})
	b.h.ok(err)
	return c
}

// keep takes the secrets of an outcome into the browser, as the web does with cookies.
func (b *browser) keep(out signin.Outcome, err error) (signin.Outcome, error) {
	b.h.secret("session token", out.Token)
	b.h.secret("bearer token", out.Bearer)
	b.h.secret("device token", out.Device)
	b.h.secret("pending token", out.PendingToken)
	if err != nil {
		return out, err
	}
	if out.Token != "" {
		b.cookie = out.Token
	}
	if out.Bearer != "" {
		b.bearer = out.Bearer
	}
	if out.Device != "" {
		b.device = out.Device
	}
	if out.Known != "" {
		b.known = out.Known
	}
	if out.PendingToken != "" {
		b.pending = out.PendingToken
	}
	if out.Session != nil {
		b.pending = ""
	}
	return out, nil
}

func wish(w []signin.Wish) signin.Wish {
	if len(w) > 0 {
		return w[0]
	}
	return signin.Wish{}
}

// remember is the wish to be remembered.
func remember() signin.Wish {
	yes := true
	return signin.Wish{Remember: &yes}
}

func (b *browser) loginAs(email, password string, w ...signin.Wish) (signin.Outcome, error) {
	b.h.t.Helper()
	return b.keep(b.svc.Login(b.h.ctx, b.caller(), email, password, wish(w)))
}

func (b *browser) login(p *person, w ...signin.Wish) (signin.Outcome, error) {
	b.h.t.Helper()
	return b.loginAs(p.email, p.password, w...)
}

// ceremony is the first half of one.
type ceremony struct {
	options []byte
	state   string
}

func began[O any](h *house, s signin.Started[O], err error) (ceremony, error) {
	h.t.Helper()
	if err != nil {
		return ceremony{}, err
	}
	options, err := json.Marshal(s.Options)
	h.ok(err)
	return ceremony{options: options, state: h.secret("state", s.State)}, nil
}

func (b *browser) startSignin(identity string, w ...signin.Wish) ceremony {
	b.h.t.Helper()
	started, err := b.svc.StartSignin(b.h.ctx, b.caller(), identity, wish(w))
	c, err := began(b.h, started, err)
	b.h.ok(err)
	return c
}

func (b *browser) finishSignin(c ceremony, response []byte, w ...signin.Wish) (signin.Outcome, error) {
	b.h.t.Helper()
	return b.keep(b.svc.FinishSignin(b.h.ctx, b.caller(), c.state, response, wish(w)))
}

// passkey signs in with a passkey of the device, as the first or second step.
func (b *browser) passkey(identity string, d *device, changes ...change) (signin.Outcome, error) {
	b.h.t.Helper()
	c := b.startSignin(identity)
	return b.finishSignin(c, d.get(c, changes...))
}

func (b *browser) startVerify() ceremony {
	b.h.t.Helper()
	started, err := b.svc.StartVerify(b.h.ctx, b.caller(), signin.Wish{})
	c, err := began(b.h, started, err)
	b.h.ok(err)
	return c
}

func (b *browser) finishVerify(c ceremony, response []byte, w ...signin.Wish) (signin.Outcome, error) {
	b.h.t.Helper()
	return b.keep(b.svc.FinishVerify(b.h.ctx, b.caller(), c.state, response, wish(w)))
}

func (b *browser) verify(p signin.Proof, w ...signin.Wish) (signin.Outcome, error) {
	b.h.t.Helper()
	return b.keep(b.svc.Verify(b.h.ctx, b.caller(), p, wish(w)))
}

func (b *browser) startRegistration(nickname string, usage account.Usage) (ceremony, error) {
	b.h.t.Helper()
	started, err := b.svc.StartRegistration(b.h.ctx, b.caller(), nickname, usage)
	return began(b.h, started, err)
}

func (b *browser) finishRegistration(c ceremony, response []byte) (account.Credential, error) {
	b.h.t.Helper()
	return b.svc.FinishRegistration(b.h.ctx, b.caller(), c.state, response)
}

// enrol adds a passkey of the device.
func (b *browser) enrol(nickname string, usage account.Usage, d *device) (account.Credential, error) {
	b.h.t.Helper()
	c, err := b.startRegistration(nickname, usage)
	if err != nil {
		return account.Credential{}, err
	}
	return b.finishRegistration(c, d.create(c))
}

func (b *browser) choose(m account.Method) (signin.Outcome, error) {
	b.h.t.Helper()
	return b.keep(b.svc.Choose(b.h.ctx, b.caller(), m))
}

func (b *browser) code(code string, w ...signin.Wish) (signin.Outcome, error) {
	b.h.t.Helper()
	return b.keep(b.svc.Validate(b.h.ctx, b.caller(), code, wish(w)))
}

func (b *browser) recover(code string, w ...signin.Wish) (signin.Outcome, error) {
	b.h.t.Helper()
	return b.keep(b.svc.Recover(b.h.ctx, b.caller(), code, wish(w)))
}

func (b *browser) rescue(option string) error {
	b.h.t.Helper()
	return b.svc.Rescue(b.h.ctx, b.caller(), option)
}

func (b *browser) startSetup(m account.Method, phone string) (signin.SetupStarted, error) {
	b.h.t.Helper()
	s, err := b.svc.StartSetup(b.h.ctx, b.caller(), m, phone)
	b.h.secret("setup token", s.State)
	b.h.secret("authenticator key in base32", s.KeyText)
	return s, err
}

func (b *browser) finishSetup(s signin.SetupStarted, code string) (account.Factor, error) {
	b.h.t.Helper()
	return b.svc.FinishSetup(b.h.ctx, b.caller(), s.State, code)
}

func (b *browser) disable(m account.Method) ([]account.Method, error) {
	b.h.t.Helper()
	return b.svc.Disable(b.h.ctx, b.caller(), m)
}

func (b *browser) remove(nickname string) (account.Credential, error) {
	b.h.t.Helper()
	return b.svc.RemovePasskey(b.h.ctx, b.caller(), "", nickname)
}

func (b *browser) change(current, next string) (signin.Outcome, error) {
	b.h.t.Helper()
	b.h.secret("password", next)
	return b.keep(b.svc.ChangePassword(b.h.ctx, b.caller(), signin.PasswordChange{Current: current, New: next}))
}

func (b *browser) end(e signin.Ending) (int, error) {
	b.h.t.Helper()
	return b.svc.EndSessions(b.h.ctx, b.caller(), e)
}

func (b *browser) logout() error {
	b.h.t.Helper()
	return b.svc.Logout(b.h.ctx, b.caller())
}

// fresh asks whether the session is fresh enough for a sensitive page, with the note that the browser has, and keeps the new one.
func (b *browser) fresh() bool {
	b.h.t.Helper()
	ok, note, err := b.svc.Fresh(b.caller(), b.note)
	b.h.ok(err)
	b.note = note
	return ok
}

// signedIn demands that the browser is signed in to that account.
func (b *browser) signedIn(p *person) *signin.Caller {
	b.h.t.Helper()
	c := b.caller()
	if !c.SignedIn() || c.User.ID != p.id {
		b.h.t.Fatalf("the browser is not signed in as %s: %+v", p.email, c)
	}
	return c
}

// nobody demands that the browser is not signed in.
func (b *browser) nobody() {
	b.h.t.Helper()
	if c := b.caller(); c.SignedIn() {
		b.h.t.Fatalf("the browser is signed in as %s", c.User.Email)
	}
}

// waits demands that the browser's sign-in is pending in that state, for that method.
func (b *browser) waits(s account.PendingState, m account.Method) *signin.Caller {
	b.h.t.Helper()
	c := b.caller()
	if c.SignedIn() || c.Pending == nil || c.Pending.State != s || c.Pending.Method != m {
		b.h.t.Fatalf("the browser does not wait in %s for %q: %+v", s, m, c.Pending)
	}
	return c
}

// device is an authenticator with one passkey.
type device struct {
	*latchkeytest.Authenticator
	t testing.TB
}

type (
	ceremonyChange = latchkeytest.Ceremony
	change         = func(*ceremonyChange)
)

// newDevice is one that counts up; verifying: it verifies its user.
func (h *house) newDevice(verifying bool) *device {
	a := latchkeytest.NewAuthenticator()
	a.Counter, a.UserVerified = latchkeytest.CounterUp, verifying
	return &device{Authenticator: a, t: h.t}
}

func (d *device) create(c ceremony, changes ...change) []byte {
	d.t.Helper()
	response, err := d.Create(c.options, origin, changes...)
	if err != nil {
		d.t.Fatal(err)
	}
	return response
}

// get answers with the device's one passkey, whatever the options allow.
func (d *device) get(c ceremony, changes ...change) []byte {
	d.t.Helper()
	insist := func(c *latchkeytest.Ceremony) {
		c.Credential = d.Credentials()[0]
		c.BackupEligible = c.Credential.BackupEligible
		if c.Credential.Resident {
			c.UserHandle = c.Credential.UserHandle
		}
	}
	response, err := d.Get(c.options, origin, append([]change{insist}, changes...)...)
	if err != nil {
		d.t.Fatal(err)
	}
	return response
}

// Changes of one answer.
var (
	unverified change = func(c *latchkeytest.Ceremony) { c.UserVerified = false }
	verified   change = func(c *latchkeytest.Ceremony) { c.UserVerified = true }
	nameless   change = func(c *latchkeytest.Ceremony) { c.UserHandle = nil }
	elsewhere  change = func(c *latchkeytest.Ceremony) { c.Origin = otherOrigin }
	forged     change = func(c *latchkeytest.Ceremony) {
		c.MutateSignature = func(s []byte) []byte { s[len(s)-1] ^= 1; return s }
	}
)

// late is a browser whose request the service has identified a while ago.
func (b *browser) late(c *signin.Caller) *browser {
	l := *b
	l.fixed = c
	return &l
}
