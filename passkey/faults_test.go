package passkey_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

// fault is one thing wrong with a response, and what it is refused for. Without a reason it is the caller who refuses it.
type fault struct {
	change func(*latchkeytest.Ceremony)
	kind   error
	reason string
}

const notBase64 = "!!!not base64!!!"

var garbage = []byte{0xff, 0x00, 0xde, 0xad, 0xbe, 0xef, 0xff}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func flip(b []byte, i int) []byte {
	c := bytes.Clone(b)
	if i < 0 {
		i += len(c)
	}
	c[i] ^= 1
	return c
}

func without(name string) func(*latchkeytest.Ceremony) {
	return clientData(func(m map[string]any) any { delete(m, name); return m })
}

func fromOrigin(s string) func(*latchkeytest.Ceremony) {
	return ceremony(func(c *latchkeytest.Ceremony) { c.Origin = s })
}

// sharedFaults are those of both ceremonies.
func sharedFaults() map[string]fault {
	bad, no := passkey.ErrMalformed, passkey.ErrNotVerified
	evil := sha256.Sum256([]byte("evil.example"))
	ids := func(id any) func(*latchkeytest.Ceremony) {
		return ceremony(func(c *latchkeytest.Ceremony) {
			c.MutateResponse = func(m map[string]any) any { m["id"], m["rawId"] = id, id; return m }
		})
	}
	return map[string]fault{
		"wrongChallenge":      {ceremony(func(c *latchkeytest.Ceremony) { c.Challenge = b64(random(32)) }), no, "challenge"},
		"emptyChallenge":      {ceremony(func(c *latchkeytest.Ceremony) { c.Challenge = "" }), no, "challenge"},
		"truncatedChallenge":  {ceremony(func(c *latchkeytest.Ceremony) { c.Challenge = c.Challenge[:20] }), no, "challenge"},
		"paddedChallenge":     {ceremony(func(c *latchkeytest.Ceremony) { c.Challenge += "=" }), no, "challenge"},
		"wrongOrigin":         {fromOrigin("https://evil.example"), no, "origin"},
		"otherPortOrigin":     {fromOrigin("https://example.org:8443"), no, "origin"},
		"otherSchemeOrigin":   {fromOrigin("http://example.org"), no, "origin"},
		"subdomainOrigin":     {fromOrigin("https://evil.example.org"), no, "origin"},
		"suffixOrigin":        {fromOrigin("https://example.org.evil.example"), no, "origin"},
		"userinfoOrigin":      {fromOrigin("https://evil.example@example.org"), no, "origin"},
		"trailingSlashOrigin": {fromOrigin("https://example.org/"), no, "origin"},
		"nullOrigin":          {fromOrigin("null"), no, "origin"},
		"emptyOrigin":         {fromOrigin(""), no, "origin"},
		"wrongRpIdHash":       {ceremony(func(c *latchkeytest.Ceremony) { c.RPIDHash = evil[:] }), no, "rp-id-hash"},
		"zeroRpIdHash":        {ceremony(func(c *latchkeytest.Ceremony) { c.RPIDHash = make([]byte, 32) }), no, "rp-id-hash"},
		"originRpIdHash":      {ceremony(func(c *latchkeytest.Ceremony) { c.RPID = origin }), no, "rp-id-hash"},
		"crossOrigin":         {ceremony(func(c *latchkeytest.Ceremony) { c.CrossOrigin, c.TopOrigin = true, "https://evil.example" }), no, "cross-origin"},
		"crossOriginNumber":   {clientData(func(m map[string]any) any { m["crossOrigin"] = 1; return m }), bad, "client-data"},
		"topOriginAlone":      {ceremony(func(c *latchkeytest.Ceremony) { c.TopOrigin = origin }), no, "top-origin"},
		"topOriginNumber":     {clientData(func(m map[string]any) any { m["topOrigin"] = 1; return m }), bad, "client-data"},
		"noUserPresence":      {flags(0, latchkeytest.FlagUserPresent), no, "user-presence"},
		"bsWithoutBe":         {flags(latchkeytest.FlagBackedUp, latchkeytest.FlagBackupEligible), no, "backup-state"},
		"typeInOtherCase":     {ceremony(func(c *latchkeytest.Ceremony) { c.Type = strings.ToUpper(c.Type) }), no, "type"},
		"clientDataNotJson":   {clientData(func(map[string]any) any { return "this is not JSON" }), bad, "client-data"},
		"clientDataEmpty":     {clientData(func(map[string]any) any { return []byte{} }), bad, "client-data"},
		"clientDataArray":     {clientData(func(map[string]any) any { return "[]" }), bad, "client-data"},
		"clientDataNull":      {clientData(func(map[string]any) any { return "null" }), bad, "client-data"},
		"clientDataNumbers":   {clientData(func(map[string]any) any { return `{"type":1,"challenge":2,"origin":3}` }), bad, "client-data"},
		"clientDataTwoValues": {clientData(func(map[string]any) any { return `{} {}` }), bad, "client-data"},
		"clientDataBadUtf8": {clientData(func(m map[string]any) any {
			return bytes.Replace(marshalNow(m), []byte("}"), []byte(",\"\xff\xfe\":1}"), 1)
		}), bad, "client-data"},
		"clientDataDeep":        {clientData(func(map[string]any) any { return strings.Repeat("[", 20000) }), bad, "client-data"},
		"clientDataNoChallenge": {without("challenge"), bad, "client-data"},
		"clientDataNoOrigin":    {without("origin"), bad, "client-data"},
		"clientDataNoType":      {without("type"), bad, "client-data"},
		"clientDataOtherCase": {clientData(func(m map[string]any) any {
			m["Origin"] = m["origin"]
			delete(m, "origin")
			return m
		}), bad, "client-data"},
		"clientDataNotBase64": {set("response.clientDataJSON", notBase64), bad, "client-data"},
		"clientDataNumber":    {set("response.clientDataJSON", 5), bad, "json"},
		"clientDataMissing":   {drop("response.clientDataJSON"), bad, "client-data"},
		"missingRawId":        {drop("rawId"), bad, "credential-id"},
		"missingId":           {drop("id"), bad, "credential-id"},
		"idMismatch": {ceremony(func(c *latchkeytest.Ceremony) {
			c.MutateResponse = func(m map[string]any) any { m["rawId"] = b64(flip(c.Credential.ID, 0)); return m }
		}), bad, "credential-id"},
		"missingType":         {drop("type"), bad, "credential-type"},
		"wrongCredentialType": {set("type", "password"), bad, "credential-type"},
		"typeNull":            {set("type", null), bad, "credential-type"},
		"missingResponse":     {drop("response"), bad, "client-data"},
		"responseNull":        {set("response", null), bad, "client-data"},
		"responseText":        {set("response", "text"), bad, "json"},
		"responseArray":       {set("response", []any{}), bad, "json"},
		"idNumber":            {ids(5), bad, "json"},
		"idEmpty":             {ids(""), bad, "credential-id"},
		"idNotBase64":         {ids("***"), bad, "credential-id"},
		"idLineBreak":         {ids("AAAA\nAAAA"), bad, "credential-id"},
		"idOfBothAlphabets":   {ids("AA+A-AAA"), bad, "credential-id"},
		"idStrayBits":         {ids("AB"), bad, "credential-id"},
		"idTooLongInJson":     {ids(b64(make([]byte, 1024))), bad, "credential-id"},
		"notAnObject":         {ceremony(func(c *latchkeytest.Ceremony) { c.MutateResponse = func(map[string]any) any { return "[]" } }), bad, "json"},
		"aNumber":             {ceremony(func(c *latchkeytest.Ceremony) { c.MutateResponse = func(map[string]any) any { return "5" } }), bad, "json"},
		"aNull":               {ceremony(func(c *latchkeytest.Ceremony) { c.MutateResponse = func(map[string]any) any { return "null" } }), bad, "json"},
		"aText":               {ceremony(func(c *latchkeytest.Ceremony) { c.MutateResponse = func(map[string]any) any { return `"{}"` } }), bad, "json"},
		"nothing":             {ceremony(func(c *latchkeytest.Ceremony) { c.MutateResponse = func(map[string]any) any { return "" } }), bad, "json"},
		"emptyObject":         {ceremony(func(c *latchkeytest.Ceremony) { c.MutateResponse = func(map[string]any) any { return "{}" } }), bad, "credential-type"},
		"twoObjects":          {ceremony(func(c *latchkeytest.Ceremony) { c.MutateResponse = func(map[string]any) any { return "{}{}" } }), bad, "json"},
		"badUtf8": {ceremony(func(c *latchkeytest.Ceremony) {
			c.MutateResponse = func(map[string]any) any { return "{\"id\":\"\xff\"}" }
		}), bad, "json"},
		"huge": {set("padding", strings.Repeat("x", 200<<10)), bad, "json"},
	}
}

