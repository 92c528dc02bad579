package web_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// flip changes the last byte.
func flip(b []byte) []byte {
	b = append([]byte(nil), b...)
	b[len(b)-1] ^= 1
	return b
}

func badSignature(c *latchkeytest.Ceremony) { c.MutateSignature = flip }

// as makes the answer carry another id.
func as(id string) change {
	return func(c *latchkeytest.Ceremony) {
		c.MutateResponse = func(r map[string]any) any {
			r["id"], r["rawId"] = id, id
			return r
		}
	}
}

func disable(t testing.TB, p *visitor, active bool) {
	t.Helper()
	if err := p.s.store.SetActive(t.Context(), accountOf(t, p.s, p.email).ID, active); err != nil {
		t.Fatal(err)
	}
}

func TestAPasskeySignsIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first", unverified)
	for _, identity := range []string{p.email, strings.ToUpper(p.email), ""} {
		v := p.fresh()
		a := v.signin(fields{"identity": identity}, nil).want(http.StatusOK)
		a.only("user", "post_login_url", "tf_required").is(map[string]any{"email": p.email}, "user").is("/", "post_login_url").is(false, "tf_required")
		v.signedIn()
		if v.restart(); v.whoami() != "" {
			t.Error("remembered unasked")
		}
	}
	// one that is not discoverable tells no user handle, and needs none where its owner was named
	q := s.person(t)
	q.enrol("first", unlisted)
	q.fresh().signin(fields{"identity": q.email}, nil).want(http.StatusOK).is(q.email, "user", "email")
	// the answer may be an object, and padded
	v := p.fresh()
	start := v.post("/wan-signin", fields{"identity": p.email})
	v.raw(with("/wan-signin", start), `{"credential":`+v.sign(start)+`}`).want(http.StatusOK)
	v = p.fresh()
	start = v.post("/wan-signin", nil)
	v.post(with("/wan-signin", start), fields{"credential": v.sign(start, func(c *latchkeytest.Ceremony) {
		c.MutateResponse = func(r map[string]any) any {
			for _, m := range []map[string]any{r, r["response"].(map[string]any)} {
				for k, x := range m {
					if text, ok := x.(string); ok && k != "type" && k != "authenticatorAttachment" {
						m[k] = text + strings.Repeat("=", (4-len(text)%4)%4)
					}
				}
			}
			return r
		}
	})}).want(http.StatusOK)
	v.signedIn()
}

