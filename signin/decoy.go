package signin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"

	"github.com/latchkey-auth/latchkey/passkey"
)

// decoyKey is the key under which decoys are made. It lives in the store and never rotates, because a decoy that
// changed would give itself away. It protects nothing else.
func (s *Service) decoyKey(ctx context.Context) ([]byte, error) {
	return s.decoys.get(func() ([]byte, error) {
		candidate, err := s.newKey()
		if err != nil {
			return nil, err
		}
		key, err := s.store.Secret(ctx, "decoy", candidate)
		if err != nil {
			return nil, fmt.Errorf("signin: decoy key: %w", err)
		}
		return key, nil
	})
}

// tagSize is how many bytes at the end of a decoy's id it is recognised by.
func tagSize(length int) int {
	if length == 16 {
		return 8
	}
	return 12
}

// decoyShapes are lengths and transports that real passkeys have; which one an identity gets is drawn by its HMAC.
var decoyShapes = []struct {
	length     int
	transports []string
}{
	{16, []string{"hybrid", "internal"}},
	{32, []string{"hybrid", "internal"}},
	{20, []string{"hybrid", "internal"}},
	{64, []string{"nfc", "usb"}},
	{48, []string{"usb"}},
}

// decoysFor are the passkeys that an identity without any appears to have (WebAuthn L3 §14.6.2): the same every time, and
// of the shape of real ones.
func decoysFor(key []byte, identity string) []passkey.Descriptor {
	draw := mac256(key, "decoy shape", []byte(identity))
	n := 1
	if draw[0] < 64 { // one account in four has two
		n = 2
	}
	out := make([]passkey.Descriptor, n)
	for i := range out {
		shape := decoyShapes[int(draw[1+i])%len(decoyShapes)]
		h := hmac.New(sha512.New, key)
		fmt.Fprintf(h, "decoy id %d:%s", i, identity)
		tag := tagSize(shape.length)
		id := h.Sum(nil)[:shape.length-tag]
		out[i] = passkey.Descriptor{ID: append(id, mac256(key, "decoy tag", id)[:tag]...), Transports: shape.transports}
	}
	return out
}

// isDecoy recognises an id that decoysFor made, for whichever identity.
func isDecoy(key, id []byte) bool {
	n := tagSize(len(id))
	if len(id) <= n {
		return false
	}
	body, tag := id[:len(id)-n], id[len(id)-n:]
	return hmac.Equal(tag, mac256(key, "decoy tag", body)[:n])
}

func mac256(key []byte, purpose string, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(purpose))
	h.Write([]byte{0})
	h.Write(data)
	return h.Sum(nil)
}
