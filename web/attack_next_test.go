package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// nextWay is one way in which next comes in, up to where it leads. with is the request's own: in the form, or in the query.
type nextWay struct {
	name string
	// go has a person go it, and returns the place that they are sent to.
	lead func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string
}

func place(a *answer) string {
	a.t.Helper()
	if a.isJSON() {
		return a.want(http.StatusOK).str("post_login_url")
	}
	return a.want(http.StatusFound).header.Get("Location")
}

var nextWays = []nextWay{
	{"/login", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		return place(p.fresh().form(path("/login"), f(fields{"email": p.email, "password": goodPassword})))
	}},
	{"/register", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		return place(s.visitor(t).form(path("/register"), f(fields{"email": unique("next") + "@example.test", "password": goodPassword, "password_confirm": goodPassword})))
	}},
	{"/logout", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		return place(p.fresh().form(path("/logout"), f(fields{})))
	}},
	{"/verify", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		return place(p.form(path("/verify"), f(fields{"password": goodPassword})))
	}},
	{"/change", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		return place(p.form(path("/change"), f(fields{"password": goodPassword, "new_password": goodPassword, "new_password_confirm": goodPassword})))
	}},
	{"the start of /wan-signin", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		v := p.fresh()
		start := v.post(path("/wan-signin"), f(fields{"identity": p.email}))
		return place(v.post(with("/wan-signin", start), fields{"credential": v.sign(start)}))
	}},
	{"the finish of /wan-signin", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		v := p.fresh()
		start := v.post("/wan-signin", fields{"identity": p.email})
		return place(v.form(path(with("/wan-signin", start)), f(fields{"credential": v.sign(start)})))
	}},
	{"a failed finish of /wan-signin", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		return place(p.fresh().form(path("/wan-signin/x"), f(fields{"credential": "{}"})))
	}},
	{"the start of /wan-verify", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		start := p.post(path("/wan-verify"), f(fields{}))
		return place(p.form(with("/wan-verify", start), fields{"credential": p.sign(start)}))
	}},
	{"the finish of /wan-verify", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		start := p.post("/wan-verify", nil)
		return place(p.form(path(with("/wan-verify", start)), f(fields{"credential": p.sign(start)})))
	}},
	{"the finish of /wan-register", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		start := p.post("/wan-register", fields{"name": "passing"}).want(http.StatusOK)
		v := p.fork()
		v.device = latchkeytest.NewAuthenticator()
		to := place(v.form(path(with("/wan-register", start)), f(fields{"credential": v.create(start)})))
		p.post("/wan-delete", fields{"name": "passing"}).want(http.StatusOK)
		return to
	}},
	{"the finish of /tf-setup", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		start := p.post("/tf-setup", fields{"setup": "email"}).want(http.StatusOK)
		to := place(p.form(path("/tf-setup/"+start.str("tf_state_token")), f(fields{"code": s.mail.code(t, p.email)})))
		p.post("/tf-setup", fields{"setup": "disable"}).want(http.StatusOK)
		return to
	}},
	{"/tf-setup that disables", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		return place(p.form(path("/tf-setup"), f(fields{"setup": "disable"})))
	}},
}

// secondWays begin with a second factor, of a person who has an app.
var secondWays = []nextWay{
	{"/login, by way of the second factor", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		v := p.fresh()
		page := place(v.form(path("/login"), f(fields{"email": p.email, "password": goodPassword})))
		if to, _, _ := strings.Cut(page, "?"); to != "/tf-validate" {
			t.Errorf("on to %q", page)
		}
		return place(v.form("/tf-validate", fields{"code": p.codes.next()}))
	}},
	{"/tf-validate", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		return place(p.waiting().form(path("/tf-validate"), f(fields{"code": p.codes.next()})))
	}},
	{"/tf-select", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		return place(p.waiting().form(path("/tf-select"), f(fields{"which": "authenticator"})))
	}},
	{"/tf-rescue", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		return place(p.waiting().form(path("/tf-rescue"), f(fields{"help_setup": "recovery_code"})))
	}},
	{"/mf-recovery", func(t testing.TB, s *site, p *visitor, path func(string) string, f func(fields) fields) string {
		code := p.recoveryCodes()[0]
		return place(p.waiting().form(path("/mf-recovery"), f(fields{"code": code})))
	}},
}

