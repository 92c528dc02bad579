package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// Dialect is the database behind the pools.
type Dialect string

const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "postgres"
)

// DB is what a store works on.
type DB struct {
	// Reader serves what only reads, Writer every transaction that writes. They may be the same pool. SQLite wants
	// a Writer of one connection, whose transactions take the write lock when they begin.
	Reader, Writer *sql.DB
	Dialect        Dialect
	// Unavailable tells errors of the driver which mean that the database is out of reach, busy or full. They come out as
	// account.ErrUnavailable. Nil: only what database/sql and net say by themselves.
	Unavailable func(error) bool
	// Writing is held while one of SQLite's shared transactions is under way, so that its owner can work between two of them.
	// Wrote is told after each that was committed how many intentions shared it; the next one waits for it to return. Both
	// may be nil.
	Writing sync.Locker
	Wrote   func(intentions int)
	// Undone tells errors after which a transaction has surely left nothing behind, and is worth running again from its
	// beginning; committing says that it had come to its COMMIT. Nil: there are none.
	Undone func(err error, committing bool) bool
	// Pipe makes a Pipe of a connection of the Writer, as its driver has it; such a store sends what it can together. Nil: each statement
	// by itself.
	Pipe func(driverConn any) Pipe
	// Timeout bounds each transaction and each read, waiting for a connection included. 0: only the caller's context does.
	Timeout time.Duration
	// OnClose closes the pools. Nil: they are just closed.
	OnClose func() error
	// Clock and Rand date and name the accounts that [Store.CreateUser] makes. Nil: the system's.
	Clock func() time.Time
	Rand  io.Reader
}

// Store is account.Users and account.Store on a SQL database. It is safe for concurrent use.
type Store struct {
	db     DB
	reader *pool
	writer *pool
	group  *group // SQLite's; else nil
	watch  func(Watched)
	closed atomic.Bool
}

var (
	_ account.Users = (*Store)(nil)
	_ account.Store = (*Store)(nil)
)

// New makes a store of open pools. The schema must be there: see [Store.Migrate] and [Store.CheckSchema].
func New(db DB) *Store {
	if db.Clock == nil {
		db.Clock = time.Now
	}
	if db.Rand == nil {
		db.Rand = rand.Reader
	}
	if db.Unavailable == nil {
		db.Unavailable = func(error) bool { return false }
	}
	if db.Writing == nil {
		db.Writing = &sync.Mutex{}
	}
	if db.Wrote == nil {
		db.Wrote = func(int) {}
	}
	if db.Undone == nil {
		db.Undone = func(error, bool) bool { return false }
	}
	if db.OnClose == nil {
		db.OnClose = func() error { return closeBoth(db.Reader, db.Writer) }
	}
	s := &Store{db: db, reader: newPool(db.Reader, db), writer: newPool(db.Writer, db)}
	if db.Dialect == SQLite {
		s.group = newGroup(s.together)
	}
	return s
}

// Close ends the store. On SQLite writes that are under way are finished first. Calls that come later fail with
// account.ErrUnavailable. Closing twice is no error.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	if s.group != nil {
		s.group.close()
	}
	return s.db.OnClose()
}

// Ping reports whether the store can serve: it can be reached and has its schema.
func (s *Store) Ping(ctx context.Context) error {
	var version int
	return s.wrap(ctx, "ping", s.reader.row(ctx, selectVersion, &version))
}

func closeBoth(a, b *sql.DB) error {
	err := a.Close()
	if a == b {
		return err
	}
	if err2 := b.Close(); err == nil {
		err = err2
	}
	return err
}
