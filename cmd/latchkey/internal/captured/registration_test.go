package captured

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// noneStatement is a part of a compound statement.
var noneStatement = latchkeytest.Map{{Key: "fmt", Value: "none"}, {Key: "attStmt", Value: latchkeytest.Map{}}}

func statement(format string, s any) change {
	return attestation(func(m latchkeytest.Map) any { return m.With("fmt", format).With("attStmt", s) })
}

// packed is self attestation, its statement changed once it is signed.
func packed(f func(latchkeytest.Map) latchkeytest.Map) change {
	return func(c *latchkeytest.Ceremony) {
		c.Attestation = "packed"
		c.MutateAttestationObject = func(m latchkeytest.Map) any { return m.With("attStmt", f(m.Get("attStmt").(latchkeytest.Map))) }
	}
}

func idOf(n int) change {
	return func(c *latchkeytest.Ceremony) { c.Credential.ID = make([]byte, n) }
}

// key makes the passkey with another algorithm.
func key(t testing.TB, a latchkeytest.Algorithm) change {
	return func(c *latchkeytest.Ceremony) {
		if a == latchkeytest.RS256 || a == latchkeytest.RS1 {
			k := *orFail[*latchkeytest.Key](t)(rsaKey())
			k.Algorithm = a
			c.Credential.Key = &k
			return
		}
		c.Credential.Key = orFail[*latchkeytest.Key](t)(latchkeytest.NewKey(a))
	}
}

