package web_test

import (
	"encoding/base64"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/latchkeytest"
)

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// allowed are the ids of allowCredentials.
func (a *answer) allowed() []string {
	a.t.Helper()
	list, ok := a.at("credential_options", "allowCredentials").([]any)
	if !ok {
		a.t.Fatalf("no allowCredentials: %v", a)
	}
	ids := []string{}
	for _, d := range list {
		ids = append(ids, d.(map[string]any)["id"].(string))
	}
	return ids
}

func TestASignInOffersTheNamedAccountsFirstPasskeys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	first := p.enrol("first", func(c *latchkeytest.Ceremony) { c.Transports = []string{"internal", "hybrid", "carrier-pigeon"} })
	p.enrol("secondary")
	a := p.fresh().post("/wan-signin", fields{"identity": p.email}).want(http.StatusOK)
	a.only("credential_options", "wan_state", "remember", "is_secondary").is(false, "remember").is(false, "is_secondary")
	a.is([]any{map[string]any{"type": "public-key", "id": b64(first.ID), "transports": []string{"internal", "hybrid", "carrier-pigeon"}}}, "credential_options", "allowCredentials")
	a.is("preferred", "credential_options", "userVerification").is(60000, "credential_options", "timeout").is("localhost", "credential_options", "rpId")
	if challenge, err := base64.RawURLEncoding.DecodeString(a.str("credential_options", "challenge")); err != nil || len(challenge) < 16 {
		t.Errorf("challenge %q", challenge)
	}
	for _, spelling := range []string{strings.ToUpper(p.email), " " + p.email + " "} {
		if got := p.fresh().post("/wan-signin", fields{"identity": spelling}).want(http.StatusOK).allowed(); !reflect.DeepEqual(got, []string{b64(first.ID)}) {
			t.Errorf("%q: %q", spelling, got)
		}
	}
	for _, nobody := range []any{"", nil, "   "} {
		if got := p.fresh().post("/wan-signin", fields{"identity": nobody}).want(http.StatusOK).allowed(); len(got) > 0 {
			t.Errorf("identity %q: %q", nobody, got)
		}
	}
	p.fresh().post("/wan-signin", fields{"remember": true}).want(http.StatusOK).is(true, "remember")
	p.fresh().post("/wan-signin", fields{"remember": false}).want(http.StatusOK).is(false, "remember")
}

func TestTwoStartsShareNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor(t)
	a, b := v.post("/wan-signin", nil), v.post("/wan-signin", nil)
	if a.str("credential_options", "challenge") == b.str("credential_options", "challenge") || a.str("wan_state") == b.str("wan_state") {
		t.Error("the same challenge or state twice")
	}
}

func TestAnIdentityWithoutPasskeysGetsDecoys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor(t)
	none, second, disabled, gone := s.person(t), s.person(t), s.person(t), s.person(t)
	second.enrol("secondary")
	gone.enrol("secondary")
	if err := s.store.SetActive(t.Context(), accountOf(t, s, disabled.email).ID, false); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, identity := range []string{"nobody@example.test", none.email, second.email, disabled.email, gone.email, "not an address", "a\u0000b", strings.Repeat("x", 5000)} {
		a := v.post("/wan-signin", fields{"identity": identity}).want(http.StatusOK)
		a.only("credential_options", "wan_state", "remember", "is_secondary")
		ids := a.allowed()
		if len(ids) == 0 || seen[ids[0]] {
			t.Errorf("%.40q: %q", identity, ids)
		}
		seen[ids[0]] = true
		s.clock.pass(time.Hour)
		again := v.post("/wan-signin", fields{"identity": strings.ToUpper(identity)})
		again.is(a.at("credential_options", "allowCredentials"), "credential_options", "allowCredentials")
	}
}

func TestADecoyLooksLikeAPasskey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	known := p.fresh().post("/wan-signin", fields{"identity": p.email})
	for range 30 {
		a := s.visitor(t).post("/wan-signin", fields{"identity": unique("nobody") + "@example.test"}).want(http.StatusOK)
		for _, d := range a.at("credential_options", "allowCredentials").([]any) {
			d := d.(map[string]any)
			id, err := base64.RawURLEncoding.DecodeString(d["id"].(string))
			if err != nil || len(id) < 16 || d["type"] != "public-key" || len(strs(d["transports"])) == 0 || len(d) != 3 {
				t.Errorf("a decoy that no passkey is like: %v", d)
			}
		}
		if len(a.str("wan_state")) != len(known.str("wan_state")) {
			t.Errorf("states of %d and %d characters", len(a.str("wan_state")), len(known.str("wan_state")))
		}
	}
}

func TestADisabledAccountKeepsItsPasskeys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	key := p.enrol("first")
	if err := s.store.SetActive(t.Context(), accountOf(t, s, p.email).ID, false); err != nil {
		t.Fatal(err)
	}
	if got := s.visitor(t).post("/wan-signin", fields{"identity": p.email}).allowed(); !reflect.DeepEqual(got, []string{b64(key.ID)}) {
		t.Errorf("ids %q", got)
	}
}

