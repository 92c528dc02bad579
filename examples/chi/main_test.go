package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

const origin = "http://localhost:8080"

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "app.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	app, err := newApp(store, origin, strings.Repeat("secret", 6))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(app)
	t.Cleanup(func() {
		server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func TestAPersonSignsInWithAPasskey(t *testing.T) {
	server := serve(t)
	c := latchkeytest.NewClient(t, server.URL+"/auth", origin)
	c.Register("ada@example.test", "Wooden-Kettle-42-Marsh").Want(t, http.StatusOK)
	c.AddPasskey("phone", "first").Want(t, http.StatusOK)
	c.Logout().Want(t, http.StatusOK)
	if status, _ := get(t, c, server.URL+"/notes/"); status != http.StatusFound {
		t.Errorf("signed out, the notes answer %d", status)
	}
	c.SigninWithPasskey("").Want(t, http.StatusOK)
	for path, want := range map[string]string{"/": "ada@example.test", "/notes/": "Buy milk.", "/notes/export": "All of your notes."} {
		if status, body := get(t, c, server.URL+path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s answers %d %q", path, status, body)
		}
	}
}

func TestEveryPageIsInTheAppsFrame(t *testing.T) {
	server := serve(t)
	c := latchkeytest.NewClient(t, server.URL+"/auth", origin)
	for path, want := range map[string]string{"/auth/": "Notes that only you can open", "/auth/login": "<h1>Sign in to Acme Notes</h1>", "/auth/register": `name="password_confirm"`} {
		status, body := get(t, c, server.URL+path)
		if status != http.StatusOK || !strings.Contains(body, want) || !strings.Contains(body, "© 2026 Acme") || !strings.Contains(body, "/acme.css") {
			t.Errorf("%s answers %d %q", path, status, body)
		}
	}
	c.Register("ada@example.test", "Wooden-Kettle-42-Marsh").Want(t, http.StatusOK)
	if _, body := get(t, c, server.URL+"/auth/account"); !strings.Contains(body, `<a href="/notes">Notes</a>`) {
		t.Errorf("the frame does not know who is signed in: %q", body)
	}
}

func get(t *testing.T, c *latchkeytest.Client, url string) (int, string) {
	t.Helper()
	res, err := c.HTTP.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}
