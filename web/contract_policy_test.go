package web_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

// houseRules is a policy that overrides what a test gives it, and the bundled one's for the rest.
type houseRules struct {
	passkey.Classic
	challenge      func() []byte
	origin         func(passkey.Request, []string) string
	selection      func(passkey.Registering) passkey.AuthenticatorSelection
	registration   func(passkey.Registering, passkey.RegistrationOptions) passkey.RegistrationOptions
	verification   func(passkey.Asking) passkey.UserVerification
	authentication func(passkey.Asking, passkey.AuthenticationOptions) passkey.AuthenticationOptions
	nickname       func(string) (string, error)
}

func (r houseRules) Challenge(ctx context.Context) []byte {
	if r.challenge == nil {
		return r.Classic.Challenge(ctx)
	}
	return r.challenge()
}

func (r houseRules) Origin(ctx context.Context, q passkey.Request, configured []string) string {
	if r.origin == nil {
		return r.Classic.Origin(ctx, q, configured)
	}
	return r.origin(q, configured)
}

func (r houseRules) AuthenticatorSelection(ctx context.Context, who passkey.Registering) passkey.AuthenticatorSelection {
	if r.selection == nil {
		return r.Classic.AuthenticatorSelection(ctx, who)
	}
	return r.selection(who)
}

func (r houseRules) RegistrationOptions(ctx context.Context, who passkey.Registering, o passkey.RegistrationOptions) passkey.RegistrationOptions {
	if r.registration == nil {
		return r.Classic.RegistrationOptions(ctx, who, o)
	}
	return r.registration(who, o)
}

func (r houseRules) UserVerification(ctx context.Context, a passkey.Asking) passkey.UserVerification {
	if r.verification == nil {
		return r.Classic.UserVerification(ctx, a)
	}
	return r.verification(a)
}

func (r houseRules) AuthenticationOptions(ctx context.Context, a passkey.Asking, o passkey.AuthenticationOptions) passkey.AuthenticationOptions {
	if r.authentication == nil {
		return r.Classic.AuthenticationOptions(ctx, a, o)
	}
	return r.authentication(a, o)
}

func (r houseRules) Nickname(name string, max int) (string, error) {
	if r.nickname == nil {
		return r.Classic.Nickname(name, max)
	}
	return r.nickname(name)
}

// otherPort is the second origin of a site with a policy.
const otherPort = "http://localhost:1"

// under is a site with such a policy and two origins.
func under(t *testing.T, r houseRules, change ...func(*latchkey.Config)) *site {
	t.Helper()
	return newSite(t, append([]func(*latchkey.Config){func(c *latchkey.Config) {
		c.Policy = r
		c.Origins = append(c.Origins, otherPort)
	}}, change...)...)
}

// challengeOf is the challenge of a start, and option a member of its options.
func (a *answer) challengeOf() []byte {
	a.t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(a.str("credential_options", "challenge"))
	if err != nil {
		a.t.Fatal(err)
	}
	return raw
}

// starts begins each ceremony once, as people who are registered.
func (s *site) starts(t *testing.T) map[string]*answer {
	t.Helper()
	p := s.person(t)
	p.enrolBoth()
	return map[string]*answer{
		"register": p.post("/wan-register", fields{"name": unique("key"), "usage": "first"}).want(http.StatusOK),
		"signin":   s.visitor(t).post("/wan-signin", fields{"identity": p.email}).want(http.StatusOK),
		"second":   p.waiting().post("/wan-signin", nil).want(http.StatusOK),
		"verify":   p.post("/wan-verify", nil).want(http.StatusOK),
	}
}

// The policy's bytes come first; what follows is fresh every time, whatever they are.
func TestAPolicysChallengeIsABeginningOnly(t *testing.T) {
	for name, prefix := range map[string][]byte{"none": nil, "one byte": {1}, "a digest, and always the same": bytes.Repeat([]byte{5}, 32), "the longest": bytes.Repeat([]byte{6}, 64)} {
		t.Run(name, func(t *testing.T) {
			s := under(t, houseRules{challenge: func() []byte { return prefix }})
			seen := map[string]bool{}
			for ceremony, a := range s.starts(t) {
				c := a.challengeOf()
				if !bytes.HasPrefix(c, prefix) || len(c) != len(prefix)+passkey.ChallengeSize || seen[string(c[len(prefix):])] {
					t.Errorf("%s: challenge %x", ceremony, c)
				}
				seen[string(c[len(prefix):])] = true
			}
		})
	}
}

