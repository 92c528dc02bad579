package latchkey_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

// The site around each example: a configuration, a store in a folder of its own, a server, and a browser with a passkey.

const exampleOrigin = "http://localhost:8080"

// exampleConfig is what every app sets, with a password hash that is cheap enough for tests.
func exampleConfig() latchkey.Config {
	cfg := latchkey.Default()
	cfg.RPName, cfg.Origins = "Notes", []string{exampleOrigin}
	cfg.SecretKeys = [][]byte{[]byte("32 random bytes of the real thing")[:32]}
	cfg.PasswordHash = latchkey.HashCosts{Memory: 64, Time: 1, Threads: 1}
	return cfg
}

// exampleStore is a new store, and a function that removes it.
func exampleStore() (account.Store, func()) {
	dir, err := os.MkdirTemp("", "latchkey-example-")
	must(err)
	store, err := sqlite.Open(context.Background(), filepath.Join(dir, "app.db"), sqlite.Options{})
	must(err)
	return store, func() {
		must(store.Close())
		must(os.RemoveAll(dir))
	}
}

// exampleBrowser serves an app and visits it.
func exampleBrowser(app http.Handler) (*latchkeytest.Client, func()) {
	server := httptest.NewServer(app)
	return latchkeytest.NewClient(exampleTB{}, server.URL, exampleOrigin), server.Close
}

// read is what a page of the app shows to the browser, with its status.
func read(c *latchkeytest.Client, path string) string {
	res, err := c.HTTP.Get(c.BaseURL + path)
	must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(err)
	if to := res.Header.Get("Location"); to != "" {
		return fmt.Sprint(res.StatusCode, " to ", to)
	}
	return fmt.Sprint(res.StatusCode, " ", strings.TrimSpace(string(body)))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// exampleTB stands in for the *testing.T that a test has and an example has not.
type exampleTB struct{ testing.TB }

func (exampleTB) Helper()                      {}
func (exampleTB) Context() context.Context     { return context.Background() }
func (exampleTB) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (exampleTB) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
