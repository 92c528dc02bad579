package passkey_test

import (
	"bytes"
	"math/big"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

// TestAKeyThatCannotVerifyIsRefusedAtRegistration: also where nothing attests it.
func TestAKeyThatCannotVerifyIsRefusedAtRegistration(t *testing.T) {
	const es256, eddsa, es384, es512, rs256 = latchkeytest.ES256, latchkeytest.EdDSA, latchkeytest.ES384, latchkeytest.ES512, latchkeytest.RS256
	with := func(key, value any) func(latchkeytest.Map) any {
		return func(m latchkeytest.Map) any { return m.With(key, value) }
	}
	without := func(key any) func(latchkeytest.Map) any {
		return func(m latchkeytest.Map) any { return m.Without(key) }
	}
	grow := func(key int, f func([]byte) []byte) func(latchkeytest.Map) any {
		return func(m latchkeytest.Map) any { return m.With(key, f(bytes.Clone(m.Get(key).([]byte)))) }
	}
	shorter := func(b []byte) []byte { return b[1:] }
	longer := func(b []byte) []byte { return append([]byte{0}, b...) }
	p256 := new(big.Int).SetBytes([]byte("\xff\xff\xff\xff\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
	bits := func(n int) []byte { return bytes.Repeat([]byte{0xff}, n/8) }
	for _, tt := range []struct {
		name   string
		alg    latchkeytest.Algorithm
		change func(latchkeytest.Map) any
		reason string
	}{
		{"no key type", es256, without(1), "key"},
		{"no algorithm", es256, without(3), "key"},
		{"a key type that is text", es256, with(1, "EC2"), "key"},
		{"an algorithm that is text", es256, with(3, "ES256"), "key"},
		{"a key type of nobody", es256, with(1, 99), "key"},
		{"a symmetric key", es256, func(latchkeytest.Map) any {
			return latchkeytest.Map{{Key: 1, Value: 4}, {Key: 3, Value: -7}, {Key: -1, Value: bits(256)}}
		}, "key"},
		{"ML-DSA", es256, func(latchkeytest.Map) any {
			return latchkeytest.Map{{Key: 1, Value: 7}, {Key: 3, Value: -48}, {Key: -1, Value: bits(1312 * 8)}}
		}, "algorithm"},
		{"ML-DSA under another name", es256, func(latchkeytest.Map) any {
			return latchkeytest.Map{{Key: 1, Value: 7}, {Key: 3, Value: -7}, {Key: -1, Value: bits(1312 * 8)}}
		}, "key"},
		{"ES256 by its other number", es256, with(3, -9), "algorithm"},
		{"ES256K", es256, with(3, -47), "algorithm"},
		{"algorithm zero", es256, with(3, 0), "algorithm"},
		{"a huge algorithm", es256, with(3, latchkeytest.Raw("\x1b\xff\xff\xff\xff\xff\xff\xff\xff")), "key"},
		{"EC2 with EdDSA", es256, with(3, -8), "key"},
		{"EC2 with RS256", es256, with(3, -257), "key"},
		{"EC2 with ES384", es256, with(3, -35), "key"},
		{"no curve", es256, without(-1), "key"},
		{"P-384 with ES256", es256, with(-1, 2), "key"},
		{"ES256 over a P-384 point", es384, with(3, -7), "key"},
		{"no x", es256, without(-2), "key"},
		{"no y", es256, without(-3), "key"},
		{"a compressed point", es256, with(-3, true), "key"},
		{"x that is text", es256, with(-2, "x"), "key"},
		{"a short x", es256, grow(-2, shorter), "key"},
		{"a long x", es256, grow(-2, longer), "key"},
		{"a short y", es256, grow(-3, shorter), "key"},
		{"a long y", es256, grow(-3, longer), "key"},
		{"off the curve", es256, grow(-3, func(b []byte) []byte { return flip(b, -1) }), "key"},
		{"the point at infinity", es256, func(m latchkeytest.Map) any { return m.With(-2, make([]byte, 32)).With(-3, make([]byte, 32)) }, "key"},
		{"x as large as the field", es256, with(-2, p256.Bytes()), "key"},
		{"a private key beside it", es256, with(-4, bits(256)), "key"},
		{"a key id", es256, with(2, []byte("x")), "key"},
		{"key operations", es256, with(4, []any{2}), "key"},
		{"a member that is text", es256, with("alg", -7), "key"},
		{"a member twice", es256, func(m latchkeytest.Map) any { return append(m, m[2]) }, "authenticator-data"},
		{"a list", es256, func(latchkeytest.Map) any { return []any{1} }, "key"},
		{"off P-384", es384, grow(-2, func(b []byte) []byte { return flip(b, 3) }), "key"},
		{"off P-521", es512, grow(-2, func(b []byte) []byte { return flip(b, 3) }), "key"},
		{"Ed25519 without a curve", eddsa, without(-1), "key"},
		{"X25519", eddsa, with(-1, 4), "key"},
		{"Ed448", eddsa, with(-1, 7), "key"},
		{"a short Ed25519 key", eddsa, grow(-2, shorter), "key"},
		{"a long Ed25519 key", eddsa, grow(-2, longer), "key"},
		{"an Ed25519 key with y", eddsa, with(-3, bits(256)), "key"},
		{"OKP with ES256", eddsa, with(3, -7), "key"},
		{"RS1", rs256, with(3, -65535), "algorithm"},
		{"PS256", rs256, with(3, -37), "algorithm"},
		{"RSA with ES256", rs256, with(3, -7), "key"},
		{"RSA with EdDSA", rs256, with(3, -8), "key"},
		{"no modulus", rs256, without(-1), "key"},
		{"no exponent", rs256, without(-2), "key"},
		{"a modulus of zero", rs256, with(-1, make([]byte, 256)), "key"},
		{"RSA of 1024 bits", rs256, with(-1, bits(1024)), "key"},
		{"RSA of 2040 bits, filled up", rs256, with(-1, append([]byte{0}, bits(2040)...)), "key"},
		{"RSA of 8192 bits", rs256, with(-1, bits(8192)), "key"},
		{"an even modulus", rs256, with(-1, append(bits(2040), 0xfe)), "key"},
		{"an exponent of one", rs256, with(-2, []byte{1}), "key"},
		{"an exponent of zero", rs256, with(-2, []byte{0}), "key"},
		{"an empty exponent", rs256, with(-2, []byte{}), "key"},
		{"an even exponent", rs256, with(-2, []byte{1, 0, 0}), "key"},
		{"a huge exponent", rs256, with(-2, bits(40)), "key"},
		{"an endless exponent", rs256, with(-2, bits(2048)), "key"},
	} {
		for _, attestation := range []string{"none", "packed"} {
			t.Run(tt.name+"/"+attestation, func(t *testing.T) {
				rp := newRP(t)
				d := latchkeytest.NewAuthenticator()
				d.Algorithm, d.Attestation = tt.alg, attestation
				_, err := register(rp, creation(t, rp, d, func(c *latchkeytest.Ceremony) { c.MutateCOSE = tt.change }), passkey.RegistrationCheck{})
				kind := passkey.ErrNotVerified
				if tt.reason == "authenticator-data" {
					kind = passkey.ErrMalformed
				}
				wantRefusal(t, err, kind, tt.reason)
			})
		}
	}
}

func TestAStoredKeyThatCannotVerifyIsAnError(t *testing.T) {
	rp := newRP(t)
	d, c := enrolled(t, rp)
	for _, key := range [][]byte{nil, {}, {0xa0}, []byte("text"), c.PublicKey[:len(c.PublicKey)-1], append(bytes.Clone(c.PublicKey), 0)} {
		c.PublicKey = key
		_, err := authenticate(rp, assertion(t, rp, d), c, passkey.AuthenticationCheck{})
		wantRefusal(t, err, passkey.ErrNotVerified, "key")
	}
}
