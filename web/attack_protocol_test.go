package web_test

import (
	"bytes"
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

// fault is one thing wrong with a device's answer, and how it is refused: the key, and the event's reason. What cannot be read spends nothing,
// what does not verify spends the state.
type fault struct {
	change change
	code   string
	reason string
	beside []account.EventKind
}

// noVerify and noSense are the two ways in which a bare answer is refused.
func noVerify(reason string, c change) fault {
	return fault{change: c, code: "WEBAUTHN_NO_VERIFY", reason: reason}
}
func noSense(c change) fault { return fault{change: c, code: "API_ERROR", reason: "malformed"} }

func (f fault) spends() bool { return f.code != "API_ERROR" }

func flags(on, off byte) change {
	return func(c *latchkeytest.Ceremony) { c.Flags = func(f byte) byte { return f&^off | on } }
}

func fromOrigin(origin string) change { return func(c *latchkeytest.Ceremony) { c.Origin = origin } }

// clientData changes the members of the client data, or replaces it.
func clientData(f func(map[string]any) any) change {
	return func(c *latchkeytest.Ceremony) { c.MutateClientData = f }
}

// member changes a member of the answer, "response.x" one of its inner part; nil drops it.
func member(path string, value any) change {
	return func(c *latchkeytest.Ceremony) {
		c.MutateResponse = func(m map[string]any) any {
			at := m
			name, inner := strings.CutPrefix(path, "response.")
			if inner {
				at = m["response"].(map[string]any)
			}
			at[name] = value
			if value == nil {
				delete(at, name)
			}
			return m
		}
	}
}

func whole(text string) change {
	return func(c *latchkeytest.Ceremony) { c.MutateResponse = func(map[string]any) any { return text } }
}

// faultsOfBoth are those of registration and authentication alike (WebAuthn L3 §7.1 steps 3 to 20, §7.2 steps 3 to 19).
func faultsOfBoth() map[string]fault {
	port := func(c *latchkeytest.Ceremony) { c.Origin = strings.TrimRight(c.Origin, "0123456789") + "1" }
	origin := func(f func(string) string) change {
		return func(c *latchkeytest.Ceremony) { c.Origin = f(c.Origin) }
	}
	return map[string]fault{
		"another challenge":               noVerify("challenge", func(c *latchkeytest.Ceremony) { c.Challenge = b64(make([]byte, 32)) }),
		"no challenge":                    noVerify("challenge", func(c *latchkeytest.Ceremony) { c.Challenge = "" }),
		"a cut challenge":                 noVerify("challenge", func(c *latchkeytest.Ceremony) { c.Challenge = c.Challenge[:20] }),
		"a padded challenge":              noVerify("challenge", func(c *latchkeytest.Ceremony) { c.Challenge += "=" }),
		"another origin":                  noVerify("origin", fromOrigin("https://evil.example")),
		"another port":                    noVerify("origin", port),
		"another scheme":                  noVerify("origin", origin(func(s string) string { return strings.Replace(s, "http:", "https:", 1) })),
		"a subdomain":                     noVerify("origin", origin(func(s string) string { return strings.Replace(s, "//", "//evil.", 1) })),
		"a longer host":                   noVerify("origin", origin(func(s string) string { return s + ".evil.example" })),
		"somebody at the host":            noVerify("origin", origin(func(s string) string { return strings.Replace(s, "//", "//evil@", 1) })),
		"a slash after the origin":        noVerify("origin", origin(func(s string) string { return s + "/" })),
		"an origin in capitals":           noVerify("origin", origin(strings.ToUpper)),
		"the origin null":                 noVerify("origin", fromOrigin("null")),
		"no origin":                       noVerify("origin", fromOrigin("")),
		"another relying party":           noVerify("rp-id-hash", func(c *latchkeytest.Ceremony) { c.RPID = "evil.example" }),
		"a relying party of zeros":        noVerify("rp-id-hash", func(c *latchkeytest.Ceremony) { c.RPIDHash = make([]byte, 32) }),
		"the origin as relying party":     noVerify("rp-id-hash", func(c *latchkeytest.Ceremony) { c.RPID = c.Origin }),
		"a frame of another site":         noVerify("cross-origin", func(c *latchkeytest.Ceremony) { c.CrossOrigin = true }),
		"a frame with its top":            noVerify("cross-origin", func(c *latchkeytest.Ceremony) { c.CrossOrigin, c.TopOrigin = true, "https://evil.example" }),
		"a top without a frame":           noVerify("top-origin", func(c *latchkeytest.Ceremony) { c.TopOrigin = "https://evil.example" }),
		"nobody present":                  noVerify("user-presence", flags(0, latchkeytest.FlagUserPresent)),
		"verified and not present":        noVerify("user-presence", flags(latchkeytest.FlagUserVerified, latchkeytest.FlagUserPresent)),
		"backed up and not eligible":      noVerify("backup-state", flags(latchkeytest.FlagBackedUp, latchkeytest.FlagBackupEligible)),
		"the type in capitals":            noVerify("type", func(c *latchkeytest.Ceremony) { c.Type = strings.ToUpper(c.Type) }),
		"no type":                         noVerify("type", func(c *latchkeytest.Ceremony) { c.Type = "" }),
		"client data that is no JSON":     noSense(clientData(func(map[string]any) any { return "no" })),
		"client data that is a list":      noSense(clientData(func(map[string]any) any { return "[]" })),
		"client data of numbers":          noSense(clientData(func(map[string]any) any { return `{"type":1,"challenge":2,"origin":3}` })),
		"client data twice":               noSense(clientData(func(map[string]any) any { return `{}{}` })),
		"client data nested without end":  noSense(clientData(func(map[string]any) any { return strings.Repeat("[", 9000) })),
		"client data without a challenge": noSense(clientData(func(m map[string]any) any { delete(m, "challenge"); return m })),
		"client data without an origin":   noSense(clientData(func(m map[string]any) any { delete(m, "origin"); return m })),
		"no client data":                  noSense(member("response.clientDataJSON", nil)),
		"client data that is no base64":   noSense(member("response.clientDataJSON", "!!!")),
		"client data that is a number":    noSense(member("response.clientDataJSON", 5)),
		"no id":                           noSense(member("id", nil)),
		"no raw id":                       noSense(member("rawId", nil)),
		"two ids":                         noSense(member("rawId", "AAAA")),
		"another type of credential":      noSense(member("type", "password")),
		"no type of credential":           noSense(member("type", nil)),
		"no response":                     noSense(member("response", nil)),
		"a response that is a list":       noSense(member("response", []any{})),
		"not JSON":                        noSense(whole("no")),
		"nothing":                         noSense(whole("")),
		"two answers":                     noSense(whole("{}{}")),
		"a list":                          noSense(whole("[]")),
		"an empty object":                 noSense(whole("{}")),
		"half an answer":                  noSense(whole(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30"`)),
	}
}

// faultsOfNew are those of a registration (§7.1).
func faultsOfNew() map[string]fault {
	cose := func(f func(latchkeytest.Map) any) change {
		return func(c *latchkeytest.Ceremony) { c.MutateCOSE = f }
	}
	object := func(f func(latchkeytest.Map) any) change {
		return func(c *latchkeytest.Ceremony) { c.MutateAttestationObject = f }
	}
	authData := func(f func([]byte) []byte) change {
		return func(c *latchkeytest.Ceremony) { c.MutateAuthData = f }
	}
	statement := func(format string, s any) change {
		return object(func(m latchkeytest.Map) any { return m.With("fmt", format).With("attStmt", s) })
	}
	lie := uint16(65535)
	all := map[string]fault{
		"the type of a sign-in":        noVerify("type", func(c *latchkeytest.Ceremony) { c.Type = "webauthn.get" }),
		"an algorithm not offered":     noVerify("algorithm", func(c *latchkeytest.Ceremony) { c.Algorithm = latchkeytest.RS1; c.Credential.Key = nil }),
		"a key of another algorithm":   noVerify("key", cose(func(m latchkeytest.Map) any { return m.With(3, -257) })),
		"a key without a point":        noVerify("key", cose(func(m latchkeytest.Map) any { return m.Without(-2) })),
		"a point off the curve":        noVerify("key", cose(func(m latchkeytest.Map) any { return m.With(-2, bytes.Repeat([]byte{1}, 32)) })),
		"the point at zero":            noVerify("key", cose(func(m latchkeytest.Map) any { return m.With(-2, make([]byte, 32)).With(-3, make([]byte, 32)) })),
		"a curve that there is not":    noVerify("key", cose(func(m latchkeytest.Map) any { return m.With(-1, 99) })),
		"a key of wrong types":         noVerify("key", cose(func(m latchkeytest.Map) any { return m.With(1, "text").With(-2, 5) })),
		"an empty key":                 noVerify("key", cose(func(latchkeytest.Map) any { return latchkeytest.Map{} })),
		"a key that is no CBOR":        noSense(cose(func(latchkeytest.Map) any { return []byte{0xff, 0x00, 0xde} })),
		"another id than the signed":   noVerify("credential-id", as(b64(bytes.Repeat([]byte{5}, 32)))),
		"an id that is too long":       noSense(func(c *latchkeytest.Ceremony) { c.Credential.ID = make([]byte, 1024) }),
		"an id of no bytes":            noSense(func(c *latchkeytest.Ceremony) { c.Credential.ID = []byte{} }),
		"a lie about the id's length":  noSense(func(c *latchkeytest.Ceremony) { c.DeclaredIDLength = &lie }),
		"an unknown statement":         noVerify("attestation-format", statement("made-up", latchkeytest.Map{{Key: "x", Value: 1}})),
		"no format":                    noVerify("attestation-format", object(func(m latchkeytest.Map) any { return m.Without("fmt") })),
		"none with a statement":        noVerify("attestation", statement("none", latchkeytest.Map{{Key: "sig", Value: []byte{0}}})),
		"a statement without its key":  noVerify("attestation", statement("packed", latchkeytest.Map{{Key: "alg", Value: -7}})),
		"another's statement":          noVerify("attestation", statement("packed", latchkeytest.Map{{Key: "alg", Value: -7}, {Key: "sig", Value: []byte{0x30, 6, 2, 1, 1, 2, 1, 1}}})),
		"no statement":                 noSense(object(func(m latchkeytest.Map) any { return m.Without("attStmt") })),
		"no authenticator data":        noSense(object(func(m latchkeytest.Map) any { return m.Without("authData") })),
		"a member twice":               noSense(object(func(m latchkeytest.Map) any { return append(m, m[0]) })),
		"something after it":           noSense(object(func(m latchkeytest.Map) any { return append(latchkeytest.CBOR(m), 0) })),
		"a list":                       noSense(object(func(latchkeytest.Map) any { return []any{1, 2} })),
		"nested without end":           noSense(object(func(latchkeytest.Map) any { return append(bytes.Repeat([]byte{0x81}, 9000), 0) })),
		"a length without end":         noSense(object(func(latchkeytest.Map) any { return []byte("\xa3\x63fmt\x5b\xff\xff\xff\xff\xff\xff\xff\xff") })),
		"a map without end":            noSense(object(func(latchkeytest.Map) any { return []byte("\xba\xff\xff\xff\xff") })),
		"no attested data":             noSense(flags(0, latchkeytest.FlagAttestedData)),
		"extensions that are not":      noSense(flags(latchkeytest.FlagExtensions, 0)),
		"authenticator data, and more": noSense(authData(func(b []byte) []byte { return append(b, 1, 2, 3) })),
		"an attestation of no base64":  noSense(member("response.attestationObject", "!!!")),
		"an attestation of nothing":    noSense(member("response.attestationObject", "")),
		"no attestation":               noSense(member("response.attestationObject", nil)),
		"transports that are a text":   noSense(member("response.transports", "usb")),
		"transports of numbers":        noSense(member("response.transports", []any{1})),
		"seventeen transports":         noSense(member("response.transports", slices.Repeat([]string{"usb"}, 17))),
		"extension results of no JSON": noSense(member("clientExtensionResults", "not JSON")),
	}
	maps.Copy(all, faultsOfBoth())
	return all
}

// faultsOfKnown are those of an authentication (§7.2).
func faultsOfKnown() map[string]fault {
	signature := func(f func([]byte) []byte) change {
		return func(c *latchkeytest.Ceremony) { c.MutateSignature = f }
	}
	authData := func(f func([]byte) []byte) change {
		return func(c *latchkeytest.Ceremony) { c.MutateAuthData = f }
	}
	count := func(n uint32) fault {
		f := noVerify("sign-count", func(c *latchkeytest.Ceremony) { c.SignCount = &n })
		f.beside = []account.EventKind{account.EventSignCountBack}
		return f
	}
	eligible := noVerify("backup-eligible", flags(latchkeytest.FlagBackupEligible, 0))
	eligible.beside = []account.EventKind{account.EventBackupChanged}
	unknown := fault{change: as(b64(bytes.Repeat([]byte{5}, 32))), code: "WEBAUTHN_UNKNOWN_CREDENTIAL_ID", reason: "unknown_credential"}
	handle := fault{change: func(c *latchkeytest.Ceremony) { c.UserHandle = bytes.Repeat([]byte{6}, 32) }, code: "WEBAUTHN_MISMATCH_USER_HANDLE", reason: "other_user_handle"}
	stranger, err := latchkeytest.NewKey(latchkeytest.ES256)
	if err != nil {
		panic(err)
	}
	other, err := latchkeytest.NewKey(latchkeytest.EdDSA)
	if err != nil {
		panic(err)
	}
	all := map[string]fault{
		"the type of a registration": noVerify("type", func(c *latchkeytest.Ceremony) { c.Type = "webauthn.create" }),
		"a bad signature":            noVerify("signature", signature(flip)),
		"a signature of zeros":       noVerify("signature", signature(func([]byte) []byte { return []byte{0x30, 6, 2, 1, 0, 2, 1, 0} })),
		"a signature, and more":      noVerify("signature", signature(func(b []byte) []byte { return append(b, 0) })),
		"a signature of another key": noVerify("signature", func(c *latchkeytest.Ceremony) { c.SignWith = stranger }),
		"one of another kind of key": noVerify("signature", func(c *latchkeytest.Ceremony) { c.SignWith = other }),
		"data changed after signing": noVerify("signature", func(c *latchkeytest.Ceremony) { c.AfterSign = func(b []byte) []byte { b[36] ^= 1; return b } }),
		"verified only after signing": noVerify("signature", func(c *latchkeytest.Ceremony) {
			c.UserVerified = false
			c.AfterSign = func(b []byte) []byte { b[32] |= latchkeytest.FlagUserVerified; return b }
		}),
		"no signature":                   noSense(member("response.signature", nil)),
		"an empty signature":             noSense(member("response.signature", "")),
		"a signature of no base64":       noSense(member("response.signature", "!!!")),
		"a count that stays":             count(100),
		"a count that goes back":         count(99),
		"a count that starts over":       count(0),
		"a passkey that became a synced": eligible,
		"an unknown passkey":             unknown,
		"somebody else's handle":         handle,
		"a handle that is a number":      noSense(member("response.userHandle", 5)),
		"no authenticator data":          noSense(member("response.authenticatorData", nil)),
		"too little of it":               noSense(authData(func(b []byte) []byte { return b[:36] })),
		"too much of it":                 noSense(authData(func(b []byte) []byte { return append(b, 1) })),
		"attested data that is not":      noSense(flags(latchkeytest.FlagAttestedData, 0)),
		"extensions that are not":        noSense(flags(latchkeytest.FlagExtensions, 0)),
	}
	maps.Copy(all, faultsOfBoth())
	return all
}

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
