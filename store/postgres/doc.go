// Package postgres opens a store in a PostgreSQL database, with the driver github.com/jackc/pgx. Any number of programs may
// use the database at once.
//
//	store, err := postgres.Open(ctx, "postgres://latchkey@db1,db2/latchkey?sslmode=verify-full", postgres.Options{})
//
// # The connection URI
//
// It is PostgreSQL's own (manual, §34.1.1), environment variables (PGPASSFILE, PGSSLROOTCERT and so on) included. Beside its parameters
// there are those that pgxpool has for the pool:
//
//   - pool_max_conns: how many connections there may be, 16 if not given
//   - pool_max_conn_lifetime: how long one is used, 30m
//   - pool_max_conn_idle_time: how long one is kept unused, 5m
//   - pool_timeout, which is this package's own: how long a transaction or a read may take, waiting for a connection included, 10s
//
// connect_timeout is 5 seconds for each host if not given, statement_timeout is 10 seconds,
// idle_in_transaction_session_timeout 5, and application_name latchkey. A parameter that is given empty is left to the server; some poolers refuse to be told of timeouts.
//
// # Several hosts
//
// Where the URI names several hosts, the first that accepts writes is used (target_session_attrs=read-write, unless it says
// otherwise). A connection whose server has become read-only is dropped at its next use, so that after a failover the store finds the new
// primary by itself.
//
// # What holds
//
// What a method has returned nil for is as durable as the server makes it: synchronous_commit must not be off. A transaction that the
// database undid because of another one is run again, a few times. One whose COMMIT got no answer is an error, account.ErrUnavailable: it may have
// counted.
package postgres