func registrationRows(t testing.TB) map[string]row {
	absent := flagBits(0, latchkeytest.FlagUserPresent|latchkeytest.FlagUserVerified)
	conditional := object{"mediation": "conditional"}
	only := func(algorithms ...any) object { return object{"pub_key_cred_params": algorithms} }
	octet := func(n int) []byte { return bytes.Repeat([]byte{1}, n) }
	list := map[string]row{
		"response-is-assertion":        {inner(object{"attestationObject": nil, "authenticatorData": "AAAA", "signature": "AAAA"}), nil, "attestation-object"},
		"type-get":                     {func(c *latchkeytest.Ceremony) { c.Type = "webauthn.get" }, nil, "type"},
		"client-authdata-copy-differs": {inner(object{"authenticatorData": "AAAA", "publicKey": "AAAA", "publicKeyAlgorithm": -257}), nil, "ok"},
		"transports-unknown":           {inner(object{"transports": []string{"carrier-pigeon"}}), nil, "ok"},
		"transports-number":            {inner(object{"transports": []any{nil}}), nil, "transports"},
		"extensions-python":            {outer(object{"clientExtensionResults": "{'credProps': True}"}), nil, "extensions"},
		"cred-props-absent":            {outer(object{"clientExtensionResults": object{}}), nil, "ok"},

		"up-clear-conditional":              {absent, conditional, "ok"},
		"uv-clear-required-conditional":     {absent, object{"mediation": "conditional", "uv_required": true}, "user-verification"},
		"up-clear-optional-mediation":       {absent, object{"mediation": "optional"}, "user-presence"},
		"client-says-conditional-at-finish": {func(c *latchkeytest.Ceremony) { absent(c); outer(object{"mediation": "conditional"})(c) }, nil, "user-presence"},
		"bs-with-be":                        {flagBits(latchkeytest.FlagBackedUp|latchkeytest.FlagBackupEligible, 0), nil, "ok"},

		"attobj-garbage":       {inner(object{"attestationObject": "_____w"}), nil, "attestation-object"},
		"attobj-trailing":      {attestation(func(m latchkeytest.Map) any { return append(latchkeytest.CBOR(m), 0) }), nil, "attestation-object"},
		"attobj-duplicate-key": {attestation(func(m latchkeytest.Map) any { return append(m, m[0]) }), nil, "attestation-object"},
		"attobj-indefinite":    {attestation(func(m latchkeytest.Map) any { return append(append([]byte{0xbf}, latchkeytest.CBOR(m)[1:]...), 0xff) }), nil, "attestation-object"},
		"attobj-key-order":     {attestation(func(m latchkeytest.Map) any { m = slices.Clone(m); slices.Reverse(m); return m }), nil, "ok"},
		"attobj-no-stmt":       {attestation(func(m latchkeytest.Map) any { return m.Without("attStmt") }), nil, "attestation-object"},
		"at-clear":             {flagBits(0, latchkeytest.FlagAttestedData), nil, "authenticator-data"},
		"no-attested-data":     {authData(func(b []byte) []byte { b = b[:37]; b[32] &^= latchkeytest.FlagAttestedData; return b }), nil, "authenticator-data"},
		"authdata-cut-in-key":  {authData(func(b []byte) []byte { return b[:len(b)-3] }), nil, "authenticator-data"},
		"fmt-unknown":          {statement("made-up", latchkeytest.Map{}), nil, "attestation-format"},
		"fmt-case":             {statement("None", latchkeytest.Map{}), nil, "attestation-format"},
		"fmt-empty":            {statement("", latchkeytest.Map{}), nil, "attestation-format"},
		"safetynet":            {statement("android-safetynet", latchkeytest.Map{{Key: "ver", Value: "1"}, {Key: "response", Value: []byte("x")}}), nil, "attestation-format"},

		"alg-not-offered":     {none, only(-257), "algorithm"},
		"alg-offered":         {none, only(-257, -7), "ok"},
		"alg-offered-in-full": {none, only(object{"type": "public-key", "alg": -7}), "ok"},
		"alg-none-listed":     {none, only(), "ok"},
		"alg-rs1":             {key(t, latchkeytest.RS1), nil, "algorithm"},
		"alg-rs1-offered":     {key(t, latchkeytest.RS1), only(-65535), "ok"},
		"alg-rs256":           {key(t, latchkeytest.RS256), nil, "ok"},
		"alg-eddsa":           {key(t, latchkeytest.EdDSA), nil, "ok"},
		"alg-es384":           {key(t, latchkeytest.ES384), nil, "ok"},
		"alg-es512":           {key(t, latchkeytest.ES512), nil, "ok"},
		"alg-ed448-offered": {cose(func(latchkeytest.Map) any {
			return latchkeytest.Map{{Key: 1, Value: 1}, {Key: 3, Value: -53}, {Key: -1, Value: 7}, {Key: -2, Value: octet(57)}}
		}), only(-53), "unsupported-algorithm"},
		"alg-ml-dsa-offered": {cose(func(latchkeytest.Map) any {
			return latchkeytest.Map{{Key: 1, Value: 7}, {Key: 3, Value: -48}, {Key: -1, Value: octet(1312)}}
		}), only(-7, -48), "unsupported-algorithm"},
		"key-no-alg":       {cose(func(m latchkeytest.Map) any { return m.Without(3) }), nil, "key"},
		"key-off-curve":    {cose(func(m latchkeytest.Map) any { return m.With(-2, octet(32)) }), nil, "key"},
		"key-other-curve":  {cose(func(m latchkeytest.Map) any { return m.With(-1, 2) }), nil, "key"},
		"key-other-alg":    {cose(func(m latchkeytest.Map) any { return m.With(3, -35) }), nil, "key"},
		"key-compressed":   {cose(func(m latchkeytest.Map) any { return m.With(-3, true) }), nil, "key"},
		"key-extra-member": {cose(func(m latchkeytest.Map) any { return m.With(2, []byte("kid")) }), nil, "key"},
		"key-short":        {cose(func(m latchkeytest.Map) any { return m.With(-2, octet(31)) }), nil, "key"},

		"cred-id-1023": {idOf(1023), nil, "ok"},
		"cred-id-1024": {idOf(1024), nil, "credential-id"},
		"cred-id-1":    {idOf(1), nil, "ok"},
		"id-mismatch":  {outer(object{"id": "AAAA", "rawId": "AAAA"}), nil, "credential-id"},

		"none-with-statement": {statement("none", latchkeytest.Map{{Key: "sig", Value: []byte{0}}}), nil, "attestation"},
		"packed-self":         {packed(func(m latchkeytest.Map) latchkeytest.Map { return m }), nil, "ok"},
		"packed-self-alg":     {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.With("alg", -257) }), nil, "attestation"},
		"packed-self-sig": {packed(func(m latchkeytest.Map) latchkeytest.Map {
			b := m.Get("sig").([]byte)
			return m.With("sig", flipped(b, len(b)-1))
		}), nil, "attestation"},
		"packed-no-sig":      {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.Without("sig") }), nil, "attestation"},
		"packed-ecdaa":       {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.With("ecdaaKeyId", []byte("x")) }), nil, "attestation"},
		"packed-empty-x5c":   {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.With("x5c", []any{}) }), nil, "attestation"},
		"u2f-without-cert":   {statement("fido-u2f", latchkeytest.Map{{Key: "sig", Value: []byte{1}}}), nil, "attestation"},
		"tpm-without-parts":  {statement("tpm", latchkeytest.Map{{Key: "ver", Value: "2.0"}}), nil, "attestation"},
		"compound-of-one":    {statement("compound", []any{noneStatement}), nil, "attestation"},
		"compound-of-two":    {statement("compound", []any{noneStatement, noneStatement}), nil, "attestation"},
		"compound-in-itself": {statement("compound", []any{noneStatement, noneStatement.With("fmt", "compound")}), nil, "attestation"},
	}
	maps.Copy(list, rows(t))
	return list
}

