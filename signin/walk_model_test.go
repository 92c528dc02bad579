package signin_test

import (
	"bytes"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/signin"
)

// The model of the random walk: what every account has, which tokens are good, and what each must lead to. It is written after
// the contract, and knows nothing of how the service does it.

// modelUser is an account.
type modelUser struct {
	*person
	active   bool
	keys     []*modelKey
	codes    []*modelCode // oldest first
	recovery []string     // those that are left
	used     []string     // recovery codes, and app codes, that are not
	earlier  []string     // passwords
}

// modelKey is a passkey.
type modelKey struct {
	user     *modelUser
	name     string
	usage    account.Usage
	verified bool // its user, at registration
	device   *device
	count    uint32
}

// modelCode is a code method that is set up.
type modelCode struct {
	method   account.Method
	key      string // of the app
	lastStep int64
}

// modelSession is a session, a bearer token's, or a remembered device.
type modelSession struct {
	id            string
	user          *modelUser
	kind          account.SessionKind
	methods       []account.Method
	provedAt      time.Time
	seen, expires time.Time
	idle          time.Duration
	ended         bool
}

// modelSent is a code that is out.
type modelSent struct {
	method account.Method
	code   string
	until  time.Time
	tries  int
}

// modelPending is a sign-in that waits.
type modelPending struct {
	user     *modelUser
	state    account.PendingState
	method   account.Method
	proved   []account.Method
	sent     *modelSent
	setup    *modelSetup
	expires  time.Time
	remember bool
	ended    bool
	// shown are the proofs that were really given in it.
	shown []proof
}

// modelSetup is a method that is being set up.
type modelSetup struct {
	signin.SetupStarted
	session *modelSession
	at      time.Time
	until   time.Time // of the code that was sent
	code    string
	tries   int
	spent   bool
}

// modelStart is the first half of a ceremony.
type modelStart struct {
	ceremony
	kind     string // signin, verify, register
	by       *walker
	origin   string
	at       time.Time
	session  *modelSession
	pending  *modelPending
	identity *modelUser
	named    bool // an identity, known or not
	verify   bool // user verification was demanded
	remember bool
	nickname string
	usage    account.Usage
	spent    bool
}

// proof is something that was truly proved: this account's password, a signature of its passkey, a code of its own.
type proof struct {
	user   *modelUser
	method account.Method
	first  bool // it may start a sign-in
	both   bool // the authenticator verified its user, and that counts
}

func (u *modelUser) code(m account.Method) *modelCode {
	for _, c := range u.codes {
		if c.method == m {
			return c
		}
	}
	return nil
}

func (u *modelUser) secondaries() (n int) {
	for _, k := range u.keys {
		if k.usage == account.UsageSecondary {
			n++
		}
	}
	return n
}

// methods are the second factors that a sign-in may be answered with.
func (u *modelUser) methods() []account.Method {
	var out []account.Method
	for _, c := range u.codes {
		out = append(out, c.method)
	}
	if u.secondaries() > 0 {
		out = append(out, pk)
	}
	return out
}

// stands reports whether a first passkey must stand in for the second factors that there are none of.
func (w *world) stands(k *modelKey) bool {
	return w.h.cfg.TwoFactorRequired && len(k.user.methods()) == 0 && k.usage == account.UsageFirst && k.verified
}

// spares reports whether an account that must have a second factor can do without a passkey.
func (w *world) spares(k *modelKey) bool {
	u := k.user
	if len(u.codes) > 0 {
		return true
	}
	strong := 0
	for _, x := range u.keys {
		if x.usage == account.UsageFirst && x.verified {
			strong++
		}
	}
	switch {
	case k.usage == account.UsageSecondary:
		return u.secondaries() > 1
	case k.verified:
		return u.secondaries() > 0 || strong > 1
	}
	return true
}