// TestNoNextLeadsElsewhere sends every bad next through every way there is, in the form and in the query: each leads where none leads.
func TestNoNextLeadsElsewhere(t *testing.T) {
	t.Parallel()
	if len(badNexts) < 40 {
		t.Fatalf("only %d strings", len(badNexts))
	}
	all := append(append([]nextWay{}, nextWays...), secondWays...)
	for i, w := range all {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *latchkey.Config) { c.Freshness = 1000 * time.Hour })
			p := s.person(t)
			if i < len(nextWays) {
				p.enrol("first")
			} else {
				p.setUpApp()
				p.recoveryCodes()
			}
			plainPath, plainForm := func(p string) string { return p }, func(f fields) fields { return f }
			want := w.lead(t, s, p, plainPath, plainForm)
			if good := w.lead(t, s, p, func(p string) string { return query(p, "next", "/good") }, plainForm); !strings.Contains(good, url.QueryEscape("/good")) && good != "/good" && !strings.HasPrefix(w.name, "/login, by way") {
				t.Errorf("a good next in the query leads to %q", good)
			}
			for j, next := range badNexts {
				var got string
				if j%2 == 0 || w.name == "the start of /wan-verify" {
					got = w.lead(t, s, p, func(p string) string { return query(p, "next", next) }, plainForm)
				} else {
					got = w.lead(t, s, p, plainPath, func(f fields) fields { f["next"] = next; return f })
				}
				if got != want {
					t.Errorf("%q leads to %q, none to %q", next, got, want)
				}
			}
		})
	}
}

// TestNoPathLeadsElsewhere: paths that are not clean, and those that gates and a page's own address put into next, stay on the site; whatever is
// answered has the headers that protect it.
func TestNoPathLeadsElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, path := range []string{
		"//login", "/login/", "/static/latchkey", "/wan-signin//", "//evil.example/..", "//evil.example/%2e%2e", "///evil.example//..//", "/.//evil.example/.", "//evil.example", "//evil.example/account",
		"/\\evil.example", "/%5cevil.example", "/%2f%2fevil.example", "/account//evil.example", "/account?next=//evil.example", "/account?https://evil.example", "//account/../account", "/%0d%0aX-Injected:%201",
		"/wan-register?next=%0d%0aX-Injected:%201", "/account;//evil.example", "/account%3f//evil.example", "/account#//evil.example", "//%65vil.example/%2e%2e//", "/healthz", "/readyz", "/static/latchkey/nothing",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			req, err := http.NewRequestWithContext(t.Context(), method, s.server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			raw, rawQuery, _ := strings.Cut(path, "?")
			if req.URL.Path, err = url.PathUnescape(raw); err != nil {
				t.Fatal(err)
			}
			req.URL.RawPath, req.URL.RawQuery = raw, rawQuery
			req.Host = s.host
			res, err := s.server.Client().Transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Referrer-Policy") != "same-origin" || !strings.HasPrefix(res.Header.Get("Cache-Control"), "no-store") {
				t.Errorf("%s %s: %d without its headers: %v", method, path, res.StatusCode, res.Header)
			}
			if res.Header.Get("X-Injected") != "" || res.StatusCode >= 500 {
				t.Errorf("%s %s: %d %v", method, path, res.StatusCode, res.Header)
			}
			to := res.Header.Get("Location")
			if to == "" {
				continue
			}
			u, err := url.Parse(to)
			if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
				t.Errorf("%s %s leads to %q", method, path, to)
				continue
			}
			// and what a gate keeps of it leads nowhere else either
			if next := u.Query().Get("next"); next != "" {
				p := s.person(t)
				p.post("/logout", nil)
				got := place(p.form(query("/login", "next", next), fields{"email": p.email, "password": goodPassword}))
				if v, err := url.Parse(got); err != nil || v.Host != "" || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") {
					t.Errorf("%s %s: next %q leads to %q", method, path, next, got)
				}
			}
		}
	}
}
