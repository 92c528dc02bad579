package replicas

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
)

// origin is the site that every server serves, wherever it listens.
const origin = "http://localhost:8080"

// patience bounds each wait.
const patience = 30 * time.Second

// server is a "latchkey serve" that can be killed and started again at the same address.
type server struct {
	t    testing.TB
	dir  string
	addr string
	env  []string

	cmd   *exec.Cmd
	log   log
	ended chan error
}

// log is what servers have said.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newServer is one with a folder and an address of its own, which does not run yet.
func newServer(t testing.TB, env ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: t.TempDir(), addr: l.Addr().String(), env: env}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
		if t.Failed() {
			text := s.log.String()
			t.Logf("%s said: %s", s.addr, text[max(0, len(text)-4000):])
		}
	})
	return s
}

// start starts it and waits for its address.
func (s *server) start() {
	s.t.Helper()
	if err := s.launch(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) launch() error {
	cmd := exec.Command(program, "serve")
	cmd.Dir, cmd.Stderr = s.dir, &s.log
	cmd.Env = environ(append([]string{
		"LATCHKEY_LISTEN=" + s.addr, "LATCHKEY_ORIGINS=" + origin, "LATCHKEY_THROTTLE_ACCOUNT=off", "LATCHKEY_THROTTLE_ADDRESS=off", "LATCHKEY_THROTTLE_SEND=off",
	}, s.env...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("no address: %w; it ended with %v and said %s", err, cmd.Wait(), s.log.String())
	}
	if !strings.Contains(line, s.addr) {
		s.t.Errorf("it says that it is at %q, not %s", line, s.addr)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.cmd, s.ended = cmd, ended
	return nil
}

// kill ends it with SIGKILL.
func (s *server) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Error(err)
	}
	<-s.ended
	s.cmd = nil
}

// terminate asks it to end.
func (s *server) terminate() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
}

// stopped waits until it has ended, which must be well.
func (s *server) stopped() {
	s.t.Helper()
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Errorf("it ended with %v", err)
		}
	case <-time.After(patience):
		s.t.Fatal("it does not end")
	}
	s.cmd = nil
}

func (s *server) url() string { return "http://" + s.addr }

// status is what a path answers to a prober, or 0 where there is nobody.
func (s *server) status(ctx context.Context, path string) (int, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url()+path, nil)
	if err != nil {
		return 0, nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	return res.StatusCode, res.Header, res.Body.Close()
}

// ready waits until the server says that it is.
func (s *server) ready() {
	s.t.Helper()
	eventually(s.t, func(ctx context.Context) error {
		code, _, err := s.status(ctx, "/readyz")
		if err == nil && code != http.StatusOK {
			err = fmt.Errorf("/readyz says %d", code)
		}
		return err
	})
}

// said waits until the log has that text.
func (s *server) said(text string) {
	s.t.Helper()
	eventually(s.t, func(context.Context) error {
		if !strings.Contains(s.log.String(), text) {
			return errors.New("the log does not say " + text)
		}
		return nil
	})
}

// command runs another command of the program, with the settings of the server.
func (s *server) command(args ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), program, args...)
	cmd.Dir, cmd.Env = s.dir, environ(s.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("latchkey %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// environ is the test's own, without settings, and these.
func environ(settings ...string) []string {
	var own []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "LATCHKEY_") {
			own = append(own, e)
		}
	}
	return append(own, settings...)
}

// onPostgres are the settings of a server on that database. The keys are as good as any.
func onPostgres(uri string) []string {
	return []string{"LATCHKEY_DATABASE=" + uri, "LATCHKEY_SECRET_KEYS=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
}

// eventually tries until that works, for a while.
func eventually(t testing.TB, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := pgtest.Until(ctx, try); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
