package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/store/sqlite"

	"github.com/latchkey-auth/latchkey/internal/clientip"
)

// servedWith serves by the real loop, within bounds of its own. It returns the address.
func servedWith(t *testing.T, h http.Handler, b bounds) (addr string, log *bytes.Buffer) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log = &bytes.Buffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, l, accessLog(logger, newMetrics(), clientip.Resolver{}, h), logger, b) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("errors were logged: %s", log)
		}
	})
	return l.Addr().String(), log
}

// realHandler is Latchkey's own.
func realHandler(t *testing.T) http.Handler {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "latchkey.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	cfg := latchkey.Default()
	cfg.Origins, cfg.SecretKeys = []string{"http://localhost:8080"}, [][]byte{bytes.Repeat([]byte{1}, 32)}
	auth, err := latchkey.New(cfg, store)
	if err != nil {
		t.Fatal(err)
	}
	return auth.Handler()
}

// shortly is a bound that passes while a test looks on; never one that does not.
const (
	shortly = 50 * time.Millisecond
	never   = time.Hour
)

// TestWhoIsSlowIsHungUpOn sends part of what a request is and waits for the server to lose patience: each bound by itself, the others far off, so
// that a bound that is missing leaves the test waiting.
func TestWhoIsSlowIsHungUpOn(t *testing.T) {
	t.Parallel()
	handler := realHandler(t)
	for _, c := range []struct {
		name   string
		b      bounds
		sends  string
		status int // of the answer; 0: none
	}{
		{"headers that do not end", bounds{shortly, never, never, never, 32 << 10}, "POST /login HTTP/1.1\r\nHost: localhost:8080\r\nX-", http.StatusBadRequest},
		{"a request line that does not end", bounds{shortly, never, never, never, 32 << 10}, "POST /lo", http.StatusBadRequest},
		{"nothing at all", bounds{shortly, never, never, never, 32 << 10}, "", 0},
		{"a body that does not end", bounds{never, shortly, never, never, 32 << 10}, "POST /login HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{", http.StatusBadRequest},
		{"chunks that do not end", bounds{never, shortly, never, never, 32 << 10}, "POST /wan-signin/x HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", http.StatusBadRequest},
		{"a second request that does not come", bounds{never, never, never, shortly, 32 << 10}, "GET /healthz HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", http.StatusOK},
		{"headers without bounds", bounds{never, never, never, never, 1 << 10}, "GET /healthz HTTP/1.1\r\nHost: localhost:8080\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr, _ := servedWith(t, handler, c.b)
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, c.sends); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(conn)
			if c.status != 0 {
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatalf("no answer: %v", err)
				}
				body, err := io.ReadAll(res.Body)
				if err != nil || res.StatusCode != c.status {
					t.Errorf("%d, want %d: %s, %v", res.StatusCode, c.status, body, err)
				}
				if c.b.read == shortly && !strings.Contains(string(body), `"error_codes":["API_ERROR"]`) {
					t.Errorf("no envelope: %s", body)
				}
			}
			rest, err := io.ReadAll(in)
			if err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("it was not hung up on: %v", err)
			}
			if len(rest) > 0 {
				t.Errorf("an answer: %s", rest)
			}
		})
	}
}

// TestWhoDoesNotReadIsHungUpOn: an answer that nobody takes ends.
func TestWhoDoesNotReadIsHungUpOn(t *testing.T) {
	t.Parallel()
	gaveUp := make(chan error, 1)
	addr, _ := servedWith(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for block := make([]byte, 64<<10); ; {
			if _, err := w.Write(block); err != nil {
				gaveUp <- err
				return
			}
		}
	}), bounds{never, never, shortly, never, 32 << 10})
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-gaveUp:
	case <-time.After(20 * time.Second):
		t.Error("the handler writes still")
	}
}

// TestTheServersOwnBounds: each is there, and none is longer than a server can bear.
func TestTheServersOwnBounds(t *testing.T) {
	for name, c := range map[string]struct{ is, most time.Duration }{
		"header": {served.header, 10 * time.Second}, "read": {served.read, 30 * time.Second}, "write": {served.write, time.Minute}, "idle": {served.idle, 3 * time.Minute},
	} {
		if c.is <= 0 || c.is > c.most {
			t.Errorf("%s: %v", name, c.is)
		}
	}
	if served.headers <= 0 || served.headers > 64<<10 {
		t.Errorf("headers: %d", served.headers)
	}
}
