package signin_test

import (
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/signin"
)

func (w *world) startSetup(b *walker) {
	s, p := w.who(b)
	m := pick(w, []account.Method{totp, totp, account.MethodEmail, account.MethodSMS, pk})
	u := pick(w, w.users)
	if s != nil {
		u = s.user
	} else if p != nil {
		u = p.user
	}
	want := m != pk && (s != nil || w.maySetUp(p))
	started, err := b.startSetup(m, u.phone)
	if !w.expect("start a setup", want, err) {
		return
	}
	setup := &modelSetup{SetupStarted: started, session: s, at: w.h.clock.Now()}
	if sent := w.sentTo(u, m); sent != nil {
		setup.code, setup.until = sent.code, sent.until
	}
	if s != nil {
		w.setups = append(w.setups, setup)
		return
	}
	p.state, p.method, p.setup, p.sent = account.PendingValidating, m, setup, nil
}

func (w *world) finishSetup(b *walker) {
	s, _ := w.who(b)
	if s == nil || len(w.setups) == 0 {
		return
	}
	setup := pick(w, w.setups)
	if w.chance(85) {
		for _, x := range w.setups {
			if x.session == s {
				setup = x
			}
		}
	}
	u := s.user
	code := w.someCode(u, nil, setup)
	want := false
	var step int64
	if setup.session == s && w.h.clock.Now().Sub(setup.at) <= w.h.cfg.TwoFactorSetupWithin && !setup.spent {
		setup.tries++
		if setup.Method == totp {
			step = w.appStep(setup.KeyText, code, 0)
			want = step > 0
		} else {
			want = code == setup.code && w.h.clock.Now().Before(setup.until)
		}
		want = want && setup.tries <= 6
	}
	_, err := b.finishSetup(setup.SetupStarted, code)
	if w.expect("finish a setup", want, err) {
		setup.spent = true
		u.setUp(setup, step)
		u.used = append(u.used, code)
		w.endDevices(u)
	}
}

func (w *world) disable(b *walker) {
	s, _ := w.who(b)
	if s == nil {
		return
	}
	u := s.user
	m := pick(w, []account.Method{"", totp, account.MethodEmail, account.MethodEmail, account.MethodSMS, pk})
	left := slices.DeleteFunc(slices.Clone(u.codes), func(c *modelCode) bool { return m == "" || c.method == m })
	want := m != pk && (!w.h.cfg.TwoFactorRequired || len(left) == len(u.codes) || len(left) > 0 || u.secondaries() > 0)
	if _, err := b.disable(m); w.expect("disable", want, err) {
		u.codes = left
		w.endDevices(u)
	}
}

func (w *world) newCodes(b *walker) {
	s, _ := w.who(b)
	if s == nil {
		return
	}
	codes, err := b.svc.NewRecoveryCodes(w.h.ctx, b.caller())
	if w.expect("new recovery codes", true, err) {
		s.user.used = append(s.user.used, s.user.recovery...)
		s.user.recovery = codes
		w.endDevices(s.user)
	}
}

func (w *world) verify(b *walker) {
	s, _ := w.who(b)
	if s == nil {
		return
	}
	u := s.user
	token := b.token()
	var p signin.Proof
	var m account.Method
	var step int64
	switch w.rng.IntN(4) {
	case 0, 1:
		if p.Password = u.password; w.chance(30) {
			p.Password = pick(w, append(w.passwords(), "wrong"))
		}
		if p.Password == u.password {
			m = pw
		}
	case 2:
		p.Code = w.someCode(u, nil, nil)
		if c := u.code(totp); c != nil && p.Code != "" {
			if step = w.appStep(c.key, p.Code, c.lastStep); step > 0 {
				m = totp
			}
		}
	}
	out, err := b.verify(p)
	if !w.expect("verify", m != "", err) {
		return
	}
	if m == totp {
		u.code(totp).lastStep = step
		u.used = append(u.used, p.Code)
	}
	w.proved(b, s, token, []account.Method{m}, out)
}

// passwords are everybody's, the earlier ones too.
func (w *world) passwords() []string {
	var out []string
	for _, u := range w.users {
		out = append(append(out, u.password), u.earlier...)
	}
	return out
}

func (w *world) logout(b *walker) {
	s, p := w.who(b)
	w.h.ok(b.logout())
	if s != nil {
		s.ended = true
	}
	startsOver(p)
}

func (w *world) endSessions(b *walker) {
	s, _ := w.who(b)
	if s == nil {
		return
	}
	switch w.rng.IntN(3) {
	case 0:
		one := pick(w, w.all[max(0, len(w.all)-20):])
		if w.chance(60) {
			for _, x := range w.all {
				if x.user == s.user && w.liveness(x) == alive {
					one = x
				}
			}
		}
		want := one.user == s.user && slices.Contains(w.h.holdings(s.user.id), "session "+one.id)
		if _, err := b.end(signin.Ending{ID: one.id}); w.expect("end one", want, err) {
			one.ended = true
		}
	case 1:
		if _, err := b.end(signin.Ending{Others: true}); w.expect("end others", true, err) {
			w.endWhere(s.user, func(x *modelSession) bool { return x != s })
			w.endPendings(s.user)
		}
	case 2:
		if _, err := b.end(signin.Ending{All: true}); w.expect("end all", true, err) {
			w.endWhere(s.user, func(*modelSession) bool { return true })
			w.endPendings(s.user)
		}
	}
}