// A policy that always says the same does not bring an answer back to life.
func TestAnAnswerToAConstantChallengeIsNotReplayed(t *testing.T) {
	s := under(t, houseRules{challenge: func() []byte { return bytes.Repeat([]byte{9}, 32) }})
	p := s.person(t)
	p.enrol("first")
	v := p.fresh()
	start := v.post("/wan-signin", fields{"identity": p.email}).want(http.StatusOK)
	credential := v.sign(start)
	v.post(with("/wan-signin", start), fields{"credential": credential}).want(http.StatusOK)

	thief := p.fresh()
	again := thief.post("/wan-signin", fields{"identity": p.email}).want(http.StatusOK)
	thief.post(with("/wan-signin", again), fields{"credential": credential}).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
	thief.signedOut()
}

func TestAPolicyChoosesAmongTheConfiguredOrigins(t *testing.T) {
	var asked []passkey.Request
	var mu sync.Mutex
	s := under(t, houseRules{origin: func(r passkey.Request, configured []string) string {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r)
		if r.Header("X-App") != "" {
			return configured[1]
		}
		return ""
	}})
	p := s.person(t)
	p.enrol("first")
	other := otherPort
	onOther := func(c *latchkeytest.Ceremony) { c.Origin = other }

	// by a backend of the app's own, which sends no Origin and says whom it asks for
	v := p.fresh()
	v.header.Set("X-App", "1")
	start := v.post("/wan-signin", fields{"identity": p.email}).want(http.StatusOK)
	v.post(with("/wan-signin", start), fields{"credential": v.sign(start)}).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
	start = v.post("/wan-signin", fields{"identity": p.email}).want(http.StatusOK)
	v.post(with("/wan-signin", start), fields{"credential": v.sign(start, onOther)}).want(http.StatusOK)

	// without an opinion, where it began
	v = p.fresh()
	v.header.Set("Origin", s.origin)
	start = v.post("/wan-signin", fields{"identity": p.email}).want(http.StatusOK)
	v.post(with("/wan-signin", start), fields{"credential": v.sign(start, onOther)}).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
	mu.Lock()
	defer mu.Unlock()
	if last := asked[len(asked)-1]; last.Origin != s.origin || last.Host != s.host {
		t.Errorf("the policy was asked about %+v", last)
	}
}

// A policy's mistake is replaced by the bundled policy's choice, and told to the operator.
func TestWhatAPolicyMayNotSayIsNotUsed(t *testing.T) {
	for name, tt := range map[string]struct {
		rules  houseRules
		method string
		check  func(t *testing.T, s *site, starts map[string]*answer)
	}{
		"a challenge too long": {houseRules{challenge: func() []byte { return make([]byte, 65) }}, "Challenge", func(t *testing.T, _ *site, starts map[string]*answer) {
			if c := starts["signin"].challengeOf(); len(c) != 32 {
				t.Errorf("challenge of %d bytes", len(c))
			}
		}},
		"an origin that is not configured": {houseRules{origin: func(passkey.Request, []string) string { return "https://evil.example" }}, "Origin", func(t *testing.T, s *site, _ map[string]*answer) {
			p := s.person(t)
			p.enrol("first")
			v := p.fresh()
			start := v.post("/wan-signin", fields{"identity": p.email}).want(http.StatusOK)
			v.post(with("/wan-signin", start), fields{"credential": v.sign(start, func(c *latchkeytest.Ceremony) { c.Origin = "https://evil.example" })}).
				refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
			v.signin(fields{"identity": p.email}, nil).want(http.StatusOK)
		}},
		"a word that the specification does not know": {houseRules{selection: func(passkey.Registering) passkey.AuthenticatorSelection {
			return passkey.AuthenticatorSelection{Attachment: "subcutaneous"}
		}}, "AuthenticatorSelection", func(_ *testing.T, _ *site, starts map[string]*answer) {
			starts["register"].is("cross-platform", "credential_options", "authenticatorSelection", "authenticatorAttachment")
		}},
		"an algorithm that cannot be verified": {houseRules{registration: func(_ passkey.Registering, o passkey.RegistrationOptions) passkey.RegistrationOptions {
			o.Algorithms = []int64{-65535}
			return o
		}}, "RegistrationOptions", func(_ *testing.T, _ *site, starts map[string]*answer) {
			starts["register"].is(float64(-8), "credential_options", "pubKeyCredParams", 0, "alg")
		}},
		"an unknown attestation, and a timeout of nothing": {houseRules{registration: func(_ passkey.Registering, o passkey.RegistrationOptions) passkey.RegistrationOptions {
			o.Attestation, o.Timeout = "sworn", -1
			return o
		}}, "RegistrationOptions", func(_ *testing.T, _ *site, starts map[string]*answer) {
			starts["register"].is("none", "credential_options", "attestation").is(float64(60_000), "credential_options", "timeout")
		}},
		"a display name without end": {houseRules{registration: func(_ passkey.Registering, o passkey.RegistrationOptions) passkey.RegistrationOptions {
			o.DisplayName = strings.Repeat("a", 1000)
			return o
		}}, "RegistrationOptions", func(t *testing.T, _ *site, starts map[string]*answer) {
			if n := len(starts["register"].str("credential_options", "user", "displayName")); n > 256 {
				t.Errorf("a name of %d bytes", n)
			}
		}},
		"a verification that there is not": {houseRules{verification: func(passkey.Asking) passkey.UserVerification { return "perhaps" }}, "UserVerification", func(_ *testing.T, _ *site, starts map[string]*answer) {
			starts["signin"].is("preferred", "credential_options", "userVerification")
			starts["second"].is("discouraged", "credential_options", "userVerification")
		}},
		"a timeout of a year": {houseRules{authentication: func(_ passkey.Asking, o passkey.AuthenticationOptions) passkey.AuthenticationOptions {
			o.Timeout = 365 * 24 * time.Hour
			return o
		}}, "AuthenticationOptions", func(_ *testing.T, _ *site, starts map[string]*answer) {
			starts["verify"].is(float64(60_000), "credential_options", "timeout")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := under(t, tt.rules)
			tt.check(t, s, s.starts(t))
			if lines := s.log.take(); !strings.Contains(lines, "method="+tt.method+" ") {
				t.Errorf("the operator was told %q", lines)
			}
		})
	}
}

