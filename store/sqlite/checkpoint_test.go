package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// frameSize is a page in the write-ahead file, with its head.
const frameSize = 4096 + 24

func openBounded(t *testing.T, path string, b bounds) *sqlstore.Store {
	t.Helper()
	store, err := open(t.Context(), path, Options{}, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// spendMany spends n states from several goroutines.
func spendMany(t *testing.T, store *sqlstore.Store, prefix string, n int) {
	t.Helper()
	const writers = 4
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := w; i < n; i += writers {
				if err := store.SpendState(t.Context(), account.Spend{ID: fmt.Append(nil, prefix, i)}, nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// countStates asks the file itself.
func countStates(t *testing.T, path string) (n int) {
	t.Helper()
	db, err := openPool(path, Options{}, 1, map[string][]string{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.QueryRow(`SELECT COUNT(*) FROM latchkey_states`).Scan(&n), db.Close()); err != nil {
		t.Fatal(err)
	}
	return n
}

// Where somebody writes all the time, the write-ahead file begins anew all the same.
func TestWriteAheadFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	b := bounds{every: 8, behind: 64, frames: 64}
	store := openBounded(t, path, b)
	const states = 4000
	spendMany(t, store, "state ", states)
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	// Before it begins anew there are the frames that make it large, and those of a writer that was let run ahead: a state
	// changes four pages at most, and one transaction may overrun the mark.
	most := int64(b.frames+4*(b.behind+128)) * frameSize
	if info.Size() > most {
		t.Errorf("the write-ahead file has %d bytes, more than %d", info.Size(), most)
	}
	if got := countStates(t, path); got != states {
		t.Errorf("%d states are there, want %d", got, states)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after closing, the write-ahead file is still there: %v", err)
	}
	if got := countStates(t, path); got != states {
		t.Errorf("after closing, %d states are there, want %d", got, states)
	}
}

// Whoever reads for long stops no writer, and no longer keeps the file from beginning anew once done.
func TestALongReaderStopsNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	store := openBounded(t, path, bounds{every: 4, behind: 16, frames: 16})
	db, err := openPool(path, Options{}, 1, map[string][]string{})
	if err != nil {
		t.Fatal(err)
	}
	reading, err := db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	var none int
	if err := reading.QueryRow(`SELECT COUNT(*) FROM latchkey_states`).Scan(&none); err != nil || none != 0 {
		t.Fatalf("%d states and %v", none, err)
	}
	spendMany(t, store, "during ", 200)
	if err := reading.QueryRow(`SELECT COUNT(*) FROM latchkey_states`).Scan(&none); err != nil || none != 0 {
		t.Errorf("the reader sees %d states of those that came later, and %v", none, err)
	}
	if err := errors.Join(reading.Rollback(), db.Close()); err != nil {
		t.Fatal(err)
	}
	grown, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	spendMany(t, store, "after ", 1000)
	after, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	// It never shrinks while it is open; that it hardly grew shows that it was begun anew.
	if most := grown.Size() + 4*(16+128+16)*frameSize; after.Size() > most {
		t.Errorf("the write-ahead file grew from %d to %d bytes after the reader was done", grown.Size(), after.Size())
	}
	if got := countStates(t, path); got != 1200 {
		t.Errorf("%d states are there", got)
	}
}

// A checkpoint that fails harms no writer, and is told.
func TestAFailedCheckpointIsTold(t *testing.T) {
	var told strings.Builder
	path := filepath.Join(t.TempDir(), "gone.db")
	c, err := newCheckpointer(path, Options{Log: slog.New(slog.NewTextHandler(&told, nil))}, bounds{every: 1, behind: 10, frames: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.checkpoint(context.Background()); !unavailable(err) {
		t.Errorf("without a file: got %v", err)
	}
	c.wrote(1)
	if err := c.close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(told.String(), "could not be copied") {
		t.Errorf("the log has %q", told.String())
	}
	c.wrote(1)
	if c.running {
		t.Error("a checkpoint began after closing")
	}
}

// Whoever closes while checkpoints are under way waits for them.
func TestClosingWaitsForTheCheckpoint(t *testing.T) {
	for range 5 {
		path := filepath.Join(t.TempDir(), "latchkey.db")
		store := openBounded(t, path, bounds{every: 1, behind: 4, frames: 4})
		spendMany(t, store, "state ", 40)
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after closing, the write-ahead file is still there: %v", err)
		}
		if got := countStates(t, path); got != 40 {
			t.Errorf("%d states are there", got)
		}
	}
}
