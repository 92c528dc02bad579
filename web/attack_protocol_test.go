package web_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

// counting is a device that counts, from a hundred.
func counting(c *latchkeytest.Ceremony) { n := uint32(100); c.SignCount = &n }

// stage is a ceremony that has come to its answer.
type stage struct {
	path string
	v    *visitor
	// start begins it anew, sign is the answer with a fault in it.
	start  func(t testing.TB) *answer
	answer func(t testing.TB, start *answer, changes ...change) string
	kind   account.EventKind
	faults map[string]fault
}

// stages are all five ceremonies, each of an account of its own, whose passkeys stand at a hundred.
func stages(t testing.TB, s *site) map[string]stage {
	t.Helper()
	signs := func(v *visitor) func(testing.TB, *answer, ...change) string {
		return func(t testing.TB, start *answer, changes ...change) string {
			t.Helper()
			up := uint32(101)
			return v.in(t).signFor(start.options(), append([]change{func(c *latchkeytest.Ceremony) { c.SignCount = &up }}, changes...)...)
		}
	}
	begins := func(v *visitor, path string, f fields) func(testing.TB) *answer {
		return func(t testing.TB) *answer {
			t.Helper()
			return v.in(t).post(path, f).want(http.StatusOK)
		}
	}
	makes := func(v *visitor) func(testing.TB, *answer, ...change) string {
		return func(t testing.TB, start *answer, changes ...change) string {
			t.Helper()
			w := v.in(t)
			w.device = latchkeytest.NewAuthenticator()
			return w.create(start, changes...)
		}
	}
	all := map[string]stage{}
	p := s.member(t)
	all["register"] = stage{"/wan-register", p, begins(p, "/wan-register", fields{"name": "new"}), makes(p), account.EventPasskeyRefused, faultsOfNew()}
	n := s.newcomer(t)
	all["enrol"] = stage{"/wan-register", n, begins(n, "/wan-register", fields{"name": "new"}), makes(n), account.EventPasskeyRefused, faultsOfNew()}
	p = s.member(t)
	p.enrol("first", counting)
	v := p.fresh()
	all["first signin"] = stage{"/wan-signin", v, begins(v, "/wan-signin", fields{"identity": p.email}), signs(v), account.EventSigninRefused, faultsOfKnown()}
	p = s.member(t)
	p.enrol("secondary", counting)
	v = p.waiting()
	v.post("/tf-select", fields{"which": "webauthn"}).want(http.StatusOK)
	all["second signin"] = stage{"/wan-signin", v, begins(v, "/wan-signin", nil), signs(v), account.EventSigninRefused, faultsOfKnown()}
	p = s.member(t)
	p.enrol("first", counting)
	all["verify"] = stage{"/wan-verify", p, begins(p, "/wan-verify", nil), signs(p), account.EventVerifyRefused, faultsOfKnown()}
	return all
}

// TestEveryFaultOfAnAnswerIsRefused runs each fault of the specification's steps through each ceremony over HTTP: refused with its key and its
// reason, the state spent exactly where the answer could be read, nothing else changed, and a whole answer good afterwards.
func TestEveryFaultOfAnAnswerIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, everyToken)
	l := s.ledger(t)
	for name, g := range stages(t, s) {
		t.Run(name, func(t *testing.T) {
			for what, f := range g.faults {
				start := g.start(t)
				response := g.answer(t, start, f.change)
				for _, again := range []bool{false, true} {
					want := refusal{spends: f.spends(), kind: g.kind, reason: f.reason, beside: f.beside}
					code := f.code
					if again && f.spends() {
						code, want = "CREDENTIAL_REPLAYED", refusal{kind: g.kind, reason: "state_spent"}
					}
					a := l.refused(t, what, want, func() *answer {
						return g.v.in(t).post(with(g.path, start), fields{"credential": response})
					})
					if !slices.Equal(a.codes(), []string{code}) || a.status != http.StatusBadRequest {
						t.Errorf("%s: %v, want %s", what, a, code)
					}
					if field := map[bool]string{true: "", false: "credential"}[code == "CREDENTIAL_REPLAYED"]; a.at("field_errors", field) == nil {
						t.Errorf("%s: not at the field %q: %v", what, field, a)
					}
				}
			}
			start := g.start(t)
			g.v.in(t).post(with(g.path, start), fields{"credential": g.answer(t, start)}).want(http.StatusOK)
		})
	}
}