func TestTheOrderOfWhatIsSaidOfAnAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, q, off := s.person(t), s.person(t), s.person(t)
	first, second := p.enrolBoth()
	q.enrol("first")
	off.enrol("first")
	disable(t, off, false)
	decoy := s.visitor(t).post("/wan-signin", fields{"identity": "nobody@example.test"}).allowed()[0]
	random := b64(make([]byte, 32))
	foreign := func(c *latchkeytest.Ceremony) { c.UserHandle = []byte("581157bc60e74c598490ca25e8067806") }
	silent := func(c *latchkeytest.Ceremony) { c.UserHandle = nil }
	mute := func(cs ...change) []change { return append(cs, badSignature) }
	for _, c := range []struct {
		name     string
		identity string
		device   *latchkeytest.Authenticator
		changes  []change
		code     string
	}{
		{"an unknown id", p.email, first, []change{as(random)}, "WEBAUTHN_UNKNOWN_CREDENTIAL_ID"},
		{"an unknown id with a bad signature", "", first, mute(as(random)), "WEBAUTHN_UNKNOWN_CREDENTIAL_ID"},
		{"a decoy's id", "nobody@example.test", first, []change{as(decoy)}, "WEBAUTHN_NO_VERIFY"},
		{"a decoy's id, unnamed", "", first, []change{as(decoy)}, "WEBAUTHN_NO_VERIFY"},
		{"a bad signature", p.email, first, mute(), "WEBAUTHN_NO_VERIFY"},
		{"a bad signature of a secondary passkey", "", second, mute(), "WEBAUTHN_NO_VERIFY"},
		{"a bad signature of a disabled account", "", off.device, mute(), "WEBAUTHN_NO_VERIFY"},
		{"a bad signature and a foreign handle", p.email, first, mute(foreign), "WEBAUTHN_NO_VERIFY"},
		{"a bad signature for another identity", q.email, first, mute(), "WEBAUTHN_NO_VERIFY"},
		{"a disabled account", "", off.device, nil, "DISABLED_ACCOUNT"},
		{"a disabled account, named", off.email, off.device, nil, "DISABLED_ACCOUNT"},
		{"a secondary passkey", "", second, nil, "WEBAUTHN_CREDENTIAL_WRONG_USAGE"},
		{"a secondary passkey, named", p.email, second, nil, "WEBAUTHN_CREDENTIAL_WRONG_USAGE"},
		{"a foreign handle", p.email, first, []change{foreign}, "WEBAUTHN_MISMATCH_USER_HANDLE"},
		{"no handle where nobody is named", "", first, []change{silent}, "WEBAUTHN_MISMATCH_USER_HANDLE"},
		{"another's passkey for an identity", q.email, first, nil, "WEBAUTHN_MISMATCH_USER_HANDLE"},
		{"a passkey for an unknown identity", "nobody@example.test", first, nil, "WEBAUTHN_MISMATCH_USER_HANDLE"},
		{"another challenge", p.email, first, []change{func(c *latchkeytest.Ceremony) { c.Challenge = b64(make([]byte, 32)) }}, "WEBAUTHN_NO_VERIFY"},
		{"another origin", p.email, first, []change{func(c *latchkeytest.Ceremony) { c.Origin = "https://evil.example" }}, "WEBAUTHN_NO_VERIFY"},
		{"another relying party", p.email, first, []change{func(c *latchkeytest.Ceremony) { c.RPID = "evil.example" }}, "WEBAUTHN_NO_VERIFY"},
		{"a frame of another site", p.email, first, []change{func(c *latchkeytest.Ceremony) { c.CrossOrigin = true }}, "WEBAUTHN_NO_VERIFY"},
		{"a registration's type", p.email, first, []change{func(c *latchkeytest.Ceremony) { c.Type = "webauthn.create" }}, "WEBAUTHN_NO_VERIFY"},
		{"nobody there", p.email, first, []change{func(c *latchkeytest.Ceremony) { c.UserPresent = false }}, "WEBAUTHN_NO_VERIFY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, w := range ways {
				v := s.visitor(t)
				v.device = c.device
				start := v.post("/wan-signin", fields{"identity": c.identity}).want(http.StatusOK)
				response, err := v.device.Get([]byte(`{"challenge":"`+start.str("credential_options", "challenge")+`","rpId":"localhost","allowCredentials":[{"id":"`+b64(c.device.Credentials()[0].ID)+`"}]}`), v.origin, c.changes...)
				if err != nil {
					t.Fatal(err)
				}
				a := w.post(v, with("/wan-signin", start), fields{"credential": string(response)})
				if w.name == "JSON" {
					a.refuses(http.StatusBadRequest, c.code, "credential")
				} else {
					a.goes("/wan-signin")
				}
				v.signedOut()
				// it is spent now
				v.post(with("/wan-signin", start), fields{"credential": string(response)}).refuses(http.StatusBadRequest, "CREDENTIAL_REPLAYED", "")
			}
		})
	}
}

func TestWhatCannotBeParsedSpendsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	v := p.fresh()
	start := v.post("/wan-signin", fields{"identity": p.email})
	path := with("/wan-signin", start)
	for _, f := range []fields{{}, {"credential": ""}, {"credential": nil}, {"credential": `"hi there"`}, {"credential": "{"}, {"credential": "null"}, {"credential": "[]"}, {"credential": "{}"},
		{"credential": fields{}}, {"credential": strings.Replace(v.sign(start), `"rawId"`, `"other"`, 1)}, {"credential": strings.Replace(v.sign(start), `"response"`, `"other"`, 1)}} {
		v.post(path, f).refuses(http.StatusBadRequest, "API_ERROR", "credential")
	}
	v.form(path, nil).goes("/wan-signin")
	v.post(path, fields{"credential": v.sign(start)}).want(http.StatusOK)
	v.signedIn()
}

func TestASignInEndsInItsTimeAndOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.SigninWithin = 2 * time.Second })
	p := s.person(t)
	p.enrol("first")
	v := p.fresh()
	start := v.post("/wan-signin", nil)
	s.clock.pass(2 * time.Second)
	v.post(with("/wan-signin", start), fields{"credential": v.sign(start)}).want(http.StatusOK)
	v = p.fresh()
	start = v.post("/wan-signin", nil)
	s.clock.pass(3 * time.Second)
	v.post(with("/wan-signin", start), fields{"credential": v.sign(start)}).refuses(http.StatusBadRequest, "WEBAUTHN_EXPIRED", "")
	v.form(with("/wan-signin", start), fields{"credential": v.sign(start), "next": "/account"}).goesWith("/wan-signin", "/account")
	v.page("/wan-signin").want(http.StatusOK).shows("took too long")
	start = v.post("/wan-signin", nil)
	v.post(with("/wan-signin", start), fields{"credential": v.sign(start)}).want(http.StatusOK)
	v = p.fresh()
	v.post(with("/wan-signin", start), fields{"credential": v.sign(start)}).refuses(http.StatusBadRequest, "CREDENTIAL_REPLAYED", "")
	for _, state := range []string{"x", "not%20a%20token", "%00", "a.b.c", strings.Repeat("x", 2000), start.str("wan_state")[1:], start.str("wan_state") + "A"} {
		v.post("/wan-signin/"+state, fields{"credential": "{}"}).refuses(http.StatusBadRequest, "API_ERROR", "")
		v.form("/wan-signin/"+state, fields{"credential": "{}"}).goes("/wan-signin")
	}
}