func TestWithoutHintsNobodyIsToldAnything(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.AllowUserHints = false })
	p := s.person(t)
	a := p.post("/wan-register", fields{"name": "k", "usage": "first"}).want(http.StatusOK)
	a.is(map[string]any{"authenticatorAttachment": "cross-platform", "residentKey": "required", "requireResidentKey": true, "userVerification": "preferred"}, "credential_options", "authenticatorSelection")
	p.enrol("first")
	for _, identity := range []string{p.email, "nobody@example.test", ""} {
		a := p.fresh().post("/wan-signin", fields{"identity": identity}).want(http.StatusOK)
		if got := a.allowed(); len(got) > 0 {
			t.Errorf("%s: %q", identity, got)
		}
	}
	v := p.fresh()
	v.signin(fields{"identity": p.email}, nil).want(http.StatusOK).is(p.email, "user", "email")
	// the identity that was named counts all the same
	q := s.person(t)
	x := p.fresh()
	x.signin(fields{"identity": q.email}, nil).refuses(http.StatusBadRequest, "WEBAUTHN_MISMATCH_USER_HANDLE", "credential")
	x.signedOut()
}

func TestASecondStepOffersThePendingUsersSecondaryPasskeys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, other := s.person(t), s.person(t)
	p.enrol("first")
	second := p.enrol("secondary")
	other.enrol("first")
	v := p.waiting()
	for _, identity := range []any{nil, "", p.email, other.email, "nobody@example.test"} {
		a := v.post("/wan-signin", fields{"identity": identity}).want(http.StatusOK)
		a.is(true, "is_secondary").is("discouraged", "credential_options", "userVerification")
		if got := a.allowed(); !reflect.DeepEqual(got, []string{b64(second.ID)}) {
			t.Errorf("identity %v: %q", identity, got)
		}
	}
	v.get("/wan-signin").want(http.StatusOK).only("is_secondary").is(true, "is_secondary")
	s.visitor(t).get("/wan-signin").want(http.StatusOK).only("is_secondary").is(false, "is_secondary")
}

func TestOnlyAReadySignInIsSecondary(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("secondary")
	p.setUpEmail()
	v := p.waiting()
	v.get("/wan-signin").want(http.StatusOK).is(false, "is_secondary")
	v.post("/wan-signin", nil).want(http.StatusOK).is(false, "is_secondary")
	v.post("/tf-select", fields{"which": "email"}).want(http.StatusOK)
	v.get("/wan-signin").is(true, "is_secondary") // ready for one, it may be answered by another
	v.signin(nil, nil).want(http.StatusOK)
	v.signedIn()
	required := newSite(t, func(c *latchkey.Config) { c.TwoFactorRequired = true })
	required.person(t).get("/wan-signin").want(http.StatusOK).is(false, "is_secondary")
}

func TestWithoutTheFirstFactorASignInByPasskeyIsNotThere(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.AllowAsFirstFactor = false })
	v := s.visitor(t)
	v.get("/wan-signin").refuses(http.StatusNotFound, "API_ERROR", "")
	v.post("/wan-signin", fields{"identity": "a@example.test"}).refuses(http.StatusNotFound, "API_ERROR", "")
	v.page("/wan-signin").want(http.StatusNotFound)
	v.form("/wan-signin", nil).want(http.StatusNotFound)
	p := s.person(t)
	start := p.post("/wan-register", fields{"name": "forced", "usage": "first"}).want(http.StatusOK)
	start.is("discouraged", "credential_options", "authenticatorSelection", "userVerification")
	p.post(with("/wan-register", start), fields{"credential": p.create(start)}).want(http.StatusOK)
	p.get("/wan-register").is("secondary", "registered_credentials", 0, "usage")
	w := p.waiting()
	w.get("/wan-signin").want(http.StatusOK).is(true, "is_secondary")
	w.page("/wan-signin").want(http.StatusOK)
	w.signin(nil, nil).want(http.StatusOK)
	w.signedIn()
	if strings.Contains(string(v.page("/login").body), "wan-signin") {
		t.Error("the sign-in page offers a passkey")
	}
	// Whoever waits at the choice is not outside of a pending sign-in. A passkey is no first factor there either.
	p.setUpEmail()
	w = p.waiting()
	w.get("/wan-signin").want(http.StatusOK).is(false, "is_secondary")
	w.page("/wan-signin").want(http.StatusOK)
	w.signin(nil, nil).refuses(http.StatusBadRequest, "WEBAUTHN_CREDENTIAL_WRONG_USAGE", "credential")
	w.form("/wan-signin", nil).want(http.StatusOK)
	p.get("/wan-signin").refuses(http.StatusNotFound, "API_ERROR", "") // signed in
}

func TestTimeoutsAndNamesAreConfigured(t *testing.T) {
	t.Parallel()
	name := `Bob's "App" </script><b>&`
	s := newSite(t, func(c *latchkey.Config) {
		c.RPName, c.SigninTimeout, c.RegisterTimeout, c.NameMaxLength = name, 45*time.Second, 90*time.Second, 20
		c.TOTPIssuer, c.RecoveryCodesN = "Issuer Co", 7
	})
	p := s.person(t)
	p.fresh().post("/wan-signin", nil).is(45000, "credential_options", "timeout")
	p.post("/wan-verify", nil).is(45000, "credential_options", "timeout")
	p.post("/wan-register", fields{"name": "k"}).is(90000, "credential_options", "timeout").is(name, "credential_options", "rp", "name")
	p.post("/wan-register", fields{"name": strings.Repeat("k", 21)}).refuses(http.StatusBadRequest, "INVALID_INPUT_LENGTH", "name")
	p.post("/wan-register", fields{"name": strings.Repeat("k", 20)}).want(http.StatusOK)
	p.post("/tf-setup", fields{"setup": "authenticator"}).is("Issuer Co", "tf_authr_issuer")
	if n := len(p.recoveryCodes()); n != 7 {
		t.Errorf("%d recovery codes", n)
	}
	for _, path := range []string{"/wan-register", "/account", "/verify"} {
		if a := p.page(path); strings.Contains(string(a.body), "<b>&") {
			t.Errorf("the name is markup: %v", a)
		}
	}
}
