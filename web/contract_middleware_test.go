package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

// newAppSite is a site with routes of an app's own beside Latchkey's.
func newAppSite(t *testing.T, change ...func(*latchkey.Config)) *site {
	t.Helper()
	s := newSite(t, change...)
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := latchkey.UserFrom(r.Context())
		session, ok := latchkey.SessionFrom(r.Context())
		for name, value := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store, private", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
			w.Header().Set(name, value)
		}
		fmt.Fprintf(w, `{"meta":{"code":200},"response":{"csrf_token":"%s","email":%q,"session":%v,"methods":%d}}`, strings.Repeat("x", 43), user.Email, ok, len(session.Methods))
	})
	mux := http.NewServeMux()
	mux.Handle("/", s.auth.Handler())
	mux.Handle("/app/open", s.auth.Identify(hello))
	mux.Handle("/app/in", s.auth.Require(hello))
	mux.Handle("/app/fresh", s.auth.RequireFresh(time.Minute)(hello))
	mux.Handle("/app/fresh-enough", s.auth.RequireFresh(0)(hello))
	mux.Handle("/app/two", s.auth.RequireTwoFactors(hello))
	mux.Handle("/app/both", s.auth.RequireTwoFactors(s.auth.RequireFresh(time.Minute)(hello)))
	s.server.Config.Handler = mux
	return s
}

func TestAnAppKnowsWhoIsThere(t *testing.T) {
	t.Parallel()
	s := newAppSite(t)
	p := s.person(t)
	s.visitor(t).get("/app/open").want(http.StatusOK).is("", "email").is(false, "session")
	p.get("/app/open").want(http.StatusOK).is(p.email, "email").is(true, "session").is(1, "methods")
	p.bearer(p.token()).get("/app/open").is(p.email, "email")
	p.bearer("nonsense").get("/app/open").want(http.StatusOK).is("", "email")
}

func TestAnAppsRoutesWantASession(t *testing.T) {
	t.Parallel()
	s := newAppSite(t)
	p := s.person(t)
	paths := []string{"/app/in", "/app/fresh", "/app/fresh-enough", "/app/two", "/app/both"}
	for _, path := range paths {
		for _, v := range []*visitor{s.visitor(t), p.bearer("nonsense")} {
			v.get(path+"?a=b").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
			v.post(path, nil).refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
			v.page(path+"?a=b&c=d").goesWith("/login", path+"?a=b&c=d")
		}
	}
	for _, path := range paths[:3] {
		p.get(path).want(http.StatusOK).is(p.email, "email")
		p.post(path, nil).want(http.StatusOK)
		p.bearer(p.token()).get(path).want(http.StatusOK)
	}
	// there and back
	v := p.fresh()
	v.page("/app/in?a=b").goesWith("/login", "/app/in?a=b")
	v.form(query("/login", "next", "/app/in?a=b"), fields{"email": p.email, "password": goodPassword}).goes("/app/in?a=b")
	v.page("/app/in?a=b").want(http.StatusOK)
}

func TestAnAppsSensitiveRoutesWantAProof(t *testing.T) {
	t.Parallel()
	s := newAppSite(t, freshness(10*time.Minute, 0))
	p := s.person(t)
	p.enrol("secondary")
	w := p.waiting()
	w.signin(nil, nil).want(http.StatusOK)
	token := w.post("/verify?include_auth_token", fields{"password": goodPassword}).want(http.StatusOK).str("user", "authentication_token")
	s.clock.pass(2 * time.Minute)
	for _, v := range []*visitor{p, p.bearer(token)} {
		a := v.get("/app/fresh").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
		a.is(true, "reauth_required").is(true, "has_webauthn_verify_credential").is(nil, "tf_required")
		v.get("/app/fresh-enough").want(http.StatusOK)
		v.get("/app/in").want(http.StatusOK)
	}
	p.page("/app/fresh?a=b").goesWith("/verify", "/app/fresh?a=b")
	p.form("/verify?next=%2Fapp%2Ffresh%3Fa%3Db", fields{"password": goodPassword}).goes("/app/fresh?a=b")
	p.get("/app/fresh").want(http.StatusOK)
	s.clock.pass(11 * time.Minute)
	p.get("/app/fresh-enough").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
}

func TestAnAppsOwnBoundHasNoGrace(t *testing.T) {
	t.Parallel()
	s := newAppSite(t, freshness(time.Minute, time.Hour))
	p := s.person(t)
	p.get("/app/fresh-enough").want(http.StatusOK)
	s.clock.pass(2 * time.Minute)
	p.get("/app/fresh-enough").want(http.StatusOK)
	p.get("/app/fresh").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
}

