package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

// badNexts would lead elsewhere in some browser, proxy or server. internal/redirect has the whole list.
var badNexts = []string{
	"https://evil.example", "http://evil.example/", "HTTPS://evil.example", "https:evil.example", "https:/evil.example", "https:///evil.example",
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "mailto:a@b.c", "ftp://evil.example", "://evil.example",
	"//evil.example", "///evil.example", "////evil.example", "//evil.example/%2f..", "//localhost@evil.example", "//", "//?a", "//\tevil.example",
	"\\", "\\\\evil.example", "/\\evil.example", "/\\/evil.example", "\\/evil.example", "/\\\\evil.example", "/a\\b", "/a?b\\c", "/..\\evil.example",
	"/%2f/evil.example", "/%2fevil.example", "/%2F%2Fevil.example", "/%5cevil.example", "/%5C/evil.example", "/%252fevil.example", "/%25252fevil.example", "/%255cevil.example",
	"/%09/evil.example", "/%0a/evil.example", "/%0d%0aLocation:%20https://evil.example", "/%00", "/\t/evil.example", "/\n/evil.example", "/\r\n/evil.example", "/\x00",
	"\t//evil.example", " //evil.example", " https://evil.example", "/ /evil.example", "/.//evil.example", "/a/..//evil.example", "/a//b",
	"/\u200b/evil.example", "/\u2028", "/／evil.example", "／／evil.example", "/＼evil.example", "/%EF%BC%8Fevil.example", "/\u202e/x",
	"account", "./account", "../account", "?a=b", "#a", "@evil.example", ".evil.example", ":80", "evil.example",
	"/" + strings.Repeat("a", 3000),
}

// goodNexts are paths that people really come from.
var goodNexts = []string{"/", "/account", "/a/b/", "/a?b=c&d=e", "/a#b", "/search?q=a%20b", "/a?u=https%3A%2F%2Fother.example%2F", "/caf%C3%A9", "/@alice", "/a/../b"}

func TestABadNextIsSilentlyReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, often := s.person(t), s.person(t) // an account has so many sessions and no more
	p.enrol("first")
	for _, next := range badNexts {
		often.fresh().form("/login", fields{"email": often.email, "password": goodPassword, "next": next}).goes("/")
		often.fresh().form(query("/login", "next", next), fields{"email": often.email, "password": goodPassword}).goes("/")
		p.form("/verify", fields{"password": goodPassword, "next": next}).goes("/")
		p.page(query("/login", "next", next)).goes("/")
		if a := p.fresh().page(query("/login", "next", next)).want(http.StatusOK); a.hidden("next") != "" {
			t.Errorf("%q is kept in the page", next)
		}
	}
	for _, next := range badNexts[:12] {
		p.fresh().signin(fields{"next": next}, nil).want(http.StatusOK).is("/", "post_login_url")
		p.fresh().signin(nil, fields{"next": next}).want(http.StatusOK).is("/", "post_login_url")
		p.fresh().signin(fields{"next": "/good"}, fields{"next": next}).want(http.StatusOK).is("/good", "post_login_url")
	}
}

func TestAGoodNextIsWhereItGoes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	for _, next := range goodNexts {
		p.fresh().form("/login", fields{"email": p.email, "password": goodPassword, "next": next}).goes(next)
		p.fresh().form(query("/login", "next", next), fields{"email": p.email, "password": goodPassword}).goes(next)
		p.form("/verify", fields{"password": goodPassword, "next": next}).goes(next)
		p.fresh().signin(fields{"next": next}, nil).want(http.StatusOK).is(next, "post_login_url")
	}
	// who is signed in already is not sent on by a link to the sign-in page
	p.page("/login?next=%2Faccount").goes("/")
	p.form("/login?next=%2Faccount", fields{"email": p.email, "password": goodPassword}).goes("/")
	// a bad one in the form does not hide the query's, which is what the person came with
	v := p.fresh()
	v.form("/login?next=%2Faccount", fields{"email": p.email, "password": goodPassword, "next": "//evil.example"}).goes("/account")
	v.signedIn()
}