func TestStatesOfOtherCeremoniesAreNotTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	states := map[string]string{
		"/wan-register": p.post("/wan-register", fields{"name": "k"}).str("wan_state"), "/wan-verify": p.post("/wan-verify", nil).str("wan_state"),
		"/tf-setup": p.post("/tf-setup", fields{"setup": "authenticator"}).str("tf_state_token"), "/wan-signin": p.fresh().post("/wan-signin", nil).str("wan_state"),
	}
	for from, state := range states {
		for to := range states {
			v := p
			if to == "/wan-signin" {
				v = p.fresh()
			}
			if from != to {
				v.post(to+"/"+state, fields{"credential": "{}", "code": "123456"}).refuses(http.StatusBadRequest, "API_ERROR", "")
			}
		}
	}
}

func TestAFirstStepIsBoundToNoBrowserAndASecondToItsOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	first := p.device
	start := s.visitor(t).post("/wan-signin", fields{"identity": p.email})
	v := p.fresh()
	v.post(with("/wan-signin", start), fields{"credential": v.sign(start)}).want(http.StatusOK)
	v.signedIn()

	p.enrol("secondary")
	a, b := p.waiting(), p.waiting()
	start = a.post("/wan-signin", nil)
	answer := fields{"credential": a.sign(start)}
	for _, other := range []*visitor{b, p.fresh()} {
		other.post(with("/wan-signin", start), answer).refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
		other.signedOut()
	}
	a.post(with("/wan-signin", start), answer).want(http.StatusOK)
	a.signedIn()

	// a first passkey is no second step here, nor is another's
	q := s.person(t)
	q.enrol("secondary")
	for device, code := range map[*latchkeytest.Authenticator]string{first: "WEBAUTHN_CREDENTIAL_WRONG_USAGE", q.device: "WEBAUTHN_MISMATCH_USER_HANDLE"} {
		start = b.post("/wan-signin", nil)
		b.device = device
		b.post(with("/wan-signin", start), fields{"credential": b.signFor(withoutAllowed(start))}).refuses(http.StatusBadRequest, code, "credential")
		b.signedOut()
	}
}

// withoutAllowed are the options for a device that answers whatever is asked of it.
func withoutAllowed(start *answer) []byte {
	o, _ := start.at("credential_options").(map[string]any)
	text, err := json.Marshal(map[string]any{"challenge": o["challenge"], "rpId": o["rpId"]})
	if err != nil {
		start.t.Fatal(err)
	}
	return text
}

func TestACounterThatDoesNotGoUpIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	counted := func(n uint32) change { return func(c *latchkeytest.Ceremony) { c.SignCount = &n } }
	p.enrol("first", counted(5))
	for _, n := range []uint32{5, 4, 0} {
		p.fresh().signin(nil, nil, counted(n)).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
	}
	p.fresh().signin(nil, nil, counted(6)).want(http.StatusOK)
	p.fresh().signin(nil, nil, counted(6)).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
	p.wanVerify(counted(6)).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
	p.wanVerify(counted(7)).want(http.StatusOK)
	q := s.person(t)
	q.enrol("first") // counts nothing
	q.fresh().signin(nil, nil).want(http.StatusOK)
	q.fresh().signin(nil, nil).want(http.StatusOK)
}

func TestSigningInIsRememberedInTheList(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	before := p.get("/wan-register").str("registered_credentials", 0, "lastuse")
	s.clock.pass(time.Hour)
	p.fresh().signin(nil, nil, badSignature).want(http.StatusBadRequest)
	p.get("/wan-register").is(before, "registered_credentials", 0, "lastuse")
	p.fresh().signin(nil, nil).want(http.StatusOK)
	p.get("/wan-register").is(s.clock.now().Format(time.RFC3339), "registered_credentials", 0, "lastuse").is(before, "registered_credentials", 0, "created")
}

func TestAnIDOfAnyLengthIsUnknownAndNoMore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	for _, n := range []int{1, 11, 12, 13, 64, 1023, 1024, 20000} {
		id := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\x01", n)))
		a := p.fresh().signin(nil, nil, as(id))
		if n <= 1023 {
			a.refuses(http.StatusBadRequest, "WEBAUTHN_UNKNOWN_CREDENTIAL_ID", "credential")
		} else if a.status != http.StatusBadRequest {
			t.Errorf("%d bytes: %v", n, a)
		}
	}
}
