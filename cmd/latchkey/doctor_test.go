package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

// consult runs the doctor in a folder of its own, with these variables (without their prefix).
func consult(t *testing.T, dir string, environ []string, args ...string) (status int, out, errs string) {
	t.Helper()
	all := []string{"LATCHKEY_DATABASE=" + filepath.Join(dir, "latchkey.db")}
	for _, e := range environ {
		all = append(all, "LATCHKEY_"+e)
	}
	var stdout, stderr bytes.Buffer
	status = run(t.Context(), &app{environ: all, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: noon}, append([]string{"doctor"}, args...))
	return status, stdout.String(), stderr.String()
}

// site are the settings of a site that lacks nothing.
func site(more ...string) []string {
	return append([]string{"ORIGINS=https://login.example.com", "RP_ID=example.com", "TRUSTED_PROXIES=127.0.0.1,::1",
		"SMTP_URL=smtp://mail.example.com:587", "MAIL_FROM=no-reply@example.com", "SMS_URL=https://TOKEN@sms.example.com/send"}, more...)
}

func newDatabase(t *testing.T, dir string, events ...account.Event) {
	t.Helper()
	if status, _, errs := admin(t, "db", "migrate", "--database", filepath.Join(dir, "latchkey.db")); status != 0 {
		t.Fatal(errs)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "latchkey.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Record(context.WithoutCancel(t.Context()), events...); err != nil {
		t.Error(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAHealthySiteHasNothingToMend(t *testing.T) {
	dir := t.TempDir()
	newDatabase(t, dir, account.Event{At: noon().Add(time.Minute), Kind: account.EventThrottled})
	status, out, errs := consult(t, dir, site())
	if status != 0 || errs != "" || strings.Contains(out, "fix:") {
		t.Errorf("%d, %s\n%s", status, errs, out)
	}
	for _, line := range []string{"ok     settings: ", "ok     ORIGINS: https://login.example.com ", "ok     RP_ID: passkeys are bound to \"example.com\"", "ok     SECRET_KEYS: ", "ok     DATABASE: ", "ok     clock: 2026-11-22T12:00:00Z", "ok     SMTP_URL: "} {
		if !strings.Contains(out, line) {
			t.Errorf("there is no %q in\n%s", line, out)
		}
	}
}

func TestTheDoctorMakesNothing(t *testing.T) {
	dir := t.TempDir()
	if status, out, errs := consult(t, dir, nil); status != 0 || strings.Contains(out, "fix:") {
		t.Errorf("%d, %s\n%s", status, errs, out)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestTheDoctorsFindings(t *testing.T) {
	plain := func(string) {}
	made := func(t *testing.T) func(string) { return func(dir string) { newDatabase(t, dir) } }
	for name, tt := range map[string]struct {
		prepare func(dir string)
		environ []string
		status  int
		says    string
	}{
		"a setting":              {plain, site("FRESHNESS=0"), 1, "error  settings: LATCHKEY_FRESHNESS: "},
		"no setting":             {plain, site("FRESHNES=1h"), 1, "\n       fix: did you mean LATCHKEY_FRESHNESS?"},
		"another RP id":          {plain, site("RP_ID=example.org"), 1, "error  settings: LATCHKEY_RP_ID: "},
		"plain http":             {plain, site("ORIGINS=http://login.example.com"), 1, "error  settings: LATCHKEY_ORIGINS: "},
		"no sender":              {plain, []string{"ORIGINS=https://login.example.com"}, 1, "email is enabled, and there is nothing to send mails with"},
		"no sender on localhost": {plain, []string{"OUTBOX="}, 0, "warn   TWO_FACTOR_ENABLED_METHODS: sms is enabled"},
		"an address":             {plain, []string{"ORIGINS=http://127.0.0.1:8080"}, 0, "warn   ORIGINS: http://127.0.0.1:8080 is an address"},
		"another port":           {plain, []string{"LISTEN=127.0.0.1:9090"}, 0, "warn   LISTEN: 127.0.0.1:9090 has another port"},
		"no such address":        {plain, site("LISTEN=[::zz]:80"), 1, "error  LISTEN: "},
		"a proxy not believed":   {plain, site("TRUSTED_PROXIES="), 0, "warn   TRUSTED_PROXIES: a proxy on this machine"},
		"everybody believed":     {plain, site("TRUSTED_PROXIES=10.0.0.0/8,0.0.0.0/0"), 1, "error  TRUSTED_PROXIES: 0.0.0.0/0 is everybody"},
		"open to the world":      {plain, site("TRUSTED_PROXIES=", "LISTEN=:8080"), 0, "warn   LISTEN: :8080 speaks plain HTTP"},
		"an outbox elsewhere":    {plain, []string{"ORIGINS=https://login.example.com", "TRUSTED_PROXIES=::1", "OUTBOX=" + t.TempDir()}, 0, "warn   OUTBOX: messages without a sender"},
		"no folder":              {plain, site("DATABASE=" + filepath.Join(t.TempDir(), "none", "x.db")), 1, "error  DATABASE: there is no folder"},
		"a broken outbox":        {func(dir string) { write(t, filepath.Join(dir, "outbox"), "") }, nil, 1, "outbox is no folder"},
		"no keys": {func(dir string) {
			newDatabase(t, dir)
			if err := os.Remove(filepath.Join(dir, "latchkey.db.keys")); err != nil {
				t.Fatal(err)
			}
		}, site(), 1, "error  SECRET_KEYS: "},
		"keys given": {made(t), site("SECRET_KEYS=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), 0, "ok     SECRET_KEYS: 1 key given"},
		"no database": {func(dir string) {
			newDatabase(t, dir)
			write(t, filepath.Join(dir, "latchkey.db"), strings.Repeat("no database", 100))
		}, site(), 1, "error  DATABASE: "},
		"an old schema": {func(dir string) { newDatabase(t, dir); write(t, filepath.Join(dir, "latchkey.db"), "") }, site(), 0, "warn   DATABASE: its tables are of an older version"},
		"a clock behind": {func(dir string) {
			newDatabase(t, dir, account.Event{At: noon().Add(time.Hour), Kind: account.EventThrottled})
		}, site(), 1, "error  clock: the newest event in the database is of 2026-11-22T13:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tt.prepare(dir)
			status, out, errs := consult(t, dir, tt.environ)
			if status != tt.status || !strings.Contains(out, tt.says) || !strings.Contains(out, "       fix: ") && strings.Contains(tt.says, "warn ") {
				t.Errorf("%d, %s\n%s", status, errs, out)
			}
			if status != 0 && !strings.Contains(errs, " found\nhint: ") {
				t.Error(errs)
			}
		})
	}
}

func TestFilesThatOthersMayRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no such permissions
	}
	dir := t.TempDir()
	newDatabase(t, dir)
	for file, says := range map[string]string{
		"latchkey.db": "warn   DATABASE: others may read ", "latchkey.db.keys": "error  SECRET_KEYS: ",
	} {
		path := filepath.Join(dir, file)
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, out, errs := consult(t, dir, site()); !strings.Contains(out, says) || !strings.Contains(out, "fix: make it yours alone: chmod 600 "+path) {
			t.Errorf("%s: %s\n%s", file, errs, out)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheClockBeforeTheBuild(t *testing.T) {
	var out bytes.Buffer
	d := &doctor{out: &out, now: noon(), built: noon().Add(time.Second)}
	d.clock()
	if d.errors != 1 || !strings.Contains(out.String(), "error  clock: it is 2026-11-22T12:00:00Z here") {
		t.Error(out.String())
	}
	if built := buildTime(); built.Year() < 2026 {
		t.Error(built)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificateFiles are settings that name a certificate for that host.
func certificateFiles(t *testing.T, host string, from, until time.Time) []string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until, DNSNames: []string{host}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cert"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, filepath.Join(dir, "key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return site("TLS_CERT="+filepath.Join(dir, "cert"), "TLS_KEY="+filepath.Join(dir, "key"))
}

func TestCertificates(t *testing.T) {
	const host = "login.example.com"
	day := 24 * time.Hour
	last, next := noon().Add(-90*day), noon().Add(90*day)
	mixed := certificateFiles(t, host, last, next)
	mixed[len(mixed)-1] = certificateFiles(t, host, last, next)[len(mixed)-1]
	for name, tt := range map[string]struct {
		environ []string
		status  int
		says    string
	}{
		"good":        {certificateFiles(t, host, last, next), 0, "ok     TLS_CERT, TLS_KEY: they belong together, are for every origin, and end on 2027-02-20"},
		"a wildcard":  {certificateFiles(t, "*.example.com", last, next), 0, "ok     TLS_CERT"},
		"ended":       {certificateFiles(t, host, last, noon().Add(-day)), 1, "error  TLS_CERT, TLS_KEY: the certificate ended on 2026-11-21"},
		"not begun":   {certificateFiles(t, host, noon().Add(day), next), 1, "begins on 2026-11-23 only"},
		"soon ended":  {certificateFiles(t, host, last, noon().Add(day)), 0, "warn   TLS_CERT, TLS_KEY: the certificate ends on 2026-11-23"},
		"another's":   {certificateFiles(t, "www.example.com", last, next), 1, "the certificate is not for login.example.com"},
		"not a pair":  {mixed, 1, "error  TLS_CERT, TLS_KEY: "},
		"no files":    {site("TLS_CERT=none", "TLS_KEY=none"), 1, "error  TLS_CERT, TLS_KEY: "},
		"a http site": {append(certificateFiles(t, "localhost", last, next), "ORIGINS=http://localhost:8080", "RP_ID=localhost"), 1, "the origin http://localhost:8080 does not"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, out, errs := consult(t, t.TempDir(), tt.environ); status != tt.status || !strings.Contains(out, tt.says) {
				t.Errorf("%d, %s\n%s", status, errs, out)
			}
		})
	}
}

func TestTheNetworkIsTriedOnlyWhenAskedFor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	environ := site("SMTP_URL=smtp://"+l.Addr().String(), "SMS_URL=http://"+nobody+"/send")
	if status, out, errs := consult(t, t.TempDir(), environ); status != 0 || strings.Contains(out, "connections") {
		t.Errorf("%d, %s\n%s", status, errs, out)
	}
	status, out, _ := consult(t, t.TempDir(), environ, "--network")
	if status != 1 || !strings.Contains(out, "ok     SMTP_URL: "+l.Addr().String()+" takes connections") || !strings.Contains(out, "error  SMS_URL: it can't be reached: ") {
		t.Errorf("%d\n%s", status, out)
	}
}
