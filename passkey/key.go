package passkey

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// algorithms are the COSE algorithms that we offer, the preferred first: EdDSA, ES256, ES384, ES512, RS256
// (WebAuthn L3 §5.4.2). Never RS1; ML-DSA once Go can verify it.
var algorithms = []int64{-8, -7, -35, -36, -257}

// What an RSA key must be like. Every sign-in pays for a large one.
const (
	minRSAModulusBits = 2048
	maxRSAModulusBits = 4096
	maxRSAExponent    = 1<<31 - 1
)

// The members of a COSE_Key by its type (RFC 9053 §7, RFC 8230 §4).
var keyMembers = map[int64][]int64{
	1: {1, 3, -1, -2},     // OKP: kty, alg, crv, x
	2: {1, 3, -1, -2, -3}, // EC2: kty, alg, crv, x, y
	3: {1, 3, -1, -2},     // RSA: kty, alg, n, e
}

// checkKey returns the algorithm of a key that is to be registered, or what is wrong with it (WebAuthn L3 §5.8.5 and
// §6.5.1). A key that cannot verify is refused now and not at the next sign-in.
func checkKey(cose []byte) (algorithm int64, err error) {
	var members map[int64]webauthncbor.RawMessage
	if err := webauthncbor.Unmarshal(cose, &members); err != nil {
		return 0, notVerified(ReasonKey, translate(err))
	}
	var kty int64
	if err := webauthncbor.Unmarshal(members[1], &kty); err != nil {
		return 0, notVerified(ReasonKey, errors.New("no key type"))
	}
	if err := webauthncbor.Unmarshal(members[3], &algorithm); err != nil {
		return 0, notVerified(ReasonKey, errors.New("no algorithm"))
	}
	if !slices.Contains(algorithms, algorithm) {
		return 0, notVerified(ReasonAlgorithm, fmt.Errorf("%d was not offered", algorithm))
	}
	for label := range members {
		if !slices.Contains(keyMembers[kty], label) {
			return 0, notVerified(ReasonKey, fmt.Errorf("key type %d has no member %d", kty, label))
		}
	}
	// ParsePublicKey refuses curves, lengths and points that do not fit the algorithm.
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return 0, notVerified(ReasonKey, translate(err))
	}
	if rsa, ok := key.(webauthncose.RSAPublicKeyData); ok {
		return algorithm, checkRSA(rsa)
	}
	return algorithm, nil
}

func checkRSA(key webauthncose.RSAPublicKeyData) error {
	if key.Algorithm != int64(webauthncose.AlgRS256) {
		return notVerified(ReasonKey, errors.New("an RSA key with another algorithm"))
	}
	n := new(big.Int).SetBytes(key.Modulus)
	if bits := n.BitLen(); bits < minRSAModulusBits || bits > maxRSAModulusBits || n.Bit(0) == 0 {
		return notVerified(ReasonKey, fmt.Errorf("an RSA modulus of %d bits, or even", bits))
	}
	e := new(big.Int).SetBytes(key.Exponent)
	if e.Bit(0) == 0 || e.Cmp(big.NewInt(3)) < 0 || e.Cmp(big.NewInt(maxRSAExponent)) > 0 {
		return notVerified(ReasonKey, errors.New("an RSA exponent that is even, too small or too large"))
	}
	return nil
}
