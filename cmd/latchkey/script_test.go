package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(servers{m}, map[string]func(){"latchkey": main})
}

// servers are tests that end with the PostgreSQL that they shared.
type servers struct{ m *testing.M }

func (s servers) Run() int { return pgtest.Main(s.m) }

// TestScripts runs the program as its users do: a file of testdata/script for each behaviour.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"occupy": occupy, "postgres": database},
		Condition:           condition,
	})
}

// condition knows [postgres]: there is one to be started. It is an error that there is none where nothing may be left out.
func condition(name string) (bool, error) {
	if name != "postgres" {
		return false, fmt.Errorf("there is no condition %q", name)
	}
	missing := pgtest.Missing()
	if missing != "" && pgtest.RequireAll() {
		return false, errors.New(missing)
	}
	return missing == "", nil
}

// database makes one on a PostgreSQL server, and puts its URI, its password and its host with the port into variables.
func database(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: postgres uri-variable password-variable address-variable")
	}
	server, err := pgtest.Common()
	ts.Check(err)
	uri, drop, err := server.Create(context.Background())
	ts.Check(err)
	ts.Defer(func() { ts.Check(drop()) })
	ts.Setenv(args[0], uri)
	ts.Setenv(args[1], server.Password())
	ts.Setenv(args[2], server.Address())
}

// occupy opens a port until the script ends and puts its address into a variable.
func occupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: occupy variable")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}