func TestRegistrations(t *testing.T) {
	for name, r := range registrationRows(t) {
		t.Run(name, func(t *testing.T) {
			want(t, ask(t, with(newRegistration(t, r.change), r.expect)), r.reason)
		})
	}
}

func TestWhatARegistrationSaysIsInTheAnswer(t *testing.T) {
	a := ask(t, newRegistration(t, func(c *latchkeytest.Ceremony) {
		c.AAGUID = [16]byte{0xea, 0x9b, 0x8d, 0x66, 0x4d, 0x01, 0x1d, 0x21, 0x3c, 0xe4, 0xb6, 0xb4, 0x8c, 0xb5, 0x75, 0xd4}
		c.BackupEligible, c.Attestation = true, "packed"
		c.Extensions = latchkeytest.Map{}
		count(41)(c)
	}))
	want(t, a, "ok")
	if *a.AAGUID != "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4" || *a.Format != "packed" || *a.Algorithm != -7 || *a.SignCount != 41 ||
		*a.Flags != (flags{UP: true, UV: true, BE: true, AT: true, ED: true}) || a.ID != nil {
		t.Errorf("%+v", a)
	}
	// What could be read is there where the rest is refused, and null where nothing could be.
	a = ask(t, newRegistration(t, from("https://evil.example")))
	if a.AAGUID == nil || a.Format == nil || a.Algorithm == nil || a.Flags == nil || a.SignCount == nil {
		t.Errorf("%+v", a)
	}
	a = ask(t, newRegistration(t, outer(object{"type": "x"})))
	if a.AAGUID != nil || a.Format != nil || a.Algorithm != nil || a.Flags != nil || a.SignCount != nil {
		t.Errorf("%+v", a)
	}
}

func TestTheExplanationNamesBoth(t *testing.T) {
	for _, tt := range []struct {
		c    object
		says []string
	}{
		{newRegistration(t, from("https://evil.example")), []string{`"https://example.org"`, `"https://evil.example"`}},
		{newRegistration(t, asked("AAAA")), []string{base64url(challenge), `"AAAA"`}},
		{newRegistration(t, func(c *latchkeytest.Ceremony) { c.RPID = origin }), []string{`"example.org"`, `"https://example.org"`}},
		{with(newRegistration(t), object{"pub_key_cred_params": []int{-257}}), []string{"-257", "-7 (ES256)"}},
		{newRegistration(t, framed("")), []string{"allow_cross_origin", "crossOrigin true"}},
		{with(newRegistration(t, flagBits(0, 4)), object{"uv_required": true}), []string{"uv_required", "UV clear"}},
		{with(newRegistration(t, from("http://a.example")), object{"origin": "http://a.example"}), []string{"need https"}},
	} {
		a := ask(t, tt.c)
		text := a.Explain[len(a.Explain)-1]
		if a.OK {
			text = a.Explain[0]
		}
		for _, s := range tt.says {
			if !strings.Contains(text, s) {
				t.Errorf("%q does not say %s", text, s)
			}
		}
	}
}
