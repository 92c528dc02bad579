package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlite"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// A copy that is made while others write holds what was acknowledged before, whole accounts, and opens as a database of its own.
func TestBackupBesideWriters(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	from, to := filepath.Join(dir, "latchkey.db"), filepath.Join(dir, "copy of 'it'.db")
	store, err := sqlite.Open(ctx, from, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	add := func(s *sqlstore.Store, name string) error {
		u, err := s.CreateUser(ctx, account.NewUser{Email: name + "@example.test"})
		if err != nil {
			return err
		}
		f := account.Factor{UserID: u.ID, Method: account.MethodEmail}
		return s.FinishSignin(ctx, account.FinishSignin{UserID: u.ID, AddFactor: &f})
	}
	for i := range 50 {
		if err := add(store, fmt.Sprint("before", i)); err != nil {
			t.Fatal(err)
		}
	}
	done, started := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for i := 0; ; i++ {
			if err := add(store, fmt.Sprint("during", i)); err != nil {
				t.Error(err)
				return
			}
			if i == 0 {
				close(started)
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	<-started
	err = sqlite.Backup(ctx, from, to)
	close(done)
	all.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := add(store, "after"); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(to)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy's mode is %v (%v)", info.Mode(), err)
	}
	copied, err := sqlite.Open(ctx, to, sqlite.Options{NoMigrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	for i := range 50 {
		u, err := copied.UserByEmail(ctx, fmt.Sprintf("before%d@example.test", i))
		if err != nil {
			t.Fatal(err)
		}
		if f, err := copied.SecondFactors(ctx, u.ID); err != nil || len(f.Codes) != 1 {
			t.Errorf("half of an account: %+v, %v", f, err)
		}
	}
	if _, err := copied.UserByEmail(ctx, "after@example.test"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the copy goes on with the original: %v", err)
	}
}

func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	from := filepath.Join(dir, "latchkey.db")
	store, err := sqlite.Open(ctx, from, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{there, from} {
		if err := sqlite.Backup(ctx, from, to); !errors.Is(err, sqlite.ErrExists) {
			t.Errorf("over %s: %v", to, err)
		}
	}
	if kept, err := os.ReadFile(there); err != nil || string(kept) != "precious" {
		t.Error("what was there is gone")
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		from string
	}{
		"no database":      {ctx, filepath.Join(dir, "none.db")},
		"no database file": {ctx, there},
		"given up":         {gone, from},
	} {
		to := filepath.Join(dir, "to "+name)
		if err := sqlite.Backup(c.ctx, c.from, to); err == nil {
			t.Errorf("%s: backed up", name)
		}
		if left, _ := filepath.Glob(to + "*"); len(left) > 0 {
			t.Errorf("%s: left %s", name, strings.Join(left, ", "))
		}
	}
	if err := sqlite.Backup(ctx, from, filepath.Join(dir, "nowhere", "copy.db")); err == nil {
		t.Error("into a folder that is not there")
	}
}
