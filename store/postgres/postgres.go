package postgres

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// Options are the settings of [Open]. The zero value is the usual.
type Options struct {
	// MaxConns is how many connections there may be. 0: what pool_max_conns in the URI says, or 16.
	MaxConns int
	// Timeout bounds each transaction and each read, waiting for a connection included. 0: what pool_timeout in the URI says, or ten
	// seconds; negative: only the caller's context does.
	Timeout time.Duration
	// NoMigrate leaves the schema as it is: Open fails unless it is up to date.
	NoMigrate bool
	// Clock and Rand date and name the accounts that the store makes. Nil: the system's.
	Clock func() time.Time
	Rand  io.Reader
}

// Open connects to the database that the URI names, which must be there, and brings its tables up to date. Its errors
// never hold the URI or its password.
//
// Errors: ErrURI; sqlstore.ErrNewerSchema; with NoMigrate sqlstore.ErrOlderSchema; account.ErrUnavailable.
func Open(ctx context.Context, uri string, o Options) (*sqlstore.Store, error) {
	c, err := parse(uri)
	if err != nil {
		return nil, err
	}
	if o.MaxConns > 0 {
		c.maxConns = o.MaxConns
	}
	switch {
	case o.Timeout == 0:
		o.Timeout = c.timeout
	case o.Timeout < 0:
		o.Timeout = 0
	}
	db := c.open()
	store := sqlstore.New(sqlstore.DB{
		Reader: db, Writer: db, Dialect: sqlstore.PostgreSQL,
		Unavailable: unavailable, Undone: undone, Pipe: newPipe, Timeout: o.Timeout,
		Clock: o.Clock, Rand: o.Rand,
	})
	if o.NoMigrate {
		err = store.CheckSchema(ctx)
	} else {
		err = store.Migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

// open makes the pool. It connects to nothing yet.
func (c config) open() *sql.DB {
	db := stdlib.OpenDB(*c.conn, stdlib.OptionResetSession(reuse))
	db.SetMaxOpenConns(c.maxConns)
	db.SetMaxIdleConns(c.maxConns)
	db.SetConnMaxLifetime(c.lifetime)
	db.SetConnMaxIdleTime(c.idleTime)
	return db
}

// reuse drops a connection to a server that takes no writes any more. Servers since PostgreSQL 14 say so of themselves.
func reuse(_ context.Context, conn *pgx.Conn) error {
	for _, parameter := range []string{"in_hot_standby", "default_transaction_read_only"} {
		if conn.PgConn().ParameterStatus(parameter) == "on" {
			return driver.ErrBadConn
		}
	}
	return nil
}

// Server is what [Inspect] found.
type Server struct {
	// Version is the server's, such as "15.8".
	Version string
	// Local: it is on this machine, by what it is connected through.
	Local bool
	// Encrypted: the connection uses TLS. Verified: every server of the URI must prove its name.
	Encrypted, Verified bool
	// MayCreate: this user may make tables in the schema.
	MayCreate bool
	// SynchronousCommit is the server's setting for this user; where it is "off" a crash loses what was acknowledged.
	SynchronousCommit string
	// Now is the server's time.
	Now time.Time
}

// Inspect connects once, for a look at the server before [Open]. It changes nothing.
//
// Errors: ErrURI; account.ErrUnavailable.
func Inspect(ctx context.Context, uri string) (Server, error) {
	c, err := parse(uri)
	if err != nil {
		return Server{}, err
	}
	s, err := c.inspect(ctx)
	if err != nil && unavailable(err) {
		err = errors.Join(account.ErrUnavailable, err)
	}
	if err != nil {
		return Server{}, fmt.Errorf("postgres: %w", err)
	}
	return s, nil
}

func (c config) inspect(ctx context.Context) (s Server, err error) {
	conn, err := pgx.ConnectConfig(ctx, c.conn)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	s = Server{Version: conn.PgConn().ParameterStatus("server_version"), Verified: c.verified()}
	_, s.Encrypted = conn.PgConn().Conn().(*tls.Conn)
	switch at := conn.PgConn().Conn().RemoteAddr().(type) {
	case *net.UnixAddr:
		s.Local = true
	case *net.TCPAddr:
		s.Local = at.IP.IsLoopback()
	}
	var micros int64
	err = conn.QueryRow(ctx, `
		SELECT COALESCE(has_schema_privilege(current_schema(), 'CREATE'), FALSE), current_setting('synchronous_commit'),
			CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`).Scan(&s.MayCreate, &s.SynchronousCommit, &micros)
	s.Now = time.UnixMicro(micros)
	return s, err
}
