package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlite"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

func TestOddPaths(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"a b.db", "a?mode=memory&x.db", "a#b.db", "100%.db", "%41.db", "a%3fb", "ünï 🔑.db", "a&b=c;d.db", "'quoted\".db",
		"plain", "file:x", "a\nb", `back\slash`,
	} {
		if runtime.GOOS == "windows" && strings.ContainsAny(name, "?:\"\n\\") {
			continue // no file can be called that there
		}
		path := filepath.Join(dir, name)
		store := openAt(t, path, sqlite.Options{})
		u, err := store.CreateUser(t.Context(), account.NewUser{Email: "a@example.com"})
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if err := store.Close(); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q: nothing was written there: %v", name, err)
		}
		again := openAt(t, path, sqlite.Options{NoMigrate: true})
		if _, err := again.User(t.Context(), u.ID); err != nil {
			t.Errorf("%q, opened again: %v", name, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			t.Errorf("%q appeared", e.Name())
		}
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	openAt(t, "here.db", sqlite.Options{})
	if _, err := os.Stat("here.db"); err != nil {
		t.Error(err)
	}
}

func TestPathsThatAreNone(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"", ":memory:", "a\x00b", filepath.Join(dir, "none", "latchkey.db"), dir} {
		store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err == nil {
			t.Errorf("%q was opened", path)
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	notADatabase := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(notADatabase, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), notADatabase, sqlite.Options{}); err == nil || errors.Is(err, account.ErrUnavailable) {
		t.Errorf("a file that is no database: got %v, want an error that another try would not mend", err)
	}
}

func TestOnlyItsOwnerReadsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	store := openAt(t, path, sqlite.Options{})
	if _, err := store.CreateUser(t.Context(), account.NewUser{Email: "a@example.com"}); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("latchkey.db%s has the mode %v", suffix, info.Mode())
		}
	}
}

func TestCloseLeavesOneWholeFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "latchkey.db")
	store := openAt(t, path, sqlite.Options{})
	if err := finishSignin(t.Context(), store, "one"); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the write-ahead file is still there: %v", err)
	}
	openedAgain := openAt(t, path, sqlite.Options{})
	beside := openAt(t, path, sqlite.Options{})
	if err := finishSignin(t.Context(), openedAgain, "two"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := beside.Session(t.Context(), account.SessionBrowser, digestOf("two")); err != nil {
		t.Fatal(err)
	}
	if err := openedAgain.Close(); err != nil {
		t.Fatal(err)
	}
	// While another has the file open, the write-ahead file stays, but there is nothing in it.
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("the write-ahead file is not empty: %v", err)
	}
	copied := filepath.Join(dir, "copied.db")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, data, 0o600); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, copied, sqlite.Options{})
	for _, id := range []string{"one", "two"} {
		if _, _, err := again.Session(t.Context(), account.SessionBrowser, digestOf(id)); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestSchemaIsChecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	if _, err := sqlite.Open(t.Context(), path, sqlite.Options{NoMigrate: true}); !errors.Is(err, sqlstore.ErrOlderSchema) {
		t.Errorf("an empty file without migrating: got %v, want ErrOlderSchema", err)
	}
	openAt(t, path, sqlite.Options{})
	openAt(t, path, sqlite.Options{NoMigrate: true})
	if _, err := raw(t, path).Exec(`UPDATE latchkey_schema SET version = 9999`); err != nil {
		t.Fatal(err)
	}
	for _, o := range []sqlite.Options{{}, {NoMigrate: true}} {
		if _, err := sqlite.Open(t.Context(), path, o); !errors.Is(err, sqlstore.ErrNewerSchema) {
			t.Errorf("a newer schema, %+v: got %v, want ErrNewerSchema", o, err)
		}
	}
}

func TestManyOpenOneNewFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	stores, errs := make([]*sqlstore.Store, 8), make([]error, 8)
	var all sync.WaitGroup
	for i := range stores {
		all.Go(func() { stores[i], errs[i] = sqlite.Open(t.Context(), path, sqlite.Options{}) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i, store := range stores {
		if err := finishSignin(t.Context(), store, fmt.Sprint(i)); err != nil {
			t.Error(err)
		}
		if _, _, err := stores[0].Session(t.Context(), account.SessionBrowser, digestOf(fmt.Sprint(i))); err != nil {
			t.Error(err)
		}
	}
	for _, store := range stores {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// More clients than the pools have connections wait for each other, and never for themselves.
func TestMoreClientsThanConnections(t *testing.T) {
	store := openAt(t, filepath.Join(t.TempDir(), "latchkey.db"), sqlite.Options{Readers: 2})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const clients = 64
	errs := make([]error, clients)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { errs[i] = visit(ctx, store, i) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for client := range clients {
		for i := range 3 {
			sessions, err := store.Sessions(ctx, ownerOf(fmt.Sprint(client, " ", i)))
			if err != nil || len(sessions) != 2 {
				t.Errorf("client %d, visit %d: %d sessions and %v", client, i, len(sessions), err)
			}
		}
	}
}

// visit reads and writes a little of everything.
func visit(ctx context.Context, store *sqlstore.Store, client int) error {
	user := fmt.Sprint("user ", client)
	for i := range 3 {
		id := fmt.Sprint(client, " ", i)
		if _, err := store.UserHandle(ctx, user, []byte(user+" has a handle")); err != nil {
			return err
		}
		if _, err := store.Secret(ctx, fmt.Sprint("secret ", i), []byte(id)); err != nil {
			return err
		}
		if _, err := store.Take(ctx, dawn, account.Bucket{Key: "all", Limit: 1000, Per: time.Hour}); err != nil {
			return err
		}
		if err := finishSignin(ctx, store, id); err != nil {
			return err
		}
		if _, _, err := store.Session(ctx, account.SessionBrowser, digestOf(id)); err != nil {
			return err
		}
		if _, err := store.RemoveFactors(ctx, account.RemoveFactors{UserID: user}); err != nil {
			return err
		}
		for _, err := range store.ListUsers(ctx) {
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// While one writes, others read what was there before, in this process and in another.
func TestReadersDoNotWaitForAWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	store := openAt(t, path, sqlite.Options{})
	other := openAt(t, path, sqlite.Options{BusyTimeout: -1})
	if err := finishSignin(t.Context(), store, readersID); err != nil {
		t.Fatal(err)
	}
	db := raw(t, path)
	if _, err := db.Exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`DELETE FROM latchkey_sessions`); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*sqlstore.Store{store, other} {
		if _, _, err := s.Session(t.Context(), account.SessionBrowser, digestOf(readersID)); err != nil {
			t.Errorf("reading while another writes: %v", err)
		}
	}
	reader := start(t, "reader", path)
	if said, ok := reader.line(t); !ok || said != readersID {
		t.Errorf("the reading process said %q", said)
	}
	if err := reader.Wait(); err != nil {
		t.Error(err)
	}
	// Who wants to write as well is told so when the wait is over, or gives up when its context ends.
	if err := finishSignin(t.Context(), other, "busy"); !errors.Is(err, account.ErrUnavailable) {
		t.Errorf("writing while another writes: got %v, want ErrUnavailable", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := finishSignin(ctx, store, "busy"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("writing while another writes, for a while: got %v", err)
	}
	if _, err := db.Exec(`ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*sqlstore.Store{store, other} {
		if err := s.SpendState(t.Context(), stateOf("busy"), nil); (err == nil) != (s == store) {
			t.Errorf("after the writer is done: %v", err)
		}
	}
}

const readersID = "readers"

// readOnce says which session it found, as another process that changes nothing.
func readOnce(path string) error {
	ctx := context.Background()
	store, err := sqlite.Open(ctx, path, sqlite.Options{NoMigrate: true, BusyTimeout: -1})
	if err != nil {
		return err
	}
	session, _, err := store.Session(ctx, account.SessionBrowser, digestOf(readersID))
	if err != nil {
		return err
	}
	fmt.Println(session.ID)
	return nil
}

// Whoever comes after the end is told that it is over.
func TestClosedStore(t *testing.T) {
	store := open(t)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := finishSignin(t.Context(), store, "late"); !errors.Is(err, account.ErrUnavailable) {
		t.Errorf("after closing: got %v, want ErrUnavailable", err)
	}
	if err := store.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}
