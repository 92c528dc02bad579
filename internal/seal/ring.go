package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// KeySize is the size of a key of the ring, in bytes.
const KeySize = 32

// Labels keep the derived keys of boxes, MACs and key ids apart, whatever a purpose is called.
const (
	labelBox   = "latchkey seal v1 "
	labelMAC   = "latchkey mac v1 "
	labelKeyID = "latchkey key id v1"
)

const idSize = 4

// Ring is the server's secret keys. It is immutable and safe for concurrent use.
type Ring struct {
	keys []ringKey
}

type ringKey struct {
	id     [idSize]byte
	secret [KeySize]byte
}

// NewRing takes the keys, each of 32 random bytes. The first seals, all open. It keeps no reference to them.
//
// It refuses an empty ring, a key of another size, and one that is there twice.
func NewRing(keys [][]byte) (*Ring, error) {
	if len(keys) == 0 {
		return nil, errors.New("seal: no secret key")
	}
	r := &Ring{keys: make([]ringKey, 0, len(keys))}
	for i, key := range keys {
		if len(key) != KeySize {
			return nil, fmt.Errorf("seal: secret key %d has %d bytes, not %d", i+1, len(key), KeySize)
		}
		k := ringKey{secret: [KeySize]byte(key)}
		id, err := derive(key, labelKeyID, idSize)
		if err != nil {
			return nil, err
		}
		copy(k.id[:], id)
		for j, other := range r.keys {
			if other.secret == k.secret {
				return nil, fmt.Errorf("seal: secret keys %d and %d are the same", j+1, i+1)
			}
		}
		r.keys = append(r.keys, k)
	}
	return r, nil
}

// derive is HKDF-SHA256 without a salt, which uniformly random keys don't need (RFC 5869 §3.1).
func derive(key []byte, info string, size int) ([]byte, error) {
	out, err := hkdf.Key(sha256.New, key, nil, info, size)
	if err != nil {
		return nil, fmt.Errorf("seal: deriving a key: %w", err)
	}
	return out, nil
}
