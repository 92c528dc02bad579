package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
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

func TestAPersonKeepsNotesBehindAPasskey(t *testing.T) {
	server := serve(t)
	c := latchkeytest.NewClient(t, server.URL+"/auth", origin)
	c.Register("ada@example.test", "Wooden-Kettle-42-Marsh").Want(t, http.StatusOK)
	c.AddPasskey("phone", "first").Want(t, http.StatusOK)
	c.Logout().Want(t, http.StatusOK)
	if status, body := ask(t, c, "GET", server.URL+"/api/notes", ""); status != http.StatusUnauthorized || !strings.Contains(body, "UNAUTHENTICATED") {
		t.Errorf("signed out, the notes answer %d %s", status, body)
	}
	user, _ := c.SigninWithPasskey("").Want(t, http.StatusOK).Response["user"].(map[string]any)
	if user["email"] != "ada@example.test" || user["since"] == nil {
		t.Errorf("the app's own payload: %v", user)
	}
	if status, body := ask(t, c, "POST", server.URL+"/api/notes", `{"text":"Buy milk"}`); status != http.StatusOK || !strings.Contains(body, "Buy milk") {
		t.Errorf("a note is answered with %d %s", status, body)
	}
	if status, body := ask(t, c, "DELETE", server.URL+"/api/notes", ""); status != http.StatusOK || strings.Contains(body, "Buy milk") {
		t.Errorf("clearing is answered with %d %s", status, body)
	}
}

// What the page loads is there, and the module that it imports has the names that it imports.
func TestThePageIsWhole(t *testing.T) {
	server := serve(t)
	c := latchkeytest.NewClient(t, server.URL, origin)
	_, html := ask(t, c, "GET", server.URL+"/", "")
	_, script := ask(t, c, "GET", server.URL+"/app.js", "")
	_, module := ask(t, c, "GET", server.URL+"/auth/static/latchkey/latchkey.js", "")
	imports := regexp.MustCompile(`import \{ (.*) \} from '/auth/static/latchkey/latchkey.js'`).FindStringSubmatch(script)
	if imports == nil {
		t.Fatalf("the script imports nothing: %.200s", script)
	}
	for name := range strings.SplitSeq(imports[1], ", ") {
		if !regexp.MustCompile(`export (async function|function|class) ` + name + `\b`).MatchString(module) {
			t.Errorf("the module does not export %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?:does|\$)\('(\w+)'`).FindAllStringSubmatch(script, -1) {
		if !strings.Contains(html, `id="`+m[1]+`"`) {
			t.Errorf("the page has no element %q", m[1])
		}
	}
}

func TestOtherSitesCannotAsk(t *testing.T) {
	server := serve(t)
	req, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/api/notes", strings.NewReader(`{"text":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", res.StatusCode)
	}
}

func ask(t *testing.T, c *latchkeytest.Client, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	if body != "" && !json.Valid([]byte(body)) {
		t.Fatalf("%q is no JSON", body)
	}
	res, err := c.HTTP.Do(req)
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