func (w *world) changePassword(b *walker) {
	s, _ := w.who(b)
	if s == nil {
		return
	}
	u, token := s.user, b.token()
	current := u.password
	if w.chance(40) {
		current = pick(w, append(w.passwords(), "", "wrong"))
	}
	w.names++
	next := u.email + " chose this, number " + string(rune('a'+w.names%26)) + string(rune('a'+w.names/26%26)) + string(rune('a'+w.names/676%26))
	if w.chance(10) {
		next = "short"
	}
	out, err := b.change(current, next)
	if w.expect("change the password", current == u.password && next != "short", err) {
		u.earlier, u.password = append(u.earlier, u.password), next
		w.endWhere(u, func(x *modelSession) bool { return x != s })
		w.endPendings(u)
		w.renewed(s, token, out)
	}
}

func (w *world) useLink(b *walker) {
	u := pick(w, w.users)
	if b.program {
		return
	}
	_, waiting := w.who(b)
	token := u.link()
	w.before = w.h.changes()
	w.names++
	next := u.email + " got in again, time " + string(rune('a'+w.names%26)) + string(rune('a'+w.names/26%26)) + string(rune('a'+w.names/676%26))
	r := signin.Recovery{New: next, EndSessions: w.chance(50), ResetFactors: w.chance(15)}
	out, err := b.useLink(token, r)
	if !w.expect("recovery link", u.active, err) {
		return
	}
	u.earlier, u.password = append(u.earlier, u.password), next
	if r.ResetFactors {
		w.gone = append(w.gone, u.keys...)
		u.used = append(u.used, u.recovery...)
		u.keys, u.codes, u.recovery = nil, nil, nil
	}
	if r.EndSessions {
		w.endWhere(u, func(*modelSession) bool { return true })
	}
	w.endPendings(u)
	w.endDevices(u)
	startsOver(waiting)
	w.begun(b, u, []account.Method{pw}, []proof{{user: u, method: pw, first: true}}, false, false, out)
	_, err = b.useLink(token, r)
	w.before = w.h.changes()
	w.expect("recovery link, again", false, err)
}

// reset is what an operator does for somebody who has lost everything.
func (w *world) reset(*walker) {
	u := pick(w, w.users)
	all := w.chance(30)
	stored, err := w.h.db.User(w.h.ctx, u.id)
	w.h.ok(err)
	w.h.ok(w.h.ResetFactors(w.h.ctx, signin.Client{}, stored, all))
	var keep []*modelKey
	for _, k := range u.keys {
		if all || k.usage == account.UsageSecondary {
			w.gone = append(w.gone, k)
		} else {
			keep = append(keep, k)
		}
	}
	u.used = append(u.used, u.recovery...)
	u.keys, u.codes, u.recovery = keep, nil, nil
	w.endDevices(u)
}

func (w *world) switchUser(*walker) {
	for _, u := range w.users {
		if !u.active {
			u.enabled()
			u.active = true
			return
		}
	}
	u := pick(w, w.users)
	u.disabled()
	u.active = false
	w.endWhere(u, func(*modelSession) bool { return true })
	w.endPendings(u)
}

func (w *world) wait(*walker) {
	w.h.ok(w.h.Flush(w.h.ctx))
	w.h.clock.advance(pick(w, []time.Duration{
		30 * time.Second, 30 * time.Second, time.Minute, time.Minute, 2 * time.Minute, 2 * time.Minute, 4 * time.Minute, 6 * time.Minute, 6 * time.Minute,
		11 * time.Minute, 31 * time.Minute, 3 * time.Hour, 13 * time.Hour,
	}))
	if w.chance(30) {
		w.h.ok(w.h.Sweep(w.h.ctx))
	}
}

// swapTokens has a browser show a token that it, or another, had before: as its cookie, its device's, or its pending sign-in's.
func (w *world) swapTokens(b *walker) {
	if len(w.tokens) == 0 {
		return
	}
	token := pick(w, w.tokens[max(0, len(w.tokens)-20):])
	switch w.rng.IntN(4) {
	case 0:
		b.cookie = token
	case 1:
		b.pending = token
	case 2:
		b.device = token
	case 3:
		b.bearer = token
	}
	if w.chance(20) {
		b.cookie = ""
	}
}

// idOf is the id of the session that a token belongs to.
func (h *house) idOf(token string) string {
	d := signin.DigestOf(token)
	return column[string](h, `SELECT id FROM latchkey_sessions WHERE digest = ?`, d[:])[0]
}
