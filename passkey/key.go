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

// rsaAlgorithms are those of RSA keys: RS256, RS384, RS512, PS256, PS384, PS512, RS1.
var rsaAlgorithms = []int64{-257, -258, -259, -37, -38, -39, -65535}

// verifiable are all algorithms that a signature can be verified with, offered or not: those of elliptic curves (EdDSA, Ed25519,
// ES256, ES384, ES512, ESP256, ESP384, ESP512, ES256K) and of RSA. Ed448 and ML-DSA are not among them.
var verifiable = append([]int64{-8, -19, -7, -35, -36, -9, -51, -52, -47}, rsaAlgorithms...)

// Algorithms are the COSE algorithms that [RelyingParty.CreationOptions] offers, the preferred first.
func Algorithms() []int64 { return slices.Clone(algorithms) }

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
func checkKey(cose []byte, offered []int64) (algorithm int64, err error) {
	members, err := keyParts(cose)
	if err != nil {
		return 0, err
	}
	var kty int64
	if err := webauthncbor.Unmarshal(members[1], &kty); err != nil {
		return 0, notVerified(ReasonKey, errors.New("no key type"))
	}
	if algorithm, err = keyAlgorithm(members); err != nil {
		return 0, err
	}
	if !slices.Contains(offered, algorithm) {
		return 0, notVerified(ReasonAlgorithm, fmt.Errorf("%d was not offered", algorithm))
	}
	if !slices.Contains(verifiable, algorithm) {
		return 0, unsupported(algorithm)
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

// parseKey is the key of a stored credential.
func parseKey(cose []byte) (any, error) {
	key, err := webauthncose.ParsePublicKey(cose)
	if err == nil {
		return key, nil
	}
	if members, err := keyParts(cose); err == nil {
		if algorithm, err := keyAlgorithm(members); err == nil && !slices.Contains(verifiable, algorithm) {
			return nil, unsupported(algorithm)
		}
	}
	return nil, notVerified(ReasonKey, translate(err))
}

func keyParts(cose []byte) (map[int64]webauthncbor.RawMessage, error) {
	var members map[int64]webauthncbor.RawMessage
	if err := webauthncbor.Unmarshal(cose, &members); err != nil {
		return nil, notVerified(ReasonKey, translate(err))
	}
	return members, nil
}

func keyAlgorithm(members map[int64]webauthncbor.RawMessage) (algorithm int64, err error) {
	if err := webauthncbor.Unmarshal(members[3], &algorithm); err != nil {
		return 0, notVerified(ReasonKey, errors.New("no algorithm"))
	}
	return algorithm, nil
}

func unsupported(algorithm int64) error {
	return notVerified(ReasonUnsupported, fmt.Errorf("%d cannot be verified", algorithm))
}

func checkRSA(key webauthncose.RSAPublicKeyData) error {
	if !slices.Contains(rsaAlgorithms, key.Algorithm) {
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