// The choices of a policy stand in the options, and what they demand is demanded of the answer.
func TestAPolicyDecidesByPersonAndPurpose(t *testing.T) {
	var mu sync.Mutex
	asked := map[passkey.Purpose]passkey.Asking{}
	s := under(t, houseRules{
		selection: func(r passkey.Registering) passkey.AuthenticatorSelection {
			if strings.HasPrefix(r.User.Email, "staff") {
				return passkey.AuthenticatorSelection{Attachment: "platform", ResidentKey: passkey.ResidentKeyRequired, UserVerification: passkey.VerificationRequired}
			}
			return passkey.Classic{}.AuthenticatorSelection(t.Context(), r)
		},
		registration: func(r passkey.Registering, o passkey.RegistrationOptions) passkey.RegistrationOptions {
			o.DisplayName, o.Timeout, o.Attestation, o.Hints, o.Algorithms = "Ada of "+r.User.Email, 90*time.Second, "direct", []string{"hybrid"}, []int64{-7}
			return o
		},
		verification: func(a passkey.Asking) passkey.UserVerification {
			mu.Lock()
			defer mu.Unlock()
			asked[a.Purpose] = a
			if a.Purpose == passkey.PurposeSignin {
				return passkey.VerificationPreferred
			}
			return passkey.VerificationRequired
		},
		authentication: func(a passkey.Asking, o passkey.AuthenticationOptions) passkey.AuthenticationOptions {
			o.Timeout, o.Hints = 2*time.Minute, []string{"security-key"}
			return o
		},
	})
	staff := s.visitor(t)
	staff.email = unique("staff") + "@example.test"
	staff.post("/register", fields{"email": staff.email, "password": goodPassword}).want(http.StatusOK)
	start := staff.post("/wan-register", fields{"name": "key", "usage": "first"}).want(http.StatusOK)
	for path, want := range map[string]any{
		"authenticatorSelection.authenticatorAttachment": "platform", "authenticatorSelection.requireResidentKey": true,
		"authenticatorSelection.userVerification": "required", "timeout": float64(90_000), "attestation": "direct", "user.displayName": "Ada of " + staff.email,
		"user.name": staff.email, "extensions.credProps": true, "rp.id": "localhost",
	} {
		at := []any{"credential_options"}
		for part := range strings.SplitSeq(path, ".") {
			at = append(at, part)
		}
		start.is(want, at...)
	}
	if got, _ := json.Marshal(start.at("credential_options", "pubKeyCredParams")); string(got) != `[{"alg":-7,"type":"public-key"}]` {
		t.Errorf("offered: %s", got)
	}
	rs256 := func(c *latchkeytest.Ceremony) { c.Algorithm = latchkeytest.RS256 }
	lazy := staff.device.Clone()
	lazy.UserVerified = false
	wrong := staff.fork()
	wrong.device = lazy
	wrong.post(with("/wan-register", start), fields{"credential": wrong.create(start)}).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
	start = staff.post("/wan-register", fields{"name": "key", "usage": "first"}).want(http.StatusOK)
	// an algorithm that was not offered, by a device that does not care
	forced := staff.fork()
	forced.device = latchkeytest.NewAuthenticator()
	forced.device.Algorithm = latchkeytest.RS256
	options := bytes.ReplaceAll(start.options(), []byte(`-7`), []byte(`-257`))
	credential, err := forced.device.Create(options, s.origin, rs256)
	if err != nil {
		t.Fatal(err)
	}
	forced.post(with("/wan-register", start), fields{"credential": string(credential)}).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
	staff.enrolBoth()

	for purpose, a := range map[passkey.Purpose]*answer{
		passkey.PurposeSignin:       s.visitor(t).post("/wan-signin", fields{"identity": staff.email}).want(http.StatusOK),
		passkey.PurposeSecondFactor: staff.waiting().post("/wan-signin", nil).want(http.StatusOK),
		passkey.PurposeVerify:       staff.post("/wan-verify", nil).want(http.StatusOK),
	} {
		a.is(float64(120_000), "credential_options", "timeout").is("security-key", "credential_options", "hints", 0)
		mu.Lock()
		got := asked[purpose]
		mu.Unlock()
		switch {
		case purpose == passkey.PurposeSignin && (got.User != nil || len(got.Usages) != 1 || got.Usages[0] != account.UsageFirst):
			t.Errorf("%s: the policy was told %+v", purpose, got)
		case purpose != passkey.PurposeSignin && (got.User == nil || got.User.Email != staff.email):
			t.Errorf("%s: the policy was told %+v", purpose, got)
		}
	}
	// what a policy demands of the second step is demanded
	w := staff.waiting()
	start = w.post("/wan-signin", nil).want(http.StatusOK).is("required", "credential_options", "userVerification")
	w.post(with("/wan-signin", start), fields{"credential": w.sign(start, unverified)}).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
	w = staff.waiting()
	start = w.post("/wan-signin", nil).want(http.StatusOK)
	w.post(with("/wan-signin", start), fields{"credential": w.sign(start)}).want(http.StatusOK)
}

