package sqlstore

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
)

// Each read and write is told once, by what became of it.
func TestWatch(t *testing.T) {
	s := newStore(t)
	var told []string
	s.Watch(func(w Watched) {
		if w.Took < 0 {
			t.Errorf("took %v", w.Took)
		}
		told = append(told, w.What+" "+w.Outcome)
	})
	are := func(want ...string) {
		t.Helper()
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		told = nil
	}
	ctx := t.Context()
	u, err := s.CreateUser(ctx, account.NewUser{Email: "ada@example.test"})
	if err != nil {
		t.Fatal(err)
	}
	are("write ok")
	if _, err := s.CreateUser(ctx, account.NewUser{Email: "ada@example.test"}); !errors.Is(err, account.ErrEmailInUse) {
		t.Fatal(err)
	}
	are("write refused")
	if _, err := s.User(ctx, u.ID); err != nil {
		t.Fatal(err)
	}
	are("read ok")
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.User(gone, u.ID); err == nil {
		t.Fatal("read for nobody")
	}
	are("read failed")
	if pools := s.Pools(); len(pools) != 1 || pools["both"] == nil {
		t.Errorf("pools %v", pools)
	}
}
