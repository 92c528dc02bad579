package web_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

// situations are people at every stage, each with the pages that they may see.
func situations(t testing.TB, change ...func(*latchkey.Config)) map[string]*visitor {
	t.Helper()
	s := newSite(t, append([]func(*latchkey.Config){trusting}, change...)...)
	p := s.person(t)
	p.enrolBoth()
	p.setUpApp()
	p.setUpEmail()
	p.recoveryCodes()
	ready := p.waiting()
	ready.post("/tf-select", fields{"which": "authenticator"}).want(http.StatusOK)
	required := newSite(t, append([]func(*latchkey.Config){everyToken}, change...)...)
	setup := required.newcomer(t)
	validating := required.newcomer(t)
	validating.post("/tf-setup", fields{"setup": "authenticator"}).want(http.StatusOK)
	return map[string]*visitor{
		"nobody": s.visitor(t), "signed in": p, "choosing": p.waiting(), "ready": ready,
		"unconfirmed": required.visitor(t), "setting up": setup, "validating": validating,
	}
}

// TestThePolicyOfEveryPage: whatever page is shown to whom, refusals too, it runs only this site's modules and those with its nonce, which is
// another each time, and stands in no frame.
func TestThePolicyOfEveryPage(t *testing.T) {
	t.Parallel()
	nonces := map[string]bool{}
	pages := map[string]bool{}
	judge := func(a *answer) {
		t.Helper()
		if !a.isPage() {
			return
		}
		policy := map[string][]string{}
		for directive := range strings.SplitSeq(a.header.Get("Content-Security-Policy"), ";") {
			words := strings.Fields(directive)
			if len(words) == 0 || policy[words[0]] != nil {
				t.Errorf("%v: the directive %q", a, directive)
				continue
			}
			policy[words[0]] = words[1:]
		}
		script := policy["script-src"]
		if len(script) != 2 || script[0] != "'self'" || !regexp.MustCompile(`^'nonce-[A-Za-z0-9_-]{43}'$`).MatchString(script[1]) || nonces[script[1]] {
			t.Errorf("%v: script-src %q", a, script)
			return
		}
		nonces[script[1]] = true
		delete(policy, "script-src")
		for name, want := range map[string]string{
			"default-src": "'none'", "style-src": "'self'", "img-src": "'self' data:", "connect-src": "'self'", "form-action": "'self'", "base-uri": "'none'", "frame-ancestors": "'none'",
		} {
			if got := strings.Join(policy[name], " "); got != want {
				t.Errorf("%v: %s %q", a, name, got)
			}
			delete(policy, name)
		}
		if len(policy) > 0 {
			t.Errorf("%v: more than that: %v", a, policy)
		}
		for name, want := range map[string]string{
			"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			"Cache-Control": "no-store, private", "Content-Type": "text/html; charset=utf-8",
		} {
			if got := a.header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%v: %s %q", a, name, got)
			}
		}
		if title := regexp.MustCompile(`<title>(.*?)</title>`).FindSubmatch(a.body); title != nil {
			pages[string(title[1])] = true
		}
	}
	for _, v := range situations(t) {
		for _, r := range routesOf(v.s) {
			judge(v.fork().page(at(r.Path)))
		}
		for _, r := range routesOf(v.s) { // which may end what made the person see those
			judge(v.fork().form(at(r.Path), fields{"email": "x", "password": "x", "code": "1", "name": unique("k")}))
			judge(v.fork().call(http.MethodPut, at(r.Path), http.Header{"Accept": {htmlAccept}}, nil))
		}
		judge(v.fork().page("/nothing"))
		for _, h := range []http.Header{
			{"Accept": {htmlAccept}, "Sec-Fetch-Site": {"cross-site"}}, {"Accept": {htmlAccept}, "Content-Type": {"text/plain"}}, {"Accept": {htmlAccept}, "Content-Type": {"application/x-www-form-urlencoded"}},
		} {
			judge(v.fork().call(http.MethodPost, "/login", h, []byte(strings.Repeat("%zz", 30000))))
		}
	}
	if len(pages) < 15 {
		t.Errorf("only %d different pages were seen: %v", len(pages), pages)
	}
}

