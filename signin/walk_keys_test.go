package signin_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/signin"
)

// pendingFor is how long a sign-in waits for its second factor.
const pendingFor = 10 * time.Minute

func (w *world) begin(s *modelStart, b *walker, c ceremony) {
	s.by, s.ceremony, s.at, s.origin = b, c, w.h.clock.Now(), b.client.Origin
	w.starts = append(w.starts, s)
}

func (w *world) startSignin(b *walker) {
	if b.program {
		return
	}
	s, p := w.who(b)
	start := &modelStart{kind: "signin"}
	identity := ""
	switch w.rng.IntN(5) {
	case 0, 1:
		start.identity, start.named = pick(w, w.users), true
		if k := w.someKey(nil, account.UsageFirst); k != nil && w.owner(k) != nil {
			start.identity = k.user
		}
		identity = start.identity.email
	case 2:
		start.named, identity = true, "nobody@example.test"
	}
	if s == nil && p != nil && p.state == account.PendingReady {
		start.pending = p
		start.verify = slices.ContainsFunc(p.user.keys, w.stands)
	}
	wish, r := w.wishes()
	start.remember = last(r, false)
	w.begin(start, b, b.startSignin(identity, wish))
	if changed := w.h.changes(); changed != w.before {
		w.fail("a start wrote: %v", w.h.changesSince(w.before))
	}
}

// answer is a random answer of a random passkey, and what is to be said of it.
type answer struct {
	key       *modelKey
	response  []byte
	malformed bool
	// true: it is what it says, by a passkey that is registered now.
	genuine, verified, named bool
	count                    uint32
}

// someKey is a passkey, mostly one of that account (nil: any) and usage (empty: any).
func (w *world) someKey(u *modelUser, usage account.Usage) *modelKey {
	own, apt := w.chance(85), w.chance(80)
	var all, fit []*modelKey
	for _, x := range w.users {
		all = append(all, x.keys...)
	}
	for _, k := range all {
		if (!own || u == nil || k.user == u) && (!apt || usage == "" || k.usage == usage) {
			fit = append(fit, k)
		}
	}
	if len(fit) > 0 {
		all = fit
	}
	if len(w.gone) > 0 && w.chance(5) {
		all = w.gone
	}
	if len(all) == 0 {
		return nil
	}
	return pick(w, all)
}

// answerTo has a passkey answer a start.
func (w *world) answerTo(s *modelStart, u *modelUser) *answer {
	var usage account.Usage
	if s.kind == "signin" {
		usage = account.UsageFirst
		if s.pending != nil && u.secondaries() > 0 {
			usage = account.UsageSecondary
		}
	}
	k := w.someKey(u, usage)
	if k == nil {
		return nil
	}
	a := &answer{key: k, named: true, verified: k.device.UserVerified, genuine: w.owner(k) != nil}
	var changes []change
	at := origin
	if s.origin == otherOrigin {
		at = otherOrigin
	}
	changes = append(changes, func(c *ceremonyChange) { c.Origin = at })
	if w.chance(15) {
		a.verified = !a.verified
		changes = append(changes, func(c *ceremonyChange) { c.UserVerified = a.verified })
	}
	switch w.rng.IntN(20) {
	case 0:
		a.genuine = false
		changes = append(changes, forged)
	case 1:
		wrong := "https://evil.test"
		if s.origin != "" && at == origin {
			wrong = otherOrigin
		}
		a.genuine = false
		changes = append(changes, func(c *ceremonyChange) { c.Origin = wrong })
	case 2, 3:
		a.named = false
		changes = append(changes, nameless)
	case 4:
		a.malformed = true
	case 5:
		a.genuine = false
		other := pick(w, w.users)
		handle := []byte("somebody else's handle of 32 byte")
		if len(other.keys) > 0 && other != k.user {
			handle = other.keys[0].device.Credentials()[0].UserHandle
		}
		changes = append(changes, func(c *ceremonyChange) { c.UserHandle = handle })
	case 6:
		if k.count > 0 {
			a.genuine = false
			stuck := k.count
			changes = append(changes, func(c *ceremonyChange) { c.SignCount = &stuck })
		}
	}
	changes = append(changes, func(c *ceremonyChange) {
		seen := c.MutateAuthData
		c.MutateAuthData = func(b []byte) []byte {
			if seen != nil {
				b = seen(b)
			}
			a.count = uint32(b[33])<<24 | uint32(b[34])<<16 | uint32(b[35])<<8 | uint32(b[36])
			return b
		}
	})
	a.response = k.device.get(s.ceremony, changes...)
	if a.malformed {
		a.response = a.response[:len(a.response)-2]
	}
	return a
}

