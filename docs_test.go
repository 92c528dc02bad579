package latchkey_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

// manuals are the texts for people, by path.
func manuals(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range append(names, "README.md", "CONTRIBUTING.md", "SECURITY.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(text)
	}
	return out
}

func TestTheManualsLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	for name, text := range manuals(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// What they call a setting, a field or a method is one.
func TestTheManualsNameWhatThereIs(t *testing.T) {
	settings, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	config, auth := reflect.TypeFor[latchkey.Config](), reflect.TypeFor[*latchkey.Auth]()
	field := regexp.MustCompile("`(?:latchkey\\.)?(?:cfg|Config)\\.([A-Z]\\w*)")
	method := regexp.MustCompile(`\bauth\.([A-Z]\w*)`)
	variable := regexp.MustCompile(`\bLATCHKEY_([A-Z][A-Z_]+[A-Z])\b`)
	for name, text := range manuals(t) {
		for _, m := range field.FindAllStringSubmatch(text, -1) {
			if _, ok := config.FieldByName(m[1]); !ok {
				t.Errorf("%s: Config has no field %s", name, m[1])
			}
		}
		for _, m := range method.FindAllStringSubmatch(text, -1) {
			if _, ok := auth.MethodByName(m[1]); !ok {
				t.Errorf("%s: Auth has no method %s", name, m[1])
			}
		}
		for _, m := range variable.FindAllStringSubmatch(text, -1) {
			if m[1] != "SEED" && m[1] != "REQUIRE_ALL" && !strings.Contains(string(settings), "| `"+m[1]+"` |") {
				t.Errorf("%s: there is no setting %s", name, m[1])
			}
		}
	}
}

// Who moves from Flask-Security finds every endpoint, and every setting that has a name there too.
func TestTheMovingGuideIsWhole(t *testing.T) {
	guide := manuals(t)["docs/flask-security.md"]
	var doc struct{ Paths map[string]any }
	raw, err := os.ReadFile("web/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	for path := range doc.Paths {
		path = strings.TrimSuffix(strings.TrimSuffix(path, "/{state}"), "{file}")
		if path != "/" && !strings.Contains(guide, "`"+path) {
			t.Errorf("the guide does not name %s", path)
		}
	}
	settings, _, _ := strings.Cut(manuals(t)["docs/configuration.md"], "## The server\n")
	own := []string{"ORIGINS", "RP_ID", "WAN_ALLOW_CROSS_ORIGIN", "WAN_BACKUP_ELIGIBLE_CHANGE", "POLICY", "REMEMBER_LIFETIME", "THROTTLE_ACCOUNT", "THROTTLE_ADDRESS", "THROTTLE_SEND"}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(settings, -1) {
		if !slices.Contains(own, m[1]) && !strings.Contains(guide, "`"+m[1]+"`") {
			t.Errorf("the guide does not name the setting %s", m[1])
		}
	}
}

// The statements of the guide bring a passkey along: it signs its owner in.
func TestAPasskeyOfFlaskSecurityGoesOnWorking(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	user, err := store.CreateUser(t.Context(), account.NewUser{Email: "ada@example.test"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := latchkeytest.NewKey(latchkeytest.ES256)
	if err != nil {
		t.Fatal(err)
	}
	public := latchkeytest.CBOR(key.COSE())
	old := &latchkeytest.Credential{ID: []byte("an id of thirty-two bytes, old.."), Key: key, RPID: "localhost", UserHandle: []byte("5f1c0f7a9d2b4e6c8a0f1e2d3c4b5a69"), Resident: true}

	_, statements, ok := strings.Cut(manuals(t)["docs/flask-security.md"], "```sql\n")
	statements, _, closed := strings.Cut(statements, "```")
	if !ok || !closed {
		t.Fatal("the guide has no statements")
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"id": "old-1", "user_id": user.ID, "handle": old.UserHandle, "credential_id": old.ID, "public_key": public, "algorithm": -7, "sign_count": 0,
		"transports": `["usb"]`, "backup_eligible": false, "backed_up": false, "nickname": "Old key", "usage": "first", "created": 1_600_000_000_000_000, "last_used": 1_700_000_000_000_000,
	}
	for statement := range strings.SplitSeq(strings.TrimSpace(statements), ";\n") {
		var args []any
		for _, m := range regexp.MustCompile(`:(\w+)`).FindAllStringSubmatch(statement, -1) {
			v, ok := values[m[1]]
			if !ok {
				t.Fatalf("the guide's %s is unknown", m[0])
			}
			args = append(args, sql.Named(m[1], v))
		}
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	auth, err := latchkey.New(good(), store)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(auth.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	c := latchkeytest.NewClient(t, server.URL, "http://localhost:8080")
	c.Device.Add(old)
	c.SigninWithPasskey("").Want(t, http.StatusOK)
	if list, _ := c.Passkeys().Want(t, http.StatusOK).Response["registered_credentials"].([]any); len(list) != 1 {
		t.Errorf("passkeys: %v", list)
	}
}