func TestAnAppsRoutesMayWantTwoFactors(t *testing.T) {
	t.Parallel()
	s := newAppSite(t, trusting)
	p := s.person(t)
	refused := func(v *visitor, path string) {
		t.Helper()
		a := v.get(path).refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
		a.is(true, "reauth_required").is(true, "tf_required")
		v.page(path+"?a=b").goesWith("/verify", path+"?a=b")
	}
	refused(p, "/app/two")
	refused(p, "/app/both")
	p.setUpApp()
	refused(p, "/app/two") // to have one set up proves nothing
	p.post("/verify", fields{"password": goodPassword}).want(http.StatusOK)
	refused(p, "/app/two") // the same factor twice is one
	p.form("/verify?next=%2Fapp%2Ftwo", fields{"code": p.codes.next()}).goes("/app/two")
	p.get("/app/two").want(http.StatusOK)
	p.get("/app/both").want(http.StatusOK)
	p.again2FA(t).get("/app/two").want(http.StatusOK)
	// a remembered device counts as one
	v := trust(t, p)
	v.login().is(false, "tf_required")
	refused(v, "/app/two")
	v.post("/verify", fields{"code": p.codes.next()}).want(http.StatusOK)
	v.get("/app/two").want(http.StatusOK)
	// a program's session is raised in its place
	p.post("/tf-setup", fields{"setup": "disable"}).want(http.StatusOK)
	p.enrol("secondary", unverified)
	p.post("/wan-delete", fields{"name": p.passkeys()[0]}).want(http.StatusOK)
	c := p.bearer(p.token())
	refused(c, "/app/two")
	p.setUpApp()
	c.post("/verify", fields{"code": p.codes.next()}).want(http.StatusOK)
	c.get("/app/two").want(http.StatusOK)
}

func TestWhatAPasskeyIsWorthToAnApp(t *testing.T) {
	t.Parallel()
	s := newAppSite(t)
	p := s.person(t)
	p.enrol("first")
	v := p.fresh()
	v.signin(nil, nil).want(http.StatusOK)
	v.get("/app/two").want(http.StatusOK)
	v = p.fresh()
	v.signin(nil, nil, unverified).want(http.StatusOK)
	v.get("/app/two").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "").is(true, "tf_required")
	v.post("/verify", fields{"password": goodPassword}).want(http.StatusOK)
	v.get("/app/two").want(http.StatusOK)
	v = p.again()
	v.get("/app/two").want(http.StatusUnauthorized)
	v.wanVerify(unverified).want(http.StatusOK)
	v.get("/app/two").want(http.StatusOK)
	// verified only now: it did not verify its user when it was registered
	q := s.person(t)
	q.enrol("first", unverified)
	w := q.fresh()
	w.signin(nil, nil).want(http.StatusOK)
	w.get("/app/two").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
}

func TestAScriptIsToldAndNotSentElsewhere(t *testing.T) {
	t.Parallel()
	s := newAppSite(t)
	v := s.visitor(t)
	for _, mode := range []string{"cors", "same-origin", "no-cors"} {
		v.call(http.MethodGet, "/app/in", http.Header{"Sec-Fetch-Mode": {mode}, "Accept": {"*/*"}}, nil).refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	}
	v.call(http.MethodGet, "/app/in", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Accept": {"*/*"}}, nil).goesWith("/login", "/app/in")
	v.call(http.MethodGet, "/app/in", http.Header{"Sec-Fetch-Mode": {"cors"}, "Accept": {htmlAccept}}, nil).goesWith("/login", "/app/in") // asks for a page
	v.call(http.MethodGet, "/app/in", http.Header{"Accept": {"*/*"}}, nil).goesWith("/login", "/app/in")
}

func TestAPostToAnAppComesBackToThePageThatItCameFrom(t *testing.T) {
	t.Parallel()
	s := newAppSite(t)
	v := s.visitor(t)
	send := func(referer string) *answer {
		h := v.formHeader()
		if referer != "" {
			h.Set("Referer", referer)
		}
		return v.call(http.MethodPost, "/app/in", h, []byte("a=b"))
	}
	send(s.origin+"/app/page?x=1").goesWith("/login", "/app/page?x=1")
	for _, referer := range []string{"", "https://evil.example/page", "nonsense", s.origin + "//evil.example", "javascript:alert(1)"} {
		send(referer).goes("/login")
	}
	v.page("/login").shows("not")
}
