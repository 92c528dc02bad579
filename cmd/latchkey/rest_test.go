package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	otp "github.com/pquerna/otp/totp"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// life is what people do at a server, with every secret that there is.
type life struct {
	*thief
	t   *testing.T
	dir string
	s   *server
}

// admin runs a command beside the server, with its keys.
func (l *life) admin(args ...string) string {
	l.t.Helper()
	cmd := exec.Command("latchkey", args...)
	cmd.Dir = l.dir
	for _, e := range l.s.Env {
		if strings.HasPrefix(e, "LATCHKEY_SECRET_KEYS=") || !strings.HasPrefix(e, "LATCHKEY_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.t.Fatalf("latchkey %v: %v: %s", args, err, out)
	}
	return string(out)
}

// browser is a client without cookies.
func (l *life) browser() *latchkeytest.Client {
	c := latchkeytest.NewClient(l.t, "http://"+l.s.addr, "http://localhost:8080")
	c.HTTP.Transport = l.thief
	return c
}

// message is the newest in the outbox to an address: its code, and its text.
func (l *life) message(to string) (code, text string) {
	l.t.Helper()
	names, err := filepath.Glob(filepath.Join(l.dir, "outbox", "*.json"))
	if err != nil {
		l.t.Fatal(err)
	}
	slices.Sort(names)
	for _, name := range slices.Backward(names) {
		raw, err := os.ReadFile(name)
		if err != nil {
			l.t.Fatal(err)
		}
		var m struct{ To, Code, Text string }
		if err := json.Unmarshal(raw, &m); err != nil {
			l.t.Fatal(err)
		}
		if m.To == to && (m.Code != "" || strings.Contains(m.Text, "http://localhost:8080/")) {
			if m.Code != "" {
				l.keep("code", m.Code)
			}
			return m.Code, m.Text
		}
	}
	l.t.Fatalf("nothing was sent to %s", to)
	return "", ""
}

// link is the path of the newest link to an address.
func (l *life) link(to, kind string) string {
	l.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		_, text := l.message(to) // some go out beside the request
		if m := regexp.MustCompile(`http://localhost:8080(/` + kind + `/[A-Za-z0-9_-]+)`).FindStringSubmatch(text); m != nil {
			return m[1]
		}
	}
	l.t.Fatalf("no %s link was sent to %s", kind, to)
	return ""
}

// app is an authenticator app's code that many steps from now.
func (l *life) app(key string, steps int) string {
	l.t.Helper()
	code, err := otp.GenerateCode(key, time.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		l.t.Fatal(err)
	}
	l.keep("app's code", code)
	return code
}

const secretPassword = "Wooden-Kettle-42-Marsh"

