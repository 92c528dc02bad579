package postgres

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestDefaults(t *testing.T) {
	c, err := parse("postgres://ann:sesame@db.example.com/x")
	if err != nil {
		t.Fatal(err)
	}
	if c.maxConns != 16 || c.lifetime != 30*time.Minute || c.idleTime != 5*time.Minute || c.timeout != 10*time.Second || c.conn.ConnectTimeout != 5*time.Second {
		t.Errorf("%+v, connecting within %v", c, c.conn.ConnectTimeout)
	}
	for name, want := range map[string]string{
		"application_name": "latchkey", "statement_timeout": "10s", "idle_in_transaction_session_timeout": "5s",
	} {
		if got := c.conn.RuntimeParams[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if c.conn.ValidateConnect != nil {
		t.Error("one host is asked whether it takes writes at every connection")
	}
}

func TestURISays(t *testing.T) {
	c, err := parse("postgresql://db/x?pool_max_conns=3&pool_max_conn_lifetime=1h&pool_max_conn_idle_time=10s&pool_timeout=7s&connect_timeout=2" +
		"&statement_timeout=&idle_in_transaction_session_timeout=1min&application_name=mine")
	if err != nil {
		t.Fatal(err)
	}
	if c.maxConns != 3 || c.lifetime != time.Hour || c.idleTime != 10*time.Second || c.timeout != 7*time.Second || c.conn.ConnectTimeout != 2*time.Second {
		t.Errorf("%+v, connecting within %v", c, c.conn.ConnectTimeout)
	}
	params := c.conn.RuntimeParams
	if _, told := params["statement_timeout"]; told || params["idle_in_transaction_session_timeout"] != "1min" || params["application_name"] != "mine" {
		t.Errorf("the server is told %v", params)
	}
	for name := range params {
		if strings.HasPrefix(name, "pool_") {
			t.Errorf("the server is told of %s", name)
		}
	}
}

func TestHosts(t *testing.T) {
	c, err := parse("postgres://ann:sesame@db1:5433,[::1],db2/x")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"db1:5433", "[::1]:5432", "db2:5432"}; !slices.Equal(c.hosts(), want) {
		t.Errorf("the hosts are %v, want %v", c.hosts(), want)
	}
	if c.conn.ValidateConnect == nil {
		t.Error("no host is asked whether it takes writes")
	}
	if got, want := Name("postgres://ann:sesame@db1:5433,[::1],db2/x?sslmode=disable"), "postgres://ann@db1:5433,[::1]:5432,db2:5432/x"; got != want {
		t.Errorf("it is called %q, want %q", got, want)
	}
}

func TestVerified(t *testing.T) {
	for mode, want := range map[string]bool{"disable": false, "prefer": false, "require": false, "verify-full": true} {
		c, err := parse("postgres://db1,db2/x?sslmode=" + mode)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.verified(); got != want {
			t.Errorf("%s: %v", mode, got)
		}
	}
}

// The URI, and any part of it that may be a password, stays out of errors and names.
func TestPasswordIsNotRepeated(t *testing.T) {
	for _, uri := range []string{
		"", "latchkey.db", "mysql://ann:sesame@db/x", "postgres://ann:sesame@db:port/x", "postgres://ann:ses/ame@db/x",
		"postgres://ann:%zzsesame@db/x", "postgres://ann:sesame", "postgres://ann:sesame@[::1/x",
		"postgres://ann:sesame@db/x?pool_max_conns=0", "postgres://ann:sesame@db/x?pool_max_conns=many", "postgres://ann:sesame@db/x?pool_max_conn_lifetime=1",
		"postgres://ann:sesame@db/x?pool_max_conn_idle_time=-1s", "postgres://ann:sesame@db/x?pool_size=7", "postgres://ann:sesame@db/x?sslmode=maybe",
		"postgres://ann:sesame@db/x?target_session_attrs=fast", "postgres://ann:sesame@db/x?connect_timeout=soon", "postgres://ann:sesame@db1,db2:1,db3:2:3/x",
		"postgres://db/x?password=sesame&sslmode=maybe", "postgres://ann:sesame`: @db/x?sslmode=maybe", "postgres://ann:sesame@db/x?sslrootcert=none.pem&sslmode=verify-full",
		"postgres://ann:sesame@db/x?default_query_exec_mode=sesame", "postgres://ann:sesame@db/x?default_query_exec_mode=simple_protocol",
	} {
		err := Check(uri)
		if !errors.Is(err, ErrURI) {
			t.Errorf("%q: got %v, want ErrURI", uri, err)
			continue
		}
		for _, secret := range []string{"sesame", "ses/ame", "ses?ame", "ses#ame"} {
			shown := strings.ReplaceAll(err.Error(), `unknown value "sesame"`, "") // given where no password belongs
			if strings.Contains(shown, secret) || strings.Contains(Name(uri), secret) {
				t.Errorf("%q: shown in %v or %s", uri, err, Name(uri))
			}
		}
	}
	for _, uri := range []string{"postgres://ann:sesame@db/x", "postgres://db/x?user=ann&password=sesame", "postgres://ann:ses%2Fame@db/x", "postgres://ann:ses?ame@db/x", "postgres://ann:ses#ame@db/x"} {
		if err := Check(uri); err != nil {
			t.Errorf("%q: %v", uri, err)
		}
		if name := Name(uri); strings.Contains(name, "ses") || !strings.Contains(name, "ann@db") {
			t.Errorf("%q is called %s", uri, name)
		}
	}
}

// Servers before PostgreSQL 14 do not say of themselves that they take no writes; their errors do.
func TestReadOnlyErrorEndsTheConnection(t *testing.T) {
	c, err := parse("postgres://db/x")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct {
		severity, code string
		stays          bool
	}{{"ERROR", "23505", true}, {"FATAL", "57P01", false}, {"ERROR", "25006", false}} {
		if stays := c.conn.OnPgError(nil, &pgconn.PgError{Severity: e.severity, Code: e.code}); stays != e.stays {
			t.Errorf("%s %s: the connection stays: %v", e.severity, e.code, stays)
		}
	}
}

func TestWhatServersSay(t *testing.T) {
	for code, want := range map[string]struct{ unavailable, undone, whileCommitting bool }{
		"40001": {true, true, true}, "40P01": {true, true, true}, "57P01": {true, true, false}, "57P02": {true, true, false},
		"57P03": {true, false, false}, "57014": {true, false, false}, "53300": {true, false, false}, "53100": {true, false, false},
		"25006": {true, false, false}, "08006": {true, false, false}, "58030": {true, false, false}, "55P03": {true, false, false},
		"40003": {true, false, false}, // nobody knows how it ended
		"28P01": {}, "3D000": {}, "42P01": {}, "42601": {}, "23505": {}, "22001": {}, "42501": {}, "": {},
	} {
		err := errors.Join(errors.New("while finishing"), &pgconn.PgError{Severity: "ERROR", Code: code})
		if got := unavailable(err); got != want.unavailable {
			t.Errorf("%s: unavailable is %v", code, got)
		}
		if got := undone(err, false); got != want.undone {
			t.Errorf("%s: undone is %v", code, got)
		}
		if got := undone(err, true); got != want.whileCommitting {
			t.Errorf("%s while committing: undone is %v", code, got)
		}
	}
}
