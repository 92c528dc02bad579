package captured

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"maps"
	"math/big"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

func signature(f func([]byte) []byte) change {
	return func(c *latchkeytest.Ceremony) { c.MutateSignature = f }
}

// complement is the other signature that any ECDSA signature implies.
func complement(t testing.TB) func([]byte) []byte {
	return func(b []byte) []byte {
		var s struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(b, &s); err != nil {
			t.Fatal(err)
		}
		s.S.Sub(elliptic.P256().Params().N, s.S)
		return orFail[[]byte](t)(asn1.Marshal(s))
	}
}

func authenticationRows(t testing.TB) map[string]row {
	const appID = "https://example.org/u2f"
	appHash := sha256.Sum256([]byte(appID))
	used := func(output any) change {
		return func(c *latchkeytest.Ceremony) { c.RPIDHash, c.ExtensionResults = appHash[:], object{"appid": output} }
	}
	counted := func(stored int) object { return object{"stored_sign_count": stored} }
	nobody := func(c *latchkeytest.Ceremony) { c.UserHandle = nil }
	somebody := func(c *latchkeytest.Ceremony) { c.UserHandle = []byte("another account's handle") }
	eligible := flagBits(latchkeytest.FlagBackupEligible, 0)
	other := orFail[*latchkeytest.Key](t)(latchkeytest.NewKey(latchkeytest.ES256))
	list := map[string]row{
		"only-what-is-needed":      {none, object{"stored_sign_count": nil, "stored_backup_eligible": nil, "stored_uv_initialized": nil, "user_handle": nil, "allow_credentials": nil, "origin": nil}, "ok"},
		"attestation-instead":      {inner(object{"authenticatorData": nil, "signature": nil, "attestationObject": "AAAA"}), nil, "authenticator-data"},
		"type-create":              {func(c *latchkeytest.Ceremony) { c.Type = "webauthn.create" }, nil, "type"},
		"missing-signature":        {inner(object{"signature": nil}), nil, "signature"},
		"missing-authdata":         {inner(object{"authenticatorData": nil}), nil, "authenticator-data"},
		"up-clear-conditional-get": {flagBits(0, latchkeytest.FlagUserPresent), object{"mediation": "conditional"}, "user-presence"},

		"allow-list-miss":             {none, object{"allow_credentials": []string{"AAAA", "BBBB"}}, "not-allowed"},
		"allow-list-in-full":          {none, object{"allow_credentials": []object{{"type": "public-key", "id": base64url(bytes.Repeat([]byte{7}, 32))}}}, "ok"},
		"allow-list-empty":            {none, object{"allow_credentials": []string{}}, "ok"},
		"unknown-credential":          {none, object{"stored_public_key": nil}, "unknown-credential"},
		"handle-mismatch":             {somebody, nil, "other-user-handle"},
		"handle-absent":               {nobody, nil, "ok"},
		"handle-not-known":            {somebody, object{"user_handle": nil}, "ok"},
		"handle-of-nobody":            {none, object{"user_handle": ""}, "ok"},
		"user-handle-null":            {inner(object{"userHandle": null}), nil, "ok"},
		"user-handle-empty":           {inner(object{"userHandle": ""}), nil, "ok"},
		"user-handle-broken":          {inner(object{"userHandle": "***"}), nil, "user-handle"},
		"discoverable":                {none, object{"discoverable": true, "allow_credentials": nil}, "ok"},
		"discoverable-no-handle":      {nobody, object{"discoverable": true, "allow_credentials": nil}, "no-user-handle"},
		"discoverable-empty-handle":   {inner(object{"userHandle": ""}), object{"discoverable": true}, "no-user-handle"},
		"discoverable-unknown-handle": {somebody, object{"discoverable": true}, "other-user-handle"},

		"appid":                        {used(true), object{"appid": appID}, "ok"},
		"appid-not-needed":             {none, object{"appid": appID}, "ok"},
		"appid-hash-without-extension": {used(true), nil, "rp-id-hash"},
		"appid-output-false":           {used(false), object{"appid": appID}, "rp-id-hash"},
		"appid-output-missing":         {func(c *latchkeytest.Ceremony) { c.RPIDHash = appHash[:] }, object{"appid": appID}, "rp-id-hash"},
		"appid-other":                  {used(true), object{"appid": origin}, "rp-id-hash"},

		"uv-set-not-required":             {none, object{"stored_uv_initialized": false}, "ok"},
		"uv-required-not-at-registration": {none, object{"stored_uv_initialized": false, "uv_required": true}, "ok"},
		"be-changed-to-true":              {eligible, nil, "backup-eligible"},
		"be-changed-to-false":             {none, object{"stored_backup_eligible": true}, "backup-eligible"},
		"be-not-known":                    {eligible, object{"stored_backup_eligible": nil}, "ok"},
		"be-as-it-was":                    {eligible, object{"stored_backup_eligible": true}, "ok"},
		"bs-set":                          {flagBits(latchkeytest.FlagBackupEligible|latchkeytest.FlagBackedUp, 0), object{"stored_backup_eligible": true}, "ok"},

		"clientdata-tampered": {func(c *latchkeytest.Ceremony) {
			c.MutateResponse = func(m object) any {
				in := m["response"].(object)
				in["clientDataJSON"] = base64url(append(orFail[octets](t)(decoded(in["clientDataJSON"].(string))), ' '))
				return m
			}
		}, nil, "signature"},
		"authdata-tampered": {func(c *latchkeytest.Ceremony) { c.AfterSign = func(b []byte) []byte { return flipped(b, 36) } }, nil, "signature"},
		"sig-flipped":       {signature(func(b []byte) []byte { return flipped(b, len(b)-1) }), nil, "signature"},
		"sig-not-der":       {signature(func(b []byte) []byte { return bytes.Repeat([]byte{1}, 64) }), nil, "signature"},
		"sig-trailing":      {signature(func(b []byte) []byte { return append(b, 0) }), nil, "signature"},
		"sig-complement-s":  {signature(complement(t)), nil, "ok"},
		"sig-other-key":     {func(c *latchkeytest.Ceremony) { c.SignWith = other }, nil, "signature"},
		"stored-other-key":  {none, object{"stored_public_key": base64url(latchkeytest.CBOR(other.COSE()))}, "signature"},
		"stored-key-broken": {none, object{"stored_public_key": "AAAA"}, "key"},
		"stored-key-empty":  {none, object{"stored_public_key": ""}, "key"},
		"stored-key-ed448": {none, object{"stored_public_key": base64url(latchkeytest.CBOR(latchkeytest.Map{
			{Key: 1, Value: 1}, {Key: 3, Value: -53}, {Key: -1, Value: 7}, {Key: -2, Value: make([]byte, 57)}}))}, "unsupported-algorithm"},

		"count-zero-zero":     {count(0), counted(0), "ok"},
		"count-first-nonzero": {count(1), counted(0), "ok"},
		"count-max":           {count(1<<32 - 1), counted(1<<32 - 2), "ok"},
		"count-equal":         {count(5), counted(5), "sign-count"},
		"count-lower":         {count(4), counted(5), "sign-count"},
		"count-drops-to-zero": {count(0), counted(5), "sign-count"},
		"at-in-assertion": {authData(func(b []byte) []byte {
			b[32] |= latchkeytest.FlagAttestedData
			b = append(append(b, make([]byte, 16)...), 0, 1, 9)
			return append(b, latchkeytest.CBOR(other.COSE())...)
		}), nil, "ok"},
	}
	maps.Copy(list, rows(t))
	return list
}

