package password

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Hasher hashes and verifies passwords, so many at once and no more. It is safe for concurrent use.
type Hasher struct {
	params Params
	rand   io.Reader
	slots  chan struct{}
	// queue holds whoever computes or waits for a slot.
	queue chan struct{}
	// nobody is what a password is compared with where there is no hash.
	nobody hash
}

// waiting is how many wait for each slot at most. With hashes of 50 ms that is about three seconds, after which a person would rather be
// told.
const waiting = 64

// ErrBusy: more are waiting to have a password hashed than could be served in good time. Worth another try in a few seconds.
var ErrBusy = errors.New("password: too many are waiting")

// New returns a hasher with those costs, the zero Params meaning [Recommended], that computes at most so many hashes
// at once (at least one) and draws salts from rand, which must bear concurrent use.
func New(p Params, concurrent int, rand io.Reader) *Hasher {
	if p == (Params{}) {
		p = Recommended()
	}
	return &Hasher{
		params: p,
		rand:   rand,
		slots:  make(chan struct{}, max(concurrent, 1)),
		queue:  make(chan struct{}, max(concurrent, 1)*(1+waiting)),
		nobody: hash{params: p, salt: make([]byte, saltSize), key: make([]byte, keySize)},
	}
}

// Hash returns the PHC string of a password. It waits for its turn.
//
// Errors: ErrTooLong; ErrParams; ErrBusy; the context's; that of the source of randomness.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if len(password) > MaxBytes {
		return "", ErrTooLong
	}
	if err := h.params.Validate(); err != nil {
		return "", err
	}
	made := hash{params: h.params, salt: make([]byte, saltSize)}
	if _, err := io.ReadFull(h.rand, made.salt); err != nil {
		return "", fmt.Errorf("password: drawing a salt: %w", err)
	}
	var err error
	if made.key, err = h.derive(ctx, made, password, keySize); err != nil {
		return "", err
	}
	return made.String(), nil
}

// Verify reports whether phc is a hash of the password. Rehash says that it is, but was made with other costs than
// this hasher's: store a new one.
//
// Errors: ErrFormat where phc is no hash that can be verified, after the work of one; ErrParams; ErrBusy; the context's. A
// password longer than MaxBytes is wrong, whatever the hash.
func (h *Hasher) Verify(ctx context.Context, phc, password string) (ok, rehash bool, err error) {
	stored, malformed := parse(phc)
	if malformed != nil {
		if err := h.VerifyNone(ctx, password); err != nil {
			return false, false, err
		}
		return false, false, malformed
	}
	if ok, err = h.verify(ctx, stored, password); !ok || err != nil {
		return false, false, err
	}
	rehash = stored.params != h.params || len(stored.salt) != saltSize || len(stored.key) != keySize
	return true, rehash, nil
}

// VerifyNone does the work of Verify for an account that does not exist or has no password. The answer is no.
//
// Errors: ErrParams; ErrBusy; the context's.
func (h *Hasher) VerifyNone(ctx context.Context, password string) error {
	stored, err := parse(h.nobody.String())
	if err != nil {
		return h.params.Validate()
	}
	_, err = h.verify(ctx, stored, password)
	return err
}

func (h *Hasher) verify(ctx context.Context, stored hash, password string) (bool, error) {
	if len(password) > MaxBytes {
		return false, nil
	}
	key, err := h.derive(ctx, stored, password, uint32(len(stored.key)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, stored.key) == 1, nil
}

// derive computes in one of the hasher's slots. Once begun it can't be interrupted.
func (h *Hasher) derive(ctx context.Context, with hash, password string, size uint32) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case h.queue <- struct{}{}:
		defer func() { <-h.queue }()
	default:
		return nil, ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	p := with.params
	return argon2.IDKey([]byte(norm.NFKC.String(password)), with.salt, p.Time, p.Memory, p.Threads, size), nil
}
