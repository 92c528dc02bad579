package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
)

// session finds a session in a list by a member's value.
func (v *visitor) session(member string, value any) map[string]any {
	v.t.Helper()
	for _, x := range v.get("/sessions").want(http.StatusOK).at("sessions").([]any) {
		if m := x.(map[string]any); m[member] == value {
			return m
		}
	}
	v.t.Fatalf("no session with %s %v", member, value)
	return nil
}

func (v *visitor) sessions() int {
	v.t.Helper()
	return len(v.get("/sessions").want(http.StatusOK).at("sessions").([]any))
}

func TestTheListOfSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t, trusting)
	p := s.person(t)
	p.setUpApp()
	v := p.fresh()
	v.header.Set("User-Agent", "Netscape/4.0")
	v.login(fields{"remember": true})
	v.post("/tf-validate?include_auth_token", fields{"code": p.codes.next()}).want(http.StatusOK)
	list := v.get("/sessions").want(http.StatusOK).only("sessions").at("sessions").([]any)
	if len(list) != 4 { // p's, v's, its token, its device
		t.Errorf("%d sessions", len(list))
	}
	for _, x := range list {
		m := x.(map[string]any)
		for _, name := range []string{"id", "current", "created", "last_seen", "amr", "user_agent", "address", "kind"} {
			if _, ok := m[name]; !ok {
				t.Errorf("no %s in %v", name, m)
			}
		}
		if len(m) != 8 || m["address"] != "127.0.0.1" {
			t.Errorf("session %v", m)
		}
		if _, err := time.Parse(time.RFC3339, m["created"].(string)); err != nil {
			t.Error(err)
		}
	}
	current := v.session("current", true)
	if current["kind"] != "browser" || current["user_agent"] != "Netscape/4.0" || len(current["amr"].([]any)) != 2 {
		t.Errorf("current %v", current)
	}
	v.session("kind", "token")
	v.session("kind", "device")
	if strings.Contains(string(v.get("/sessions").body), v.cookie("latchkey_session").Value) {
		t.Error("the list holds a token")
	}
	v.page("/sessions").goes("/account")
	page := v.page("/account").want(http.StatusOK)
	if !page.hasForm("/sessions/end", "id") || !page.hasForm("/sessions/end", "others") {
		t.Errorf("no forms: %v", page)
	}
}

func TestEndingSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, q := s.person(t), s.person(t)
	a, b := p.again(), p.again()
	program := p.bearer(p.token()) // two: the browser's and its own
	for _, id := range []any{q.session("current", true)["id"], "nothing", "", nil, strings.Repeat("x", 5000), "a\u0000b"} {
		r := p.post("/sessions/end", fields{"id": id})
		if id == "" || id == nil {
			r.refuses(http.StatusBadRequest, "API_ERROR", "id")
		} else {
			r.refuses(http.StatusBadRequest, "SESSION_NOT_FOUND", "id")
		}
	}
	p.form("/sessions/end", fields{"id": "nothing"}).goes("/account")
	q.signedIn()
	p.post("/sessions/end", fields{"id": a.session("current", true)["id"]}).want(http.StatusOK).only("ended").is(1, "ended")
	a.signedOut()
	b.signedIn()
	// a token is ended by itself
	p.post("/sessions/end", fields{"id": p.session("kind", "token")["id"]}).want(http.StatusOK).is(1, "ended")
	program.get("/verify").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	// the others
	program = p.bearer(p.token())
	n := p.sessions()
	p.post("/sessions/end", fields{"others": true}).want(http.StatusOK).is(n-1, "ended")
	p.again()
	p.form("/sessions/end", fields{"others": "true"}).goes("/account")
	p.page("/account").shows("1 session was ended") // a count survives the redirect
	p.again()
	p.again()
	p.form("/sessions/end", fields{"others": "y"}).goes("/account")
	p.page("/account").shows("2 sessions were ended")
	p.signedIn()
	b.signedOut()
	program.get("/verify").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	// all
	b = p.again()
	p.form("/sessions/end", fields{"all": "true"}).goes("/login")
	p.signedOut()
	b.signedOut()
	// its own
	c := p.again()
	c.form("/sessions/end", fields{"id": c.session("current", true)["id"]}).goes("/login")
	c.signedOut()
	// a program ends the others, and then itself
	program, c = p.bearer(p.token()), p.again()
	program.post("/sessions/end", fields{"others": true}).want(http.StatusOK)
	c.signedOut()
	program.post("/sessions/end", fields{"all": true}).want(http.StatusOK).is(1, "ended")
	program.get("/verify").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
}

