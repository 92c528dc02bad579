package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// server is a running "latchkey serve", in JSON logs.
type server struct {
	*exec.Cmd
	t      *testing.T
	dir    string
	addr   string
	line   string // the first that it printed
	stdout *bufio.Reader
	// said gets every line of the log, and is closed at its end.
	said chan string
	log  []string
}

// start runs the program in a folder with that environment and waits for its address.
func start(t *testing.T, dir string, env ...string) *server {
	t.Helper()
	s := launch(t, dir, env...)
	s.wait()
	return s
}

func launch(t *testing.T, dir string, env ...string) *server {
	t.Helper()
	s := &server{t: t, dir: dir, said: make(chan string, 1000)}
	s.Cmd = exec.Command("latchkey", "serve", "--log-format", "json")
	s.Dir, s.Env = dir, append(environ(), append([]string{"LATCHKEY_LISTEN=127.0.0.1:0"}, env...)...)
	stdout, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := s.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.ProcessState == nil {
			s.Process.Kill()
			s.Wait()
		}
	})
	go func() {
		defer close(s.said)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			s.said <- lines.Text()
		}
	}()
	s.stdout = bufio.NewReader(stdout)
	return s
}

// wait reads the address that it prints once it serves.
func (s *server) wait() {
	s.t.Helper()
	var err error
	if s.line, err = s.stdout.ReadString('\n'); err != nil {
		s.t.Fatalf("no address: %v; the log says: %s", err, s.rest())
	}
	m := regexp.MustCompile(`listening on (\S+)\)`).FindStringSubmatch(s.line)
	if m == nil {
		s.t.Fatalf("no address in %q", s.line)
	}
	s.addr = m[1]
}

// environ is the test's own, without settings.
func environ() []string {
	var own []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "LATCHKEY_") {
			own = append(own, e)
		}
	}
	return own
}

// await reads the log until a line has that text.
func (s *server) await(text string) {
	s.t.Helper()
	for line := range s.said {
		s.log = append(s.log, line)
		if strings.Contains(line, text) {
			return
		}
	}
	s.t.Fatalf("the log ended without %q", text)
}

// rest reads the log to its end.
func (s *server) rest() string {
	for line := range s.said {
		s.log = append(s.log, line)
	}
	return strings.Join(s.log, "\n")
}

// stop tells it to and returns the log.
func (s *server) stop() string {
	s.t.Helper()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	return s.ended()
}

// ended waits until it has, which must be well, and returns the log.
func (s *server) ended() string {
	s.t.Helper()
	log := s.rest()
	more, err := io.ReadAll(s.stdout)
	if err != nil {
		s.t.Error(err)
	}
	if len(more) > 0 {
		s.t.Errorf("it printed more than a line: %q", more)
	}
	if err := s.Wait(); err != nil {
		s.t.Errorf("it ended with %v; the log says: %s", err, log)
	}
	return log
}

// run runs another command in the same folder.
func (s *server) run(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("latchkey", args...)
	cmd.Dir, cmd.Env = s.dir, environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("latchkey %v: %v: %s", args, err, out)
	}
	return string(out)
}

func get(t *testing.T, c *http.Client, url string) (status int, body string) {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestServe(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	if want := "Latchkey is at http://localhost:8080 (listening on " + s.addr + ")\n"; s.line != want {
		t.Errorf("it printed %q", s.line)
	}
	if status, body := get(t, http.DefaultClient, "http://"+s.addr+"/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz answers %d, %q", status, body)
	}
	// What a path or query holds does not get into the log.
	get(t, http.DefaultClient, "http://"+s.addr+"/wan-signin/Sesame1?next=Sesame2")
	get(t, http.DefaultClient, "http://"+s.addr+"/nowhere/Sesame3")
	log := s.stop()
	if strings.Contains(log, "Sesame") {
		t.Errorf("the log holds paths: %s", log)
	}
	var last map[string]any
	for line := range strings.SplitSeq(log, "\n") {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("a line of the log is not JSON: %s", line)
		}
		if entry["msg"] == "request" && entry["route"] == "/healthz" {
			last = entry
		}
	}
	if last["method"] != "GET" || last["status"] != 200.0 || last["duration"] == nil {
		t.Errorf("the request was logged as %v", last)
	}
	for _, name := range []string{"latchkey.db", "latchkey.db.keys", "outbox"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	// It left nothing half done, and starts again on what is there.
	if _, err := os.Stat(filepath.Join(dir, "latchkey.db-wal")); !os.IsNotExist(err) {
		t.Errorf("the database was not closed (%v)", err)
	}
	start(t, dir).stop()
}

