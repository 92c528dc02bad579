package sqlstore

import (
	"context"
	"slices"

	"github.com/latchkey-auth/latchkey/account"
)

// SecondFactors lists what the account has set up.
func (s *Store) SecondFactors(ctx context.Context, userID string) (account.SecondFactors, error) {
	const op = "list second factors"
	codes, err := factors(ctx, s.reader, userID)
	if err != nil {
		return account.SecondFactors{}, s.wrap(ctx, op, err)
	}
	left, _, err := first(ctx, s.reader, scanOne[int], `
		SELECT COUNT(*) FROM latchkey_recovery_codes WHERE user_id = $1`, userID)
	return account.SecondFactors{Codes: codes, RecoveryCodes: left}, s.wrap(ctx, op, err)
}

// FinishSetup stores a factor that a signed-in person has confirmed, replacing one of the same method.
func (s *Store) FinishSetup(ctx context.Context, f account.FinishSetup) error {
	return s.spending(ctx, "finish setup", &f.Spend, func(ctx context.Context, t *tx) error {
		if err := mustActive(ctx, t, f.Factor.UserID); err != nil {
			return err
		}
		if err := holdSession(ctx, t, f.Factor.UserID, f.SessionID, f.Factor.Created); err != nil {
			return err
		}
		if err := lockAccount(ctx, t, f.Factor.UserID); err != nil {
			return err
		}
		if err := putFactor(ctx, t, f.Factor); err != nil {
			return err
		}
		if f.EndDevices {
			if err := endDevices(ctx, t, f.Factor.UserID); err != nil {
				return err
			}
		}
		return recordEvents(ctx, t, f.Events)
	})
}

// RemoveFactors deletes code methods and returns those that it deleted.
func (s *Store) RemoveFactors(ctx context.Context, r account.RemoveFactors) ([]account.Method, error) {
	var removed []account.Method
	err := s.write(ctx, "remove factors", func(ctx context.Context, t *tx) error {
		removed = nil
		if err := mustAsk(ctx, t, r.UserID, r.SessionID); err != nil {
			return err
		}
		if err := lockAccount(ctx, t, r.UserID); err != nil {
			return err
		}
		there, err := factors(ctx, t, r.UserID)
		if err != nil {
			return err
		}
		for _, f := range there {
			if len(r.Methods) > 0 && !slices.Contains(r.Methods, f.Method) {
				continue
			}
			if err := t.expect(ctx, orElse(account.ErrNotFound), `
				DELETE FROM latchkey_factors WHERE user_id = $1 AND method = $2`, r.UserID, string(f.Method)); err != nil {
				return err
			}
			removed = append(removed, f.Method)
		}
		keep := account.Keep{SecondFactor: r.Keep.SecondFactor && len(removed) > 0}
		if err := mustKeep(ctx, t, r.UserID, keep, false); err != nil {
			return err
		}
		if r.EndDevices {
			if err := endDevices(ctx, t, r.UserID); err != nil {
				return err
			}
		}
		return recordEvents(ctx, t, r.Events)
	})
	if err != nil {
		return nil, err
	}
	return removed, nil
}

// ReplaceRecoveryCodes makes those digests the account's only recovery codes.
func (s *Store) ReplaceRecoveryCodes(ctx context.Context, r account.ReplaceRecoveryCodes) error {
	return s.write(ctx, "replace recovery codes", func(ctx context.Context, t *tx) error {
		if err := mustAsk(ctx, t, r.UserID, r.SessionID); err != nil {
			return err
		}
		// Of two racing sets one must be whole, and the other gone.
		if err := lockAccount(ctx, t, r.UserID); err != nil {
			return err
		}
		if err := t.later(ctx, `DELETE FROM latchkey_recovery_codes WHERE user_id = $1`, r.UserID); err != nil {
			return err
		}
		for _, digest := range r.Digests {
			if err := t.later(ctx, `
				INSERT INTO latchkey_recovery_codes (user_id, digest, created) VALUES ($1, $2, $3)
				ON CONFLICT (user_id, digest) DO NOTHING`, r.UserID, blob(digest), micros(r.At)); err != nil {
				return err
			}
		}
		if r.EndDevices {
			if err := endDevices(ctx, t, r.UserID); err != nil {
				return err
			}
		}
		return recordEvents(ctx, t, r.Events)
	})
}