// TestWhoEndsAnothersSessionIsNoted: the log says who tried, from which session, and not what was typed.
func TestWhoEndsAnothersSessionIsNoted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, q := s.person(t), s.person(t)
	l := s.ledger(t)
	gone := p.again()
	ended := gone.session("current", true)["id"]
	gone.post("/logout", nil).want(http.StatusOK)
	for _, w := range ways {
		for id, reason := range map[any]string{
			q.session("current", true)["id"]: "no_such_session", ended: "no_such_session", "<script>": "no_such_session", "": "incomplete",
		} {
			want := refusal{kind: account.EventEndRefused, reason: reason}
			l.refused(t, fmt.Sprintf("%s %q", w.name, id), want, func() *answer { return w.post(p, "/sessions/end", fields{"id": id}) })
		}
	}
	events, err := s.store.Events(t.Context(), account.EventFilter{UserID: accountOf(t, s, p.email).ID})
	if err != nil {
		t.Fatal(err)
	}
	if last := events[len(events)-1]; last.SessionID != p.session("current", true)["id"] || last.Subject != "" || last.Address == "" {
		t.Errorf("the log holds %+v", last)
	}
	q.signedIn()
}

func TestASessionEndsByItself(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) {
		c.SessionIdle, c.SessionLifetime, c.RememberLifetime = time.Hour, 3*time.Hour, 48*time.Hour
	})
	p := s.person(t)
	long := p.again(fields{"remember": true})
	s.clock.pass(50 * time.Minute)
	p.signedIn()
	s.clock.pass(50 * time.Minute)
	p.signedIn() // seen meanwhile
	s.clock.pass(61 * time.Minute)
	p.signedOut()
	p = p.again()
	for range 3 {
		s.clock.pass(50 * time.Minute)
		p.signedIn()
	}
	s.clock.pass(31 * time.Minute)
	p.signedOut() // whatever it does, it ends
	long.signedIn()
	s.clock.pass(48 * time.Hour)
	long.signedOut()
}

func TestChangingThePassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	const next = "Another-Kettle-77-Fen"
	p.page("/change").want(http.StatusOK)
	for _, c := range []struct {
		f           fields
		code, field string
	}{
		{fields{"new_password": next}, "PASSWORD_NOT_PROVIDED", "password"},
		{fields{"password": "Wrong-Kettle-42", "new_password": next}, "INVALID_PASSWORD", "password"},
		{fields{"password": goodPassword}, "PASSWORD_NOT_PROVIDED", "new_password"},
		{fields{"password": goodPassword, "new_password": "short"}, "PASSWORD_TOO_SHORT", "new_password"},
		{fields{"password": goodPassword, "new_password": "password123"}, "PASSWORD_TOO_COMMON", "new_password"},
		{fields{"password": goodPassword, "new_password": next, "new_password_confirm": "other"}, "INVALID_PASSWORD", "new_password_confirm"},
	} {
		p.post("/change", c.f).refuses(http.StatusBadRequest, c.code, c.field)
		f := fields{"new_password_confirm": c.f["new_password"]}
		for k, x := range c.f {
			f[k] = x
		}
		if page := p.form("/change", f).want(http.StatusOK); page.fault(c.field) == "" {
			t.Errorf("%v: nothing is said at %s: %v", c.f, c.field, page)
		}
	}
	b, program, old := p.again(), p.bearer(p.token()), p.fork()
	p.post("/change", fields{"password": goodPassword, "new_password": next}).want(http.StatusOK).only("user").is(p.email, "user", "email")
	p.signedIn()
	for _, v := range []*visitor{b, old} {
		v.signedOut()
	}
	program.get("/verify").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	p.fresh().login().refuses(http.StatusBadRequest, "GENERIC_AUTHN_FAILED", "")
	p.fresh().login(fields{"password": next}).want(http.StatusOK)
	p.form("/change", fields{"password": next, "new_password": goodPassword, "new_password_confirm": goodPassword}).goes("/account")
	p.fresh().login().want(http.StatusOK)
	if kinds := s.mail.kinds(p.email); strings.Count(strings.Join(kinds, " "), "password_changed") != 2 {
		t.Errorf("its owner was told of %q", kinds)
	}
}

func TestAFirstPasswordWantsAFreshSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, freshness(time.Minute, 0))
	p := s.person(t)
	p.enrol("first")
	if err := s.store.SetPassword(t.Context(), accountOf(t, s, p.email).ID, ""); err != nil {
		t.Fatal(err)
	}
	s.clock.pass(2 * time.Minute)
	p.get("/change").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
	p.post("/change", fields{"new_password": goodPassword}).refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
	p.form("/change", fields{"new_password": goodPassword}).goesWith("/verify", "/change")
	p.post("/verify", fields{"password": goodPassword}).refuses(http.StatusBadRequest, "INVALID_PASSWORD", "password")
	if page := p.page("/verify").want(http.StatusOK); page.hasForm("/verify", "password") || !page.hasForm("/wan-verify") {
		t.Errorf("the ways to verify: %v", page)
	}
	p.wanVerify().want(http.StatusOK)
	// its only passkey stays, as long as it is the only way in
	p.post("/wan-delete", fields{"name": p.passkeys()[0]}).refuses(http.StatusBadRequest, "LAST_WAY_IN", "")
	p.form("/wan-delete", fields{"name": p.passkeys()[0]}).goes("/wan-register")
	p.post("/wan-delete", fields{"id": p.get("/wan-register").str("registered_credentials", 0, "id")}).refuses(http.StatusBadRequest, "LAST_WAY_IN", "")
	p.post("/change", fields{"new_password": goodPassword}).want(http.StatusOK)
	p.post("/wan-delete", fields{"name": p.passkeys()[0]}).want(http.StatusOK)
	p.again()
}

