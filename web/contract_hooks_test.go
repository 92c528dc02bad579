package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/signin"
)

const sunday = "We are closed on Sundays & holidays."

// What the app's hook says is shown to people and told to programs; nobody is signed in by it.
func TestAHooksRefusalIsShown(t *testing.T) {
	var closed atomic.Bool
	refuse := func() error {
		if closed.Load() {
			return latchkey.Refuse("closed", sunday)
		}
		return nil
	}
	s := newSite(t, func(c *latchkey.Config) {
		c.BeforeSignin = func(context.Context, signin.Attempt) error { return refuse() }
		c.BeforeRegister = func(context.Context, signin.Applicant) error { return refuse() }
	})
	p := s.person(t)
	p.enrol("first")
	closed.Store(true)

	v := p.fresh()
	if a := v.login().refuses(http.StatusForbidden, "UNAUTHORIZED", ""); a.str("errors", 0) != sunday {
		t.Errorf("a program is told %q", a.str("errors", 0))
	}
	v.form("/login", fields{"email": p.email, "password": goodPassword}).want(http.StatusOK).shows(sunday)
	v.signedOut()
	if len(v.cookies) != 0 {
		t.Errorf("cookies %v", v.cookies)
	}

	start := v.post("/wan-signin", fields{"identity": p.email}).want(http.StatusOK)
	credential := v.sign(start)
	v.post(with("/wan-signin", start), fields{"credential": credential}).refuses(http.StatusForbidden, "UNAUTHORIZED", "")
	v.post(with("/wan-signin", start), fields{"credential": credential}).refuses(http.StatusBadRequest, "CREDENTIAL_REPLAYED", "")
	page := v.form("/wan-signin", fields{"identity": p.email, "next": "/notes"}).want(http.StatusOK)
	v.form("/wan-signin/"+page.action("/wan-signin"), fields{"credential": v.sign(page), "next": "/notes"}).goesWith("/wan-signin", "/notes")
	v.page("/wan-signin").shows(sunday)
	v.signedOut()

	v = s.visitor(t)
	v.post("/register", fields{"email": "new@example.test", "password": goodPassword}).refuses(http.StatusForbidden, "UNAUTHORIZED", "")
	v.form("/register", fields{"email": "new@example.test", "password": goodPassword, "password_confirm": goodPassword}).want(http.StatusOK).shows(sunday)
	closed.Store(false)
	v.post("/register", fields{"email": "new@example.test", "password": goodPassword}).want(http.StatusOK)
}

// A hook may speak the person's own language, by a text that the app brings.
func TestAHooksRefusalInThePersonsLanguage(t *testing.T) {
	s := newSite(t, func(c *latchkey.Config) {
		c.Overlay = fstest.MapFS{
			"locales/en.json": {Data: []byte(`{"app.closed": "Closed until {{.Day}}."}`)},
			"locales/de.json": {Data: []byte(`{"app.closed": "Bis {{.Day}} geschlossen."}`)},
		}
		c.BeforeRegister = func(context.Context, signin.Applicant) error {
			return &signin.Denial{Key: "app.closed", Params: []any{"Day", "Mo"}, Reason: "closed"}
		}
	})
	v := s.visitor(t)
	v.header.Set("Accept-Language", "de")
	if got := v.post("/register", fields{"email": "new@example.test", "password": goodPassword}).refuses(http.StatusForbidden, "UNAUTHORIZED", "").str("errors", 0); got != "Bis Mo geschlossen." {
		t.Errorf("%q", got)
	}
}

// A hook that breaks is the operator's business: the visitor is told nothing, and is not let in.
func TestAFailingHookLetsNobodyIn(t *testing.T) {
	s := newSite(t, func(c *latchkey.Config) {
		c.BeforeRegister = func(context.Context, signin.Applicant) error { return errors.New("the directory is down") }
	})
	v := s.visitor(t)
	res, err := v.s.server.Client().Post(s.server.URL+"/register", "application/json", jsonBody(fields{"email": "new@example.test", "password": goodPassword}))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d", res.StatusCode)
	}
	if line := s.log.take(); !containsAll(line, "the directory is down", "route=/register") {
		t.Errorf("the log says %q", line)
	}
}

func jsonBody(f fields) *bytes.Reader {
	raw, err := json.Marshal(f)
	if err != nil {
		panic(err) // fields are made of plain values
	}
	return bytes.NewReader(raw)
}

func containsAll(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
