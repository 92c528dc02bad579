package storetest

import (
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// streak is one of three failures at most.
func streak(subject, step string) account.Guess {
	return account.Guess{Streak: account.Streak{Subject: subject, Step: step, Most: 3}}
}

// takes demands that so many guesses are taken, and that the next is refused.
func (e *env) takes(now time.Time, g account.Guess, n int) {
	e.Helper()
	for i := range n {
		wait, err := e.store.Guess(e.ctx, now, g)
		if err != nil || wait != 0 {
			e.Fatalf("guess %d: wait %v, %v", i+1, wait, err)
		}
	}
	e.closed(now, g)
}

func (e *env) closed(now time.Time, g account.Guess) {
	e.Helper()
	_, err := e.store.Guess(e.ctx, now, g)
	e.fails(err, account.ErrStepClosed)
}

var streakTests = []test{
	{"closes after so many in a row, by subject and step", func(e *env) {
		e.takes(noon, streak("ada", "password"), 3)
		e.takes(noon, streak("ada", "code"), 3)
		e.takes(noon, streak("bob", "password"), 3)
		e.takes(noon, account.Guess{Streak: account.Streak{Subject: "carol", Step: "password", Most: 1}}, 1)
	}},
	{"no time opens it, but being forgotten", func(e *env) {
		g := streak("ada", "password")
		e.takes(noon, g, 3)
		forgotten := noon.Add(3 * account.StreakMemory)
		e.closed(noon.Add(24*time.Hour), g)
		e.closed(forgotten.Add(-time.Microsecond), g)
		_, err := e.store.Sweep(e.ctx, forgotten.Add(-time.Microsecond), 100)
		e.ok(err)
		e.closed(forgotten.Add(-time.Microsecond), g)
		e.takes(forgotten, g, 3) // begun anew, whether or not it was swept
		_, err = e.store.Sweep(e.ctx, forgotten.Add(3*account.StreakMemory+time.Microsecond), 100)
		e.ok(err)
		e.takes(forgotten, g, 3)
	}},
	{"each failure is remembered for longer", func(e *env) {
		g := streak("ada", "password")
		_, err := e.store.Guess(e.ctx, noon, g)
		e.ok(err)
		_, err = e.store.Guess(e.ctx, noon.Add(account.StreakMemory-time.Microsecond), g)
		e.ok(err)
		e.takes(noon.Add(3*account.StreakMemory-2*time.Microsecond), g, 1)
	}},
	{"nothing is counted where a bucket is empty, and nothing taken where it is closed", func(e *env) {
		bucket := account.Bucket{Key: "b", Limit: 2, Per: time.Hour}
		g := streak("ada", "password")
		g.Buckets = []account.Bucket{bucket}
		for range 2 {
			_, err := e.store.Guess(e.ctx, noon, g)
			e.ok(err)
		}
		for range 5 {
			wait, err := e.store.Guess(e.ctx, noon, g)
			e.ok(err)
			e.equal("wait", wait, 30*time.Minute)
		}
		e.takes(noon, streak("ada", "password"), 1) // the third
		later := noon.Add(time.Hour)
		e.closed(later, g)
		wait, err := e.store.Take(e.ctx, later, bucket, account.Bucket{Key: "b2", Limit: 1, Per: time.Hour})
		e.ok(err)
		e.equal("wait", wait, time.Duration(0))
		wait, err = e.store.Take(e.ctx, later, bucket)
		e.ok(err)
		e.equal("wait: both were there", wait, time.Duration(0))
	}},
	{"a refund takes one off", func(e *env) {
		g := streak("ada", "password")
		for range 10 {
			_, err := e.store.Guess(e.ctx, noon, g)
			e.ok(err)
			e.ok(e.store.Refund(e.ctx, g))
		}
		e.ok(e.store.Refund(e.ctx, g)) // never below none
		e.takes(noon, g, 3)
		e.ok(e.store.Refund(e.ctx, streak("ada", "code"))) // of nothing
		e.closed(noon, g)
	}},
	{"cleared by step, or whole", func(e *env) {
		fill := func() {
			for _, step := range []string{"password", "code", "password x"} {
				e.takes(noon, streak("ada", step), 3)
				e.takes(noon, streak("bob", step), 3)
			}
		}
		fill()
		e.ok(e.store.ClearStreaks(e.ctx, account.ClearStreaks{}))
		e.ok(e.store.ClearStreaks(e.ctx, account.ClearStreaks{Steps: []string{"password"}}))
		e.closed(noon, streak("ada", "password"))
		e.ok(e.store.ClearStreaks(e.ctx, account.ClearStreaks{Subject: "ada", Steps: []string{"password"}}))
		e.closed(noon, streak("ada", "code"))
		e.closed(noon, streak("ada", "password x"))
		e.closed(noon, streak("bob", "password"))
		e.takes(noon, streak("ada", "password"), 3)
		e.ok(e.store.ClearStreaks(e.ctx, account.ClearStreaks{Subject: "ada"}))
		e.closed(noon, streak("bob", "code"))
		for _, step := range []string{"password", "code", "password x"} {
			e.takes(noon, streak("ada", step), 3)
		}
	}},
	{"cleared with what proved its owner", func(e *env) {
		u := e.user()
		step := func(name string) account.ClearStreaks {
			return account.ClearStreaks{Subject: "ada", Steps: []string{name}}
		}
		e.takes(noon, streak("ada", "password"), 3)
		e.takes(noon, streak("ada", "verify"), 3)
		spend := e.spend()
		e.ok(e.store.SpendState(e.ctx, spend, nil))
		e.fails(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Spend: &spend, Clear: step("password")}), account.ErrSpent)
		e.closed(noon, streak("ada", "password"))
		session := e.newSession(u.ID, account.SessionBrowser)
		e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Session: &session, Clear: step("password")}))
		e.closed(noon, streak("ada", "verify"))
		verify := account.FinishVerify{
			UserID: u.ID, Session: account.Renewal{SessionID: session.ID, Old: session.Digest, New: session.Digest},
			Methods: session.Methods, AuthenticatedAt: noon.Add(time.Hour), HeldAt: noon.Add(time.Minute), Clear: step("verify"),
		}
		e.ok(e.store.FinishVerify(e.ctx, verify))
		e.takes(noon, streak("ada", "password"), 3)
		e.takes(noon, streak("ada", "verify"), 3)
		session.AuthenticatedAt, session.HeldAt = verify.AuthenticatedAt, verify.HeldAt
		e.hasSessions(u.ID, session)
	}},
	{"racing guesses are never more than there may be", func(e *env) {
		g := account.Guess{Streak: account.Streak{Subject: "ada", Step: "password", Most: racers / 2}}
		taken := 0
		for _, err := range e.race(func(int) error { _, err := e.store.Guess(e.ctx, noon, g); return err }) {
			switch {
			case err == nil:
				taken++
			case !errors.Is(err, account.ErrStepClosed):
				e.Fatal(err)
			}
		}
		if taken != racers/2 {
			e.Fatalf("%d taken, want %d", taken, racers/2)
		}
	}},
	{"any text is a subject or a step", func(e *env) {
		for _, odd := range []string{"\x00", "\xff", "ä'\";--", string(make([]byte, 4096))} {
			e.takes(noon, streak("s"+odd, "step"), 3)
			e.ok(e.store.ClearStreaks(e.ctx, account.ClearStreaks{Subject: "s" + odd, Steps: []string{"step"}}))
			e.takes(noon, streak("s", "step"+odd), 3)
			e.ok(e.store.ClearStreaks(e.ctx, account.ClearStreaks{Subject: "s", Steps: []string{"step" + odd}}))
		}
	}},
}
