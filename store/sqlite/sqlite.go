package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

const defaultBusyTimeout = 5 * time.Second

// Options are the settings of [Open]. The zero value is the usual.
type Options struct {
	// Readers is how many connections read. 0: one a processor, but at least four.
	Readers int
	// BusyTimeout is how long to wait for another process that writes. 0: five seconds; negative: not at all.
	BusyTimeout time.Duration
	// NoMigrate leaves the schema as it is: Open fails unless it is up to date.
	NoMigrate bool
	// Log is told of a checkpoint that failed, which nobody else hears of. Nil: nobody.
	Log *slog.Logger
	// Clock and Rand date and name the accounts that the store makes. Nil: the system's.
	Clock func() time.Time
	Rand  io.Reader
}

// Open opens the database file, and makes it, readable for its owner alone, where there is none. The directory must
// be there. Close the store to leave the file whole, without its companions.
//
// Errors: sqlstore.ErrNewerSchema; with NoMigrate sqlstore.ErrOlderSchema; account.ErrUnavailable.
func Open(ctx context.Context, path string, o Options) (*sqlstore.Store, error) {
	return open(ctx, path, o, usualBounds)
}

func open(ctx context.Context, path string, o Options, b bounds) (*sqlstore.Store, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	switch {
	case o.BusyTimeout == 0:
		o.BusyTimeout = defaultBusyTimeout
	case o.BusyTimeout < 0:
		o.BusyTimeout = 0
	}
	writer, err := openWriter(path, o)
	if err != nil {
		return nil, err
	}
	reader, err := openReader(path, o)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	keeper, err := newCheckpointer(path, o, b)
	if err != nil {
		return nil, errors.Join(err, writer.Close(), reader.Close())
	}
	store := sqlstore.New(sqlstore.DB{
		Reader: reader, Writer: writer, Dialect: sqlstore.SQLite,
		Unavailable: unavailable, Writing: &keeper.writing, Wrote: keeper.wrote,
		OnClose: func() error { return errors.Join(keeper.close(), closePools(reader, writer)) },
		Clock:   o.Clock, Rand: o.Rand,
	})
	if err := ready(ctx, store, writer, o); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

// ready brings the file to write-ahead mode and to its schema.
func ready(ctx context.Context, store *sqlstore.Store, writer *sql.DB, o Options) error {
	if o.NoMigrate {
		return store.CheckSchema(ctx)
	}
	if err := writeAhead(ctx, writer, o.BusyTimeout); err != nil {
		if unavailable(err) {
			err = errors.Join(account.ErrUnavailable, err)
		}
		return fmt.Errorf("sqlite: write-ahead mode: %w", err)
	}
	return store.Migrate(ctx)
}

// writeAhead sets the journal mode, which stays with the file. SQLite does not wait by itself where several set it at once.
func writeAhead(ctx context.Context, writer *sql.DB, busy time.Duration) error {
	deadline := time.After(busy)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		var mode string
		err := writer.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode)
		if err == nil && mode != "wal" {
			return fmt.Errorf("the file system cannot do it, and it stays in %s", mode)
		}
		if primaryCode(err) != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return err
		case <-again.C:
		}
	}
}

// creating keeps openers in this process apart while a file is made: closing any descriptor of a file drops the POSIX
// locks that the whole process holds on it, SQLite's too.
var creating sync.Mutex

// create makes the file before SQLite does, which would leave its mode to the umask. SQLite gives its companions the
// mode of the file. A file that is there is not touched.
func create(path string) error {
	if path == "" || strings.HasPrefix(path, ":memory:") || strings.ContainsRune(path, 0) {
		return fmt.Errorf("sqlite: %q is no file name", path)
	}
	creating.Lock()
	defer creating.Unlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	return nil
}

// openWriter opens the one connection that writes. Its transactions take the write lock when they begin, so that none fails
// halfway because another has written meanwhile. It never checkpoints by itself: see [checkpointer].
func openWriter(path string, o Options) (*sql.DB, error) {
	return openPool(path, o, 1, url.Values{
		"_txlock": {"immediate"}, "_synchronous": {"FULL"},
		// Temporary: what is needed to undo one of several in a transaction, which would go through a file. The cache, of 16 MiB at
		// most, is worth more here than with the readers, who begin anew after every transaction.
		"_pragma": {"wal_autocheckpoint(0)", "temp_store(MEMORY)", "cache_size(-16384)"},
	})
}

// openReader opens the connections that read. They are not mode=ro: after a crash whoever comes first recovers, and that may
// be a reader.
func openReader(path string, o Options) (*sql.DB, error) {
	readers := o.Readers
	if readers <= 0 {
		readers = max(4, runtime.GOMAXPROCS(0))
	}
	return openPool(path, o, readers, url.Values{"_query_only": {"1"}})
}

// openPool opens a pool of up to n connections, which are kept once made.
func openPool(path string, o Options, n int, params url.Values) (*sql.DB, error) {
	name, err := dsn(path, o.BusyTimeout, params)
	if err != nil {
		return nil, err
	}
	connector, err := sqlite.NewConnector(name)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// dsn is the data source name of the driver: a file URI, in which any path can be written.
func dsn(path string, busy time.Duration, params url.Values) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("sqlite: %w", err)
	}
	slashed := filepath.ToSlash(absolute)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a Windows drive
	}
	// Never mode=rwc: a file that was taken away is not silently made anew by the next connection.
	params.Set("mode", "rw")
	params.Set("_busy_timeout", strconv.FormatInt(busy.Milliseconds(), 10))
	params.Set("_foreign_keys", "1")
	params.Set("_dqs", "0")
	params.Set("_defensive", "1")
	params.Set("_error_rc", "1")
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: params.Encode()}
	return u.String(), nil
}

// closePools closes the readers first, so that the last connection can empty the write-ahead file.
func closePools(reader, writer *sql.DB) error {
	err := reader.Close()
	// Another process may be at work; then its own closing does this.
	var busy, inLog, moved int
	checkpoint := writer.QueryRow(`PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &inLog, &moved)
	return errors.Join(err, checkpoint, writer.Close())
}

// unavailable reports whether SQLite could not do it now, as opposed to not at all.
func unavailable(err error) bool {
	switch primaryCode(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY:
		return true
	}
	return false
}

// primaryCode is SQLite's result code without its details, or 0 for an error of something else.
func primaryCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return sqlite3.SQLITE_OK
	}
	return e.Code() & 0xff
}