// step is where a first proof leads by the contract.
func (w *world) step(u *modelUser, proved []account.Method, remembered bool) signin.Step {
	f := first{
		passkey: slices.Contains(proved, pk), verified: slices.Contains(proved, uv), secondary: u.secondaries(),
		required: w.h.cfg.TwoFactorRequired, multi: w.h.cfg.AllowAsMultiFactor, remembered: remembered,
	}
	for _, c := range u.codes {
		f.codes = append(f.codes, c.method)
	}
	for _, k := range u.keys {
		if k.usage == account.UsageFirst && k.verified {
			f.strong++
		}
	}
	s, _ := oracle(w.h.t, f)
	return s
}

// maySetUp reports whether a sign-in may still set its first second factor up.
func (w *world) maySetUp(p *modelPending) bool {
	if p == nil || p.state != account.PendingSetup && p.state != account.PendingValidating {
		return false
	}
	s := w.step(p.user, p.proved, false)
	return !s.SignedIn && s.State == account.PendingSetup
}

// liveness of a session. Last seen is written with a delay, so that near the end of the idle time it may be either.
type liveness int

const (
	dead liveness = iota
	alive
	either
)

func (w *world) liveness(s *modelSession) liveness {
	now := w.h.clock.Now()
	switch {
	case s == nil || s.ended || !s.user.active || !now.Before(s.expires):
		return dead
	case s.idle == 0 || now.Before(s.seen.Add(s.idle-2*time.Minute)):
		return alive
	case now.Before(s.seen.Add(s.idle)):
		return either
	}
	return dead
}

// who is the session and the pending sign-in that a browser must be taken for.
func (w *world) who(b *walker) (*modelSession, *modelPending) {
	token, kind := b.cookie, account.SessionBrowser
	if b.program {
		token, kind = b.bearer, account.SessionToken
	}
	s := w.sessions[token]
	if s != nil && s.kind == kind {
		l := w.liveness(s)
		if l == either {
			l = dead
			if b.caller().SignedIn() {
				l = alive
			} else {
				s.expires = w.h.clock.Now() // it is idle for good
			}
		}
		if l == alive {
			s.seen = w.h.clock.Now()
			return s, nil
		}
	}
	p := w.pendings[b.pending]
	if b.program || p == nil || p.ended || !p.user.active || !w.h.clock.Now().Before(p.expires) {
		return nil, nil
	}
	return nil, p
}

// remembered reports whether the browser's device stands in for that account's second factor.
func (w *world) remembered(b *walker, u *modelUser) bool {
	d := w.sessions[b.device]
	return !w.h.cfg.TwoFactorAlwaysValidate && d != nil && d.kind == account.SessionDevice && d.user == u && w.liveness(d) == alive
}

// endWhere ends the sessions of an account that a test picks.
func (w *world) endWhere(u *modelUser, pick func(*modelSession) bool) {
	for _, s := range w.all {
		if s.user == u && pick(s) {
			s.ended = true
		}
	}
}

func (w *world) endDevices(u *modelUser) {
	w.endWhere(u, func(s *modelSession) bool { return s.kind == account.SessionDevice })
}

func (w *world) endPendings(u *modelUser) {
	for _, p := range w.waiting {
		if p.user == u {
			p.ended = true
		}
	}
}

// appStep is the step of the app whose code this is, beyond the last that was used; 0 for none.
func (w *world) appStep(key, code string, after int64) int64 {
	if key == "" {
		return 0
	}
	now := w.h.clock.Now()
	for _, off := range []int64{1, 0, -1} {
		at := now.Add(time.Duration(off) * 30 * time.Second)
		if step := at.Unix() / 30; step > after && (&person{h: w.h, key: key}).codeAt(at) == code {
			return step
		}
	}
	return 0
}

// owner is the account that has a passkey with that credential's id now, and the passkey.
func (w *world) owner(k *modelKey) *modelKey {
	for _, u := range w.users {
		for _, x := range u.keys {
			if x == k || bytes.Equal(x.device.Credentials()[0].ID, k.device.Credentials()[0].ID) {
				return x
			}
		}
	}
	return nil
}

func union(before, now []account.Method) []account.Method {
	out := slices.Clone(before)
	for _, m := range now {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}
