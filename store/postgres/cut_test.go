package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/pgtest"
	"github.com/latchkey-auth/latchkey/store/postgres"
)

// cutter passes on what a store and its server say to each other, up to a word of the store.
type cutter struct {
	listener net.Listener
	server   string

	mu sync.Mutex
	// word cuts the connection on which the store says it next: before the server gets it, or after.
	word   []byte
	before bool
}

// through starts a cutter and returns the URI that leads through it.
func through(t *testing.T, uri string) (*cutter, string) {
	t.Helper()
	u, err := url.Parse(uri)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	c := &cutter{listener: l, server: u.Host}
	t.Cleanup(func() { must(t, l.Close()) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the end of the test
			}
			go c.pass(conn)
		}
	}()
	u.Host = l.Addr().String()
	return c, u.String() + "?sslmode=disable"
}

func (c *cutter) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	var muted atomic.Bool
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			if muted.Load() {
				continue
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		cut, before := c.said(buffer[:n])
		if cut && before {
			return
		}
		muted.Store(cut)
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
		if cut {
			// The server does what it was told, and learns only then that nobody is there any more.
			if err := server.(*net.TCPConn).CloseWrite(); err == nil {
				<-answered
			}
			return
		}
	}
}

// said reports whether this is the word to cut at, which it is once.
func (c *cutter) said(what []byte) (cut, before bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.word == nil || !bytes.Contains(what, c.word) {
		return false, false
	}
	c.word = nil
	return true, c.before
}

func (c *cutter) at(word string, before bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.word, c.before = []byte(word), before
}

func (c *cutter) done(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.word != nil {
		t.Errorf("the store never said %q", c.word)
	}
}

// A connection that breaks under a read is another's from then on, and the read is done again.
func TestConnectionBreaksInRead(t *testing.T) {
	uri := pgtest.Database(t)
	must(t, signIn(t.Context(), openAt(t, uri, postgres.Options{}), "u", "there"))
	cut, by := through(t, uri)
	store := openAt(t, by+"&default_query_exec_mode=exec", postgres.Options{MaxConns: 1, NoMigrate: true})
	for _, before := range []bool{true, false} {
		cut.at("FROM latchkey_sessions", before)
		got, _, err := store.Session(t.Context(), account.SessionBrowser, digestOf("there"))
		cut.done(t)
		if err != nil || got.ID != "there" {
			t.Errorf("got the session %q and %v", got.ID, err)
		}
	}
}

// A connection that breaks before the COMMIT was sent has changed nothing: the transaction runs again. A COMMIT that got no answer may have
// counted, and is never repeated.
func TestConnectionBreaksInTransaction(t *testing.T) {
	uri := pgtest.Database(t)
	direct := openAt(t, uri, postgres.Options{})
	cut, by := through(t, uri)
	// Without statements kept on the server each is sent as it is written.
	store := openAt(t, by+"&default_query_exec_mode=exec", postgres.Options{MaxConns: 1, NoMigrate: true})
	for i, c := range []struct {
		word   string
		before bool
		again  bool
	}{
		{"BEGIN", true, true}, {"BEGIN", false, true}, {"INSERT INTO latchkey_states", true, true}, {"SELECT active", true, true},
		{"SELECT active", false, true}, {"COMMIT", false, false}, {"COMMIT", true, false},
	} {
		// The id says none of the words.
		id := fmt.Sprint("number ", i)
		must(t, signIn(t.Context(), store, "u", "warm "+id))
		cut.at(c.word, c.before)
		err := signIn(t.Context(), store, "u", id)
		cut.done(t)
		if c.again && err != nil || !c.again && !errors.Is(err, account.ErrUnavailable) {
			t.Errorf("cut at %q: %v", c.word, err)
		}
		// Whatever came of it is whole.
		_, _, found := direct.Session(t.Context(), account.SessionBrowser, digestOf(id))
		spent := direct.SpendState(t.Context(), stateOf(id), nil)
		if there := found == nil; there == (c.word == "COMMIT" && c.before) || there != errors.Is(spent, account.ErrSpent) {
			t.Errorf("cut at %q: the session: %v; spending its state: %v", c.word, found, spent)
		}
		n := 0
		events, err := direct.Events(t.Context(), account.EventFilter{})
		must(t, err)
		for _, e := range events {
			if e.Subject == id {
				n++
			}
		}
		if n > 1 || (n == 1) != (found == nil) {
			t.Errorf("cut at %q: %d events", c.word, n)
		}
	}
}
