package settings

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/passkey"
)

func environ(pairs ...string) Sources {
	src := Sources{Environ: []string{"PATH=/bin", "LATCHKEY=1", "latchkey_x=1"}}
	for _, p := range pairs {
		src.Environ = append(src.Environ, Prefix+p)
	}
	return src
}

func load(t *testing.T, src Sources) Settings {
	t.Helper()
	s, err := Load(src)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func faults(t *testing.T, src Sources) Faults {
	t.Helper()
	_, err := Load(src)
	var f Faults
	if err != nil && !errors.As(err, &f) {
		t.Fatalf("the error is a %T", err)
	}
	return f
}

func TestDefaults(t *testing.T) {
	s := load(t, Sources{})
	want := latchkey.Default()
	want.Origins, want.RPID = []string{"http://localhost:8080"}, "localhost"
	if d := cmp.Diff(want, s.Library); d != "" {
		t.Errorf("the table's defaults are not the library's: %s", d)
	}
	s.Library = latchkey.Config{}
	server := Settings{Listen: "127.0.0.1:8080", Database: "latchkey.db", Outbox: "outbox", Local: true}
	if !reflect.DeepEqual(s, server) {
		t.Errorf("the server's defaults are %+v", s)
	}
}

func TestEveryValue(t *testing.T) {
	all := values()
	for _, s := range table() {
		v, ok := all[s.name]
		if !ok {
			t.Errorf("%s: no values to test", s.name)
		}
		delete(all, s.name)
		for _, good := range v.good {
			if f := faults(t, environ(s.name+"="+good, "OUTBOX=x")); s.name != "OUTBOX" && f != nil && !(s.name == "ORIGINS" && f[0].Setting == "RP_ID") {
				t.Errorf("%s=%q: %v", s.name, good, f)
			}
		}
		for _, bad := range v.bad {
			f := faults(t, environ(s.name+"="+bad))
			if f == nil {
				t.Errorf("%s=%q was taken", s.name, bad)
				continue
			}
			text := f.Error() + f[0].Hint
			if !strings.Contains(text, s.name) || f[0].Hint == "" {
				t.Errorf("%s=%q: the message names nothing or helps nobody: %+v", s.name, bad, f)
			}
			if strings.Contains(text, "sesame") || strings.Contains(text, "c2VzYW1l") {
				t.Errorf("%s=%q: the message repeats a secret: %v", s.name, bad, f)
			}
		}
	}
	for left := range all {
		t.Errorf("%s is tested, but no setting", left)
	}
}

func TestValues(t *testing.T) {
	s := load(t, environ("ORIGINS=https://login.example.com, https://app.example.com:8443", "RP_ID=example.com", "OUTBOX=x", "WAN_ALLOW_AS_VERIFY=", "TWO_FACTOR_ENABLED_METHODS=sms,email",
		"FRESHNESS=-1s", "POLICY=synced", "THROTTLE_SEND=off", "URL_PREFIX=/auth", "POST_LOGIN_VIEW=/", "TRUSTED_PROXIES=10.1.2.3/8,::1", "WAN_BACKUP_ELIGIBLE_CHANGE=accept",
		"SECRET_KEYS=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "SMTP_URL=smtps://u:p@mail.example.com", "MAIL_FROM=Ex <a@example.com>", "SMS_URL=https://t@sms.example.com"))
	l := s.Library
	check := func(what string, got, want any) {
		t.Helper()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	check("ORIGINS", l.Origins, []string{"https://login.example.com", "https://app.example.com:8443"})
	check("RP_ID", l.RPID, "example.com")
	check("WAN_ALLOW_AS_VERIFY", l.AllowAsVerify, []account.Usage{})
	check("TWO_FACTOR_ENABLED_METHODS", l.TwoFactorMethods, []account.Method{account.MethodSMS, account.MethodEmail})
	check("FRESHNESS", l.Freshness, -time.Second)
	check("POLICY", l.Policy, passkey.Policy(passkey.SyncedPasskeys{}))
	check("THROTTLE_SEND", l.ThrottleSend.Off(), true)
	check("URL_PREFIX", l.URLPrefix, "/auth")
	check("POST_LOGIN_VIEW", l.PostLoginView, "/")
	check("POST_LOGOUT_VIEW", l.PostLogoutView, "")
	check("WAN_BACKUP_ELIGIBLE_CHANGE", l.BackupEligibleChange, passkey.AcceptBackupEligibleChange)
	check("TRUSTED_PROXIES", []string{l.TrustedProxies[0].String(), l.TrustedProxies[1].String()}, []string{"10.0.0.0/8", "::1/128"})
	check("SECRET_KEYS", len(l.SecretKeys), 1)
	check("SMTP_URL", s.SMTP.From.Address, "a@example.com")
	check("SMS_URL", s.Texts != nil, true)
	check("local", s.Local, false)

	both := []account.Usage{account.UsageFirst, account.UsageSecondary}
	check("WAN_ALLOW_AS_VERIFY=true", load(t, environ("WAN_ALLOW_AS_VERIFY=true")).Library.AllowAsVerify, both)
	check("OUTBOX", load(t, environ("DATABASE=/var/lib/x/y.db")).Outbox, filepath.FromSlash("/var/lib/x/outbox"))
	check("OUTBOX=", load(t, environ("OUTBOX=")).Outbox, "")
}

func TestPrecedence(t *testing.T) {
	src := environ("CONFIG=latchkey.toml", "LISTEN=:2", "DATABASE=env.db")
	src.ReadFile = func(name string) ([]byte, error) {
		if name != "latchkey.toml" {
			return nil, os.ErrNotExist
		}
		return []byte("listen = ':3'\ndatabase = 'file.db'\nwan_rp_name = 'File'\n"), nil
	}
	src.Flags = map[string]string{"LISTEN": ":1"}
	s := load(t, src)
	got := []string{s.Listen, s.Database, s.Library.RPName, s.Library.TOTPIssuer}
	if want := []string{":1", "env.db", "File", ""}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	src.Flags["CONFIG"] = "other.toml"
	if f := faults(t, src); len(f) != 1 || f[0].Where() != "CONFIG (--config)" {
		t.Errorf("the flag does not win over the variable: %v", f)
	}
}

// file is the sources with that TOML file alone.
func file(text string) Sources {
	return Sources{Flags: map[string]string{"CONFIG": "x.toml"}, ReadFile: func(string) ([]byte, error) { return []byte(text), nil }}
}

func TestFile(t *testing.T) {
	s := load(t, file(`
origins = ["https://a.example.com", "https://b.example.com"]
rp_id = "example.com"
outbox = "mails"
two_factor = false
wan_name_max_length = 20
wan_allow_as_verify = []
freshness = "4s"   # a comment
trusted_proxies = "10.0.0.1,10.0.0.2"
`))
	l := s.Library
	if len(l.Origins) != 2 || l.TwoFactor || l.NameMaxLength != 20 || len(l.AllowAsVerify) != 0 || l.Freshness != 4*time.Second || len(l.TrustedProxies) != 2 {
		t.Errorf("got %+v", l)
	}
}

func TestFileRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"listn = ':80'":                         "listn",
		"LISTEN = ':80'":                        "LISTEN",
		"[server]\nlisten = ':80'":              "server",
		"config = 'y.toml'":                     "config",
		"freshness = 0":                         "FRESHNESS",
		"freshness = 1.5":                       "FRESHNESS",
		"freshness = 2026-11-22":                "FRESHNESS",
		"two_factor = 'yes'":                    "TWO_FACTOR",
		"origins = ['https://a.example,x', '']": "ORIGINS",
		"origins = [1]":                         "ORIGINS",
		"listen = ':80'\nsecret_keys = 'sesame": "line 2",
		"listen = ':80'\nlisten = ':81'":        "line 2",
	} {
		f := faults(t, file(text))
		if len(f) == 0 {
			t.Errorf("%q was taken", text)
		} else if !strings.Contains(f.Error(), want) || !strings.Contains(f.Error(), "x.toml") || f[0].Hint == "" || strings.Contains(f.Error(), "sesame") {
			t.Errorf("%q: %v (%s)", text, f, f[0].Hint)
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	src := environ("CONFIG=x.toml", "FRESHNESS=0", "LISTEN=nowhere", "WAN_RP_NAMES=x", "ORIGINS=nonsense", "TLS_CERT=a")
	src.ReadFile = func(string) ([]byte, error) { return []byte("two_factor = 'maybe'\nnonsense = 1\n"), nil }
	var got []string
	for _, f := range faults(t, src) {
		got = append(got, f.Setting)
	}
	slices.Sort(got)
	want := []string{"FRESHNESS", "LISTEN", "NONSENSE", "ORIGINS", "TLS_KEY", "TWO_FACTOR", "WAN_RP_NAMES"}
	if !slices.Equal(got, want) {
		t.Errorf("faults of %v, want %v", got, want)
	}
}

func TestUnknownNames(t *testing.T) {
	for name, hint := range map[string]string{
		"WAN_ALOW_USER_HINTS":           "did you mean LATCHKEY_WAN_ALLOW_USER_HINTS?",
		"SECURITY_FRESHNESS":            "did you mean LATCHKEY_FRESHNESS?",
		"listen":                        "did you mean LATCHKEY_LISTEN?",
		"FRESHNES":                      "did you mean LATCHKEY_FRESHNESS?",
		"COMPLETELY_DIFFERENT":          "take it out",
		"":                              "take it out",
		"SERVICE_HOST":                  "Kubernetes",
		"SERVICE_PORT_HTTP":             "Kubernetes",
		"PORT_8080_TCP_ADDR":            "Kubernetes",
		"PORT":                          "Kubernetes",
		"TWO_FACTOR_SMS_VALIDITY_TIMES": "did you mean LATCHKEY_TWO_FACTOR_SMS_VALIDITY?",
	} {
		f := faults(t, environ(name+"=1"))
		if len(f) != 1 || f[0].Where() != Prefix+name || !strings.Contains(f[0].Hint, hint) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := faults(t, file("wan_rp_nam = 'x'")); len(f) != 1 || f[0].Hint != "did you mean wan_rp_name?" {
		t.Errorf("in a file: %+v", f)
	}
}

func TestSenders(t *testing.T) {
	https := "ORIGINS=https://login.example.com"
	mail := []string{"SMTP_URL=smtp://mail.example.com", "MAIL_FROM=a@example.com"}
	for _, c := range []struct {
		name string
		env  []string
		want []string
	}{
		{"localhost", nil, nil},
		{"localhost without outbox", []string{"OUTBOX="}, nil},
		{"nothing to send with", []string{https}, []string{"TWO_FACTOR_ENABLED_METHODS", "TWO_FACTOR_ENABLED_METHODS"}},
		{"one origin elsewhere", []string{"ORIGINS=http://login.localhost,https://localhost,https://login.example.com"}, []string{"RP_ID", "TWO_FACTOR_ENABLED_METHODS", "TWO_FACTOR_ENABLED_METHODS"}},
		{"an outbox", []string{https, "OUTBOX=x"}, nil},
		{"mails only", append(mail, https), []string{"TWO_FACTOR_ENABLED_METHODS"}},
		{"mails only, no sms", append(mail, https, "TWO_FACTOR_ENABLED_METHODS=email,authenticator"), nil},
		{"both", append(mail, https, "SMS_URL=https://sms.example.com"), nil},
		{"authenticator", []string{https, "TWO_FACTOR_ENABLED_METHODS=authenticator"}, nil},
		{"no codes", []string{https, "TWO_FACTOR=false"}, nil},
		{"confirmation", []string{https, "TWO_FACTOR=false", "CONFIRMABLE=true"}, []string{"CONFIRMABLE"}},
		{"rescue by mail", []string{https, "TWO_FACTOR_ENABLED_METHODS=", "TWO_FACTOR_RESCUE_EMAIL=true"}, []string{"TWO_FACTOR_RESCUE_EMAIL"}},
		{"calls for help", []string{https, "TWO_FACTOR_ENABLED_METHODS=", "TWO_FACTOR_RESCUE_MAIL=a@example.com"}, []string{"TWO_FACTOR_RESCUE_MAIL"}},
		{"no sender's address", []string{"SMTP_URL=smtp://mail.example.com"}, []string{"MAIL_FROM"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, f := range faults(t, environ(c.env...)) {
				got = append(got, f.Setting)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("faults of %v, want %v", got, c.want)
			}
		})
	}
	admin := environ(https)
	admin.Admin = true
	load(t, admin)
}

func TestRelyingParty(t *testing.T) {
	for _, c := range []struct{ origins, id, want string }{
		{"https://login.example.com", "", "login.example.com"},
		{"https://login.example.com", "example.com", "example.com"},
		{"https://login.example.com,https://app.example.com", "example.com", "example.com"},
		{"https://login.example.com,https://app.example.com", "", ""},
		{"https://login.example.com", "com", ""},
		{"https://login.example.com", "app.example.com", ""},
		{"https://login.example.com", "ample.com", ""},
		{"https://login.example.com", "example.org", ""},
		{"https://login.example.com", "LOGIN.example.com", ""},
	} {
		src := environ("ORIGINS="+c.origins, "OUTBOX=x")
		if c.id != "" {
			src.Environ = append(src.Environ, "LATCHKEY_RP_ID="+c.id)
		}
		s, err := Load(src)
		if s.Library.RPID != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s with %q: %q, %v", c.origins, c.id, s.Library.RPID, err)
		}
		if err != nil && !strings.Contains(err.Error(), "RP_ID") {
			t.Errorf("%s with %q: the error does not name RP_ID: %v", c.origins, c.id, err)
		}
	}
}

func TestASecondFactorThatIsRequiredMustBePossible(t *testing.T) {
	for _, c := range []struct {
		env  []string
		hint string
	}{
		{[]string{"TWO_FACTOR=false"}, "set TWO_FACTOR=true"},
		{[]string{"TWO_FACTOR_ENABLED_METHODS="}, "TWO_FACTOR_ENABLED_METHODS=authenticator"},
	} {
		f := faults(t, environ(append(c.env, "TWO_FACTOR_REQUIRED=true")...))
		if len(f) != 1 || f[0].Setting != "TWO_FACTOR_REQUIRED" || !strings.Contains(f[0].Hint, c.hint) {
			t.Errorf("%v: %+v", c.env, f)
		}
	}
}
