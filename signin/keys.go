package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/factor"
	"github.com/latchkey-auth/latchkey/internal/seal"
)

// ErrKeys: what the store holds was sealed under a key that is not among the secret keys.
var ErrKeys = errors.New("signin: the secret keys do not open what the store holds")

// keyOnce is a key that lives in the store, once it was read.
type keyOnce struct {
	mu  sync.Mutex
	key []byte
}

func (k *keyOnce) get(read func() ([]byte, error)) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key != nil {
		return k.key, nil
	}
	key, err := read()
	if err == nil {
		k.key = key
	}
	return key, err
}

func (s *Service) newKey() ([]byte, error) {
	key := make([]byte, 32)
	if _, err := io.ReadFull(s.Rand, key); err != nil {
		return nil, fmt.Errorf("signin: random numbers: %w", err)
	}
	return key, nil
}

// recoveryName is the store's name for the key of recovery codes.
const recoveryName = "recovery codes"

// recoveryKey is the key under which recovery codes are digested. A digest cannot be made again under another key, so this one stays: it
// lives in the store, sealed, and what rotates is its seal.
func (s *Service) recoveryKey(ctx context.Context) ([]byte, error) {
	return s.codeKey.get(func() ([]byte, error) {
		sealed, err := s.wrapped()
		if err != nil {
			return nil, err
		}
		stored, err := s.store.Secret(ctx, recoveryName, sealed)
		if err != nil {
			return nil, fmt.Errorf("signin: key of recovery codes: %w", err)
		}
		key, err := s.wraps.Open(string(stored))
		if errors.Is(err, seal.ErrNotOurs) {
			return nil, ErrKeys
		}
		return key, err
	})
}

// recoveryDigests are the digests that a code may be stored under, the one to store first. Where the key of recovery codes does not open, codes
// go under the server's own keys: nobody is kept from making new ones by an operator's slip.
func (s *Service) recoveryDigests(ctx context.Context, userID, code string) ([][]byte, error) {
	key, err := s.recoveryKey(ctx)
	if errors.Is(err, ErrKeys) {
		s.Log.ErrorContext(ctx, "recovery codes", "error", err.Error())
		return factor.RecoveryDigests(nil, s.Ring, userID, code), nil
	}
	if err != nil {
		return nil, err
	}
	return factor.RecoveryDigests(key, s.Ring, userID, code), nil
}

// wrapped is a new key as it is stored.
func (s *Service) wrapped() ([]byte, error) {
	key, err := s.newKey()
	if err != nil {
		return nil, err
	}
	sealed, err := s.wraps.Seal(key)
	if err != nil {
		return nil, fmt.Errorf("signin: seal key: %w", err)
	}
	return []byte(sealed), nil
}

// CheckKeys reports whether the secret keys are those of the store: ErrKeys if not. It makes what a new store lacks.
func (s *Service) CheckKeys(ctx context.Context) error {
	_, err := s.recoveryKey(ctx)
	return err
}

// Resealed says what [Service.Reseal] did.
type Resealed struct {
	// Sealed is how many secrets were sealed anew, Current how many were under the first key already.
	Sealed, Current int
	// Lost are the users whose authenticator app no key opens.
	Lost []string
}

// Reseal seals what the store holds under the first of the secret keys, so that the others can be taken away. Run it again after a failure:
// it goes on with the rest. It may run beside servers that have the first key among theirs.
func (s *Service) Reseal(ctx context.Context) (Resealed, error) {
	var r Resealed
	stored, err := s.wrapped()
	if err == nil {
		stored, err = s.store.Secret(ctx, recoveryName, stored)
	}
	if err != nil {
		return r, fmt.Errorf("signin: reseal: %w", err)
	}
	err = r.one(s.wraps, stored, func(sealed []byte) (bool, error) {
		return s.store.ReplaceSecret(ctx, recoveryName, stored, sealed)
	})
	if errors.Is(err, seal.ErrNotOurs) {
		err = ErrKeys
	}
	if err != nil {
		return r, fmt.Errorf("signin: reseal: %w", err)
	}
	const page = 200
	var after account.Factor
	for {
		factors, err := s.store.SealedFactors(ctx, after, page)
		if err != nil {
			return r, fmt.Errorf("signin: reseal: %w", err)
		}
		for _, f := range factors {
			err := r.one(s.totp, f.Secret, func(sealed []byte) (bool, error) { return s.store.ResealFactor(ctx, f, sealed) })
			if errors.Is(err, seal.ErrNotOurs) {
				r.Lost = append(r.Lost, f.UserID)
			} else if err != nil {
				return r, fmt.Errorf("signin: reseal: %w", err)
			}
		}
		if len(factors) < page {
			return r, nil
		}
		after = factors[len(factors)-1]
	}
}

// one seals one secret anew, unless it is under the first key. What was replaced meanwhile was replaced by a server, which seals under its
// own first key: it counts as neither.
func (r *Resealed) one(box *seal.Box, sealed []byte, replace func([]byte) (bool, error)) error {
	plain, err := box.Open(string(sealed))
	if err != nil {
		return err
	}
	if box.Current(string(sealed)) {
		r.Current++
		return nil
	}
	anew, err := box.Seal(plain)
	if err != nil {
		return err
	}
	done, err := replace([]byte(anew))
	if done {
		r.Sealed++
	}
	return err
}

// ForgetLostKeys gives up what was sealed under keys that are gone: recovery codes have to be made anew. ErrKeys is over then.
func (s *Service) ForgetLostKeys(ctx context.Context) error {
	anew, err := s.wrapped()
	if err != nil {
		return err
	}
	stored, err := s.store.Secret(ctx, recoveryName, anew)
	if err != nil {
		return fmt.Errorf("signin: forget lost keys: %w", err)
	}
	if _, err := s.wraps.Open(string(stored)); !errors.Is(err, seal.ErrNotOurs) {
		return err
	}
	if _, err := s.store.ReplaceSecret(ctx, recoveryName, stored, anew); err != nil {
		return fmt.Errorf("signin: forget lost keys: %w", err)
	}
	return nil
}
