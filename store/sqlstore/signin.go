package sqlstore

import (
	"context"

	"github.com/latchkey-auth/latchkey/account"
)

// FinishSignin makes a session or a pending sign-in out of what was proved.
func (s *Store) FinishSignin(ctx context.Context, f account.FinishSignin) error {
	return s.spending(ctx, "finish sign-in", f.Spend, func(ctx context.Context, t *tx) error {
		if f.PendingID != "" {
			// The account comes first, as for who disables it.
			if err := mustActive(ctx, t, f.UserID); err != nil {
				return err
			}
			if err := endPending(ctx, t, f.UserID, f.PendingID); err != nil {
				return err
			}
		}
		if err := useProofs(ctx, t, f.UserID, f.Credential, f.Factor, f.RecoveryCode); err != nil {
			return err
		}
		if f.AddFactor != nil {
			if err := mustLack(ctx, t, f.UserID, f.Lack); err != nil {
				return err
			}
			if err := putFactor(ctx, t, *f.AddFactor); err != nil {
				return err
			}
		}
		if f.EndDevices {
			if err := endDevices(ctx, t, f.UserID); err != nil {
				return err
			}
		}
		for _, made := range []*account.Session{f.Session, f.Token, f.Device} {
			if err := insertSession(ctx, t, made); err != nil {
				return err
			}
		}
		if err := insertPending(ctx, t, f.Pending); err != nil {
			return err
		}
		if err := refund(ctx, t, f.Refund); err != nil {
			return err
		}
		if err := clearStreaks(ctx, t, f.Clear); err != nil {
			return err
		}
		return recordEvents(ctx, t, f.Events)
	})
}

// FinishVerify records that the person of a session proved to be there again.
func (s *Store) FinishVerify(ctx context.Context, f account.FinishVerify) error {
	return s.spending(ctx, "finish verify", f.Spend, func(ctx context.Context, t *tx) error {
		// The account, its session and then the passkey, as for who removes one.
		if err := mustActive(ctx, t, f.UserID); err != nil {
			return err
		}
		if err := renewProof(ctx, t, f); err != nil {
			return err
		}
		if err := useProofs(ctx, t, f.UserID, f.Credential, f.Factor, nil); err != nil {
			return err
		}
		if err := insertSession(ctx, t, f.Token); err != nil {
			return err
		}
		if err := refund(ctx, t, f.Refund); err != nil {
			return err
		}
		if err := clearStreaks(ctx, t, f.Clear); err != nil {
			return err
		}
		return recordEvents(ctx, t, f.Events)
	})
}

// useProofs uses up what was presented, of an account that is not disabled.
func useProofs(ctx context.Context, t *tx, userID string, c *account.CredentialUse, f *account.FactorUse, recoveryCode [][]byte) error {
	var err error
	if c != nil {
		err = useCredential(ctx, t, userID, *c)
	} else {
		err = mustActive(ctx, t, userID)
	}
	if err != nil {
		return err
	}
	if f != nil {
		if err := useFactor(ctx, t, userID, *f); err != nil {
			return err
		}
	}
	if recoveryCode != nil {
		return useRecoveryCode(ctx, t, userID, recoveryCode)
	}
	return nil
}

// renewProof gives a session its new proof and token, if its token is still the one that proved it.
func renewProof(ctx context.Context, t *tx, f account.FinishVerify) error {
	methods, err := toJSON(f.Methods)
	if err != nil {
		return err
	}
	return t.expect(ctx, orElse(account.ErrSessionGone), `
		UPDATE latchkey_sessions SET digest = $4, methods = $5, authenticated_at = $6, held_at = $7
		WHERE id = $1 AND user_id = $2 AND digest = $3`,
		f.Session.SessionID, f.UserID, f.Session.Old[:], f.Session.New[:], methods, micros(f.AuthenticatedAt), micros(f.HeldAt))
}
