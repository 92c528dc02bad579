package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"strings"
)

// ErrNotOurs is the answer to a token that this box did not seal: forged, altered, cut, misspelled, sealed for another
// purpose or under a key that is no longer in the ring.
var ErrNotOurs = errors.New("seal: not one of ours")

// overhead is what a token is longer than its content, in bytes before base64: key id, nonce and tag.
const overhead = idSize + 12 + 16

// encoding refuses padding and trailing bits that are not zero. It would still skip line breaks, so Open looks for
// those.
var encoding = base64.RawURLEncoding.Strict()

// Box seals and opens tokens of one purpose. It is safe for concurrent use.
type Box struct {
	keys []boxKey
	err  error
}

type boxKey struct {
	id   [idSize]byte
	aead cipher.AEAD
	data []byte // associated data: label, key id, purpose
}

// Box returns the box of that purpose. It derives the purpose's keys: keep it rather than asking again for each token.
func (r *Ring) Box(purpose string) *Box {
	b := &Box{keys: make([]boxKey, 0, len(r.keys))}
	for _, k := range r.keys {
		aead, err := newAEAD(k.secret[:], purpose)
		if err != nil {
			return &Box{err: err}
		}
		data := append([]byte(labelBox), k.id[:]...)
		b.keys = append(b.keys, boxKey{id: k.id, aead: aead, data: append(data, purpose...)})
	}
	return b
}

func newAEAD(secret []byte, purpose string) (cipher.AEAD, error) {
	key, err := derive(secret, labelBox+purpose, KeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Seal returns a token with that content, in the alphabet of base64url (RFC 4648 §5). Two tokens of one content
// differ. It fails only where the platform refuses the cipher.
func (b *Box) Seal(plaintext []byte) (string, error) {
	if b.err != nil {
		return "", b.err
	}
	k := b.keys[0]
	raw := make([]byte, idSize, overhead+len(plaintext))
	copy(raw, k.id[:])
	return encoding.EncodeToString(k.aead.Seal(raw, nil, plaintext, k.data)), nil
}

// Current reports whether a token was sealed under the ring's first key, so that it outlives the others.
func (b *Box) Current(token string) bool {
	raw, err := encoding.DecodeString(token)
	return err == nil && len(raw) >= overhead && len(b.keys) > 0 && b.keys[0].id == [idSize]byte(raw)
}

// Open returns the content of a token that this box sealed, or ErrNotOurs.
func (b *Box) Open(token string) ([]byte, error) {
	if strings.ContainsAny(token, "\r\n") {
		return nil, ErrNotOurs
	}
	raw, err := encoding.DecodeString(token)
	if err != nil || len(raw) < overhead {
		return nil, ErrNotOurs
	}
	id := [idSize]byte(raw)
	for _, k := range b.keys {
		if k.id != id {
			continue
		}
		if plaintext, err := k.aead.Open([]byte{}, nil, raw[idSize:], k.data); err == nil {
			return plaintext, nil
		}
	}
	return nil, ErrNotOurs
}
