package signin_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/signin"
)

// act is something that can happen, as often as its weights say: to who is nobody, waits for a second factor, is signed in.
type act struct {
	name                    string
	nobody, pending, signed int
	do                      []func(w *world, b *walker)
}

var acts []act

func init() {
	type do = []func(*world, *walker)
	acts = []act{
		{"login", 40, 8, 1, do{(*world).login}},
		{"start a sign-in", 4, 4, 0, do{(*world).startSignin}},
		{"finish a sign-in", 8, 6, 0, do{(*world).finishSignin}},
		{"sign in with a passkey", 25, 20, 0, do{(*world).startSignin, (*world).finishSignin}},
		{"code", 2, 40, 1, do{(*world).code}},
		{"recover", 1, 8, 1, do{(*world).recover}},
		{"choose", 1, 16, 1, do{(*world).choose}},
		{"rescue", 1, 4, 1, do{(*world).rescue}},
		{"start a setup", 1, 12, 8, do{(*world).startSetup}},
		{"finish a setup", 0, 0, 14, do{(*world).finishSetup}},
		{"set a method up", 0, 0, 12, do{(*world).startSetup, (*world).finishSetup}},
		{"set a method up on the way in", 0, 24, 0, do{(*world).startSetup, (*world).code}},
		{"start a registration", 1, 4, 3, do{(*world).startRegistration}},
		{"finish a registration", 1, 6, 5, do{(*world).finishRegistration}},
		{"register a passkey", 1, 12, 14, do{(*world).startRegistration, (*world).finishRegistration}},
		{"disable", 0, 0, 3, do{(*world).disable}},
		{"remove a passkey", 0, 0, 4, do{(*world).remove}},
		{"new recovery codes", 0, 0, 4, do{(*world).newCodes}},
		{"verify", 0, 0, 8, do{(*world).verify}},
		{"start to verify", 0, 0, 2, do{(*world).startVerify}},
		{"finish to verify", 0, 0, 5, do{(*world).finishVerify}},
		{"verify with a passkey", 0, 0, 10, do{(*world).startVerify, (*world).finishVerify}},
		{"log out", 1, 2, 14, do{(*world).logout}},
		{"end sessions", 0, 0, 5, do{(*world).endSessions}},
		{"change the password", 0, 0, 5, do{(*world).changePassword}},
		{"switch an account", 1, 1, 1, do{(*world).switchUser}},
		{"wait", 2, 3, 3, do{(*world).wait}},
		{"show another token", 4, 4, 4, do{(*world).swapTokens}},
		{"recovery link", 1, 1, 1, do{(*world).useLink}},
		{"reset an account's factors", 1, 1, 1, do{(*world).reset}},
	}
}

func (a act) weight(s *modelSession, p *modelPending) int {
	switch {
	case s != nil:
		return a.signed
	case p != nil:
		return a.pending
	}
	return a.nobody
}

// draw is an act for a browser that stands there.
func (w *world) draw(s *modelSession, p *modelPending) act {
	total := 0
	for _, a := range acts {
		total += a.weight(s, p)
	}
	n := w.rng.IntN(total)
	for _, a := range acts {
		if n -= a.weight(s, p); n < 0 {
			return a
		}
	}
	panic("unreachable")
}

// begun takes what a first proof led to into the model.
func (w *world) begun(b *walker, u *modelUser, proved []account.Method, shown []proof, remembered, remember bool, out signin.Outcome) {
	w.h.t.Helper()
	step := w.step(u, proved, remembered)
	if step.SignedIn {
		if step.Remembered {
			proved = append(slices.Clone(proved), account.MethodDevice)
		}
		w.made(b, u, proved, shown, remember, false, out)
		return
	}
	if out.Pending == nil || out.Session != nil {
		w.fail("%s is not pending: %+v", u.email, out)
	}
	p := &modelPending{user: u, state: step.State, method: step.Method, proved: proved, shown: shown, remember: remember, expires: w.h.clock.Now().Add(pendingFor)}
	p.sent = w.sentTo(u, p.method)
	w.pendings[out.PendingToken] = p
	w.waiting = append(w.waiting, p)
	w.tokens = append(w.tokens, out.PendingToken)
}

// sentTo is the code that was just sent for a method, nil for the others.
func (w *world) sentTo(u *modelUser, m account.Method) *modelSent {
	to, valid := "", w.h.cfg.MailCodeValidity
	switch m {
	case account.MethodEmail:
		to = u.email
	case account.MethodSMS:
		to, valid = u.phone, w.h.cfg.SMSCodeValidity
	default:
		return nil
	}
	code := w.h.post.code(to)
	w.codes = append(w.codes, code)
	return &modelSent{method: m, code: code, until: w.h.clock.Now().Add(valid)}
}