// useFactor applies one accepted code: of two that present the same TOTP step, one gets past (RFC 6238 §5.2).
func useFactor(ctx context.Context, t *tx, userID string, use account.FactorUse) error {
	used := func(ctx context.Context, used int64) error {
		if used == 1 {
			return nil
		}
		_, there, err := first(ctx, t, scanOne[int64], `
			SELECT 1 FROM latchkey_factors WHERE user_id = $1 AND method = $2`, userID, string(use.Method))
		switch {
		case err != nil:
			return err
		case there:
			return account.ErrCodeSpent
		}
		return account.ErrNotFound
	}
	if use.Method == account.MethodAuthenticator {
		return t.expect(ctx, used, `
			UPDATE latchkey_factors
			SET last_step = $3, last_used = CASE WHEN last_used < $4 THEN $4 ELSE last_used END
			WHERE user_id = $1 AND method = $2 AND last_step < $3`,
			userID, string(use.Method), use.Step, micros(use.At))
	}
	return t.expect(ctx, used, `
		UPDATE latchkey_factors
		SET last_used = CASE WHEN last_used < $3 THEN $3 ELSE last_used END
		WHERE user_id = $1 AND method = $2`,
		userID, string(use.Method), micros(use.At))
}

// useRecoveryCode deletes a recovery code, whichever of its digests it is stored by: of all that present it, one gets past.
func useRecoveryCode(ctx context.Context, t *tx, userID string, digests [][]byte) error {
	for _, digest := range digests {
		used, err := t.exec(ctx, `
			DELETE FROM latchkey_recovery_codes WHERE user_id = $1 AND digest = $2`, userID, digest)
		if err != nil || used > 0 {
			return err
		}
	}
	return account.ErrCodeSpent
}

// SealedFactors lists factors that have a secret, a page at a time.
func (s *Store) SealedFactors(ctx context.Context, after account.Factor, limit int) ([]account.Factor, error) {
	all, err := list(ctx, s.reader, scanFactor, `
		SELECT user_id, method, secret, phone, last_step, created, last_used
		FROM latchkey_factors WHERE (user_id, method) > ($1, $2) AND LENGTH(secret) > 0
		ORDER BY user_id, method LIMIT $3`, text(after.UserID), text(string(after.Method)), limit)
	return all, s.wrap(ctx, "list sealed factors", err)
}

// ResealFactor replaces a factor's secret if it is still the one that is known.
func (s *Store) ResealFactor(ctx context.Context, f account.Factor, secret []byte) (bool, error) {
	var n int64
	err := s.write(ctx, "reseal factor", func(ctx context.Context, t *tx) (err error) {
		n, err = t.exec(ctx, `UPDATE latchkey_factors SET secret = $4 WHERE user_id = $1 AND method = $2 AND secret = $3`,
			text(f.UserID), text(string(f.Method)), blob(f.Secret), blob(secret))
		return err
	})
	return n == 1, err
}

func putFactor(ctx context.Context, t *tx, f account.Factor) error {
	return t.later(ctx, `
		INSERT INTO latchkey_factors (user_id, method, secret, phone, last_step, created, last_used)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (user_id, method) DO UPDATE SET secret = excluded.secret, phone = excluded.phone,
			last_step = excluded.last_step, created = excluded.created, last_used = excluded.last_used`,
		f.UserID, string(f.Method), blob(f.Secret), f.Phone, f.LastStep, micros(f.Created), micros(f.LastUsed))
}

func factors(ctx context.Context, q querier, userID string) ([]account.Factor, error) {
	return list(ctx, q, scanFactor, `
		SELECT user_id, method, secret, phone, last_step, created, last_used
		FROM latchkey_factors WHERE user_id = $1 ORDER BY created, method`, userID)
}

func scanFactor(row scanner) (account.Factor, error) {
	var f account.Factor
	var created, lastUsed int64
	err := row.Scan(&f.UserID, &f.Method, &f.Secret, &f.Phone, &f.LastStep, &created, &lastUsed)
	f.Created, f.LastUsed = fromMicros(created), fromMicros(lastUsed)
	return f, err
}
