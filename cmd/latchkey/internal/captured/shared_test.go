package captured

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// row is a response with one thing about it, what the site expected, and the answer.
type row struct {
	change change
	expect object
	reason string
}

// rows are those of both ceremonies (WebAuthn L3 §7.1 and §7.2, what they have alike).
func rows(t testing.TB) map[string]row {
	evil := sha256.Sum256([]byte("evil.example"))
	const embedder = "https://embedder.example"
	framesOn := object{"allow_cross_origin": true}
	listed := object{"allow_cross_origin": true, "top_origins": []string{embedder}}
	indented := clientData(func(m object) any { return orFail[[]byte](t)(json.MarshalIndent(m, "\r\n", "\t")) })
	return map[string]row{
		"as-it-should-be":     {none, nil, "ok"},
		"unknown-members":     {none, object{"colour": "blue", "expect": []int{1}}, "ok"},
		"type-not-public-key": {outer(object{"type": "password"}), nil, "credential-type"},
		"id-rawid-differ":     {outer(object{"rawId": "AAAA"}), nil, "credential-id"},
		"id-missing":          {outer(object{"id": nil, "rawId": nil}), nil, "credential-id"},
		"missing-clientdata":  {inner(object{"clientDataJSON": nil}), nil, "client-data"},
		"response-not-object": {func(c *latchkeytest.Ceremony) { c.MutateResponse = func(object) any { return "[]" } }, nil, "json"},

		"cd-bom":             {clientData(func(m object) any { return append([]byte("\uFEFF"), marshal(t, m)...) }), nil, "ok"},
		"cd-whitespace":      {indented, nil, "ok"},
		"cd-unknown-members": {member("extra", object{"a": 1}), nil, "ok"},
		"cd-token-binding":   {member("tokenBinding", "unused"), nil, "ok"},
		"cd-key-order": {clientData(func(m object) any {
			return `{"crossOrigin":false,"origin":"` + origin + `","challenge":"` + base64url(challenge) + `","type":"` + m["type"].(string) + `"}`
		}), nil, "ok"},
		"cd-escaped-type": {clientData(func(m object) any {
			return bytes.Replace(marshal(t, m), []byte(`"webauthn.`), []byte("\"\\u0077ebauthn."), 1)
		}), nil, "ok"},
		"cd-not-json":  {clientData(func(object) any { return "hello" }), nil, "client-data"},
		"cd-array":     {clientData(func(object) any { return "[]" }), nil, "client-data"},
		"cd-trailing":  {clientData(func(m object) any { return append(marshal(t, m), " x"...) }), nil, "client-data"},
		"type-missing": {member("type", nil), nil, "client-data"},
		"type-case":    {func(c *latchkeytest.Ceremony) { c.Type = strings.ToUpper(c.Type) }, nil, "type"},

		"challenge-other":     {asked(base64url(evil[:])), nil, "challenge"},
		"challenge-empty":     {asked(""), nil, "challenge"},
		"challenge-missing":   {member("challenge", nil), nil, "client-data"},
		"challenge-truncated": {asked(base64url(challenge[:16])), nil, "challenge"},
		"challenge-padded":    {asked(base64url(challenge) + "="), nil, "challenge"},
		"no-challenge-given":  {asked(""), object{"challenge": ""}, "challenge"},

		"origin-host":      {from("https://evil.example"), nil, "origin"},
		"origin-port":      {from("https://example.org:8443"), nil, "origin"},
		"origin-scheme":    {from("http://example.org"), nil, "origin"},
		"origin-suffix":    {from("https://example.org.evil.example"), nil, "origin"},
		"origin-userinfo":  {from("https://example.org@evil.example"), nil, "origin"},
		"origin-subdomain": {from("https://www.example.org"), nil, "origin"},
		"origin-slash":     {from("https://example.org/"), nil, "origin"},
		"origin-null":      {from("null"), nil, "origin"},
		"origin-empty":     {from(""), nil, "origin"},
		"origin-missing":   {member("origin", nil), nil, "client-data"},

		"cross-origin-true":          {framed(""), nil, "cross-origin"},
		"cross-origin-allowed":       {framed(""), framesOn, "ok"},
		"cross-origin-absent":        {member("crossOrigin", nil), nil, "ok"},
		"cross-origin-text":          {member("crossOrigin", "true"), framesOn, "client-data"},
		"top-origin-not-expected":    {framed(embedder), nil, "cross-origin"},
		"top-origin-unexpected":      {framed(embedder), framesOn, "top-origin"},
		"top-origin-not-listed":      {framed("https://evil.example"), listed, "top-origin"},
		"top-origin-listed":          {framed(embedder), listed, "ok"},
		"top-origin-of-the-site":     {framed(origin), framesOn, "ok"},
		"top-origin-any":             {framed(embedder), object{"allow_cross_origin": true, "top_origins": []string{"*"}}, "ok"},
		"top-origin-without-cross":   {func(c *latchkeytest.Ceremony) { c.TopOrigin = embedder }, listed, "top-origin"},
		"top-origin-without-allowed": {func(c *latchkeytest.Ceremony) { c.TopOrigin = embedder }, nil, "top-origin"},

		"rpid-hash-other":     {func(c *latchkeytest.Ceremony) { c.RPIDHash = evil[:] }, nil, "rp-id-hash"},
		"rpid-hash-of-origin": {func(c *latchkeytest.Ceremony) { c.RPID = origin }, nil, "rp-id-hash"},

		"uv-clear":          {flagBits(0, latchkeytest.FlagUserVerified), nil, "ok"},
		"uv-clear-required": {flagBits(0, latchkeytest.FlagUserVerified), object{"uv_required": true}, "user-verification"},
		"uv-set-required":   {none, object{"uv_required": true}, "ok"},
		"up-clear":          {flagBits(0, latchkeytest.FlagUserPresent), nil, "user-presence"},
		"bs-without-be":     {flagBits(latchkeytest.FlagBackedUp, 0), object{"stored_backup_eligible": nil}, "backup-state"},
		"rfu-bits":          {flagBits(0x22, 0), nil, "ok"},
		"authdata-short":    {authData(func(b []byte) []byte { return b[:36] }), nil, "authenticator-data"},
		"authdata-trailing": {authData(func(b []byte) []byte { return append(b, 0) }), nil, "authenticator-data"},
		"ed-set-no-data":    {flagBits(latchkeytest.FlagExtensions, 0), nil, "authenticator-data"},
		"ext-not-map":       {func(c *latchkeytest.Ceremony) { c.Extensions = []any{1} }, nil, "authenticator-data"},
		"ed-with-ext":       {func(c *latchkeytest.Ceremony) { c.Extensions = latchkeytest.Map{{Key: "credProtect", Value: 2}} }, nil, "ok"},
		"client-ext-unsolicited": {func(c *latchkeytest.Ceremony) {
			c.ExtensionResults = object{"appid": true, "prf": object{"enabled": true}, "uvm": []any{1}}
		}, nil, "ok"},

		// What a captured response need not fit: a configuration of ours.
		"site-http":           {from("http://login.example.org:8080"), object{"origin": "http://login.example.org:8080"}, "ok"},
		"site-elsewhere":      {from("https://elsewhere.example"), object{"origin": "https://elsewhere.example"}, "ok"},
		"site-app":            {from("android:apk-key-hash:x"), object{"origin": "android:apk-key-hash:x"}, "ok"},
		"site-app-other":      {from("android:apk-key-hash:y"), object{"origin": "android:apk-key-hash:x"}, "origin"},
		"site-slash":          {none, object{"origin": origin + "/"}, "origin"},
		"origin-from-rpid":    {none, object{"origin": nil}, "ok"},
		"rpid-from-origin":    {none, object{"rp_id": nil}, "ok"},
		"rpid-a-sentence":     {func(c *latchkeytest.Ceremony) { c.RPID = "An RP of old" }, object{"rp_id": "An RP of old"}, "ok"},
		"challenge-in-base64": {none, object{"challenge": "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo="}, "ok"},
	}
}