func TestServeAtOnce(t *testing.T) {
	dir := t.TempDir()
	both := []*server{launch(t, dir), launch(t, dir)}
	for _, s := range both {
		s.wait()
	}
	for _, s := range both {
		if status, _ := get(t, http.DefaultClient, "http://"+s.addr+"/readyz"); status != http.StatusOK {
			t.Errorf("one of two is not ready: %d", status)
		}
	}
	for _, s := range both {
		s.stop()
	}
}

// TestServeFinishes: a request that is under way when the server is told to stop is answered, and a connection that was
// opened for nothing does not hold it up.
func TestServeFinishes(t *testing.T) {
	s := start(t, t.TempDir())
	unused, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer unused.Close()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	body := `{"email":"a","password":"b"}`
	if _, err := io.WriteString(conn, "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 28\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	// The server asks for the body when its handler reads it.
	if res, err := http.ReadResponse(answers, nil); err != nil || res.StatusCode != http.StatusContinue {
		t.Fatalf("%v, %v", res, err)
	}
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.await(`"stopping"`)
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("the request under way was answered %d", res.StatusCode)
	}
	s.ended()
}

// TestAdminBesideServer: the commands work on the database of a running server, which sees the change at once.
func TestAdminBesideServer(t *testing.T) {
	s := start(t, t.TempDir(), "LATCHKEY_ORIGINS=http://localhost:8080")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	ann := &http.Client{Jar: jar}
	post := func(path, body string) int {
		t.Helper()
		res, err := ann.Post("http://"+s.addr+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	const account = `{"email":"ann@example.test","password":"Wooden-Kettle-42-Marsh"}`
	if status := post("/register", account); status != http.StatusOK {
		t.Fatalf("/register answers %d", status)
	}
	sessions := func() int {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "http://"+s.addr+"/sessions", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "application/json")
		res, err := ann.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	if status := sessions(); status != http.StatusOK {
		t.Fatalf("/sessions answers %d", status)
	}
	if out := s.run("user", "disable", "ann@example.test"); out != "ann@example.test is disabled; 1 session ended\n" {
		t.Errorf("disable says %q", out)
	}
	if status := sessions(); status != http.StatusUnauthorized {
		t.Errorf("the session of a disabled account is answered %d", status)
	}
	if status := post("/login", account); status != http.StatusBadRequest {
		t.Errorf("a disabled account's sign-in is answered %d", status)
	}
	s.run("user", "enable", "ann@example.test")
	if status := post("/login", account); status != http.StatusOK {
		t.Errorf("an enabled account's sign-in is answered %d", status)
	}
	link := regexp.MustCompile(`http://localhost:8080(/recover/\S+)`).FindStringSubmatch(s.run("user", "recover", "ann@example.test"))
	if link == nil {
		t.Fatal("there is no link")
	}
	if status, _ := get(t, http.DefaultClient, "http://"+s.addr+link[1]); status != http.StatusOK {
		t.Errorf("the link is answered %d", status)
	}
	if log := s.stop(); strings.Contains(log, link[1]) {
		t.Error("the log holds the link")
	}
}

func TestServeTLS(t *testing.T) {
	dir := t.TempDir()
	roots := certificate(t, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	s := start(t, dir, "LATCHKEY_TLS_CERT=cert.pem", "LATCHKEY_TLS_KEY=key.pem", "LATCHKEY_ORIGINS=https://login.example.test", "LATCHKEY_OUTBOX=mails")
	if !strings.HasPrefix(s.line, "Latchkey is at https://login.example.test (listening on ") {
		t.Errorf("it printed %q", s.line)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get("https://" + s.addr + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
		t.Errorf("/healthz answers %d by %s", res.StatusCode, res.Proto)
	}
	if log := s.stop(); !strings.Contains(log, "OUTBOX") {
		t.Error("the log does not warn of an outbox on a site for others")
	}
}

// certificate writes one for loopback, signed by itself, and returns the pool that trusts it.
func certificate(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		text := pem.EncodeToMemory(block)
		pool.AppendCertsFromPEM(bytes.Clone(text))
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}
