package postgres

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATEs (PostgreSQL manual, appendix A).
const (
	readOnly             = "25006" // read_only_sql_transaction
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
)

// unavailable reports whether the server could not do it now, as opposed to not at all: it is out of reach, shutting down, starting, full,
// too slow, or takes no writes.
func unavailable(err error) bool {
	if state := sqlState(err); state != "" {
		switch state {
		case readOnly, lockNotAvailable:
			return true
		}
		switch state[:2] {
		case "08", // connection_exception
			"40", // transaction_rollback
			"53", // insufficient_resources: too many connections, out of memory, disk full
			"57", // operator_intervention: shutting down, starting up, statement_timeout
			"58": // system_error: input and output
			return true
		}
		return false
	}
	var connecting *pgconn.ConnectError
	return errors.As(err, &connecting) || lost(err) || pgconn.Timeout(err)
}

// undone reports whether a transaction that ended so has left nothing, and is worth running again: the server has undone it because of
// another, or its connection broke while it was not committing.
func undone(err error, committing bool) bool {
	switch state := sqlState(err); state {
	case serializationFailure, deadlockDetected:
		return true
	case "57P01", "57P02", "25P03", "57P05": // the session was ended: admin_shutdown, crash_shutdown, idle for too long
		return !committing
	case "":
		return !committing && lost(err)
	}
	return false
}

// lost reports whether a connection that was there broke.
func lost(err error) bool {
	var connecting *pgconn.ConnectError
	if errors.As(err, &connecting) || pgconn.Timeout(err) {
		return false
	}
	var network *net.OpError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.As(err, &network) || pgconn.SafeToRetry(err)
}

// sqlState is the server's code, or "" for an error of something else.
func sqlState(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) || len(e.Code) != 5 {
		return ""
	}
	return e.Code
}
