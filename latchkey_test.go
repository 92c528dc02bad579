package latchkey_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

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

func TestNewRefusesWhatContradictsItself(t *testing.T) {
	for name, change := range map[string]func(*latchkey.Config){
		"an id that is no part of the origin":   func(c *latchkey.Config) { c.RPID = "example.com" },
		"plain http for another machine":        func(c *latchkey.Config) { c.Origins = []string{"http://login.example.com"} },
		"an origin with a path":                 func(c *latchkey.Config) { c.Origins = []string{"https://login.example.com/x"} },
		"a short key":                           func(c *latchkey.Config) { c.SecretKeys = [][]byte{[]byte("short")} },
		"messages and nothing to send them":     func(c *latchkey.Config) { c.Origins = []string{"https://login.example.com"} },
		"confirmation and nothing to mail with": func(c *latchkey.Config) { c.Confirmable = true },
		"a negative grace":                      func(c *latchkey.Config) { c.FreshnessGrace = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			change(&cfg)
			if _, err := latchkey.New(cfg, open(t)); err == nil {
				t.Error("it was taken")
			}
		})
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
