package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// shared is the one server of a package's tests.
var shared struct {
	sync.Mutex
	server *Server
}

// Main runs the tests of a package and stops the server that they shared. It is for TestMain: os.Exit(pgtest.Main(m)).
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		return code
	}
	if err := shared.server.Close(); err != nil {
		fmt.Println(err)
		return max(code, 1)
	}
	return code
}

// Database makes a new one on the shared server, which goes with the test, and returns its URI.
func Database(t testing.TB) string {
	t.Helper()
	return Shared(t).Database(t)
}

// Shared is the one server of the package's tests. It is not to be stopped.
func Shared(t testing.TB) *Server {
	t.Helper()
	Need(t)
	s, err := Common()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Common is Shared where there is no test at hand.
func Common() (*Server, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := Start(Options{})
		if err != nil {
			return nil, err
		}
		shared.server = s
	}
	return shared.server, nil
}

// New starts a server that is the test's alone.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	Need(t)
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Schema makes a new one on the shared server, which goes with the test, and returns a URI that leads into it. It is as good as a database
// of its own for what looks at nothing but tables, and made in a tenth of the time.
func Schema(t testing.TB) string {
	t.Helper()
	s := Shared(t)
	name := newName()
	// Here and below the name is of letters and digits: an identifier can be no parameter.
	if err := s.Do(t.Context(), "postgres", `CREATE SCHEMA `+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Do(context.WithoutCancel(t.Context()), "postgres", `DROP SCHEMA `+name+` CASCADE`); err != nil {
			t.Error(err)
		}
	})
	return s.URI("postgres") + "?search_path=" + name
}

func newName() string { return "test_" + strings.ToLower(rand.Text()) }

// Database makes a new one, which goes with the test, and returns its URI.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	uri, drop, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Error(err)
		}
	})
	return uri
}

// Create makes a new database and returns its URI.
func (s *Server) Create(ctx context.Context) (uri string, drop func() error, err error) {
	name := newName()
	if err := s.Do(ctx, "postgres", `CREATE DATABASE `+name); err != nil {
		return "", nil, err
	}
	return s.URI(name), func() error {
		return s.Do(context.WithoutCancel(ctx), "postgres", `DROP DATABASE `+name+` WITH (FORCE)`)
	}, nil
}