// creationFaults are those of a registration.
func creationFaults() map[string]fault {
	bad, no := passkey.ErrMalformed, passkey.ErrNotVerified
	object := func(f func(latchkeytest.Map) any) func(*latchkeytest.Ceremony) {
		return func(c *latchkeytest.Ceremony) { c.MutateAttestationObject = f }
	}
	statement := func(format any, s any) func(*latchkeytest.Ceremony) {
		return object(func(m latchkeytest.Map) any { return m.With("fmt", format).With("attStmt", s) })
	}
	packed := func(f func(latchkeytest.Map) latchkeytest.Map) func(*latchkeytest.Ceremony) {
		return func(c *latchkeytest.Ceremony) {
			c.Attestation = "packed"
			c.MutateAttestationObject = func(m latchkeytest.Map) any {
				return m.With("attStmt", f(m.Get("attStmt").(latchkeytest.Map)))
			}
		}
	}
	authData := func(f func([]byte) []byte) func(*latchkeytest.Ceremony) {
		return func(c *latchkeytest.Ceremony) { c.MutateAuthData = f }
	}
	cose := func(f func(latchkeytest.Map) any) func(*latchkeytest.Ceremony) {
		return func(c *latchkeytest.Ceremony) { c.MutateCOSE = f }
	}
	lie := uint16(65535)
	cert := func(n, size int) []any {
		return slices.Repeat([]any{bytes.Repeat([]byte{2}, size)}, n)
	}
	list := map[string]fault{
		"wrongType":             {ceremony(func(c *latchkeytest.Ceremony) { c.Type = "webauthn.get" }), no, "type"},
		"garbageAttestation":    {set("response.attestationObject", b64(garbage)), bad, "attestation-object"},
		"emptyAttestation":      {set("response.attestationObject", ""), bad, "attestation-object"},
		"attestationNotBase64":  {set("response.attestationObject", notBase64), bad, "attestation-object"},
		"attestationMissing":    {drop("response.attestationObject"), bad, "attestation-object"},
		"attestationNumber":     {set("response.attestationObject", 7), bad, "json"},
		"attestationNotMap":     {object(func(latchkeytest.Map) any { return []any{1, 2, 3} }), bad, "attestation-object"},
		"attestationNoAuthData": {object(func(m latchkeytest.Map) any { return m.Without("authData") }), bad, "authenticator-data"},
		"attestationNoStmt":     {object(func(m latchkeytest.Map) any { return m.Without("attStmt") }), bad, "attestation-object"},
		"attestationStmtNull":   {object(func(m latchkeytest.Map) any { return m.With("attStmt", nil) }), bad, "attestation-object"},
		"attestationStmtText":   {object(func(m latchkeytest.Map) any { return m.With("attStmt", "x") }), bad, "attestation-object"},
		"attestationNoFmt":      {object(func(m latchkeytest.Map) any { return m.Without("fmt") }), no, "attestation-format"},
		"attestationFmtNumber":  {statement(5, latchkeytest.Map{}), bad, "attestation-object"},
		"attestationUnknownFmt": {statement("made-up", latchkeytest.Map{{Key: "x", Value: 1}}), no, "attestation-format"},
		"attestationFmtCase":    {statement("None", latchkeytest.Map{}), no, "attestation-format"},
		"attestationFmtEmpty":   {statement("", latchkeytest.Map{}), no, "attestation-format"},
		"attestationSafetyNet":  {statement("android-safetynet", latchkeytest.Map{{Key: "ver", Value: "1"}, {Key: "response", Value: []byte("x")}}), no, "attestation-format"},
		"attestationTruncated":  {object(func(m latchkeytest.Map) any { b := latchkeytest.CBOR(m); return b[:len(b)-20] }), bad, "attestation-object"},
		"attestationTrailing":   {object(func(m latchkeytest.Map) any { return append(latchkeytest.CBOR(m), 0) }), bad, "attestation-object"},
		"attestationTwice":      {object(func(m latchkeytest.Map) any { return append(m, m[0]) }), bad, "attestation-object"},
		"attestationDeep":       {object(func(latchkeytest.Map) any { return append(bytes.Repeat([]byte{0x81}, 20000), 0) }), bad, "attestation-object"},
		"attestationHugeLength": {object(func(latchkeytest.Map) any {
			return []byte("\xa3\x63fmt\x5b\xff\xff\xff\xff\xff\xff\xff\xff")
		}), bad, "attestation-object"},
		"attestationHugeMap":    {object(func(latchkeytest.Map) any { return []byte("\xba\xff\xff\xff\xff") }), bad, "attestation-object"},
		"attestationIndefinite": {object(func(m latchkeytest.Map) any { return append(append([]byte{0xbf}, latchkeytest.CBOR(m)[1:]...), 0xff) }), bad, "attestation-object"},
		"attestationOtherCase": {object(func(m latchkeytest.Map) any {
			return append(m.Without("attStmt"), latchkeytest.Map{{Key: "AttStmt", Value: m.Get("attStmt")}}...)
		}), bad, "attestation-object"},
		"attestationBothCases": {object(func(m latchkeytest.Map) any {
			return append(m, latchkeytest.Map{{Key: "FMT", Value: "packed"}}...)
		}), bad, "attestation-object"},
		"compoundOtherCase": {statement("compound", []any{noneStatement, latchkeytest.Map{{Key: "Fmt", Value: "none"}, {Key: "attStmt", Value: latchkeytest.Map{}}}}), bad, "attestation-object"},
		"noneWithStatement": {statement("none", latchkeytest.Map{{Key: "sig", Value: []byte{0}}}), no, "attestation"},
		"packedBadSignature": {ceremony(func(c *latchkeytest.Ceremony) {
			c.Attestation = "packed"
			c.MutateSignature = func(b []byte) []byte { return flip(b, -1) }
		}), no, "attestation"},
		"packedWrongAlg":     {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.With("alg", -257) }), no, "attestation"},
		"packedNoSignature":  {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.Without("sig") }), no, "attestation"},
		"packedNoAlg":        {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.Without("alg") }), no, "attestation"},
		"packedGarbageCert":  {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.With("x5c", cert(1, 64)) }), no, "attestation"},
		"packedNoCert":       {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.With("x5c", []any{}) }), no, "attestation"},
		"packedHugeCert":     {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.With("x5c", cert(1, 5000)) }), no, "attestation"},
		"packedManyCerts":    {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.With("x5c", cert(9, 64)) }), no, "attestation"},
		"packedCertText":     {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.With("x5c", []any{"x"}) }), no, "attestation"},
		"packedEcdaa":        {packed(func(m latchkeytest.Map) latchkeytest.Map { return m.With("ecdaaKeyId", []byte("x")) }), no, "attestation"},
		"packedAsU2F":        {statement("fido-u2f", latchkeytest.Map{{Key: "sig", Value: []byte{1}}, {Key: "x5c", Value: cert(1, 64)}}), no, "attestation"},
		"packedAsTPM":        {statement("tpm", latchkeytest.Map{{Key: "ver", Value: "2.0"}}), no, "attestation"},
		"packedAsApple":      {statement("apple", latchkeytest.Map{{Key: "x5c", Value: cert(1, 64)}}), no, "attestation"},
		"packedAsAndroid":    {statement("android-key", latchkeytest.Map{{Key: "x5c", Value: cert(1, 64)}}), no, "attestation"},
		"compoundOfOne":      {statement("compound", []any{noneStatement}), no, "attestation"},
		"compoundOfCompound": {statement("compound", []any{noneStatement, latchkeytest.Map{{Key: "fmt", Value: "compound"}, {Key: "attStmt", Value: latchkeytest.Map{}}}}), no, "attestation"},
		"compoundUnknown":    {statement("compound", []any{noneStatement, latchkeytest.Map{{Key: "fmt", Value: "made-up"}, {Key: "attStmt", Value: latchkeytest.Map{}}}}), no, "attestation-format"},
		"compoundHugeCert":   {statement("compound", slices.Repeat([]any{latchkeytest.Map{{Key: "fmt", Value: "packed"}, {Key: "attStmt", Value: latchkeytest.Map{{Key: "x5c", Value: cert(1, 5000)}}}}}, 2)), no, "attestation"},
		"compoundMany":       {statement("compound", slices.Repeat([]any{noneStatement}, 9)), no, "attestation"},
		"compoundMap":        {statement("compound", latchkeytest.Map{}), bad, "attestation-object"},
		"authDataEmpty":      {authData(func([]byte) []byte { return nil }), bad, "authenticator-data"},
		"authDataTruncated":  {authData(func(b []byte) []byte { return b[:36] }), bad, "authenticator-data"},
		"authDataCutInId":    {authData(func(b []byte) []byte { return b[:60] }), bad, "authenticator-data"},
		"authDataCutInKey":   {authData(func(b []byte) []byte { return b[:len(b)-5] }), bad, "authenticator-data"},
		"authDataTrailing":   {authData(func(b []byte) []byte { return append(b, 1, 2, 3) }), bad, "authenticator-data"},
		"noAttestedData":     {flags(0, latchkeytest.FlagAttestedData), bad, "authenticator-data"},
		"noAttestedDataAtAll": {ceremony(func(c *latchkeytest.Ceremony) {
			c.MutateAuthData = func(b []byte) []byte { b = b[:37]; b[32] &^= latchkeytest.FlagAttestedData; return b }
		}), bad, "authenticator-data"},
		"extensionFlagNoData": {flags(latchkeytest.FlagExtensions, 0), bad, "authenticator-data"},
		"extensionNoMap":      {ceremony(func(c *latchkeytest.Ceremony) { c.Extensions = []any{1} }), bad, "authenticator-data"},
		"extensionTrailing":   {ceremony(func(c *latchkeytest.Ceremony) { c.Extensions = []byte{0xa0, 0x00} }), bad, "authenticator-data"},
		"idTooLong":           {ceremony(func(c *latchkeytest.Ceremony) { c.Credential.ID = random(1024) }), bad, "credential-id"},
		"idZeroLength":        {ceremony(func(c *latchkeytest.Ceremony) { c.Credential.ID = []byte{} }), bad, "credential-id"},
		"idLengthLie":         {ceremony(func(c *latchkeytest.Ceremony) { c.DeclaredIDLength = &lie }), bad, "authenticator-data"},
		"idNotInAuthData":     {ceremony(otherID), no, "credential-id"},
		"algNotOffered":       {ceremony(func(c *latchkeytest.Ceremony) { c.Algorithm = latchkeytest.RS1; c.Credential.Key = nil }), no, "algorithm"},
		"algMismatch":         {cose(func(m latchkeytest.Map) any { return m.With(3, -257) }), no, "key"},
		"coseGarbage":         {cose(func(latchkeytest.Map) any { return garbage }), bad, "authenticator-data"},
		"coseEmptyMap":        {cose(func(latchkeytest.Map) any { return latchkeytest.Map{} }), no, "key"},
		"coseNoX":             {cose(func(m latchkeytest.Map) any { return m.Without(-2) }), no, "key"},
		"coseShortX":          {cose(func(m latchkeytest.Map) any { return m.With(-2, bytes.Repeat([]byte{1}, 5)) }), no, "key"},
		"coseOffCurve": {cose(func(m latchkeytest.Map) any {
			return m.With(-2, bytes.Repeat([]byte{1}, 32)).With(-3, bytes.Repeat([]byte{2}, 32))
		}), no, "key"},
		"coseWrongCurve":      {cose(func(m latchkeytest.Map) any { return m.With(-1, 99) }), no, "key"},
		"coseWrongTypes":      {cose(func(m latchkeytest.Map) any { return m.With(1, "text").With(-2, 5) }), no, "key"},
		"transportsNumber":    {set("response.transports", 5), bad, "json"},
		"transportsText":      {set("response.transports", "usb"), bad, "json"},
		"transportsObject":    {set("response.transports", map[string]any{}), bad, "json"},
		"transportsOfNumbers": {set("response.transports", []any{"usb", 5}), bad, "json"},
		"transportsOfNulls":   {set("response.transports", []any{"usb", null}), bad, "transports"},
		"transportsMany":      {set("response.transports", slices.Repeat([]string{"usb"}, 17)), bad, "transports"},
		"transportsLong":      {set("response.transports", []string{strings.Repeat("x", 33)}), bad, "transports"},
		"transportsControl":   {set("response.transports", []string{"usb\x00"}), bad, "transports"},
		"transportsDelete":    {set("response.transports", []string{"usb\x7f"}), bad, "transports"},
		"extensionsText":      {set("clientExtensionResults", "not JSON at all"), bad, "extensions"},
		"extensionsPython":    {set("extensions", "{'credProps': {'rk': True}}"), bad, "extensions"},
		"extensionsHalf":      {set("extensions", "[1,2"), bad, "extensions"},
		"extensionsEmpty":     {set("extensions", ""), bad, "extensions"},
		"assertionInstead":    {ceremony(asAssertion), bad, "attestation-object"},
	}
	maps.Copy(list, sharedFaults())
	return list
}

