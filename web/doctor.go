package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/internal/loopback"
)

// Finding is one thing that was looked at, for whoever sets a site up.
type Finding struct {
	Verdict Verdict `json:"verdict"`
	// About is the setting, by its name in the server, or the thing; What is how it stands, Fix what to do about it, in words.
	About string `json:"about"`
	What  string `json:"what"`
	Fix   string `json:"fix,omitempty"`
}

// Verdict is how bad a finding is.
type Verdict string

const (
	VerdictOK    Verdict = "ok"
	VerdictWarn  Verdict = "warn"
	VerdictError Verdict = "error"
)

// Diagnose tells what the settings look like.
type Diagnose func(context.Context) []Finding

// developing reports whether the page of the doctor is there: on a site whose every origin is this machine, for who asks by such a name. A
// page of another site that has its own name lead here does not.
func (c *call) developing() bool {
	host, _, err := net.SplitHostPort(c.r.Host)
	if err != nil {
		host = c.r.Host
	}
	return c.h.local && loopback.Is(strings.Trim(host, "[]"))
}

// doctorPage shows what a developer wants to know when a passkey won't work: how this request came here, and how that goes with the settings.
func doctorPage(c *call) (*reply, error) {
	findings := c.arrival()
	if c.h.Diagnose != nil {
		findings = append(findings, c.h.Diagnose(c.r.Context())...)
	}
	return &reply{body: map[string]any{"findings": findings}, page: "doctor", data: doctorData{Findings: findings}}, nil
}

// arrival looks at the request itself.
func (c *call) arrival() []Finding {
	r := c.r
	var all []Finding
	say := func(v Verdict, about, what, fix string) { all = append(all, Finding{v, about, what, fix}) }

	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	here := scheme + "://" + r.Host
	switch o, known := c.h.origins[r.Host]; {
	case !known:
		say(VerdictError, "ORIGINS", fmt.Sprintf("this page was opened at %s, and only %s is configured: no passkey works here", here, strings.Join(c.h.Origins, ", ")),
			"open "+c.h.Origins[0]+c.h.path("doctor")+", or add "+here+" to ORIGINS")
	case o.Scheme != scheme && r.Header.Get("X-Forwarded-Proto") != o.Scheme:
		say(VerdictError, "ORIGINS", fmt.Sprintf("this page came by %s, and %s://%s is configured", scheme, o.Scheme, r.Host), "write "+here+" in ORIGINS")
	default:
		say(VerdictOK, "ORIGINS", "this page was opened at "+o.Scheme+"://"+r.Host+", which is configured", "")
	}
	if _, err := netip.ParseAddr(c.h.RPID); err == nil {
		say(VerdictWarn, "RP_ID", c.h.RPID+" is an address, and browsers keep passkeys for names alone", "use http://localhost with the port in ORIGINS")
	} else {
		say(VerdictOK, "RP_ID", fmt.Sprintf("passkeys are bound to %q", c.h.RPID), "")
	}

	from, believed := c.h.ClientIP.Connection(r)
	switch forwarded := forwardedHeaders(r); {
	case len(forwarded) > 0 && !believed:
		say(VerdictWarn, "TRUSTED_PROXIES", fmt.Sprintf("this request came through a proxy at %s, as %s says, and it is not believed: everybody seems to come from one address, which limits then stop for all", from, strings.Join(forwarded, ", ")),
			fmt.Sprintf("set TRUSTED_PROXIES=%s, and let the proxy set X-Forwarded-For", from))
	case believed && r.Header.Get("X-Forwarded-For") == "":
		say(VerdictWarn, "TRUSTED_PROXIES", fmt.Sprintf("the proxy at %s is believed, and says nothing of where this request is from", from), "let it set X-Forwarded-For")
	case believed:
		say(VerdictOK, "TRUSTED_PROXIES", fmt.Sprintf("the proxy at %s is believed: this request is from %s", from, c.caller.Address), "")
	default:
		say(VerdictOK, "TRUSTED_PROXIES", fmt.Sprintf("this request came from %s without a proxy", from), "")
	}
	if asked := r.Header.Get("X-Forwarded-Host"); asked != "" && asked != r.Host {
		say(VerdictWarn, "Host", fmt.Sprintf("the proxy was asked for %s, and passes %s on", asked, r.Host), "let the proxy pass the Host header on as it came")
	}
	say(VerdictOK, "clock", "it is "+c.h.service.Clock().UTC().Format(time.RFC3339)+" here; codes of authenticator apps bear half a minute's difference", "")
	return all
}

// forwardedHeaders are the names of those that only a proxy sends.
func forwardedHeaders(r *http.Request) []string {
	var names []string
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			names = append(names, name)
		}
	}
	return names
}