// null is a JSON null where nil means "left out".
var null = (*int)(nil)

func decoded(s string) (octets, error) {
	var o octets
	err := o.UnmarshalText([]byte(s))
	return o, err
}

func TestAuthentications(t *testing.T) {
	for name, r := range authenticationRows(t) {
		t.Run(name, func(t *testing.T) {
			want(t, ask(t, with(newAuthentication(t, r.change), r.expect)), r.reason)
		})
	}
}

func TestKeysOfEveryAlgorithm(t *testing.T) {
	keys := []*latchkeytest.Key{orFail[*latchkeytest.Key](t)(rsaKey())}
	rs1 := *keys[0]
	rs1.Algorithm = latchkeytest.RS1
	keys = append(keys, &rs1)
	for _, a := range []latchkeytest.Algorithm{latchkeytest.ES256, latchkeytest.EdDSA, latchkeytest.ES384, latchkeytest.ES512} {
		keys = append(keys, orFail[*latchkeytest.Key](t)(latchkeytest.NewKey(a)))
	}
	for _, k := range keys {
		a := ask(t, authenticationWith(t, k))
		want(t, a, "ok")
		if *a.Algorithm != int64(k.Algorithm) || a.AAGUID != nil || a.Format != nil || *a.Flags != (flags{UP: true, UV: true}) {
			t.Errorf("%d: %+v", k.Algorithm, a)
		}
		want(t, ask(t, authenticationWith(t, k, signature(func(b []byte) []byte { return flipped(b, len(b)-1) }))), "signature")
	}
	if _, ok := keys[2].Private.(*ecdsa.PrivateKey); !ok {
		t.Error("the order of the keys")
	}
}
