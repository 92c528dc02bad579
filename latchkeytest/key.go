package latchkeytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"math/big"
)

// Algorithm is a COSE algorithm.
type Algorithm int64

// The algorithms of authenticators. RS1 is there to be refused.
const (
	ES256 Algorithm = -7
	EdDSA Algorithm = -8
	ES384 Algorithm = -35
	ES512 Algorithm = -36
	RS256 Algorithm = -257
	RS1   Algorithm = -65535
)

// Key is a passkey's key pair.
type Key struct {
	Algorithm Algorithm
	Private   crypto.Signer
}

// NewKey makes a key pair.
func NewKey(a Algorithm) (*Key, error) {
	var private crypto.Signer
	var err error
	switch a {
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ES384:
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case ES512:
		private, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case RS256, RS1:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		err = fmt.Errorf("no algorithm %d", a)
	}
	if err != nil {
		return nil, fmt.Errorf("latchkeytest: key: %w", err)
	}
	return &Key{Algorithm: a, Private: private}, nil
}

// COSE is the public key as a COSE_Key (RFC 9052 §7).
func (k *Key) COSE() Map {
	head := func(kty int) Map { return Map{{1, kty}, {3, k.Algorithm}} }
	switch public := k.Private.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err)
		}
		half := len(point) / 2
		curve := map[elliptic.Curve]int{elliptic.P256(): 1, elliptic.P384(): 2, elliptic.P521(): 3}[public.Curve]
		return append(head(2), Entry{-1, curve}, Entry{-2, point[1 : 1+half]}, Entry{-3, point[1+half:]})
	case ed25519.PublicKey:
		return append(head(1), Entry{-1, 6}, Entry{-2, []byte(public)})
	case *rsa.PublicKey:
		return append(head(3), Entry{-1, public.N.Bytes()}, Entry{-2, big.NewInt(int64(public.E)).Bytes()})
	default:
		panic(fmt.Sprintf("latchkeytest: no COSE_Key for %T", public))
	}
}

// Sign signs as the algorithm says (WebAuthn L3 §6.5.5).
func (k *Key) Sign(data []byte) ([]byte, error) {
	var hash crypto.Hash
	switch k.Algorithm {
	case ES256, RS256:
		sum := sha256.Sum256(data)
		hash, data = crypto.SHA256, sum[:]
	case ES384:
		sum := sha512.Sum384(data)
		hash, data = crypto.SHA384, sum[:]
	case ES512:
		sum := sha512.Sum512(data)
		hash, data = crypto.SHA512, sum[:]
	case RS1:
		sum := sha1.Sum(data)
		hash, data = crypto.SHA1, sum[:]
	}
	signature, err := k.Private.Sign(rand.Reader, data, hash)
	if err != nil {
		return nil, fmt.Errorf("latchkeytest: sign: %w", err)
	}
	return signature, nil
}
