package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The settings that durability and waiting rest on are really those of the connections.
func TestSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	store, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	writer, err := openWriter(path, Options{BusyTimeout: 1500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := openReader(path, Options{BusyTimeout: 1500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		db           *sql.DB
		pragma, want string
	}{
		{writer, "journal_mode", "wal"}, {writer, "synchronous", "2"}, {writer, "foreign_keys", "1"}, {writer, "busy_timeout", "1500"},
		{writer, "query_only", "0"}, {writer, "wal_autocheckpoint", "0"}, {writer, "temp_store", "2"}, {writer, "cache_size", "-16384"}, {reader, "query_only", "1"}, {reader, "busy_timeout", "1500"}, {reader, "journal_mode", "wal"},
	} {
		var got string
		if err := c.db.QueryRow(`PRAGMA ` + c.pragma).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s is %s, want %s", c.pragma, got, c.want)
		}
	}
	if _, err := reader.Exec(`DELETE FROM latchkey_events`); err == nil {
		t.Error("a reader wrote")
	}
	// A transaction has the write lock as soon as it begins.
	first, err := writer.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	impatient, err := openPool(path, Options{}, 1, url.Values{"_txlock": {"immediate"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := impatient.BeginTx(context.Background(), nil); !unavailable(err) {
		t.Errorf("a second writing transaction began: %v", err)
	}
	if err := first.Rollback(); err != nil {
		t.Fatal(err)
	}
	for _, db := range []*sql.DB{writer, reader, impatient} {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A file that was taken away is not silently made anew by the next connection.
func TestConnectionsMakeNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gone.db")
	for _, open := range []func(string, Options) (*sql.DB, error){openWriter, openReader} {
		db, err := open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.PingContext(t.Context()); !unavailable(err) {
			t.Errorf("got %v, want that it cannot be opened", err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}
