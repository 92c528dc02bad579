package passkey_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

func TestConfigurationsThatBrowsersCanUseAreTaken(t *testing.T) {
	for name, cfg := range map[string]passkey.Config{
		"one origin":          {RPID: "example.org", Origins: []string{"https://example.org"}},
		"a port":              {RPID: "example.org", Origins: []string{"https://example.org:8443"}},
		"subdomains":          {RPID: "example.org", Origins: []string{"https://www.example.org", "https://a.b.example.org:444"}},
		"an underscore":       {RPID: "a_b.example.org", Origins: []string{"https://a_b.example.org"}},
		"punycode":            {RPID: "xn--bcher-kva.example", Origins: []string{"https://xn--bcher-kva.example"}},
		"localhost":           {RPID: "localhost", Origins: []string{"http://localhost:8080", "https://localhost"}},
		"below localhost":     {RPID: "app.localhost", Origins: []string{"http://app.localhost:8080"}},
		"a loopback address":  {RPID: "127.0.0.1", Origins: []string{"http://127.0.0.1:8080"}},
		"IPv6 loopback":       {RPID: "::1", Origins: []string{"http://[::1]:8080"}},
		"a single label":      {RPID: "intranet", Origins: []string{"https://intranet"}},
		"cross-origin":        {RPID: "example.org", Origins: []string{"https://example.org"}, AllowCrossOrigin: true, TopOrigins: []string{"https://partner.example", "*"}},
		"refusing BE changes": {RPID: "example.org", Origins: []string{"https://example.org"}, BackupEligibleChange: passkey.RefuseBackupEligibleChange},
	} {
		if _, err := passkey.New(cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConfigurationsThatCannotWorkAreRefused(t *testing.T) {
	for _, id := range []string{
		"", "https://example.org", "example.org:443", "example.org/", "Example.org", "example..org", ".example.org", "example.org.",
		"-a.example", "a-.example", "bücher.example", "exa mple.org", "example.org\n", "192.168.0.1", "2001:db8::1", "example.1",
		strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "a", "[::1]", "*.example.org",
	} {
		if _, err := passkey.New(passkey.Config{RPID: id, Origins: []string{"https://" + id}}); err == nil {
			t.Errorf("relying-party id %q was taken", id)
		}
	}
	for _, o := range []string{
		"", "example.org", "//example.org", "https://", "https:example.org", "ftp://example.org", "http://example.org", "http://10.0.0.1",
		"https://example.org/", "https://example.org/path", "https://example.org?q", "https://example.org#f", "https://user@example.org",
		"https://example.org:443", "https://example.org:0443", "https://example.org:", "https://example.org:99999", "https://example.org:x",
		"HTTPS://example.org", "https://Example.org", "https://example.org.", "https://bücher.example.org", "https://*.example.org",
		"https://example.org ", " https://example.org", "null", "*", "android:apk-key-hash:x", "https://example.com", "https://badexample.org",
		"https://org", "https://1.2.3.4", "http://127.0.0.1", "https://[::1]", "https://%65xample.org",
	} {
		if _, err := passkey.New(passkey.Config{RPID: "example.org", Origins: []string{o}}); err == nil {
			t.Errorf("origin %q was taken", o)
		}
	}
	for name, cfg := range map[string]passkey.Config{
		"no origins":              {RPID: "example.org"},
		"one of the origins":      {RPID: "example.org", Origins: []string{"https://example.org", "https://example.com"}},
		"a public suffix":         {RPID: "org", Origins: []string{"https://example.org"}},
		"below a single label":    {RPID: "localhost", Origins: []string{"http://app.localhost"}},
		"above an address":        {RPID: "0.0.1", Origins: []string{"http://127.0.0.1"}},
		"http with default port":  {RPID: "localhost", Origins: []string{"http://localhost:80"}},
		"a long loopback":         {RPID: "0:0:0:0:0:0:0:1", Origins: []string{"http://[0:0:0:0:0:0:0:1]"}},
		"a bad top origin":        {RPID: "example.org", Origins: []string{"https://example.org"}, AllowCrossOrigin: true, TopOrigins: []string{"https://partner.example/"}},
		"top origins alone":       {RPID: "example.org", Origins: []string{"https://example.org"}, TopOrigins: []string{"https://partner.example"}},
		"an unknown change of BE": {RPID: "example.org", Origins: []string{"https://example.org"}, BackupEligibleChange: "ignore"},
	} {
		if _, err := passkey.New(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestAllFaultsOfAConfigurationAreReported(t *testing.T) {
	_, err := passkey.New(passkey.Config{RPID: "Example.org", Origins: []string{"ftp://x", "https://example.org/"}, TopOrigins: []string{"y"}, BackupEligibleChange: "z"})
	for _, part := range []string{`"Example.org"`, `"ftp://x"`, `browsers write "https://example.org"`, `top origin: origin "y"`, `"z"`, "without cross-origin"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %s", err, part)
		}
	}
}

func TestTheConfigurationIsCopied(t *testing.T) {
	cfg := passkey.Config{RPID: rpID, Origins: []string{origin}, AllowCrossOrigin: true, TopOrigins: []string{"https://partner.example"}}
	rp, err := passkey.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Origins[0], cfg.TopOrigins[0] = "https://evil.example", "https://evil.example"
	framed := func(c *latchkeytest.Ceremony) { c.CrossOrigin, c.TopOrigin = true, "https://partner.example" }
	if _, err := register(rp, creation(t, rp, latchkeytest.NewAuthenticator(), framed), passkey.RegistrationCheck{}); err != nil {
		t.Error(err)
	}
}

// TestLookalikesOfTheOriginAreRefused: origins are compared byte for byte, whatever a parser of URLs would make of them.
func TestLookalikesOfTheOriginAreRefused(t *testing.T) {
	rp := newRP(t, func(c *passkey.Config) { c.Origins = []string{origin, "https://login.example.org:8443"} })
	d, c := enrolled(t, rp)
	for _, o := range []string{
		"", "null", "example.org", "//example.org", "https://", "https://example.org/", "https://example.org//", "https://example.org?", "https://example.org#",
		"https://example.org/.", "https://example.org:443", "https://example.org:0443", "https://example.org:", "https://example.org:8443", "https://example.org.",
		"http://example.org", "HTTPS://example.org", "https://EXAMPLE.org", "https://Example.Org", "https:/example.org", "https:\\\\example.org", "https:example.org",
		" https://example.org", "https://example.org ", "https://example.org\n", "\thttps://example.org", "https://example.org\x00", "https://example.org%00", "https://example.org%2f",
		"https://example.org,https://evil.example", "https://evil.example,https://example.org", "https://example.org https://evil.example",
		"https://example.org@evil.example", "https://evil.example@example.org", "https://example.org:x@evil.example", "https://evil.example/https://example.org",
		"https://evil.example?https://example.org", "https://evil.example#https://example.org", "https://evil.example\\.example.org", "https://evil.example/.example.org",
		"https://www.example.org", "https://evilexample.org", "https://example.org.evil.example", "https://example.orgevil.example", "https://xexample.org", "https://example.or", "https://example.orgg",
		"https://еxample.org", "https://example。org", "https://ｅxample.org", "https://exa\u00admple.org", "https://exa\u200bmple.org", "https://xn--xample-2of.org", "https://example.org\u202e",
		"https://login.example.org", "https://login.example.org:443", "https://login.example.org:08443", "https://login.example.org:8444", "http://login.example.org:8443", "https://8443.login.example.org",
		"ftp://example.org", "file://example.org", "data:https://example.org", "javascript://example.org", "blob:https://example.org", "view-source:https://example.org", "chrome-extension://example.org", "android:apk-key-hash:example.org",
		"https://93.184.215.14", "https://[::1]", "https://localhost", "*", "https://*", "https://*.org",
	} {
		_, err := authenticate(rp, assertion(t, rp, d, fromOrigin(o)), c, passkey.AuthenticationCheck{})
		wantRefusal(t, err, passkey.ErrNotVerified, "origin")
		_, err = register(rp, creation(t, rp, latchkeytest.NewAuthenticator(), fromOrigin(o)), passkey.RegistrationCheck{})
		wantRefusal(t, err, passkey.ErrNotVerified, "origin")
	}
}

func TestACeremonyEndsOnTheOriginWhereItBegan(t *testing.T) {
	const other = "https://login.example.org:8443"
	rp := newRP(t, func(c *passkey.Config) { c.Origins = []string{origin, other} })
	d, c := enrolled(t, rp)
	for _, tt := range []struct {
		began, ends string
		ok          bool
	}{
		{origin, origin, true}, {other, other, true}, {"", origin, true}, {"", other, true},
		{origin, other, false}, {other, origin, false},
		// An origin that is not configured is no place to begin, whoever let it begin.
		{"https://evil.example", "https://evil.example", false}, {"", "https://evil.example", false},
	} {
		_, err := authenticate(rp, assertion(t, rp, d, fromOrigin(tt.ends)), c, passkey.AuthenticationCheck{Origin: tt.began})
		_, err2 := register(rp, creation(t, rp, latchkeytest.NewAuthenticator(), fromOrigin(tt.ends)), passkey.RegistrationCheck{Origin: tt.began})
		if tt.ok {
			if err != nil || err2 != nil {
				t.Errorf("%+v: %v, %v", tt, err, err2)
			}
			continue
		}
		wantRefusal(t, err, passkey.ErrNotVerified, "origin")
		wantRefusal(t, err2, passkey.ErrNotVerified, "origin")
	}
}

func TestFramesOfOtherSites(t *testing.T) {
	const partner = "https://partner.example"
	off := func(*passkey.Config) {}
	on := func(tops ...string) func(*passkey.Config) {
		return func(c *passkey.Config) { c.AllowCrossOrigin, c.TopOrigins = true, tops }
	}
	for _, tt := range []struct {
		name   string
		config func(*passkey.Config)
		cross  bool
		top    string
		reason string
	}{
		{"off: a page of our own", off, false, "", ""},
		{"off: a frame", off, true, "", "cross-origin"},
		{"off: a frame that says where", off, true, partner, "cross-origin"},
		{"off: even of our own", off, true, origin, "cross-origin"},
		{"off: a top origin without a frame", off, false, origin, "top-origin"},
		{"on: a page of our own", on(), false, "", ""},
		{"on: a browser before Level 3", on(), true, "", ""},
		{"on: our own other origin", on(), true, origin, ""},
		{"on: nobody is listed", on(), true, partner, "top-origin"},
		{"on: listed", on(partner), true, partner, ""},
		{"on: not listed", on(partner), true, "https://evil.example", "top-origin"},
		{"on: looks like one that is", on(partner), true, partner + "/", "top-origin"},
		{"on: listed, without a frame", on(partner), false, partner, "top-origin"},
		{"on: anybody", on(passkey.AnyTopOrigin), true, "https://evil.example", ""},
		{"on: anybody, without a frame", on(passkey.AnyTopOrigin), false, "https://evil.example", "top-origin"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rp := newRP(t, tt.config)
			d, c := enrolled(t, rp)
			framed := func(c *latchkeytest.Ceremony) { c.CrossOrigin, c.TopOrigin = tt.cross, tt.top }
			_, err := authenticate(rp, assertion(t, rp, d, framed), c, passkey.AuthenticationCheck{Origin: origin})
			_, err2 := register(rp, creation(t, rp, latchkeytest.NewAuthenticator(), framed), passkey.RegistrationCheck{Origin: origin})
			if tt.reason == "" {
				if err != nil || err2 != nil {
					t.Errorf("%v, %v", err, err2)
				}
				return
			}
			wantRefusal(t, err, passkey.ErrNotVerified, tt.reason)
			wantRefusal(t, err2, passkey.ErrNotVerified, tt.reason)
		})
	}
	// An empty top origin is one that is not listed.
	rp := newRP(t, on(partner))
	d, c := enrolled(t, rp)
	_, err := authenticate(rp, assertion(t, rp, d, clientData(func(m map[string]any) any { m["crossOrigin"], m["topOrigin"] = true, ""; return m })), c, passkey.AuthenticationCheck{})
	wantRefusal(t, err, passkey.ErrNotVerified, "top-origin")
}

func TestAChallengeIs32BytesOrAnError(t *testing.T) {
	got, err := passkey.NewChallenge(bytes.NewReader(bytes.Repeat([]byte{7}, 40)))
	if err != nil || !bytes.Equal(got, bytes.Repeat([]byte{7}, 32)) {
		t.Errorf("%x, %v", got, err)
	}
	broken := errors.New("broken")
	if c, err := passkey.NewChallenge(iotest.ErrReader(broken)); c != nil || !errors.Is(err, broken) {
		t.Errorf("%x, %v", c, err)
	}
	if c, err := passkey.NewChallenge(bytes.NewReader(make([]byte, 31))); c != nil || err == nil {
		t.Errorf("%x, %v", c, err)
	}
}