// first is everything that can be done at a server with one key.
func (l *life) first() (key string) {
	l.t.Helper()
	ok := func(r *latchkeytest.Reply) *latchkeytest.Reply { l.t.Helper(); return r.Want(l.t, http.StatusOK) }
	no := func(r *latchkeytest.Reply) {
		l.t.Helper()
		if r.Status < 400 || r.Status >= 500 {
			l.t.Errorf("%d %v", r.Status, r.Response)
		}
	}
	const mail = "ada@example.test"
	b := l.browser()
	ok(b.Register(mail, secretPassword))
	ok(b.AddPasskey("first", "first"))
	first := b.Device
	b.Device = latchkeytest.NewAuthenticator()
	ok(b.AddPasskey("secondary", "secondary"))
	second := b.Device
	setup := ok(b.Post("/tf-setup", map[string]any{"setup": "authenticator"}))
	key = setup.Text("tf_authr_b32key")
	no(b.Post("/tf-setup/"+setup.Text("tf_state_token"), map[string]any{"code": "000000"}))
	ok(b.Post("/tf-setup/"+setup.Text("tf_state_token"), map[string]any{"code": l.app(key, -1)}))
	setup = ok(b.Post("/tf-setup", map[string]any{"setup": "email"}))
	code, _ := l.message(mail)
	ok(b.Post("/tf-setup/"+setup.Text("tf_state_token"), map[string]any{"code": code}))
	setup = ok(b.Post("/tf-setup", map[string]any{"setup": "sms", "phone": "+447400123456"}))
	code, _ = l.message("+447400123456")
	ok(b.Post("/tf-setup/"+setup.Text("tf_state_token"), map[string]any{"code": code}))
	recovery, _ := ok(b.Post("/mf-recovery-codes", nil)).Response["recovery_codes"].([]any)
	ok(b.Post("/verify?include_auth_token", map[string]any{"password": secretPassword}))
	no(b.Verify("Wrong-Kettle-42-Marsh"))
	ok(b.Post("/verify", map[string]any{"code": l.app(key, 0)}))
	sent := ok(b.Post("/verify", map[string]any{"send": "email"}))
	code, _ = l.message(mail)
	ok(b.Post("/verify", map[string]any{"code": code, "verify_state": sent.Text("verify_state")}))
	ok(b.VerifyWithPasskey())
	ok(b.Get("/wan-register"))
	no(b.VerifyWithPasskey(func(c *latchkeytest.Ceremony) { c.Origin = "https://evil.example" }))
	ok(b.Logout())

	ok(b.Post("/login", map[string]any{"email": mail, "password": secretPassword, "remember": true}))
	ok(b.Post("/tf-select", map[string]any{"which": "sms"}))
	no(b.Post("/tf-validate", map[string]any{"code": "Sesame-open"}))
	ok(b.Get("/tf-rescue"))
	no(b.Post("/mf-recovery", map[string]any{"code": "ABCD-EFGH-JKMN-PQRS"}))
	code, _ = l.message("+447400123456")
	ok(b.Post("/tf-validate", map[string]any{"code": code, "remember": true}))
	ok(b.Logout())
	ok(b.Login(mail, secretPassword)) // by the remembered device
	other := l.browser()
	ok(other.Login(mail, secretPassword))
	ok(other.Post("/tf-select", map[string]any{"which": "webauthn"}))
	ok(other.Post("/tf-rescue", map[string]any{"help_setup": "recovery_code"}))
	ok(other.Post("/mf-recovery", map[string]any{"code": recovery[0]}))
	ok(other.Logout())
	ok(other.Login(mail, secretPassword))
	ok(other.Post("/tf-select", map[string]any{"which": "webauthn"}))
	other.Device = second
	ok(other.SigninWithPasskey(""))
	ok(other.Post("/sessions/end", map[string]any{"others": true}))
	ok(other.Post("/change", map[string]any{"password": secretPassword, "new_password": "Copper-Lantern-77-Fen"}))
	ok(other.Logout())
	other.Device = first
	ok(other.SigninForToken(mail))
	program := l.browser()
	program.Token = other.Token
	ok(program.Get("/sessions"))
	for range 101 { // until the step closes
		if r := other.Post("/verify", map[string]any{"code": "000000"}); r.Status == http.StatusTooManyRequests {
			break
		}
	}
	no(other.Post("/verify", map[string]any{"code": l.app(key, 1)}))
	ok(l.browser().Post(l.link(mail, "reopen"), nil))
	// what does not belong where it stands is not kept either
	no(l.browser().Login("Sesame-password-as-an-address", "x"))
	l.keep("password typed as an address", "Sesame-password-as-an-address")
	l.browser().Get("/login?next=/Sesame-in-a-query&password=Sesame-in-a-query")
	l.keep("secret in a query", "Sesame-in-a-query")
	no(l.browser().Post("/wan-signin/Sesame-in-a-path", map[string]any{"credential": "Sesame-credential"}))
	l.keep("secret in a path", "Sesame-in-a-path")
	l.keep("credential that is none", "Sesame-credential")
	l.browser().Get("/nothing/Sesame-in-no-path")
	l.keep("secret in a path that is not there", "Sesame-in-no-path")
	return key
}

// second is what needs a restart with a newer key: what the older sealed, links, and confirmed addresses.
func (l *life) second(key string) {
	l.t.Helper()
	ok := func(r *latchkeytest.Reply) *latchkeytest.Reply { l.t.Helper(); return r.Want(l.t, http.StatusOK) }
	b := l.browser()
	ok(b.Login("ada@example.test", "Copper-Lantern-77-Fen"))
	ok(b.Post("/tf-validate", map[string]any{"code": l.app(key, 1)}))
	link := strings.TrimSpace(l.admin("user", "recover", "ada@example.test"))
	path := link[strings.Index(link, "/recover/"):]
	ok(l.browser().Post(path, map[string]any{"new_password": "Amber-Thimble-19-Wold", "end_sessions": true, "reset_factors": true}))
	ok(l.browser().Register("bob@example.test", "ignored-where-confirmed"))
	ok(l.browser().Post(l.link("bob@example.test", "confirm"), map[string]any{"password": "Silver-Anchor-31-Moor"}))
}