// made takes a new session into the model, and demands that it was rightly made: of this account, by proofs of its own.
func (w *world) made(b *walker, u *modelUser, methods []account.Method, shown []proof, remember, second bool, out signin.Outcome) {
	w.h.t.Helper()
	if out.Session == nil || out.Pending != nil || out.Session.UserID != u.id {
		w.fail("%s is not signed in: %+v", u.email, out)
	}
	w.justified(u, shown, methods)
	now := w.h.clock.Now()
	add := func(token, id string, kind account.SessionKind) *modelSession {
		s := &modelSession{id: id, user: u, kind: kind, methods: methods, provedAt: now, seen: now, expires: now.Add(w.h.cfg.SessionLifetime), idle: w.h.cfg.SessionIdle}
		if remember {
			s.expires, s.idle = now.Add(w.h.cfg.RememberLifetime), w.h.cfg.RememberLifetime
		}
		w.sessions[token] = s
		w.all = append(w.all, s)
		w.tokens = append(w.tokens, token)
		return s
	}
	add(out.Token, out.Session.ID, account.SessionBrowser)
	if out.Bearer != "" {
		add(out.Bearer, w.h.idOf(out.Bearer), account.SessionToken)
		w.walkers[len(w.walkers)-1].bearer = out.Bearer // the program's
	}
	recovered := methods[len(methods)-1] == account.MethodRecoveryCode
	if want := second && remember && !recovered && !w.h.cfg.TwoFactorAlwaysValidate; (out.Device != "") != want {
		w.fail("a device is remembered: %v, want %v", out.Device != "", want)
	} else if want {
		d := add(out.Device, w.h.idOf(out.Device), account.SessionDevice)
		d.expires, d.idle = now.Add(w.h.cfg.TwoFactorLoginValidity), 0
	}
}

// justified demands that proofs of the account itself, a first one among them, stand behind a session; and a second one, or
// a passkey that is both, or a remembered device, where the account has second factors or must have.
func (w *world) justified(u *modelUser, shown []proof, methods []account.Method) {
	w.h.t.Helper()
	var started, both bool
	distinct := map[account.Method]bool{}
	for _, p := range shown {
		if p.user != u {
			w.fail("a proof of %s led to a session of %s", p.user.email, u.email)
		}
		started, both = started || p.first, both || p.both && w.h.cfg.AllowAsMultiFactor
		distinct[p.method] = true
	}
	switch {
	case !started:
		w.fail("nothing started the session of %s: %v", u.email, methods)
	case both, len(shown) > 1, slices.Contains(methods, account.MethodDevice):
	case len(u.methods()) > 0, w.h.cfg.TwoFactorRequired:
		w.fail("one proof of %s led to a session: %v", u.email, methods)
	}
}

// wishes are random ones. Remembering is what the finish says, else what was said before.
func (w *world) wishes() (signin.Wish, *bool) {
	var r *bool
	if w.chance(40) {
		yes := w.chance(50)
		r = &yes
	}
	return signin.Wish{Remember: r, Bearer: w.chance(15)}, r
}

func last(r *bool, before bool) bool {
	if r != nil {
		return *r
	}
	return before
}

// startsOver ends the sign-in that the browser had been waiting with, where it began another.
func startsOver(p *modelPending) {
	if p != nil {
		p.ended = true
	}
}

func (w *world) login(b *walker) {
	if b.program {
		return
	}
	u := pick(w, w.users)
	_, waiting := w.who(b)
	email, pass := u.email, u.password
	if w.chance(10) {
		email = strings.ToUpper(email)
	}
	switch n := w.rng.IntN(20); {
	case n == 0:
		pass = pick(w, w.users).password
	case n == 1 && len(u.earlier) > 0:
		pass = pick(w, u.earlier)
	case n == 2:
		pass = ""
	case n == 3:
		email = "nobody@example.test"
	case n == 4:
		pass += "x"
	}
	want := u.active && strings.EqualFold(email, u.email) && pass == u.password
	var shown []proof
	if pass == u.password {
		shown = []proof{{user: u, method: pw, first: true}}
	}
	wish, r := w.wishes()
	remembered := w.remembered(b, u)
	out, err := b.loginAs(email, pass, wish)
	if w.expect("login", want, err) {
		startsOver(waiting)
		w.begun(b, u, []account.Method{pw}, shown, remembered, last(r, false), out)
	}
}

func (w *world) recover(b *walker) {
	_, p := w.who(b)
	code := "0000-0000-0000-0000"
	u := pick(w, w.users)
	if p != nil && w.chance(70) {
		u = p.user
	}
	live := w.chance(75) && len(u.recovery) > 0
	if live {
		code = pick(w, u.recovery)
	} else if len(u.used) > 0 {
		code = pick(w, u.used)
	}
	want := p != nil && p.state == account.PendingReady && live && u == p.user
	wish, r := w.wishes()
	out, err := b.recover(code, wish)
	if w.expect("recover", want, err) {
		p.ended = true
		u.recovery = slices.DeleteFunc(u.recovery, func(c string) bool { return c == code })
		u.used = append(u.used, code)
		m := account.MethodRecoveryCode
		w.made(b, u, union(p.proved, []account.Method{m}), append(p.shown, proof{user: u, method: m}), last(r, p.remember), true, out)
	}
}