// TestCrossSiteRequestsChangeNothing: at every endpoint, by everybody, a request from another site is refused before anything is looked at.
func TestCrossSiteRequestsChangeNothing(t *testing.T) {
	t.Parallel()
	who := situations(t)
	ledgers := map[*site]*ledger{}
	for name, v := range who {
		l := ledgers[v.s]
		if l == nil {
			l = v.s.ledger(t)
			ledgers[v.s] = l
		}
		for _, r := range routesOf(v.s) {
			for _, origin := range []http.Header{
				{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://evil.localhost"}}, {"Origin": {"https://evil.example"}}, {"Origin": {"null"}},
			} {
				for _, typ := range []string{"application/json", "application/x-www-form-urlencoded"} {
					h := origin.Clone()
					h.Set("Content-Type", typ)
					body := "email=a%40example.test&password=x&all=y&name=key&setup=disable&code=1"
					if typ == "application/json" {
						body = `{"all":true,"name":"key","setup":"disable","send":"email"}`
					}
					before := l.page()
					a := v.fork().call(http.MethodPost, at(r.Path), h, []byte(body)).want(http.StatusForbidden)
					if after := l.page(); after != before {
						t.Errorf("%s: %v: %v became %v", name, a, before, after)
					}
					if len(a.set) > 0 {
						t.Errorf("%s: %v sets cookies", name, a)
					}
				}
			}
		}
	}
}

// TestNoGetChangesAnything: pages may be fetched by anybody's link, image or prefetch; nothing comes of it but a page. A link's own page, too.
func TestNoGetChangesAnything(t *testing.T) {
	t.Parallel()
	who := situations(t)
	ledgers := map[*site]*ledger{}
	for name, v := range who {
		l := ledgers[v.s]
		if l == nil {
			l = v.s.ledger(t)
			ledgers[v.s] = l
		}
		paths := []string{}
		for _, r := range routesOf(v.s) {
			paths = append(paths, at(r.Path), query(at(r.Path), "email", "x", "password", goodPassword, "all", "y", "setup", "disable", "send", "email", "which", "email", "help_setup", "help", "code", "1"))
		}
		if v.email != "" {
			link, err := v.s.auth.RecoveryLink(t.Context(), v.email)
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, strings.TrimPrefix(link, v.s.origin))
		}
		before := l.page()
		for _, path := range paths {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				for _, accept := range []string{htmlAccept, "application/json"} {
					a := v.fork().call(method, path, http.Header{"Accept": {accept}, "Sec-Fetch-Site": {"cross-site"}}, nil)
					if after := l.page(); after != before {
						t.Errorf("%s: %v: %v became %v, %v", name, a, before, after, l.changes(before))
						before = after
					}
					for _, c := range a.set {
						if !strings.HasSuffix(c.Name, "latchkey_flash") && !strings.HasSuffix(c.Name, "latchkey_grace") {
							t.Errorf("%s: %v sets %s", name, a, c.Name)
						}
					}
				}
			}
		}
	}
}

// forgedHeaders are what a client may say of who it is and where it believes to be.
func forgedHeaders() http.Header {
	const evil = "evil.example"
	return http.Header{
		"X-Forwarded-Host": {evil}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"203.0.113.99"}, "X-Forwarded-Port": {"1"}, "Forwarded": {`host="` + evil + `";proto=https;for="203.0.113.99"`}, "X-Original-Url": {"/account"},
		"X-Rewrite-Url": {"/account"}, "X-Host": {evil}, "X-Real-Ip": {"203.0.113.99"}, "True-Client-Ip": {"203.0.113.99"}, "X-Http-Method-Override": {"POST"}, "Referer": {"https://" + evil + "/x"}, "Via": {evil},
	}
}

// TestAForgedHostIsNowhere: in no page, header, mail or event, whatever headers say it.
func TestAForgedHostIsNowhere(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*latchkey.Config){everyToken, func(c *latchkey.Config) {}} {
		s := newSite(t, change)
		confirmed := s.cfg.Confirmable
		forge := func(v *visitor) *visitor {
			v.host, v.header = "evil.example", forgedHeaders()
			return v
		}
		clean := func(what, text string) {
			t.Helper()
			if strings.Contains(text, "evil.example") || strings.Contains(text, "203.0.113.99") {
				t.Errorf("%s: %.300s", what, text)
			}
		}
		judge := func(a *answer) *answer {
			t.Helper()
			clean(a.String(), string(a.body)+fmt.Sprint(a.header))
			return a
		}
		var p *visitor
		v := forge(s.visitor(t))
		v.email = unique("forged") + "@example.test"
		if confirmed {
			judge(v.post("/register", fields{"email": v.email}).want(http.StatusOK))
			judge(v.page(s.link(t, v.email)))
			judge(v.post(s.link(t, v.email), fields{"password": goodPassword}).want(http.StatusOK))
			judge(v.post("/register", fields{"email": v.email}).want(http.StatusOK))
		} else {
			judge(v.post("/register", fields{"email": v.email, "password": goodPassword}).want(http.StatusOK))
			p = v
		}
		for _, r := range routesOf(s) {
			for _, x := range []*visitor{v, forge(s.visitor(t))} {
				judge(x.fork().page(at(r.Path)))
				judge(x.fork().get(at(r.Path)))
				judge(x.fork().post(at(r.Path), fields{"email": v.email, "password": "Wrong-Kettle-42", "code": "1", "name": unique("k")}))
			}
		}
		if p != nil { // mails with links in them
			again := forge(p.fresh())
			judge(again.login().want(http.StatusOK))
			for range 100 {
				forge(p.fresh()).post("/login", fields{"email": p.email, "password": "Wrong-Kettle-42"})
			}
			forge(p.fresh()).post("/login", fields{"email": p.email, "password": "Wrong-Kettle-42"}).want(http.StatusTooManyRequests)
		}
		s.settled(t)
		mails := s.mail.to(v.email)
		if len(mails) == 0 {
			t.Fatal("no mail")
		}
		linked := false
		for _, m := range mails {
			clean("a mail", m.Subject+m.Text)
			linked = linked || strings.Contains(m.Text, s.origin)
		}
		if !linked {
			t.Errorf("no mail has a link to %s", s.origin)
		}
		var addresses string
		if err := s.raw.QueryRowContext(t.Context(), `SELECT group_concat(DISTINCT address) FROM latchkey_events`).Scan(&addresses); err != nil || strings.Contains(addresses, "203.") {
			t.Errorf("events are from %q: %v", addresses, err)
		}
	}
}