// TestAnswersOfTheWrongPasskey: somebody else's, one for another use, one that is registered already.
func TestAnswersOfTheWrongPasskey(t *testing.T) {
	t.Parallel()
	s := newSite(t, everyToken, func(c *latchkey.Config) { c.AllowAsVerify = []account.Usage{account.UsageFirst} })
	l := s.ledger(t)
	p, q := s.member(t), s.member(t)
	first, secondary := p.enrolBoth()
	qFirst, qSecondary := q.enrolBoth()
	second := p.waiting()
	second.post("/tf-select", fields{"which": "webauthn"}).want(http.StatusOK)
	for _, c := range []struct {
		name   string
		v      *visitor
		path   string
		start  fields
		device *latchkeytest.Authenticator
		change change
		code   string
		reason string
		kind   account.EventKind
	}{
		{"another's at a first step that named somebody", p.fresh(), "/wan-signin", fields{"identity": p.email}, qFirst, nil, "WEBAUTHN_MISMATCH_USER_HANDLE", "other_identity", account.EventSigninRefused},
		{"another's, without a handle", p.fresh(), "/wan-signin", fields{"identity": p.email}, qFirst, func(c *latchkeytest.Ceremony) { c.UserHandle = nil }, "WEBAUTHN_MISMATCH_USER_HANDLE", "other_identity", account.EventSigninRefused},
		{"another's under one's own handle", p.fresh(), "/wan-signin", fields{"identity": p.email}, qFirst, func(c *latchkeytest.Ceremony) { c.UserHandle = first.Credentials()[0].UserHandle }, "WEBAUTHN_MISMATCH_USER_HANDLE", "other_user_handle", account.EventSigninRefused},
		{"one without a handle where nobody was named", p.fresh(), "/wan-signin", nil, first, func(c *latchkeytest.Ceremony) { c.UserHandle = nil }, "WEBAUTHN_MISMATCH_USER_HANDLE", "no_user_handle", account.EventSigninRefused},
		{"a secondary at a first step", p.fresh(), "/wan-signin", fields{"identity": p.email}, secondary, nil, "WEBAUTHN_CREDENTIAL_WRONG_USAGE", "wrong_usage", account.EventSigninRefused},
		{"another's at a second step", second, "/wan-signin", nil, qSecondary, nil, "WEBAUTHN_MISMATCH_USER_HANDLE", "credential_of_another", account.EventSigninRefused},
		{"another's at a second step, under one's own handle", second, "/wan-signin", nil, qSecondary, func(c *latchkeytest.Ceremony) { c.UserHandle = secondary.Credentials()[0].UserHandle }, "WEBAUTHN_MISMATCH_USER_HANDLE", "other_user_handle", account.EventSigninRefused},
		{"a first at a second step", second, "/wan-signin", nil, first, nil, "WEBAUTHN_CREDENTIAL_WRONG_USAGE", "wrong_usage", account.EventSigninRefused},
		{"another's to verify", p, "/wan-verify", nil, qFirst, nil, "WEBAUTHN_MISMATCH_USER_HANDLE", "credential_of_another", account.EventVerifyRefused},
		{"a secondary to verify, where only first ones may", p, "/wan-verify", nil, secondary, nil, "WEBAUTHN_CREDENTIAL_WRONG_USAGE", "wrong_usage", account.EventVerifyRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := c.v.in(t)
			start := v.post(c.path, c.start).want(http.StatusOK)
			insist := func(x *latchkeytest.Ceremony) {
				x.Credential = c.device.Credentials()[0]
				x.UserHandle = x.Credential.UserHandle
				if c.change != nil {
					c.change(x)
				}
			}
			response, err := c.device.Get(start.options(), v.origin, insist)
			if err != nil {
				t.Fatal(err)
			}
			a := l.refused(t, c.name, refusal{spends: true, kind: c.kind, reason: c.reason}, func() *answer {
				return v.post(with(c.path, start), fields{"credential": string(response)})
			})
			if !slices.Equal(a.codes(), []string{c.code}) {
				t.Errorf("%v, want %s", a, c.code)
			}
		})
	}
	decoy := s.visitor(t).post("/wan-signin", fields{"identity": "nobody@example.test"}).allowed()[0]
	for name, id := range map[string]string{"one's own": b64(first.Credentials()[0].ID), "another's": b64(qFirst.Credentials()[0].ID), "a decoy's": decoy} {
		start := p.post("/wan-register", fields{"name": unique("again")}).want(http.StatusOK)
		raw := fromB64(t, id)
		device := latchkeytest.NewAuthenticator()
		response, err := device.Create(withoutExcluded(start), p.origin, func(c *latchkeytest.Ceremony) { c.Credential.ID = raw })
		if err != nil {
			t.Fatal(err)
		}
		post := func() *answer { return p.post(with("/wan-register", start), fields{"credential": string(response)}) }
		a := l.refused(t, "the id is "+name, refusal{spends: true, kind: account.EventPasskeyRefused, reason: "credential_in_use"}, post)
		a.refuses(http.StatusBadRequest, "WEBAUTHN_CREDENTIAL_ID_INUSE", "credential")
		post().refuses(http.StatusBadRequest, "CREDENTIAL_REPLAYED", "")
	}
}

// withoutExcluded are the options of a registration by which any device makes a passkey.
func withoutExcluded(start *answer) []byte {
	o, _ := start.at("credential_options").(map[string]any)
	o = maps.Clone(o)
	delete(o, "excludeCredentials")
	text, err := json.Marshal(o)
	if err != nil {
		start.t.Fatal(err)
	}
	return text
}

func fromB64(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestVerificationThatWasDemandedIsNotForgone: under a policy that requires it, an answer without it is refused wherever it was required at the
// start, whatever is posted.
func TestVerificationThatWasDemandedIsNotForgone(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.Policy = passkey.SyncedPasskeys{} })
	l := s.ledger(t)
	p := s.person(t)
	p.enrol("first")
	for _, g := range []struct {
		path string
		v    *visitor
		f    fields
		kind account.EventKind
	}{
		{"/wan-register", p, fields{"name": "k", "usage": "first"}, account.EventPasskeyRefused},
		{"/wan-signin", p.fresh(), fields{"identity": p.email}, account.EventSigninRefused},
	} {
		start := g.v.post(g.path, g.f).want(http.StatusOK)
		if !strings.Contains(string(start.options()), `"userVerification":"required"`) {
			t.Fatalf("%s does not require it: %s", g.path, start.options())
		}
		var response string
		if g.path == "/wan-register" {
			w := *g.v
			w.device = latchkeytest.NewAuthenticator()
			response = w.create(start, unverified)
		} else {
			response = g.v.sign(start, unverified)
		}
		l.refused(t, g.path, refusal{spends: true, kind: g.kind, reason: "user-verification"}, func() *answer {
			return g.v.post(with(g.path, start), fields{"credential": response, "userVerification": "discouraged", "mediation": "conditional"})
		}).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
	}
}