func marshalNow(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

var noneStatement = latchkeytest.Map{{Key: "fmt", Value: "none"}, {Key: "attStmt", Value: latchkeytest.Map{}}}

func otherID(c *latchkeytest.Ceremony) {
	c.MutateResponse = func(m map[string]any) any { m["id"] = b64(random(32)); m["rawId"] = m["id"]; return m }
}

func asAssertion(c *latchkeytest.Ceremony) {
	c.MutateResponse = func(m map[string]any) any {
		r := m["response"].(map[string]any)
		delete(r, "attestationObject")
		r["signature"] = "AAAA"
		return m
	}
}

// requestFaults are those of an authentication.
func requestFaults() map[string]fault {
	bad, no := passkey.ErrMalformed, passkey.ErrNotVerified
	authData := func(f func([]byte) []byte) func(*latchkeytest.Ceremony) {
		return func(c *latchkeytest.Ceremony) { c.MutateAuthData = f }
	}
	signature := func(f func([]byte) []byte) func(*latchkeytest.Ceremony) {
		return func(c *latchkeytest.Ceremony) { c.MutateSignature = f }
	}
	list := map[string]fault{
		"wrongType":              {ceremony(func(c *latchkeytest.Ceremony) { c.Type = "webauthn.create" }), no, "type"},
		"badSignature":           {signature(func(b []byte) []byte { return flip(b, -1) }), no, "signature"},
		"emptySignature":         {set("response.signature", ""), bad, "signature"},
		"signatureNotBase64":     {set("response.signature", notBase64), bad, "signature"},
		"signatureMissing":       {drop("response.signature"), bad, "signature"},
		"signatureNumber":        {set("response.signature", 7), bad, "json"},
		"signatureGarbage":       {signature(func([]byte) []byte { return garbage }), no, "signature"},
		"signatureTrailing":      {signature(func(b []byte) []byte { return append(b, 0) }), no, "signature"},
		"signatureZero":          {signature(func([]byte) []byte { return []byte{0x30, 6, 2, 1, 0, 2, 1, 0} }), no, "signature"},
		"signatureOverOtherData": {ceremony(func(c *latchkeytest.Ceremony) { c.AfterSign = func(b []byte) []byte { return flip(b, 33) } }), no, "signature"},
		"signatureOfOtherKey": {ceremony(func(c *latchkeytest.Ceremony) {
			key, err := latchkeytest.NewKey(latchkeytest.ES256)
			if err != nil {
				panic(err)
			}
			c.SignWith = key
		}), no, "signature"},
		"authDataEmpty":       {authData(func([]byte) []byte { return nil }), bad, "authenticator-data"},
		"authDataTruncated":   {authData(func(b []byte) []byte { return b[:30] }), bad, "authenticator-data"},
		"authDataTrailing":    {authData(func(b []byte) []byte { return append(b, 1, 2, 3) }), bad, "authenticator-data"},
		"authDataNotBase64":   {set("response.authenticatorData", notBase64), bad, "authenticator-data"},
		"authDataMissing":     {drop("response.authenticatorData"), bad, "authenticator-data"},
		"authDataNumber":      {set("response.authenticatorData", 7), bad, "json"},
		"extensionFlagNoData": {flags(latchkeytest.FlagExtensions, 0), bad, "authenticator-data"},
		"attestedFlagNoData":  {flags(latchkeytest.FlagAttestedData, 0), bad, "authenticator-data"},
		"unknownCredential":   {ceremony(otherID), errUnknownCredential, ""},
		"foreignUserHandle":   {ceremony(func(c *latchkeytest.Ceremony) { c.UserHandle = []byte("581157bc60e74c598490ca25e8067806") }), errOtherUser, ""},
		"userHandleNumber":    {set("response.userHandle", 5), bad, "json"},
		"userHandleNotBase64": {set("response.userHandle", "***"), bad, "user-handle"},
		"attestationInstead":  {ceremony(func(c *latchkeytest.Ceremony) { drop("response.signature")(c) }), bad, "signature"},
	}
	maps.Copy(list, sharedFaults())
	return list
}

func TestEveryFaultOfARegistrationIsRefused(t *testing.T) {
	rp := newRP(t)
	for name, f := range creationFaults() {
		t.Run(name, func(t *testing.T) {
			_, err := register(rp, creation(t, rp, latchkeytest.NewAuthenticator(), f.change), passkey.RegistrationCheck{Origin: origin})
			wantRefusal(t, err, f.kind, f.reason)
		})
	}
}

// TestAStatementIsBounded: what is too large is refused for that, before anything is done with it.
func TestAStatementIsBounded(t *testing.T) {
	rp := newRP(t)
	faults := creationFaults()
	for name, says := range map[string]string{
		"packedHugeCert": "too long", "compoundHugeCert": "too long", "packedManyCerts": "9 certificates", "compoundMany": "9 statements",
	} {
		_, err := register(rp, creation(t, rp, latchkeytest.NewAuthenticator(), faults[name].change), passkey.RegistrationCheck{})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v does not say %q", name, err, says)
		}
	}
}

func TestEveryFaultOfAnAuthenticationIsRefused(t *testing.T) {
	rp := newRP(t)
	for name, f := range requestFaults() {
		t.Run(name, func(t *testing.T) {
			d, c := enrolled(t, rp)
			_, err := authenticate(rp, assertion(t, rp, d, f.change), c, passkey.AuthenticationCheck{Origin: origin})
			if f.reason != "" {
				wantRefusal(t, err, f.kind, f.reason)
			} else if !errors.Is(err, f.kind) {
				t.Fatalf("got %v, want %v", err, f.kind)
			}
		})
	}
}
