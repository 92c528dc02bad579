package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

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

// TestNoHostTakesSecureAway: on a site with an https origin and an http one, only the http origin's own name gives cookies that are not Secure. Any
// other is a name of the https site that a proxy or an attacker made up, and a session that it starts must not travel in the clear.
func TestNoHostTakesSecureAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	for _, origins := range [][]string{
		{"https://localhost:8443", "http://localhost:8080"}, {"http://localhost:8080", "https://localhost:8443"},
		{"https://localhost:8443", "http://localhost:8443", "http://localhost:8080"},
		{"http://localhost:8080", "http://localhost:8443", "https://localhost:8443"},
	} {
		mixed := s.alongside(t, func(c *latchkey.Config) { c.Origins = origins })
		for host, secure := range map[string]bool{
			"localhost:8080": false, "localhost:8443": true, "LOCALHOST:8443": true, "localhost": true, "localhost:8081": true,
			"login.example": true, "10.0.0.7:8080": true, "": true,
		} {
			at := *mixed
			at.https = secure // what every answer is held to
			v := p.at(&at).fresh()
			v.host, v.origin = host, "http://"+host
			v.login().want(http.StatusOK)
			if c := v.cookie("latchkey_session"); c == nil || c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure {
				t.Errorf("%v, at %q: %v", origins, host, c)
			}
			v.signedIn()
		}
	}
}
