package latchkey_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// As a new user would: an empty module, the program of the README as it stands, a passkey on localhost. Only the port is another, and the
// module comes from this checkout.
func TestAnEmptyModuleAdoptsLatchkey(t *testing.T) {
	checkout, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	origin := "http://localhost:" + freePort(t)
	program := strings.ReplaceAll(readmeProgram(t), "localhost:8080", strings.TrimPrefix(origin, "http://"))
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"main.go": []byte(program), "go.sum": sums} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	goes := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	goes("mod", "init", "example.test/notes")
	goes("mod", "edit", "-require=github.com/latchkey-auth/latchkey@v0.0.0", "-replace=github.com/latchkey-auth/latchkey="+checkout)
	binary := filepath.Join(dir, "notes")
	goes("build", "-o", binary, ".")

	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	run(t, dir, binary, "APP_KEY="+base64.StdEncoding.EncodeToString(key), origin)

	c := latchkeytest.NewClient(t, origin, origin)
	c.Register("ada@example.test", "Wooden-Kettle-42-Marsh").Want(t, http.StatusOK)
	c.AddPasskey("phone", "first").Want(t, http.StatusOK)
	c.Logout().Want(t, http.StatusOK)
	c.SigninWithPasskey("").Want(t, http.StatusOK)
	for _, path := range []string{"/notes", "/export"} {
		res, err := c.HTTP.Get(origin + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || string(body) != "Notes of ada@example.test\n" {
			t.Errorf("%s answers %d %q (%v)", path, res.StatusCode, body, err)
		}
	}
}

// readmeProgram is the README's first program.
func readmeProgram(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```go\npackage main\n")
	program, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("the README has no program")
	}
	if lines := strings.Count(program[strings.Index(program, "func main"):strings.Index(program, "func notes")], "latchkey.") + strings.Count(program, "auth."); lines > 10 {
		t.Errorf("the program has %d uses of Latchkey: they were to be ten at most", lines)
	}
	return "package main\n" + program
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// run starts a program, waits until it serves, and ends it with the test.
func run(t *testing.T, dir, binary, env, origin string) {
	t.Helper()
	var said safeBuffer
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	cmd.Env = append(os.Environ(), env)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()    // it is killed, which Wait calls an error
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended }) // it may have ended by itself
	deadline, tick := time.After(30*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			t.Fatalf("the program ended: %s", said.String())
		case <-deadline:
			t.Fatalf("the program does not serve: %s", said.String())
		case <-tick.C:
		}
		res, err := http.Get(origin + "/healthz")
		if err == nil {
			res.Body.Close()
			return
		}
	}
}

// safeBuffer is written to by a process while the test reads it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
