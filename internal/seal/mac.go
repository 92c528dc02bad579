package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// MAC makes and verifies HMAC-SHA256 sums (RFC 2104) of one purpose. It is safe for concurrent use.
type MAC struct {
	keys [][]byte // the first makes; empty where the platform refuses the derivation, and then nothing verifies
}

// MAC returns the MAC of that purpose. It derives the purpose's keys: keep it rather than asking again for each sum.
func (r *Ring) MAC(purpose string) *MAC {
	m := &MAC{keys: make([][]byte, 0, len(r.keys))}
	for _, k := range r.keys {
		key, err := derive(k.secret[:], labelMAC+purpose, KeySize)
		if err != nil {
			return &MAC{}
		}
		m.keys = append(m.keys, key)
	}
	return m
}

// NewMAC returns a MAC under a key that is no part of a ring and never rotates. The key is 32 random bytes; one of
// another size works and is as strong as it is random.
func NewMAC(key []byte, purpose string) *MAC {
	if len(key) != KeySize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	derived, err := derive(key, labelMAC+purpose, KeySize)
	if err != nil {
		return &MAC{}
	}
	return &MAC{keys: [][]byte{derived}}
}

// Sum returns the 32-byte sum of the parts under the ring's first key. Lists of parts that differ in any way, in
// where one part ends and the next begins too, have different sums.
func (m *MAC) Sum(parts ...[]byte) []byte {
	if len(m.keys) == 0 {
		return nil
	}
	return sum(m.keys[0], parts)
}

// Sums returns the sum of the parts under each key of the ring, that of Sum first. It is for looking a sum up where it
// may have been stored under an earlier key.
func (m *MAC) Sums(parts ...[]byte) [][]byte {
	sums := make([][]byte, len(m.keys))
	for i, key := range m.keys {
		sums[i] = sum(key, parts)
	}
	return sums
}

// Verify reports whether mac is the sum of the parts under any key of the ring. The time it takes does not depend on
// where a wrong sum differs.
func (m *MAC) Verify(mac []byte, parts ...[]byte) bool {
	ok := false
	for _, key := range m.keys {
		if hmac.Equal(mac, sum(key, parts)) {
			ok = true
		}
	}
	return ok
}

// sum writes the number of parts, then each part's length and content, so that the encoding is injective.
func sum(key []byte, parts [][]byte) []byte {
	h := hmac.New(sha256.New, key)
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(parts)))
	h.Write(n[:])
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	return h.Sum(nil)
}
