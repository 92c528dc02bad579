package latchkeytest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

// fake is the least that speaks the JSON interface: one account, one passkey.
type fake struct {
	t    *testing.T
	rp   *passkey.RelyingParty
	cred account.Credential
	seen []string
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.seen = append(f.seen, r.Method+" "+r.URL.RequestURI())
	if r.Header.Get("Accept") != "application/json" || r.Method == http.MethodPost && (r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Origin") != origin) {
		f.t.Errorf("%s: %v", r.URL, r.Header)
	}
	var in struct{ Email, Password, Name, Usage, Identity, Credential string }
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			f.t.Errorf("%s: %v", r.URL, err)
		}
	}
	_, err := r.Cookie("session")
	signedIn := err == nil || r.Header.Get("Authorization") == "Bearer token-1"
	session := func(value string, age int) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: value, MaxAge: age, Secure: true, HttpOnly: true, Path: "/"})
	}
	code, response := http.StatusOK, map[string]any{}
	fail := func(status int, key string) { code, response = status, map[string]any{"error_codes": []string{key}} }
	switch path := strings.TrimPrefix(r.URL.Path, "/auth"); {
	case path == "/register" || path == "/login" || path == "/verify":
		if in.Password != "right" {
			fail(http.StatusBadRequest, "GENERIC_AUTHN_FAILED")
			break
		}
		session("1", 0)
		response["user"] = map[string]any{"email": in.Email}
	case path == "/logout":
		session("", -1)
	case path != "/wan-signin" && !strings.HasPrefix(path, "/wan-signin/") && !signedIn:
		fail(http.StatusUnauthorized, "UNAUTHENTICATED")
	case path == "/wan-register" && r.Method == http.MethodGet:
		response["registered_credentials"] = []any{f.cred.Nickname}
	case path == "/wan-register":
		f.cred.Nickname, f.cred.Usage = in.Name, account.Usage(in.Usage)
		response["wan_state"] = "state/1"
		response["credential_options"] = json.RawMessage(creationOptions(f.t, f.rp))
	case path == "/wan-register/state/1":
		parsed, err := passkey.ParseRegistration([]byte(in.Credential))
		if err == nil {
			var c account.Credential
			if c, err = f.rp.VerifyRegistration(parsed, passkey.RegistrationCheck{Challenge: challenge, Origin: origin}); err == nil {
				c.Nickname, c.Usage, f.cred = f.cred.Nickname, f.cred.Usage, c
			}
		}
		if err != nil {
			fail(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY")
		}
	case path == "/wan-signin" || path == "/wan-verify":
		response["wan_state"] = "state/2"
		response["credential_options"] = json.RawMessage(requestOptions(f.t, f.rp, f.cred))
	case path == "/wan-signin/state/2" || path == "/wan-verify/state/2":
		parsed, err := passkey.ParseAuthentication([]byte(in.Credential))
		if err == nil {
			_, err = f.rp.VerifyAuthentication(parsed, f.cred, passkey.AuthenticationCheck{Challenge: challenge, Origin: origin})
		}
		if err != nil {
			fail(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY")
			break
		}
		user := map[string]any{"email": "ada@example.org"}
		if r.URL.Query().Has("include_auth_token") {
			user["authentication_token"] = "token-1"
		} else {
			session("2", 0)
		}
		response["user"] = user
	case path == "/wan-delete":
		f.cred = account.Credential{}
	default:
		fail(http.StatusNotFound, "API_ERROR")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"meta": map[string]any{"code": code}, "response": response})
}

func newClient(t *testing.T) (*latchkeytest.Client, *fake) {
	t.Helper()
	f := &fake{t: t, rp: newRP(t)}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return latchkeytest.NewClient(t, server.URL+"/auth/", origin), f
}

func TestAnAppsTestSignsInWithAPasskey(t *testing.T) {
	c, f := newClient(t)
	c.Register("ada@example.org", "right").Want(t, 200)
	c.AddPasskey("key", "first").Want(t, 200)
	c.Logout().Want(t, 200)
	if len(c.Cookies()) != 0 {
		t.Errorf("cookies %v", c.Cookies())
	}
	c.Passkeys().Want(t, 401)
	r := c.SigninWithPasskey("ada@example.org").Want(t, 200)
	if user, _ := r.Response["user"].(map[string]any); user["email"] != "ada@example.org" {
		t.Errorf("%v", r.Response)
	}
	if got := c.Cookies(); len(got) != 1 || got[0].Value != "2" {
		t.Errorf("cookies %v", got)
	}
	c.VerifyWithPasskey().Want(t, 200)
	c.Verify("right").Want(t, 200)
	c.Passkeys().Want(t, 200)
	c.DeletePasskey("key").Want(t, 200)
	want := []string{
		"POST /auth/register", "POST /auth/wan-register", "POST /auth/wan-register/state%2F1", "POST /auth/logout", "GET /auth/wan-register",
		"POST /auth/wan-signin", "POST /auth/wan-signin/state%2F2", "POST /auth/wan-verify", "POST /auth/wan-verify/state%2F2",
		"POST /auth/verify", "GET /auth/wan-register", "POST /auth/wan-delete",
	}
	if !slices.Equal(f.seen, want) {
		t.Errorf("asked %q", f.seen)
	}
}

func TestRefusalsAreReplies(t *testing.T) {
	c, _ := newClient(t)
	if r := c.Login("ada@example.org", "wrong"); r.Status != 400 || !slices.Equal(r.Codes(), []string{"GENERIC_AUTHN_FAILED"}) {
		t.Errorf("%+v", r)
	}
	if r := c.AddPasskey("key", "first"); r.Status != 401 {
		t.Errorf("%+v", r)
	}
	c.Login("ada@example.org", "right").Want(t, 200)
	evil := func(c *latchkeytest.Ceremony) { c.Origin = "https://evil.example" }
	if r := c.AddPasskey("key", "first", evil); r.Status != 400 || r.Codes()[0] != "WEBAUTHN_NO_VERIFY" {
		t.Errorf("%+v", r)
	}
	if r := c.Get("/nothing"); r.Status != 404 || r.Text("x") != "" {
		t.Errorf("%+v", r)
	}
}

func TestABearerTokenIsKept(t *testing.T) {
	c, _ := newClient(t)
	c.Register("ada@example.org", "right")
	c.AddPasskey("key", "first")
	c.Logout()
	c.SigninForToken("").Want(t, 200)
	if c.Token != "token-1" || len(c.Cookies()) != 0 {
		t.Errorf("token %q, cookies %v", c.Token, c.Cookies())
	}
	c.Passkeys().Want(t, 200)
}