func TestAPasskeyIsALastWayInOnlyIfItSignsIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	first := p.passkeys()[0]
	s.clock.pass(time.Second)
	p.enrol("secondary")
	second := p.passkeys()[1]
	if err := s.store.SetPassword(t.Context(), accountOf(t, s, p.email).ID, ""); err != nil {
		t.Fatal(err)
	}
	p.post("/wan-delete", fields{"name": first}).refuses(http.StatusBadRequest, "LAST_WAY_IN", "")
	p.post("/wan-delete", fields{"name": second}).want(http.StatusOK)
	p.enrol("first")
	p.post("/wan-delete", fields{"name": first}).want(http.StatusOK)
	p.post("/wan-delete", fields{"name": p.passkeys()[0]}).refuses(http.StatusBadRequest, "LAST_WAY_IN", "")
}

func TestDeletingAPasskey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, q := s.person(t), s.person(t)
	p.enrol("first")
	q.enrol("first")
	name := p.passkeys()[0]
	p.get("/wan-delete").want(http.StatusOK).only()
	p.page("/wan-delete").goes("/wan-register")
	for _, c := range []struct {
		f           fields
		code, field string
	}{
		{fields{}, "WEBAUTHN_NAME_REQUIRED", "name"}, {fields{"name": "nothere"}, "WEBAUTHN_NAME_NOT_FOUND", "name"}, {fields{"name": "<b>"}, "INVALID_INPUT", "name"},
		{fields{"name": strings.Repeat("k", 65)}, "INVALID_INPUT_LENGTH", "name"}, {fields{"id": "nothing"}, "WEBAUTHN_NAME_NOT_FOUND", "id"},
		{fields{"id": q.get("/wan-register").str("registered_credentials", 0, "id")}, "WEBAUTHN_NAME_NOT_FOUND", "id"}, {fields{"name": q.passkeys()[0]}, "WEBAUTHN_NAME_NOT_FOUND", "name"},
	} {
		p.post("/wan-delete", c.f).refuses(http.StatusBadRequest, c.code, c.field)
		p.form("/wan-delete", c.f).goes("/wan-register")
		p.page("/wan-register").want(http.StatusOK).shows(name)
	}
	p.form("/wan-delete?next=%2Fwhere", fields{"name": "nothere"}).goesWith("/wan-register", "/where")
	p.form("/wan-delete", fields{"name": name}).goes("/wan-register")
	p.page("/wan-register").shows(name) // it says that it is gone
	if page := p.page("/wan-register"); strings.Contains(string(page.body), name) {
		t.Errorf("it is still there: %v", page)
	}
	p.fresh().signin(nil, nil).refuses(http.StatusBadRequest, "WEBAUTHN_UNKNOWN_CREDENTIAL_ID", "credential")
	q.post("/wan-delete", fields{"id": q.get("/wan-register").str("registered_credentials", 0, "id")}).want(http.StatusOK).only()
}

// TestWhatAPasskeyOpenedIsPointedTo: sessions outlive the passkey that they were begun with. A browser that removes one is shown where to end them,
// and nothing ends by itself.
func TestWhatAPasskeyOpenedIsPointedTo(t *testing.T) {
	t.Parallel()
	for lang, link := range map[string]string{"en": "See what is still signed in", "de": "Nachsehen, was noch angemeldet ist"} {
		s := newSite(t, func(c *latchkey.Config) { c.URLPrefix = "/auth" })
		p := s.person(t)
		p.header.Set("Accept-Language", lang)
		p.enrol("first")
		thief := p.fresh()
		thief.signin(fields{"identity": p.email}, nil).want(http.StatusOK)
		p.form("/wan-delete", fields{"name": p.passkeys()[0]}).goes("/auth/wan-register")
		page := p.page("/wan-register").want(http.StatusOK)
		if want := ` <a href="/auth/account#sessions">` + link + `</a></p>`; !strings.Contains(string(page.body), want) {
			t.Errorf("%s: nothing leads to the sessions: %s", lang, page.body)
		}
		if !strings.Contains(string(p.page("/account").want(http.StatusOK).body), `id="sessions"`) {
			t.Error("it leads to nothing")
		}
		thief.signedIn()
		p.form("/sessions/end", fields{"others": "true"}).goes("/auth/account")
		if body := string(p.page("/account").body); !strings.Contains(body, `class="flash good"`) || strings.Contains(body, link) {
			t.Errorf("%s: another note leads there too", lang)
		}
		thief.signedOut()
	}
}