// proves reports what an answer really proved.
func (a *answer) proves() []account.Method {
	if a.verified && a.key.verified {
		return []account.Method{pk, uv}
	}
	return []account.Method{pk}
}

func (a *answer) proof() proof {
	return proof{user: a.key.user, method: pk, first: a.key.usage == account.UsageFirst, both: a.verified && a.key.verified}
}

// someStart is a start to finish: mostly the browser's last one, sometimes one of another browser or of another kind.
func (w *world) someStart(kind string, b *walker) *modelStart {
	kinds, mine := w.chance(97), w.chance(85)
	var list []*modelStart
	for _, s := range w.starts[max(0, len(w.starts)-30):] {
		if (s.kind == kind || !kinds) && (s.by == b || !mine) {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return nil
	}
	if w.chance(85) {
		return list[len(list)-1]
	}
	return pick(w, list)
}

func (w *world) finishSignin(b *walker) {
	if b.program {
		return
	}
	start := w.someStart("signin", b)
	if start == nil {
		return
	}
	session, p := w.who(b)
	u := start.identity
	if start.pending != nil {
		u = start.pending.user
	}
	a := w.answerTo(start, u)
	if a == nil {
		return
	}
	want := w.judge(start, session, p, a)
	k := a.key
	wish, r := w.wishes()
	remembered := w.remembered(b, k.user)
	out, err := b.finishSignin(start.ceremony, a.response, wish)
	what := "finish a first sign-in"
	if start.pending != nil {
		what = "finish a second step"
	}
	if !w.expect(what, want, err) {
		return
	}
	k.count = a.count
	remember := last(r, start.remember)
	if start.pending == nil {
		startsOver(p)
		w.begun(b, k.user, a.proves(), []proof{a.proof()}, remembered, remember, out)
		return
	}
	p.ended = true
	w.made(b, k.user, union(p.proved, a.proves()), append(p.shown, a.proof()), last(r, start.remember || p.remember), true, out)
}

// judge is whether an answer to a sign-in is accepted. It spends the state where the contract does.
func (w *world) judge(start *modelStart, session *modelSession, p *modelPending, a *answer) bool {
	if start.kind != "signin" || w.h.clock.Now().Sub(start.at) > w.h.cfg.SigninWithin {
		return false
	}
	if start.pending != nil && (session != nil || p != start.pending || p.state != account.PendingReady) {
		return false
	}
	if a.malformed {
		return false
	}
	spent := start.spent
	start.spent = true
	k := a.key
	if spent || !a.genuine || start.verify && !a.verified || !k.user.active {
		return false
	}
	if start.pending != nil {
		if k.user != p.user {
			return false
		}
		return k.usage == account.UsageSecondary || w.stands(k) && a.verified
	}
	switch {
	case k.usage != account.UsageFirst:
		return false
	case start.named:
		return start.identity == k.user
	}
	return a.named
}

func (w *world) startVerify(b *walker) {
	s, _ := w.who(b)
	if s == nil {
		return
	}
	w.begin(&modelStart{kind: "verify", session: s}, b, b.startVerify())
}

func (w *world) finishVerify(b *walker) {
	start := w.someStart("verify", b)
	s, _ := w.who(b)
	if start == nil || s == nil {
		return
	}
	a := w.answerTo(start, s.user)
	if a == nil {
		return
	}
	want := false
	if start.kind == "verify" && w.h.clock.Now().Sub(start.at) <= w.h.cfg.SigninWithin && start.session == s && !a.malformed {
		want = !start.spent && a.genuine && a.key.user == s.user && slices.Contains(w.h.cfg.AllowAsVerify, a.key.usage)
		start.spent = true
	}
	token := b.token()
	out, err := b.finishVerify(start.ceremony, a.response)
	if w.expect("finish to verify", want, err) {
		a.key.count = a.count
		w.proved(b, s, token, a.proves(), out)
	}
}

// token is what the browser shows for its session.
func (b *walker) token() string {
	if b.program {
		return b.bearer
	}
	return b.cookie
}

// proved takes a verification into the model.
func (w *world) proved(b *walker, s *modelSession, token string, methods []account.Method, out signin.Outcome) {
	s.methods, s.provedAt = union(s.methods, methods), w.h.clock.Now()
	w.renewed(s, token, out)
}

// renewed replaces a session's token, where it is a browser's.
func (w *world) renewed(s *modelSession, token string, out signin.Outcome) {
	if (out.Token != "") != (s.kind == account.SessionBrowser) {
		w.fail("a session of kind %s got the token %q", s.kind, out.Token)
	}
	if out.Token != "" {
		delete(w.sessions, token)
		w.sessions[out.Token] = s
		w.tokens = append(w.tokens, out.Token)
	}
}

func (w *world) startRegistration(b *walker) {
	s, p := w.who(b)
	u := pick(w, w.users)
	if s != nil {
		u = s.user
	} else if p != nil {
		u = p.user
	}
	w.names++
	name := fmt.Sprint("key ", w.names)
	taken := len(u.keys) > 0 && w.chance(10)
	if taken {
		name = u.keys[0].name
	}
	usage := pick(w, []account.Usage{account.UsageFirst, account.UsageSecondary})
	want := !taken && (s != nil || w.maySetUp(p))
	c, err := b.startRegistration(name, usage)
	if len(u.keys) == 0 {
		w.before = w.h.changes() // the account's user handle is made when first needed
	}
	if !w.expect("start a registration", want, err) {
		return
	}
	start := &modelStart{kind: "register", session: s, pending: p, nickname: name, usage: usage, identity: u}
	if s == nil {
		start.usage = account.UsageSecondary
	}
	w.begin(start, b, c)
}

func (w *world) finishRegistration(b *walker) {
	start := w.someStart("register", b)
	if start == nil {
		return
	}
	s, p := w.who(b)
	d := w.h.newDevice(w.chance(60))
	at := origin
	if start.origin == otherOrigin {
		at = otherOrigin
	}
	wrong := w.chance(8)
	if wrong {
		at = "https://evil.test"
	}
	if start.kind != "register" {
		return
	}
	response := d.create(start.ceremony, func(c *ceremonyChange) { c.Origin = at })
	malformed := w.chance(5)
	if malformed {
		response = response[:len(response)-2]
	}
	want := false
	u := start.identity
	mine := s != nil && start.session == s || s == nil && p != nil && start.pending == p && w.maySetUp(p)
	if mine && w.h.clock.Now().Sub(start.at) <= w.h.cfg.RegisterWithin && !malformed {
		inUse := slices.ContainsFunc(u.keys, func(k *modelKey) bool { return k.name == start.nickname })
		want = !start.spent && !wrong && !inUse
		start.spent = true
	}
	_, err := b.finishRegistration(start.ceremony, response)
	if !w.expect("finish a registration", want, err) {
		return
	}
	u.keys = append(u.keys, &modelKey{user: u, name: start.nickname, usage: start.usage, verified: d.UserVerified, device: d, count: 1})
	w.endDevices(u)
	if s == nil {
		p.state, p.method, p.setup, p.sent = account.PendingReady, pk, nil, nil
	}
}

func (w *world) remove(b *walker) {
	s, _ := w.who(b)
	if s == nil {
		return
	}
	u, name := s.user, "no such key"
	var k *modelKey
	if len(u.keys) > 0 && w.chance(90) {
		k = pick(w, u.keys)
		name = k.name
	}
	want := k != nil && (!w.h.cfg.TwoFactorRequired || w.spares(k))
	if _, err := b.remove(name); w.expect("remove a passkey", want, err) {
		u.keys = slices.DeleteFunc(u.keys, func(x *modelKey) bool { return x == k })
		w.gone = append(w.gone, k)
		w.endDevices(u)
	}
}
