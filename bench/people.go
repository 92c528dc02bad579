package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/signin"
)

// The people of a database are numbered, and everything about them follows from the number, so that the client knows it
// without a list. They share one key pair: what is measured does not depend on whose it is.

// made is when all of them were.
var made = time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond)

type person int

// passwordOfAll is everybody's.
const passwordOfAll = "correct horse battery staple"

func (p person) bytes(what string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s of person %d", what, int(p)))
	return sum[:]
}

// id grows with the number, as the ids of real accounts do with time.
func (p person) id() string { return fmt.Sprintf("%026d", int(p)) }

func (p person) email() string  { return fmt.Sprintf("person-%d@example.com", int(p)) }
func (p person) handle() []byte { return p.bytes("handle") }

func (p person) credentialID() []byte { return p.bytes("credential") }

// rowID is the id of a row of this person's, in the order of the numbers.
func (p person) rowID(what string) string {
	var id [24]byte
	binary.BigEndian.PutUint64(id[:], uint64(made.UnixMicro())+uint64(p))
	copy(id[8:], p.bytes(what))
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// token is the session cookie's value; the database has its digest. It begins with its time, as real ones do.
func (p person) token() string {
	raw := p.bytes("token")
	binary.BigEndian.PutUint64(raw, uint64(made.Add(time.Duration(p)*time.Millisecond).UnixMilli())<<16)
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (p person) digest() account.Digest { return signin.DigestOf(p.token()) }

// passkey is the one on this person's device.
func (p person) passkey(key *latchkeytest.Key) *latchkeytest.Credential {
	return &latchkeytest.Credential{ID: p.credentialID(), Key: key, RPID: "localhost", UserHandle: p.handle(), Resident: true}
}

// newKey is the key pair that everybody has.
func newKey() (*latchkeytest.Key, error) {
	// Known, so that a database that was filled before can be used again.
	seed := sha256.Sum256([]byte("the key of everybody in the bench"))
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		return nil, err
	}
	return &latchkeytest.Key{Algorithm: latchkeytest.ES256, Private: private}, nil
}