// TestNoHeaderIsInjected: line breaks in whatever a stranger may write make no line of an answer's head or of a mail's.
func TestNoHeaderIsInjected(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	const evil = "a\r\nX-Injected: 1\r\nSet-Cookie: injected=1\r\n\r\n<script>"
	seen := func(a *answer) {
		t.Helper()
		if a.header.Get("X-Injected") != "" || slices.ContainsFunc(a.set, func(c *http.Cookie) bool { return c.Name == "injected" }) {
			t.Errorf("%v: %v", a, a.header)
		}
		for name, values := range a.header {
			for _, v := range append(values, name) {
				if strings.ContainsAny(v, "\r\n") {
					t.Errorf("%v: the header %q: %q", a, name, v)
				}
			}
		}
	}
	for _, r := range routesOf(s) {
		if r.Path == "/logout" {
			continue // nothing is written there, and the rest is for who is signed in
		}
		for _, v := range []*visitor{p, s.visitor(t)} {
			path := strings.Replace(at(r.Path), "x", "a%0d%0aX-Injected:%201", 1)
			seen(v.fork().page(path + "?next=%0d%0aX-Injected:%201"))
			f := fields{}
			for _, name := range []string{"email", "password", "identity", "name", "usage", "next", "code", "credential", "id", "setup", "phone", "which", "help_setup", "send", "remember"} {
				f[name] = evil
			}
			seen(v.fork().form(path, f))
			seen(v.fork().post(path, f))
		}
	}
	p.setUpSMS()
	for _, m := range append(s.mail.to(p.email), s.mail.to(p.phone)...) {
		if strings.ContainsAny(m.Subject+m.To, "\r\n") {
			t.Errorf("a message to %q with the subject %q", m.To, m.Subject)
		}
	}
}

// wantCookie is what a cookie must be, besides HttpOnly, Path=/ and of this host alone.
type wantCookie struct {
	same http.SameSite
	life time.Duration
}

var wantCookies = map[string]wantCookie{
	"latchkey_session": {http.SameSiteLaxMode, 720 * time.Hour}, // of who asked to be remembered
	"latchkey_pending": {http.SameSiteLaxMode, 0},
	"latchkey_grace":   {http.SameSiteLaxMode, 0},
	"latchkey_known":   {http.SameSiteLaxMode, 365 * 24 * time.Hour},
	"latchkey_flash":   {http.SameSiteLaxMode, 5 * time.Minute},
	"tf_validity":      {http.SameSiteStrictMode, 720 * time.Hour},
}