// TestNothingIsKeptInTheClear runs the real program through everything that it does, twice, the second time with a newer key, and looks for every
// secret that went over the wire in its database, its log, its metrics and its audit log, in every form.
func TestNothingIsKeptInTheClear(t *testing.T) {
	dir := t.TempDir()
	l := &life{t: t, dir: dir, thief: &thief{secrets: map[string]string{}, next: http.DefaultTransport.(*http.Transport).Clone()}}
	older, newer := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("older key "), 4)[:32]), base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("newer key "), 4)[:32])
	for _, k := range []string{older, newer} {
		raw, err := base64.StdEncoding.DecodeString(k)
		if err != nil {
			t.Fatal(err)
		}
		l.keep("server key", k)
		l.keep("server key, decoded", string(raw))
	}
	env := []string{"LATCHKEY_ORIGINS=http://localhost:8080", "LATCHKEY_TWO_FACTOR_ALWAYS_VALIDATE=false", "LATCHKEY_THROTTLE_ACCOUNT=off", "LATCHKEY_THROTTLE_ADDRESS=off", "LATCHKEY_THROTTLE_SEND=off", "LATCHKEY_METRICS_LISTEN=127.0.0.1:0"}
	var logs, measured string
	phase := func(more []string, live func()) {
		t.Helper()
		l.s = launch(t, dir, append(slices.Clone(env), more...)...)
		l.s.wait()
		l.s.await(`"msg":"metrics"`)
		at := regexp.MustCompile(`"msg":"metrics","listen":"([^"]+)"`).FindStringSubmatch(l.s.log[len(l.s.log)-1])
		live()
		_, text := get(t, http.DefaultClient, "http://"+at[1]+"/metrics")
		measured += text
		l.next.(*http.Transport).CloseIdleConnections()
		logs += l.s.stop() + "\n"
	}
	var key string
	phase([]string{"LATCHKEY_SECRET_KEYS=" + older}, func() { key = l.first() })
	phase([]string{"LATCHKEY_SECRET_KEYS=" + newer + "," + older, "LATCHKEY_CONFIRMABLE=true"}, func() { l.second(key) })

	kinds := map[string]bool{}
	for _, what := range l.secrets {
		kinds[what] = true
	}
	for _, what := range append([]string{"code", "app's code", "link", "server key", "cookie latchkey_session", "cookie latchkey_pending", "cookie latchkey_known", "cookie latchkey_grace", "cookie tf_validity"},
		slices.DeleteFunc(slices.Clone(secretNames), func(n string) bool { return strings.HasSuffix(n, "_confirm") })...) {
		if !kinds[what] {
			t.Errorf("nothing that was done has a %s", what)
		}
	}
	size := 0
	for _, name := range []string{"latchkey.db", "latchkey.db-wal", "latchkey.db-shm", "latchkey.db-journal"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		size += len(text)
		l.search(t, name, text)
	}
	if size < 100_000 {
		t.Errorf("only %d bytes of database were searched", size)
	}
	var lines []string
	for line := range strings.Lines(logs) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			if strings.TrimSpace(line) != "" {
				t.Errorf("a line of the log is not JSON: %s", line)
			}
			continue
		}
		if entry["level"] == "ERROR" {
			t.Errorf("an error was logged: %s", line)
		}
		delete(entry, "time") // numbers in which any digits may stand
		delete(entry, "duration")
		text, err := json.Marshal(entry)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(text))
	}
	if len(lines) < 100 {
		t.Errorf("only %d lines of log", len(lines))
	}
	l.search(t, "the log", []byte(strings.Join(lines, "\n")))
	if !strings.Contains(measured, "latchkey_events_total") {
		t.Error("no metrics")
	}
	var counted []string
	for line := range strings.Lines(measured) { // the labels, not the numbers
		name, _, _ := strings.Cut(line, " ")
		if strings.HasPrefix(name, "latchkey_") {
			counted = append(counted, name)
		}
	}
	l.search(t, "the metrics", []byte(strings.Join(counted, "\n")))
	audit := l.admin("events", "--json")
	if strings.Count(audit, "\n") < 50 {
		t.Errorf("only so many events: %s", audit)
	}
	l.search(t, "the audit log", []byte(regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`).ReplaceAllString(audit, "")))
	// what is looked for is found where it is
	found := &thief{secrets: map[string]string{secretPassword: "password"}}
	for form, raw := range forms(secretPassword) {
		if !holds(append([]byte("a database with "), raw...), raw) || len(found.secrets) != 1 {
			t.Errorf("a password %s is not found", form)
		}
	}
}