func (w *world) choose(b *walker) {
	_, p := w.who(b)
	m := pick(w, []account.Method{totp, account.MethodEmail, account.MethodSMS, pk})
	if p != nil && w.chance(70) && len(p.user.methods()) > 0 {
		m = pick(w, p.user.methods())
	}
	want := false
	if p != nil && (p.state == account.PendingSelect || p.state == account.PendingReady) {
		has := p.user.methods()
		want = slices.Contains(has, m) || len(has) == 0 && m == pk && p.method == pk
	}
	_, err := b.choose(m)
	if w.expect("choose", want, err) {
		p.state, p.method, p.sent = account.PendingReady, m, w.sentTo(p.user, m)
	}
}

func (w *world) rescue(b *walker) {
	_, p := w.who(b)
	option := pick(w, []string{signin.RescueEmail, signin.RescueEmail, signin.RescueHelp, signin.RescueRecovery})
	want := false
	if p != nil && p.state == account.PendingReady {
		want = map[string]bool{
			signin.RescueEmail: w.h.cfg.TwoFactorRescueEmail && len(p.user.codes) > 0, signin.RescueHelp: w.h.cfg.TwoFactorRescueMail != "",
			signin.RescueRecovery: len(p.user.recovery) > 0,
		}[option]
	}
	if w.expect("rescue", want, b.rescue(option)) && option == signin.RescueEmail {
		p.method, p.sent = account.MethodEmail, w.sentTo(p.user, account.MethodEmail)
	}
}

// someCode is a code to try: the right one of whatever is going on, or another.
func (w *world) someCode(u *modelUser, sent *modelSent, setup *modelSetup) string {
	n := w.rng.IntN(20)
	switch {
	case n == 0 && len(w.codes) > 0:
		return pick(w, w.codes)
	case n == 1 && len(u.used) > 0:
		return pick(w, u.used)
	case n < 11 && sent != nil:
		return sent.code
	case n < 15 && setup != nil && setup.KeyText != "":
		return (&person{h: w.h, key: setup.KeyText}).code()
	case n < 15 && setup != nil:
		return setup.code
	case n == 15:
		u = pick(w, w.users)
	}
	if c := u.code(totp); c != nil {
		return (&person{h: w.h, key: c.key}).code()
	}
	if sent != nil {
		return sent.code
	}
	return fmt.Sprintf("%06d", w.rng.IntN(1_000_000))
}

func (w *world) code(b *walker) {
	_, p := w.who(b)
	u := pick(w, w.users)
	if p == nil {
		_, err := b.code(w.someCode(u, nil, nil))
		w.expect("code", false, err)
		return
	}
	u = p.user
	code := w.someCode(u, p.sent, p.setup)
	wish, r := w.wishes()
	switch p.state {
	case account.PendingValidating:
		w.confirm(b, p, code, wish, r)
		return
	case account.PendingSetup:
		_, err := b.code(code, wish)
		w.expect("code", false, err)
		return
	}
	var by account.Method
	var step int64
	if s := p.sent; s != nil && w.h.clock.Now().Before(s.until) {
		if s.tries++; s.tries <= 5 && code == s.code && (u.code(s.method) != nil || w.h.cfg.TwoFactorRescueEmail && s.method == account.MethodEmail) {
			by = s.method
		}
	}
	if c := u.code(totp); by == "" && c != nil {
		if step = w.appStep(c.key, code, c.lastStep); step > 0 {
			by = totp
		}
	}
	out, err := b.code(code, wish)
	if !w.expect("code", by != "", err) {
		return
	}
	if by == totp {
		u.code(totp).lastStep = step
	}
	p.ended = true
	u.used = append(u.used, code)
	w.made(b, u, union(p.proved, []account.Method{by}), append(p.shown, proof{user: u, method: by}), last(r, p.remember), true, out)
}

// confirm ends a sign-in that sets a method up.
func (w *world) confirm(b *walker, p *modelPending, code string, wish signin.Wish, r *bool) {
	s := p.setup
	want := false
	var step int64
	if w.maySetUp(p) {
		s.tries++
		if s.Method == totp {
			step = w.appStep(s.KeyText, code, 0)
			want = step > 0
		} else {
			want = code == s.code && w.h.clock.Now().Before(s.until)
		}
		want = want && s.tries <= 6
	}
	out, err := b.code(code, wish)
	if !w.expect("confirm", want, err) {
		return
	}
	u := p.user
	p.ended = true
	u.setUp(s, step)
	w.endDevices(u)
	u.used = append(u.used, code)
	w.made(b, u, union(p.proved, []account.Method{s.Method}), append(p.shown, proof{user: u, method: s.Method}), last(r, p.remember), true, out)
}

// setUp stores a confirmed method, in the place of one like it.
func (u *modelUser) setUp(s *modelSetup, step int64) {
	u.codes = slices.DeleteFunc(u.codes, func(c *modelCode) bool { return c.method == s.Method })
	u.codes = append(u.codes, &modelCode{method: s.Method, key: s.KeyText, lastStep: step})
}