// No policy lets a first passkey stand in for a required second factor without its user's verification.
func TestNoPolicyWeakensTheStandIn(t *testing.T) {
	s := under(t, houseRules{verification: func(passkey.Asking) passkey.UserVerification { return passkey.VerificationDiscouraged }},
		func(c *latchkey.Config) { c.TwoFactorRequired = false })
	p := s.person(t)
	p.enrol("first")
	demanding := s.alongside(t, func(c *latchkey.Config) { c.TwoFactorRequired = true })
	v := demanding.visitor(t)
	v.email, v.device = p.email, p.device
	v.login().is("webauthn", "tf_method")
	start := v.post("/wan-signin", nil).want(http.StatusOK).is("required", "credential_options", "userVerification")
	v.post(with("/wan-signin", start), fields{"credential": v.sign(start, unverified)}).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
	v.signedOut()
}

func TestAPolicysNicknames(t *testing.T) {
	s := under(t, houseRules{nickname: func(name string) (string, error) {
		switch {
		case strings.Contains(name, "nothing"):
			return "", nil
		case strings.Contains(name, "long"):
			return "", passkey.ErrNicknameTooLong
		case strings.Contains(name, "rude"):
			return "", errors.New("not in this house")
		case strings.Contains(name, "sly"):
			return "abc\u202edef", nil
		}
		return strings.ToUpper(name), nil
	}})
	p := s.person(t)
	start := p.post("/wan-register", fields{"name": "#1 ❤️", "usage": "first"}).want(http.StatusOK)
	p.post(with("/wan-register", start), fields{"credential": p.create(start)}).want(http.StatusOK)
	p.post("/wan-register", fields{"name": "#1 ❤️", "usage": "first"}).refuses(http.StatusBadRequest, "WEBAUTHN_NAME_INUSE", "name")
	if got := p.passkeys(); len(got) != 1 || got[0] != "#1 ❤️" {
		t.Errorf("passkeys %q", got)
	}
	for name, code := range map[string]string{"nothing": "WEBAUTHN_NAME_REQUIRED", "too long": "INVALID_INPUT_LENGTH", "rude": "INVALID_INPUT", "sly": "INVALID_INPUT"} {
		p.post("/wan-register", fields{"name": name, "usage": "first"}).refuses(http.StatusBadRequest, code, "name")
	}
}
