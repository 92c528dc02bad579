package postgres

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrURI is in the errors of a URI that cannot be used. Test with errors.Is.
var ErrURI = errors.New("postgres: the connection URI cannot be used")

// What holds where the URI says nothing.
const (
	defaultMaxConns       = 16 // three servers of ours fit into a PostgreSQL's usual 100
	defaultLifetime       = 30 * time.Minute
	defaultIdleTime       = 5 * time.Minute
	defaultConnectTimeout = 5 * time.Second
	defaultTimeout        = 10 * time.Second
)

// keepAlive finds out within half a minute that the other machine is gone.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// defaultParameters are told to the server where the URI does not speak of them.
var defaultParameters = map[string]string{
	"application_name":  "latchkey",
	"statement_timeout": "10s",
	// A program that hangs, or whose machine is gone, must not keep rows locked for as long as others wait for them.
	"idle_in_transaction_session_timeout": "5s",
}

// config is a URI that was read.
type config struct {
	conn               *pgx.ConnConfig
	maxConns           int
	lifetime, idleTime time.Duration
	timeout            time.Duration
}

// IsURI reports whether the text is meant as a connection URI of PostgreSQL.
func IsURI(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// Check says what is wrong with a URI, without repeating anything of it that may be a password.
func Check(uri string) error {
	_, err := parse(uri)
	return err
}

// Name is where a URI leads, for people: the user, the hosts and the database, and never the password.
func Name(uri string) string {
	c, err := parse(uri)
	if err != nil {
		return "a PostgreSQL database"
	}
	u := url.URL{Scheme: "postgres", Host: strings.Join(c.hosts(), ","), Path: "/" + c.conn.Database}
	if c.conn.User != "" {
		u.User = url.User(c.conn.User)
	}
	return u.String()
}

// hosts are the different ones, in their order.
func (c config) hosts() []string {
	all := []string{address(c.conn.Host, c.conn.Port)}
	for _, f := range c.conn.Fallbacks {
		if a := address(f.Host, f.Port); !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

func address(host string, port uint16) string { return net.JoinHostPort(host, strconv.Itoa(int(port))) }

// verified reports whether every host must prove its name by a certificate.
func (c config) verified() bool {
	ok := c.conn.TLSConfig != nil && !c.conn.TLSConfig.InsecureSkipVerify
	for _, f := range c.conn.Fallbacks {
		ok = ok && f.TLSConfig != nil && !f.TLSConfig.InsecureSkipVerify
	}
	return ok
}

// parse reads a URI, and fills in what it does not say.
func parse(uri string) (config, error) {
	if !IsURI(uri) {
		return config{}, fmt.Errorf("%w: it does not begin with postgres://", ErrURI)
	}
	conn, err := pgx.ParseConfig(uri)
	if err != nil {
		return config{}, fmt.Errorf("%w: %s", ErrURI, plain(err))
	}
	if conn.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
		// It writes numbers into the statements, where PostgreSQL takes small types for some of them.
		return config{}, fmt.Errorf("%w: default_query_exec_mode=simple_protocol does not do; behind a pooler take exec", ErrURI)
	}
	c := config{conn: conn}
	if err := c.pool(); err != nil {
		return config{}, fmt.Errorf("%w: %w", ErrURI, err)
	}
	for name, value := range defaultParameters {
		if _, given := conn.RuntimeParams[name]; !given {
			conn.RuntimeParams[name] = value
		}
	}
	for name, value := range conn.RuntimeParams {
		if value == "" {
			delete(conn.RuntimeParams, name)
		}
	}
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = defaultConnectTimeout
	}
	conn.DialFunc = (&net.Dialer{Timeout: conn.ConnectTimeout, KeepAliveConfig: keepAlive}).DialContext
	if conn.ValidateConnect == nil && len(c.hosts()) > 1 {
		conn.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	usual := conn.OnPgError
	conn.OnPgError = func(pc *pgconn.PgConn, e *pgconn.PgError) bool {
		// A server that turned read-only will not do: without this connection the pool looks for another.
		return e.Code != readOnly && usual(pc, e)
	}
	return c, nil
}

// pool takes the parameters of the pool, which are none of the server's.
func (c *config) pool() error {
	c.maxConns, c.lifetime, c.idleTime, c.timeout = defaultMaxConns, defaultLifetime, defaultIdleTime, defaultTimeout
	params := c.conn.RuntimeParams
	if text, ok := params["pool_max_conns"]; ok {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return errors.New("pool_max_conns is not a number of connections")
		}
		c.maxConns = n
		delete(params, "pool_max_conns")
	}
	for name, field := range map[string]*time.Duration{
		"pool_max_conn_lifetime": &c.lifetime, "pool_max_conn_idle_time": &c.idleTime, "pool_timeout": &c.timeout,
	} {
		text, ok := params[name]
		if !ok {
			continue
		}
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return fmt.Errorf("%s is no duration such as 30m", name)
		}
		*field = d
		delete(params, name)
	}
	for name := range params {
		if strings.HasPrefix(name, "pool_") {
			return errors.New("there is no parameter " + name)
		}
	}
	return nil
}

// plain is what a parser's error says besides the URI, which it repeats in its beginning. Where the URI is no URI at all, any part of it
// may be the password.
func plain(err error) string {
	const noURI = "it cannot be read; a password with / ? # @ or % in it must be percent-encoded"
	text := err.Error()
	end := strings.LastIndex(text, "`: ")
	if end < 0 || strings.Contains(text, "failed to parse as URL") {
		return noURI
	}
	return text[end+len("`: "):]
}
