package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"sync/atomic"
	"testing"

	"modernc.org/sqlite"
)

// hooks stand between database/sql and the driver: they see, hold up and fail what passes.
type hooks struct {
	begins, commits atomic.Int64
	// Each may be nil; an error is answered in the driver's stead.
	onBegin, onCommit func() error
	onExec            func(query string) error
}

func (h *hooks) exec(query string) error {
	if h.onExec == nil {
		return nil
	}
	return h.onExec(query)
}

func pass(hook func() error) error {
	if hook == nil {
		return nil
	}
	return hook()
}

type hookedConnector struct {
	driver.Connector
	hooks *hooks
}

func (c hookedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &hookedConn{conn, c.hooks}, nil
}

type hookedConn struct {
	driver.Conn
	hooks *hooks
}

func (c *hookedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.hooks.begins.Add(1)
	if err := pass(c.hooks.onBegin); err != nil {
		return nil, err
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return hookedTx{tx, c.hooks}, err
}

func (c *hookedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.hooks.exec(query); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *hookedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	return hookedStmt{stmt, query, c.hooks}, err
}

type hookedStmt struct {
	driver.Stmt
	query string
	hooks *hooks
}

func (s hookedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.hooks.exec(s.query); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s hookedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

type hookedTx struct {
	driver.Tx
	hooks *hooks
}

func (t hookedTx) Commit() error {
	t.hooks.commits.Add(1)
	if err := pass(t.hooks.onCommit); err != nil {
		if rollback := t.Tx.Rollback(); rollback != nil {
			return rollback
		}
		return err
	}
	return t.Tx.Commit()
}

// newHookedStore is a store of one writing connection behind hooks, and readers without.
func newHookedStore(t *testing.T) (*Store, *hooks) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	reader := database(t, path)
	if _, err := reader.Exec(`PRAGMA journal_mode = WAL`); err != nil {
		t.Fatal(err)
	}
	connector, err := sqlite.NewConnector("file:" + path + "?_txlock=immediate&_busy_timeout=10000&_foreign_keys=1")
	if err != nil {
		t.Fatal(err)
	}
	h := &hooks{}
	writer := sql.OpenDB(hookedConnector{connector, h})
	writer.SetMaxOpenConns(1)
	s := New(DB{Reader: reader, Writer: writer, Dialect: SQLite})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.begins.Store(0)
	h.commits.Store(0)
	return s, h
}
