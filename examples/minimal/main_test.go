package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

func TestAPersonSignsInWithAPasskeyAndSeesTheirNotes(t *testing.T) {
	const origin = "http://localhost:8080"
	app, err := newApp(t.Context(), filepath.Join(t.TempDir(), "app.db"), origin, strings.Repeat("secret", 6))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(app)
	defer server.Close()

	c := latchkeytest.NewClient(t, server.URL, origin)
	c.Register("ada@example.test", "Wooden-Kettle-42-Marsh").Want(t, http.StatusOK)
	c.AddPasskey("phone", "first").Want(t, http.StatusOK)
	c.Logout().Want(t, http.StatusOK)
	if status, _ := get(t, c, server.URL+"/notes"); status != http.StatusFound {
		t.Errorf("signed out, the notes answer %d, want a redirect to the sign-in", status)
	}
	c.SigninWithPasskey("ada@example.test").Want(t, http.StatusOK)
	if status, body := get(t, c, server.URL+"/notes"); status != http.StatusOK || !strings.Contains(body, "ada@example.test") {
		t.Errorf("signed in, the notes answer %d %q", status, body)
	}
}

func TestAShortSecretIsRefused(t *testing.T) {
	if _, err := newApp(t.Context(), filepath.Join(t.TempDir(), "app.db"), "http://localhost:8080", "short"); err == nil {
		t.Error("a secret of five characters was taken")
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
