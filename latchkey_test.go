package latchkey_test

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

func open(t *testing.T) account.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "app.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func good() latchkey.Config {
	cfg := latchkey.Default()
	cfg.Origins = []string{"http://localhost:8080"}
	cfg.SecretKeys = [][]byte{bytes.Repeat([]byte{1}, 32)}
	return cfg
}

func TestNewTakesTheDefaultsWithOriginsAndKeys(t *testing.T) {
	if _, err := latchkey.New(good(), open(t)); err != nil {
		t.Fatal(err)
	}
}

func TestNewReportsEveryFaultAtOnce(t *testing.T) {
	cfg := latchkey.Default()
	cfg.RPName, cfg.URLPrefix, cfg.Freshness, cfg.SigninWithin = "", "auth/", 0, 0
	cfg.TwoFactorRequired, cfg.TwoFactor = true, false
	cfg.AllowAsVerify = []account.Usage{"third"}
	cfg.TwoFactorMethods = []account.Method{"pigeon"}
	_, err := latchkey.New(cfg, open(t))
	if err == nil {
		t.Fatal("a configuration without anything was taken")
	}
	for _, name := range []string{"Origins", "SecretKeys", "RPName", "URLPrefix", "Freshness", "SigninWithin", "TwoFactorRequired", "AllowAsVerify", "TwoFactorMethods"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("nothing is said of %s: %v", name, err)
		}
	}
}

// Each contradiction is refused by the field's name, with what to change.
func TestNewRefusesWhatContradictsItself(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*latchkey.Config)
		says   []string
	}{
		"no origins":                            {func(c *latchkey.Config) { c.Origins = nil }, []string{"Origins is empty", "https://app.example.com"}},
		"an id that is no part of the origin":   {func(c *latchkey.Config) { c.RPID = "example.com" }, []string{"Origins, RPID", `"example.com"`, "must be its host or a domain above it"}},
		"an id for one of two origins":          {func(c *latchkey.Config) { c.Origins = append(c.Origins, "https://other.example") }, []string{`"https://other.example" is outside`}},
		"plain http for another machine":        {func(c *latchkey.Config) { c.Origins = []string{"http://login.example.com"} }, []string{"Origins", "write https://"}},
		"an origin with a path":                 {func(c *latchkey.Config) { c.Origins = []string{"https://login.example.com/x"} }, []string{"Origins", `browsers write "https://login.example.com"`}},
		"an origin that is none":                {func(c *latchkey.Config) { c.Origins = []string{"login.example.com"} }, []string{"https://host[:port]"}},
		"no keys":                               {func(c *latchkey.Config) { c.SecretKeys = nil }, []string{"SecretKeys is empty", "32 random bytes"}},
		"a short key":                           {func(c *latchkey.Config) { c.SecretKeys = append(c.SecretKeys, []byte("short")) }, []string{"SecretKeys: key 2 has 5 bytes", "32"}},
		"no name":                               {func(c *latchkey.Config) { c.RPName = "" }, []string{"RPName"}},
		"a prefix with a slash at its end":      {func(c *latchkey.Config) { c.URLPrefix = "/auth/" }, []string{"URLPrefix", "not end with one"}},
		"a prefix without one":                  {func(c *latchkey.Config) { c.URLPrefix = "auth" }, []string{"URLPrefix"}},
		"nothing fresh":                         {func(c *latchkey.Config) { c.Freshness = 0 }, []string{"Freshness is 0", "negative"}},
		"a negative grace":                      {func(c *latchkey.Config) { c.FreshnessGrace = -1 }, []string{"FreshnessGrace"}},
		"names without a letter":                {func(c *latchkey.Config) { c.NameMaxLength = 0 }, []string{"NameMaxLength", "between 1 and 255"}},
		"passwords of any length":               {func(c *latchkey.Config) { c.PasswordLengthMin = 0 }, []string{"PasswordLengthMin", "between 1 and 128"}},
		"recovery codes, and none":              {func(c *latchkey.Config) { c.RecoveryCodesN = 0 }, []string{"RecoveryCodesN", "between 1 and 100"}},
		"no time to register":                   {func(c *latchkey.Config) { c.RegisterWithin = 0 }, []string{"RegisterWithin"}},
		"no time to sign in":                    {func(c *latchkey.Config) { c.SigninTimeout = -time.Second }, []string{"SigninTimeout"}},
		"sessions without a life":               {func(c *latchkey.Config) { c.SessionLifetime = 0 }, []string{"SessionLifetime"}},
		"an unknown usage":                      {func(c *latchkey.Config) { c.AllowAsVerify = []account.Usage{"third"} }, []string{"AllowAsVerify", `"third"`, `"secondary"`}},
		"an unknown method":                     {func(c *latchkey.Config) { c.TwoFactorMethods = []account.Method{"pigeon"} }, []string{"TwoFactorMethods", `"pigeon"`, "authenticator"}},
		"an unknown word for a changed flag":    {func(c *latchkey.Config) { c.BackupEligibleChange = "shrug" }, []string{"BackupEligibleChange", `"shrug"`, `"accept"`}},
		"required and not offered":              {func(c *latchkey.Config) { c.TwoFactor, c.TwoFactorRequired = false, true }, []string{"TwoFactorRequired", "set both"}},
		"required and none enabled":             {func(c *latchkey.Config) { c.TwoFactorMethods, c.TwoFactorRequired = nil, true }, []string{"TwoFactorRequired", "enable at least the authenticator"}},
		"messages and nothing to send them":     {func(c *latchkey.Config) { c.Origins = []string{"https://login.example.com"} }, []string{"TwoFactorMethods", "set Sender"}},
		"confirmation and nothing to mail with": {func(c *latchkey.Config) { c.Confirmable = true }, []string{"Confirmable", "set Sender"}},
		"rescue and nothing to mail with":       {func(c *latchkey.Config) { c.TwoFactorRescueEmail = true }, []string{"TwoFactorRescueEmail", "set Sender"}},
		"help and nothing to mail with":         {func(c *latchkey.Config) { c.TwoFactorRescueMail = "help@example.com" }, []string{"TwoFactorRescueMail", "set Sender"}},
		"a rate without time":                   {func(c *latchkey.Config) { c.ThrottleAccount = latchkey.Rate{N: 5} }, []string{"ThrottleAccount", "zero value"}},
		"a hash that costs nothing":             {func(c *latchkey.Config) { c.PasswordHash = latchkey.HashCosts{} }, []string{"PasswordHash", "Default"}},
		"a template that does not parse":        {func(c *latchkey.Config) { c.Overlay = files{"templates/login.html": "{{if}}"}.fs() }, []string{"login.html"}},
		"texts that do not parse":               {func(c *latchkey.Config) { c.Overlay = files{"locales/en.json": "{"}.fs() }, []string{"texts", "en.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			tt.change(&cfg)
			_, err := latchkey.New(cfg, open(t))
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("the error does not say %q: %v", s, err)
				}
			}
		})
	}
}

