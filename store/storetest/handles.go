package storetest

import (
	"bytes"
	"slices"

	"github.com/latchkey-auth/latchkey/account"
)

var handleTests = []test{
	{"the first candidate stays", func(e *env) {
		u := e.user()
		first := e.bytes(32)
		got, err := e.store.UserHandle(e.ctx, u.ID, first)
		e.ok(err)
		e.equal("handle", got, first)
		got, err = e.store.UserHandle(e.ctx, u.ID, e.bytes(32))
		e.ok(err)
		e.equal("handle, asked again", got, first)
	}},
	{"without a candidate it only reads", func(e *env) {
		u := e.user()
		_, err := e.store.UserHandle(e.ctx, u.ID, nil)
		e.fails(err, account.ErrNotFound)
		first := e.bytes(32)
		_, err = e.store.UserHandle(e.ctx, u.ID, first)
		e.ok(err)
		got, err := e.store.UserHandle(e.ctx, u.ID, nil)
		e.ok(err)
		e.equal("handle", got, first)
	}},
	{"accounts have their own", func(e *env) {
		a, b := e.user(), e.user()
		first, second := e.bytes(64), e.bytes(1+8)
		_, err := e.store.UserHandle(e.ctx, a.ID, first)
		e.ok(err)
		got, err := e.store.UserHandle(e.ctx, b.ID, second)
		e.ok(err)
		e.equal("handle of the other", got, second)
	}},
	{"racing candidates", func(e *env) {
		e.agree(func(round string, candidate []byte) ([]byte, error) {
			return e.store.UserHandle(e.ctx, round, candidate)
		})
	}},
	{"after a removal", func(e *env) {
		// An account may be known to the store before its handle is.
		u := e.user()
		e.factor(u.ID, account.MethodEmail)
		_, err := e.store.RemoveFactors(e.ctx, account.RemoveFactors{UserID: u.ID})
		e.ok(err)
		want := e.bytes(32)
		got, err := e.store.UserHandle(e.ctx, u.ID, want)
		e.ok(err)
		e.equal("handle", got, want)
	}},
	{"comes with the credentials", func(e *env) {
		u := e.user()
		want, err := e.store.UserHandle(e.ctx, u.ID, e.bytes(32))
		e.ok(err)
		c := e.passkey(u.ID, account.UsageFirst)
		found, _, err := e.store.Credential(e.ctx, c.CredentialID)
		e.ok(err)
		e.equal("handle of the credential", found.UserHandle, want)
		all, err := e.store.Credentials(e.ctx, u.ID)
		e.ok(err)
		e.equal("handle in the list", all[0].UserHandle, want)
	}},
}

// agree demands that racers who each offer a candidate get one and the same of them, in several rounds.
func (e *env) agree(offer func(round string, candidate []byte) ([]byte, error)) {
	e.Helper()
	for range 8 {
		round := e.word("round")
		candidates, got := make([][]byte, racers), make([][]byte, racers)
		for i := range candidates {
			candidates[i] = e.bytes(32)
		}
		for _, err := range e.race(func(i int) (err error) {
			got[i], err = offer(round, candidates[i])
			return err
		}) {
			e.ok(err)
		}
		if !slices.ContainsFunc(candidates, func(c []byte) bool { return bytes.Equal(c, got[0]) }) {
			e.Fatalf("%x is none of the candidates", got[0])
		}
		for _, other := range got {
			e.equal("another racer's", other, got[0])
		}
	}
}
