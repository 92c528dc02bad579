package storetest

import (
	"cmp"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

var keeperTests = []test{
	{"the first secret stays", func(e *env) {
		first, other := e.bytes(32), e.bytes(32)
		for _, candidate := range [][]byte{first, e.bytes(32)} {
			got, err := e.store.Secret(e.ctx, "decoys", candidate)
			e.ok(err)
			e.equal("secret", got, first)
		}
		got, err := e.store.Secret(e.ctx, "others", other)
		e.ok(err)
		e.equal("another secret", got, other)
	}},
	{"a secret is replaced by who knows it", func(e *env) {
		first, other := e.bytes(32), e.bytes(32)
		replace := func(name string, was, secret []byte, want bool) {
			e.Helper()
			done, err := e.store.ReplaceSecret(e.ctx, name, was, secret)
			e.ok(err)
			e.equal("replaced "+name, done, want)
		}
		replace("none", first, other, false)
		_, err := e.store.Secret(e.ctx, "one", first)
		e.ok(err)
		_, err = e.store.Secret(e.ctx, "two", first)
		e.ok(err)
		replace("one", other, e.bytes(32), false)
		replace("one", first, other, true)
		replace("one", first, e.bytes(32), false)
		for name, want := range map[string][]byte{"one": other, "two": first} {
			got, err := e.store.Secret(e.ctx, name, e.bytes(32))
			e.ok(err)
			e.equal(name, got, want)
		}
	}},
	{"sealed factors, a page at a time", func(e *env) {
		var want []account.Factor
		for range 7 {
			u := e.user()
			want = append(want, e.factor(u.ID, account.MethodAuthenticator))
			e.factor(u.ID, account.MethodSMS) // which has no secret
			e.factor(u.ID, account.MethodEmail)
		}
		slices.SortFunc(want, func(a, b account.Factor) int { return cmp.Compare(a.UserID, b.UserID) })
		var got []account.Factor
		var after account.Factor
		for {
			page, err := e.store.SealedFactors(e.ctx, after, 3)
			e.ok(err)
			got = append(got, page...)
			if len(page) < 3 {
				break
			}
			after = page[2]
		}
		e.equal("factors", got, want)
	}},
	{"a factor is sealed anew if it is still the same", func(e *env) {
		u, other := e.user(), e.user()
		f, theirs := e.factor(u.ID, account.MethodAuthenticator), e.factor(other.ID, account.MethodAuthenticator)
		reseal := func(f account.Factor, secret []byte, want bool) {
			e.Helper()
			done, err := e.store.ResealFactor(e.ctx, f, secret)
			e.ok(err)
			e.equal("resealed", done, want)
		}
		stale := f
		stale.Secret = []byte("another")
		reseal(stale, []byte("anew"), false)
		reseal(account.Factor{UserID: "none", Method: f.Method, Secret: f.Secret}, []byte("anew"), false)
		reseal(account.Factor{UserID: u.ID, Method: account.MethodSMS, Secret: f.Secret}, []byte("anew"), false)
		reseal(f, []byte("anew"), true)
		reseal(f, []byte("again"), false)
		f.Secret = []byte("anew")
		for id, want := range map[string]account.Factor{u.ID: f, other.ID: theirs} {
			got, err := e.store.SecondFactors(e.ctx, id)
			e.ok(err)
			e.equal("factors", got.Codes, []account.Factor{want})
		}
	}},
	{"prunes the oldest events", func(e *env) {
		var all []account.Event
		for i := range 6 {
			one := e.event("u")
			one.At = noon.Add(time.Duration(i) * time.Hour)
			all = append(all, one)
		}
		e.ok(e.store.Record(e.ctx, all[3], all[1], all[5], all[0], all[2], all[4]))
		prune := func(before time.Time, limit, want int, left []account.Event) {
			e.Helper()
			n, err := e.store.PruneEvents(e.ctx, before, limit)
			e.ok(err)
			e.equal("pruned", n, want)
			got, err := e.store.Events(e.ctx, account.EventFilter{})
			e.ok(err)
			e.equal("left", got, left)
		}
		prune(noon, 100, 0, all)
		prune(noon.Add(3*time.Hour), 0, 0, all)
		prune(noon.Add(3*time.Hour), 2, 2, all[2:])
		prune(noon.Add(3*time.Hour), 2, 1, all[3:])
		prune(noon.Add(3*time.Hour), 2, 0, all[3:])
	}},
	{"racing secrets", func(e *env) {
		e.agree(func(round string, candidate []byte) ([]byte, error) { return e.store.Secret(e.ctx, round, candidate) })
	}},
	{"serves", func(e *env) { e.ok(e.store.Ping(e.ctx)) }},
	{"nothing to sweep", func(e *env) { e.sweeps(noon, 100, 0) }},
	{"sweeps states", func(e *env) {
		old, young := e.spend(), e.spend()
		old.Expires, young.Expires = noon.Add(-time.Microsecond), noon
		for _, s := range []account.Spend{old, young} {
			e.ok(e.store.SpendState(e.ctx, s, nil))
		}
		e.sweeps(noon, 100, 1)
		// A state counts as long as its token may be believed.
		e.spent(young)
		e.sweeps(noon, 100, 0)
	}},
	{"sweeps pending sign-ins", func(e *env) {
		u := e.user()
		old, young := e.newPending(u.ID), e.newPending(u.ID)
		old.Expires, young.Expires = noon.Add(-time.Microsecond), noon
		for _, p := range []account.Pending{old, young} {
			e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Pending: &p}))
		}
		e.sweeps(noon, 100, 1)
		e.hasPending(young)
		_, _, err := e.store.Pending(e.ctx, old.Digest)
		e.fails(err, account.ErrNotFound)
	}},
	{"sweeps sessions", func(e *env) {
		u := e.user()
		made := func(expires, seen time.Time, idle time.Duration) account.Session {
			s := e.newSession(u.ID, account.SessionBrowser)
			s.Expires, s.LastSeen, s.IdleFor = expires, seen, idle
			e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Session: &s}))
			return s
		}
		far, hour := noon.Add(1000*time.Hour), time.Hour
		made(noon.Add(-time.Second), noon.Add(-time.Second), hour)
		made(noon.Add(-time.Second), noon.Add(-time.Second), 0)
		made(far, noon.Add(-2*hour), hour)
		seenAgain := made(far, noon.Add(-2*hour), hour)
		never, fresh := made(far, noon.Add(-1000*hour), 0), made(far, noon.Add(-hour/2), hour)
		// Seen again, but beyond its absolute end.
		beyond := made(noon.Add(-time.Second), noon.Add(-2*hour), hour)
		e.ok(e.store.SeenSessions(e.ctx, []account.Seen{{SessionID: seenAgain.ID, At: noon}, {SessionID: beyond.ID, At: noon}}))
		seenAgain.LastSeen = noon
		e.sweeps(noon, 100, 4)
		e.hasSessions(u.ID, seenAgain, never, fresh)
		for _, s := range []account.Session{seenAgain, never, fresh} {
			if !s.Live(noon) {
				e.Fatalf("%s should not have lived", s.ID)
			}
		}
	}},
	{"sweeps idle buckets", func(e *env) {
		a, b := account.Bucket{Key: "a", Limit: 2, Per: time.Minute}, account.Bucket{Key: "b", Limit: 2, Per: time.Hour}
		e.gives(noon, 2, a)
		e.gives(noon, 2, b)
		e.sweeps(noon, 100, 0)
		later := noon.Add(2 * time.Minute)
		e.sweeps(later, 100, 1)
		e.gives(later, 2, a)
		e.gives(later, 0, b)
	}},
	{"sweeps up to its limit of each kind", func(e *env) {
		u := e.user()
		for range 5 {
			s := e.spend()
			s.Expires = noon.Add(-time.Hour)
			e.ok(e.store.SpendState(e.ctx, s, nil))
		}
		for range 3 {
			p := e.newPending(u.ID)
			p.Expires = noon.Add(-time.Hour)
			e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Pending: &p}))
		}
		e.sweeps(noon, 0, 0)
		e.sweeps(noon, -1, 0)
		e.sweeps(noon, 2, 4)
		e.sweeps(noon, 2, 3)
		e.sweeps(noon, 2, 1)
		e.sweeps(noon, 2, 0)
	}},
	{"keeps the rest", func(e *env) {
		s := newScene(e)
		s.watched.pendings = nil
		before := e.snapshot(s.watched)
		_, err := e.store.Sweep(e.ctx, noon.Add(20*time.Minute), 1000)
		e.ok(err)
		e.equal("after the sweep", e.snapshot(s.watched), before)
	}},
}

func (e *env) sweeps(now time.Time, limit, want int) {
	e.Helper()
	got, err := e.store.Sweep(e.ctx, now, limit)
	e.ok(err)
	e.equal("swept", got, want)
}