func TestTheFinishsNextAndRememberWin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	for _, c := range []struct {
		start, finish fields
		next          string
		remembered    bool
	}{
		{nil, nil, "/", false},
		{fields{"next": "/a", "remember": true}, nil, "/a", true},
		{nil, fields{"next": "/b", "remember": true}, "/b", true},
		{fields{"next": "/a", "remember": true}, fields{"next": "/b", "remember": false}, "/b", false},
		{fields{"next": "/a", "remember": false}, fields{"next": "", "remember": true}, "/a", true},
		{fields{"next": "/a", "remember": true}, fields{"next": nil, "remember": nil}, "/a", true},
	} {
		v := p.fresh()
		v.signin(c.start, c.finish).want(http.StatusOK).is(c.next, "post_login_url")
		v.signedIn().restart()
		if got := v.whoami() != ""; got != c.remembered {
			t.Errorf("start %v, finish %v: remembered %v", c.start, c.finish, got)
		}
	}
	// the same by forms, where the second form carries what the first one had
	v := p.fresh()
	page := v.form("/wan-signin?next=%2Fa", fields{"remember": "y"}).want(http.StatusOK)
	if page.hidden("next") != "/a" || page.hidden("remember") != "y" {
		t.Errorf("next %q, remember %q", page.hidden("next"), page.hidden("remember"))
	}
	v.form("/wan-signin/"+page.action("/wan-signin"), fields{"credential": v.sign(page), "next": page.hidden("next"), "remember": "y"}).goes("/a")
	v.restart()
	v.signedIn()
	v = p.fresh()
	page = v.form("/wan-signin", fields{"next": "/a"}).want(http.StatusOK)
	v.form("/wan-signin/"+page.action("/wan-signin")+"?next=%2Fb", fields{"credential": v.sign(page)}).goes("/b")
}

func TestEveryFormGoesOnToNext(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	start := p.post("/wan-register", fields{"name": "k", "usage": "first"})
	p.form(with("/wan-register", start), fields{"credential": p.create(start), "next": "/where"}).goes("/where")
	start = p.post("/tf-setup", fields{"setup": "email"})
	p.form("/tf-setup/"+start.str("tf_state_token")+"?next=%2Fwhere", fields{"code": s.mail.code(t, p.email)}).goes("/where")
	p.form("/tf-setup", fields{"setup": "disable", "next": "/where"}).goes("/where")
	p.form("/change", fields{"password": goodPassword, "new_password": goodPassword + "x", "new_password_confirm": goodPassword + "x", "next": "/where"}).goes("/where")
	p.form("/verify", fields{"password": goodPassword + "x", "next": "/where"}).goes("/where")
	p.form("/logout?next=%2Fwhere", nil).goes("/where")
	p.form("/logout?next=%2F%2Fevil.example", nil).goes("/")
	v := s.visitor(t)
	v.form("/register?next=%2Fwhere", fields{"email": unique("next") + "@example.test", "password": goodPassword, "password_confirm": goodPassword}).goes("/where")
}

func TestAFailedFinishKeepsTheNextOfItsStart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	for path, v := range map[string]*visitor{"/wan-signin": p.fresh(), "/wan-verify": p} {
		start := v.post(path, fields{"next": "/where"}).want(http.StatusOK)
		bad := fields{"credential": v.sign(start, badSignature)}
		v.form(with(path, start), bad).goesWith(path, "/where")
		v.form(with(path, start), bad).goesWith(path, "/where") // replayed
		v.form(with(path, start), fields{"credential": bad["credential"], "next": "/other"}).goesWith(path, "/other")
		start = v.post(path, fields{"next": "/where"})
		s.clock.pass(6 * time.Minute)
		v.form(with(path, start), bad).goesWith(path, "/where") // too late
	}
}

