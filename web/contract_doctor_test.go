package web_test

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey"
)

// finding is one of the page's, as "verdict about: what".
func (a *answer) findings() string {
	a.t.Helper()
	list, _ := a.at("findings").([]any)
	var b strings.Builder
	for _, f := range list {
		m := f.(map[string]any)
		b.WriteString(m["verdict"].(string) + " " + m["about"].(string) + ": " + m["what"].(string) + "\n")
		if fix, ok := m["fix"].(string); ok {
			b.WriteString("fix: " + fix + "\n")
		}
	}
	return b.String()
}

func TestTheDoctorsPageInDevelopment(t *testing.T) {
	s := newSite(t)
	v := s.visitor(t)
	for name, tt := range map[string]struct {
		host   string
		header http.Header
		says   []string
	}{
		"all is well":     {s.host, nil, []string{"ok ORIGINS: this page was opened at " + s.origin, `ok RP_ID: passkeys are bound to "localhost"`, "without a proxy", "ok clock: it is 2026-03-04T05:06:07Z"}},
		"another port":    {"localhost:1", nil, []string{"error ORIGINS: this page was opened at http://localhost:1, and only " + s.origin + " is configured", "fix: open " + s.origin + "/doctor, or add http://localhost:1 to ORIGINS"}},
		"an address":      {"127.0.0.1:8080", nil, []string{"error ORIGINS: this page was opened at http://127.0.0.1:8080"}},
		"an IPv6 address": {"[::1]:8080", nil, []string{"error ORIGINS: "}},
		"a proxy": {s.host, http.Header{"X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Host": {"app.localhost"}},
			[]string{"warn TRUSTED_PROXIES: this request came through a proxy at 127.0.0.1, as X-Forwarded-For, X-Forwarded-Host says, and it is not believed", "fix: set TRUSTED_PROXIES=127.0.0.1", "warn Host: the proxy was asked for app.localhost, and passes " + s.host + " on"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := v.in(t)
			v.host = tt.host
			header := http.Header{"Accept": {"application/json"}}
			for name, values := range tt.header {
				header[name] = values
			}
			got := v.call(http.MethodGet, "/doctor", header, nil).want(http.StatusOK).findings()
			for _, want := range tt.says {
				if !strings.Contains(got, want) {
					t.Errorf("nothing says %q in\n%s", want, got)
				}
			}
			v.page("/doctor").want(http.StatusOK).shows("How this site is set up")
		})
	}
	v.header.Set("Accept-Language", "de")
	v.page("/doctor").want(http.StatusOK).shows("Wie diese Seite eingerichtet ist")
}

func TestTheDoctorKnowsAProxyThatIsBelieved(t *testing.T) {
	s := newSite(t, func(c *latchkey.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("0.0.0.0/0")}
	})
	v := s.visitor(t)
	if got := v.get("/doctor").want(http.StatusOK).findings(); !strings.Contains(got, "warn TRUSTED_PROXIES: the proxy at 127.0.0.1 is believed, and says nothing") ||
		!strings.Contains(got, "error TRUSTED_PROXIES: 0.0.0.0/0 is everybody") {
		t.Error(got)
	}
	v.header.Set("X-Forwarded-For", "127.0.0.1")
	if got := v.get("/doctor").want(http.StatusOK).findings(); !strings.Contains(got, "ok TRUSTED_PROXIES: the proxy at 127.0.0.1 is believed: this request is from 127.0.0.1") {
		t.Error(got)
	}
}

// What the settings look like is the app's to say, where it does.
func TestTheDoctorsPageShowsTheAppsFindings(t *testing.T) {
	s := newSite(t, func(c *latchkey.Config) {
		c.Diagnosis = func(context.Context) []latchkey.Finding {
			return []latchkey.Finding{{Verdict: "warn", About: "LICENCE", What: "it ends <soon>", Fix: "renew it"}}
		}
	})
	v := s.visitor(t)
	if got := v.get("/doctor").want(http.StatusOK).findings(); !strings.Contains(got, "warn LICENCE: it ends <soon>\nfix: renew it\n") {
		t.Error(got)
	}
	v.page("/doctor").want(http.StatusOK).shows("it ends <soon>").shows("renew it")
}

// Nobody elsewhere sees it: not on a site for others, and not under a name that merely leads here.
func TestTheDoctorsPageIsNowhereElse(t *testing.T) {
	s := newSite(t, func(c *latchkey.Config) {
		c.Origins = []string{"https://login.example.test"}
	})
	s.visitor(t).get("/doctor").refuses(http.StatusNotFound, "API_ERROR", "")
	v := s.visitor(t)
	v.page("/doctor").want(http.StatusNotFound)
	v.host = "localhost:8080"
	v.get("/doctor").refuses(http.StatusNotFound, "API_ERROR", "")

	s = newSite(t)
	v = s.visitor(t)
	v.host = "rebound.example"
	v.get("/doctor").refuses(http.StatusNotFound, "API_ERROR", "")
	v.page("/doctor").want(http.StatusNotFound)
}
