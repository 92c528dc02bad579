package storetest

import (
	"errors"

	"github.com/latchkey-auth/latchkey/account"
)

// snapshot is all that can be seen of some accounts.
type snapshot struct {
	Credentials map[string][]account.Credential
	Factors     map[string]account.SecondFactors
	Sessions    map[string][]account.Session
	Pendings    map[account.Digest]account.Pending
	Events      []account.Event
	Waits       map[string]string
}

// watched is what a snapshot looks at.
type watched struct {
	users    []string
	pendings []account.Digest
	buckets  []account.Bucket
}

func (e *env) snapshot(w watched) snapshot {
	e.Helper()
	s := snapshot{
		Credentials: map[string][]account.Credential{}, Factors: map[string]account.SecondFactors{},
		Sessions: map[string][]account.Session{}, Pendings: map[account.Digest]account.Pending{}, Waits: map[string]string{},
	}
	var err error
	for _, id := range w.users {
		s.Credentials[id], err = e.store.Credentials(e.ctx, id)
		e.ok(err)
		s.Factors[id], err = e.store.SecondFactors(e.ctx, id)
		e.ok(err)
		s.Sessions[id], err = e.store.Sessions(e.ctx, id)
		e.ok(err)
	}
	for _, d := range w.pendings {
		p, _, err := e.store.Pending(e.ctx, d)
		if errors.Is(err, account.ErrNotFound) {
			continue
		}
		e.ok(err)
		s.Pendings[d] = p
	}
	for _, b := range w.buckets {
		wait, err := e.store.Level(e.ctx, noon, b)
		e.ok(err)
		s.Waits[b.Key] = wait.String()
	}
	s.Events, err = e.store.Events(e.ctx, account.EventFilter{})
	e.ok(err)
	return s
}

// changesNothing demands that the call fails with that error and leaves everything as it was.
func (e *env) changesNothing(w watched, want error, call func() error) {
	e.Helper()
	before := e.snapshot(w)
	e.fails(call(), want)
	e.equal("after the refusal", e.snapshot(w), before)
}