func TestConfiguredViews(t *testing.T) {
	t.Parallel()
	views := func(c *latchkey.Config) {
		c.PostLoginView, c.PostLogoutView, c.PostVerifyView, c.PostRegisterView = "/after-login", "/after-logout", "/after-verify", "/done-registration"
	}
	for _, c := range []struct {
		name   string
		change func(*latchkey.Config)
		in     string // the prefix of views
		want   [4]string
	}{
		{"default", func(*latchkey.Config) {}, "", [4]string{"/", "/", "/", "/wan-register"}},
		{"default under a prefix", func(c *latchkey.Config) { c.URLPrefix = "/auth" }, "/auth", [4]string{"/auth/", "/auth/", "/auth/", "/auth/wan-register"}},
		{"configured", views, "", [4]string{"/after-login", "/after-logout", "/after-verify", "/done-registration"}},
		{"configured under a prefix", func(c *latchkey.Config) { views(c); c.URLPrefix = "/auth" }, "/auth", [4]string{"/after-login", "/after-logout", "/after-verify", "/done-registration"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.change)
			v := s.visitor(t)
			v.email = unique("views") + "@example.test"
			v.form("/register", fields{"email": v.email, "password": goodPassword, "password_confirm": goodPassword}).goes(c.want[0])
			start := v.post("/wan-register", fields{"name": "k", "usage": "first"})
			v.form(with("/wan-register", start), fields{"credential": v.create(start)}).goes(c.want[3])
			v.form("/verify", fields{"password": goodPassword}).goes(c.want[2])
			start = v.post("/wan-verify", nil)
			v.form(with("/wan-verify", start), fields{"credential": v.sign(start)}).goes(c.want[2])
			v.page("/login").goes(c.want[0])
			v.page("/register").goes(c.want[0])
			v.form("/wan-signin", nil).goes(c.want[0])
			v.form("/logout", nil).goes(c.want[1])
			v.signin(nil, nil).want(http.StatusOK).is(c.want[0], "post_login_url")
			v.form("/logout", nil).goes(c.want[1])
			start = v.post("/wan-signin", nil)
			v.form(with("/wan-signin", start), fields{"credential": v.sign(start)}).goes(c.want[0])
		})
	}
}

func TestAPrefixIsInEveryLink(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.URLPrefix = "/auth" })
	p := s.person(t)
	p.enrol("secondary")
	p.setUpApp()
	codes := p.recoveryCodes()
	s.visitor(t).page("/wan-register").goes("/auth/login?next=%2Fauth%2Fwan-register")
	s.visitor(t).page("/tf-validate").goes("/auth/login")
	s.visitor(t).form("/wan-signin/x", fields{"credential": "{}"}).goes("/auth/wan-signin")
	p.page("/wan-delete").goes("/auth/wan-register")
	for _, path := range []string{"/login", "/register", "/wan-signin"} {
		checkLinks(t, s.visitor(t).page(path).want(http.StatusOK))
	}
	for _, path := range []string{"/account", "/wan-register", "/verify", "/wan-verify", "/tf-setup", "/mf-recovery-codes", "/change"} {
		checkLinks(t, p.page(path).want(http.StatusOK))
	}
	v := p.fresh()
	v.form("/login?next=%2Fwhere", fields{"email": p.email, "password": goodPassword}).goesWith("/tf-select", "/where")
	checkLinks(t, v.page("/tf-select").want(http.StatusOK))
	v.form("/tf-select", fields{"which": "webauthn"}).goesWith("/wan-signin", "/where")
	v.post("/tf-select", fields{"which": "webauthn"}).is("/auth/wan-signin", "tf_signin_url")
	v.get("/tf-rescue").is(map[string]any{"recovery_code": "/auth/mf-recovery"}, "recovery_options")
	for _, path := range []string{"/tf-validate", "/tf-rescue", "/mf-recovery"} {
		checkLinks(t, v.page(path).want(http.StatusOK))
	}
	v.form("/mf-recovery", fields{"code": codes[0]}).goes("/where")
}

// checkLinks: every link, form and file of a page is under the prefix.
func checkLinks(t *testing.T, a *answer) {
	t.Helper()
	body := string(a.body)
	for _, attribute := range []string{`href="`, `action="`, `src="`} {
		for rest := body; ; {
			_, after, ok := strings.Cut(rest, attribute)
			if !ok {
				break
			}
			link, next, _ := strings.Cut(after, `"`)
			if !strings.HasPrefix(link, "/auth/") && !strings.HasPrefix(link, "#") {
				t.Errorf("%s: %s%s", a.path, attribute, link)
			}
			rest = next
		}
	}
}