// TestTheAttributesOfEveryCookie on http and on https, where it is set and where it is deleted: a deletion without the attributes that the name
// demands is one that the browser ignores.
func TestTheAttributesOfEveryCookie(t *testing.T) {
	t.Parallel()
	for _, https := range []bool{false, true} {
		s := newSite(t, trusting, func(c *latchkey.Config) {
			if https {
				c.Origins, c.RPID = []string{"https://login.example.test"}, "example.test"
			}
		})
		p := s.person(t)
		p.enrol("secondary")
		v := p.fresh()
		var all []*http.Cookie
		see := func(a *answer) *answer { all = append(all, a.set...); return a }
		see(v.form("/login", fields{"email": p.email, "password": goodPassword, "remember": "y"}).want(http.StatusFound))
		see(v.signin(nil, nil).want(http.StatusOK)) // deletes the pending one
		see(v.page("/wan-register").want(http.StatusOK))
		see(v.form("/verify", fields{"password": goodPassword}).want(http.StatusFound))
		see(v.page("/login"))
		see(v.page("/account").want(http.StatusOK)) // shows the note, and deletes its cookie
		see(v.form("/logout", nil).want(http.StatusFound))
		set, dropped := map[string]bool{}, map[string]bool{}
		for _, c := range all {
			name, hosted := strings.CutPrefix(c.Name, "__Host-")
			want, ok := wantCookies[name]
			if !ok || hosted != (https && name != "tf_validity") {
				t.Errorf("https %v: a cookie %s", https, c.Name)
				continue
			}
			if !c.HttpOnly || c.Secure != https || c.Path != "/" || c.Domain != "" {
				t.Errorf("https %v: %s", https, c.Raw)
			}
			if c.MaxAge < 0 {
				dropped[name] = true
				continue
			}
			set[name] = true
			if c.SameSite != want.same || c.MaxAge != int(want.life/time.Second) || !c.Expires.IsZero() {
				t.Errorf("https %v: %s", https, c.Raw)
			}
		}
		for name := range wantCookies {
			if !set[name] || !dropped[name] && name != "latchkey_known" && name != "tf_validity" {
				t.Errorf("https %v: %s was set: %v, deleted: %v", https, name, set[name], dropped[name])
			}
		}
	}
}

// TestNamesAreNeverMarkup: the site's name, an address, a passkey's nickname and a browser's name with marks in them stand in every page as text.
func TestNamesAreNeverMarkup(t *testing.T) {
	t.Parallel()
	const site = `O'Neil & <b>Sons</b> "x" </script><script>alert(1)</script> {{.}} é`
	named := func(c *latchkey.Config) { c.RPName, c.TOTPIssuer = site, site }
	who := situations(t, named)
	p := who["signed in"]
	q := p.s.visitor(t)
	q.email, q.header = unique("o'brien&co")+"@example.test", http.Header{"User-Agent": {`"><img src=x onerror=alert(1)>`}}
	q.post("/register", fields{"email": q.email, "password": goodPassword}).want(http.StatusOK)
	start := q.post("/wan-register", fields{"name": "Ada’s ‘key’ it's mine", "usage": "first"})
	if start.status == http.StatusBadRequest { // not all of that may stand in a nickname
		start = q.post("/wan-register", fields{"name": "Ada’s key, it's mine", "usage": "first"})
	}
	if start.status == http.StatusBadRequest {
		start = q.post("/wan-register", fields{"name": "Ada’s key it's mine", "usage": "first"})
	}
	q.post(with("/wan-register", start.want(http.StatusOK)), fields{"credential": q.create(start)}).want(http.StatusOK)
	q.setUpApp()
	who["with a name"] = q
	seen := 0
	for name, v := range who {
		for _, r := range routesOf(v.s) {
			pages := []*answer{v.fork().page(at(r.Path))}
			if r.Post && r.Path != "/logout" && (v.email == "" || v == p || v == q) {
				pages = append(pages, v.fork().form(at(r.Path), fields{"identity": "o'brien@example.test", "email": "o'brien@example.test", "name": unique("it's "), "setup": "authenticator", "usage": "first"}))
			}
			for _, a := range pages {
				if !a.isPage() {
					continue
				}
				seen++
				body := string(a.body)
				for _, bad := range []string{"<b>Sons", "<script>alert", "<img src=x", "onerror=alert(1)>", "ZgotmplZ"} {
					if strings.Contains(body, bad) {
						t.Errorf("%s: %s holds %q", name, a.path, bad)
					}
				}
				title := regexp.MustCompile(`(?s)<title>(.*?)</title>`).FindStringSubmatch(body)
				if title == nil || !strings.Contains(html.UnescapeString(title[1]), "O'Neil & <b>Sons</b>") {
					t.Errorf("%s: %s has the title %q", name, a.path, title)
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d pages were seen", seen)
	}
	a := q.page("/account").want(http.StatusOK)
	a.shows("it's mine").shows("o'brien&co")
	// what scripts read is JSON, whatever stands in it
	page := q.form("/wan-register", fields{"name": "third", "usage": "first"}).want(http.StatusOK)
	var options struct {
		RP   struct{ Name string }
		User struct{ Name string }
	}
	fromJSON(t, page.options(), &options)
	if options.RP.Name != site || options.User.Name != q.email {
		t.Errorf("the options are of %q, %q", options.RP.Name, options.User.Name)
	}
}
