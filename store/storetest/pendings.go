package storetest

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

var pendingTests = []test{
	{"updated", func(e *env) {
		u := e.user()
		p, bystander := e.pending(u.ID), e.pending(u.ID)
		events := []account.Event{e.event(u.ID)}
		p.State, p.Method, p.Setup = account.PendingReady, account.MethodSMS, []byte("sealed")
		p.Code = &account.SentCode{Method: account.MethodSMS, MAC: []byte("mac"), Expires: noon.Add(time.Hour)}
		e.ok(e.store.UpdatePending(e.ctx, account.UpdatePending{
			ID: p.ID, State: p.State, Method: p.Method, Setup: p.Setup, Code: p.Code, Events: events,
		}))
		e.hasPending(p)
		p.State, p.Method, p.Setup, p.Code = account.PendingSelect, "", nil, nil
		e.ok(e.store.UpdatePending(e.ctx, account.UpdatePending{ID: p.ID, State: p.State}))
		e.hasPending(p)
		e.hasPending(bystander)
		recorded, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("events", recorded, events)
	}},
	{"dropped", func(e *env) {
		u := e.user()
		p, bystander := e.pending(u.ID), e.pending(u.ID)
		events := []account.Event{e.event(u.ID)}
		e.ok(e.store.DropPending(e.ctx, p.ID, events))
		_, _, err := e.store.Pending(e.ctx, p.Digest)
		e.fails(err, account.ErrNotFound)
		e.ok(e.store.DropPending(e.ctx, p.ID, nil))
		e.ok(e.store.DropPending(e.ctx, "none", nil))
		e.hasPending(bystander)
		recorded, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("events", recorded, events)
		_, err = e.store.TryCode(e.ctx, p.ID, 5)
		e.fails(err, account.ErrPendingGone)
	}},
	{"a code is compared so often", func(e *env) {
		u := e.user()
		p := e.pending(u.ID)
		// One comparison is behind it already.
		for i, want := range []bool{true, true, false, false} {
			got, err := e.store.TryCode(e.ctx, p.ID, 3)
			e.ok(err)
			if got != want {
				e.Fatalf("comparison %d: allowed %v, want %v", i+2, got, want)
			}
		}
		p.Code.Tries = 3
		e.hasPending(p)
		// A new code begins anew.
		p.Code.Tries = 0
		e.ok(e.store.UpdatePending(e.ctx, account.UpdatePending{ID: p.ID, State: p.State, Method: p.Method, Setup: p.Setup, Code: p.Code}))
		got, err := e.store.TryCode(e.ctx, p.ID, 1)
		e.ok(err)
		e.equal("allowed", got, true)
		got, err = e.store.TryCode(e.ctx, p.ID, 1)
		e.ok(err)
		e.equal("allowed again", got, false)
	}},
	{"no code is out", func(e *env) {
		u := e.user()
		p := e.newPending(u.ID)
		p.Code = nil
		e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Pending: &p}))
		got, err := e.store.TryCode(e.ctx, p.ID, 100)
		e.ok(err)
		e.equal("allowed", got, false)
		e.hasPending(p)
		p.Code = &account.SentCode{Method: account.MethodSMS, MAC: []byte("mac"), Expires: noon}
		e.ok(e.store.UpdatePending(e.ctx, account.UpdatePending{ID: p.ID, State: p.State, Method: p.Method, Setup: p.Setup, Code: p.Code}))
		e.hasPending(p)
	}},
	{"a code, many racers", func(e *env) {
		u := e.user()
		p := e.newPending(u.ID)
		p.Code.Tries = 0
		e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Pending: &p}))
		var allowed atomic.Int64
		for _, err := range e.race(func(int) error {
			got, err := e.store.TryCode(e.ctx, p.ID, 5)
			if got {
				allowed.Add(1)
			}
			return err
		}) {
			e.ok(err)
		}
		e.equal("comparisons", allowed.Load(), int64(5))
	}},
}

var stateTests = []test{
	{"spent once", func(e *env) {
		a, b := e.spend(), e.spend()
		events := []account.Event{e.event("")}
		e.ok(e.store.SpendState(e.ctx, a, events))
		e.fails(e.store.SpendState(e.ctx, a, events), account.ErrSpent)
		e.unspent(b)
		recorded, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("events", recorded, events)
	}},
	{"ids are told apart", func(e *env) {
		for _, id := range [][]byte{{0}, {0, 0}, {1}, []byte("a"), []byte("A"), []byte("\xff"), e.bytes(64)} {
			s := account.Spend{ID: id, Expires: noon}
			e.unspent(s)
			e.spent(s)
		}
	}},
	{"one state, many racers", func(e *env) {
		s := e.spend()
		e.one(e.race(func(int) error { return e.store.SpendState(e.ctx, s, nil) }), account.ErrSpent)
	}},
	{"a setup token bears so many wrong answers", func(e *env) {
		for _, tries := range []int{0, 1, 3} {
			s := e.spend()
			s.Tries = tries
			for range tries + 1 {
				e.ok(e.store.TryState(e.ctx, s))
			}
			for range 2 {
				e.fails(e.store.TryState(e.ctx, s), account.ErrSpent)
			}
			// The last answer may have been the right one.
			e.unspent(s)
		}
	}},
	{"a spent token bears none", func(e *env) {
		s := e.spend()
		s.Tries = 3
		e.ok(e.store.TryState(e.ctx, s))
		e.ok(e.store.SpendState(e.ctx, s, nil))
		e.fails(e.store.TryState(e.ctx, s), account.ErrSpent)
	}},
	{"answers, many racers", func(e *env) {
		s := e.spend()
		s.Tries = 3
		counted := 0
		for _, err := range e.race(func(int) error { return e.store.TryState(e.ctx, s) }) {
			if err == nil {
				counted++
			} else if !errors.Is(err, account.ErrSpent) {
				e.ok(err)
			}
		}
		e.equal("answers", counted, 4)
	}},
}