// files are an overlay.
type files map[string]string

func (f files) fs() fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range f {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

// A store that keeps no accounts needs somebody who does.
func TestNewNeedsAccounts(t *testing.T) {
	if _, err := latchkey.New(good(), struct{ account.Store }{open(t)}); err == nil || !strings.Contains(err.Error(), "set Config.Users") {
		t.Errorf("error %v", err)
	}
}

// Where every origin is this machine, methods that nothing sends are left out; the rest may be started without more ado.
func TestNewInDevelopment(t *testing.T) {
	for _, origin := range []string{"http://localhost:8080", "http://app.localhost", "https://localhost", "http://127.0.0.1:8080", "http://[::1]:8080"} {
		cfg := good()
		cfg.Origins = []string{origin}
		cfg.TwoFactorRequired = true
		if _, err := latchkey.New(cfg, open(t)); err != nil {
			t.Errorf("%s: %v", origin, err)
		}
	}
}

// Every field is explained, and names the same settings as the server's manual.
func TestEveryFieldOfTheConfigurationIsExplained(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	manual, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(manual), "## The server\n")
	settings := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(text, -1) {
		settings[m[1]] = false
	}
	name := regexp.MustCompile(`\b([A-Z][A-Z_]{3,})\b`)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Config" {
			return true
		}
		for _, f := range spec.Type.(*ast.StructType).Fields.List {
			if f.Doc == nil && f.Names[0].Name != "Rand" {
				t.Errorf("%s is not explained", f.Names[0].Name)
			}
			if f.Doc == nil {
				continue
			}
			doc := f.Doc.Text()
			m := name.FindAllString(doc, -1)
			if len(m) > 0 && !strings.Contains(doc, "]") && !strings.Contains(doc, "[") {
				t.Errorf("%s does not say its default", f.Names[0].Name)
			}
			for _, s := range m {
				if _, known := settings[s]; known {
					settings[s] = true
				}
			}
		}
		return false
	})
	for s, named := range settings {
		if !named {
			t.Errorf("no field names the setting %s", s)
		}
	}
}

// The caller goes on owning what it passed in.
func TestNewCopiesItsConfiguration(t *testing.T) {
	cfg, store := good(), open(t)
	auth, err := latchkey.New(cfg, store)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Origins[0] = "https://evil.example"
	if _, err := store.(account.Users).CreateUser(t.Context(), account.NewUser{Email: "ada@example.test"}); err != nil {
		t.Fatal(err)
	}
	link, err := auth.RecoveryLink(t.Context(), "Ada@example.test")
	if err != nil || !strings.HasPrefix(link, "http://localhost:8080/recover/") {
		t.Errorf("the link is %q (%v)", link, err)
	}
	if _, err := auth.RecoveryLink(t.Context(), "nobody@example.test"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a link for nobody: %v", err)
	}
}
