package sqlstore

import (
	"context"
	"slices"

	"github.com/latchkey-auth/latchkey/account"
)

// FinishRegistration stores a passkey, and makes a pending sign-in that set it up ready for it.
func (s *Store) FinishRegistration(ctx context.Context, f account.FinishRegistration) error {
	return s.spending(ctx, "finish registration", &f.Spend, func(ctx context.Context, t *tx) error {
		if err := mustActive(ctx, t, f.Credential.UserID); err != nil {
			return err
		}
		// Somebody must have started it: in a session, unless in a pending sign-in.
		if f.SessionID != "" || f.PendingID == "" {
			if err := holdSession(ctx, t, f.Credential.UserID, f.SessionID, f.Credential.Created); err != nil {
				return err
			}
		}
		if f.PendingID != "" {
			if err := readyForPasskey(ctx, t, f.Credential.UserID, f.PendingID); err != nil {
				return err
			}
			if err := mustLack(ctx, t, f.Credential.UserID, f.Lack); err != nil {
				return err
			}
		}
		if err := mustHaveRoom(ctx, t, f.Credential.UserID, f.Most); err != nil {
			return err
		}
		if err := insertCredential(ctx, t, f.Credential); err != nil {
			return err
		}
		if f.EndDevices {
			if err := endDevices(ctx, t, f.Credential.UserID); err != nil {
				return err
			}
		}
		return recordEvents(ctx, t, f.Events)
	})
}

// mustHaveRoom refuses where the account has as many passkeys as it may. The account is locked, so that racing registrations do not
// pass together.
func mustHaveRoom(ctx context.Context, t *tx, userID string, most int) error {
	if most <= 0 {
		return nil
	}
	if err := lockAccount(ctx, t, userID); err != nil {
		return err
	}
	n, _, err := first(ctx, t, scanOne[int], `SELECT COUNT(*) FROM latchkey_credentials WHERE user_id = $1`, userID)
	if err == nil && n >= most {
		err = account.ErrTooManyCredentials
	}
	return err
}

// RemoveCredential deletes a passkey and returns what it was.
func (s *Store) RemoveCredential(ctx context.Context, r account.RemoveCredential) (account.Credential, error) {
	var removed account.Credential
	err := s.write(ctx, "remove credential", func(ctx context.Context, t *tx) error {
		if err := mustAsk(ctx, t, r.UserID, r.SessionID); err != nil {
			return err
		}
		if err := lockAccount(ctx, t, r.UserID); err != nil {
			return err
		}
		all, err := credentials(ctx, t, r.UserID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(c account.Credential) bool {
			return c.ID == r.ID || r.ID == "" && c.Nickname == r.Nickname
		})
		if i < 0 {
			return account.ErrNotFound
		}
		removed = all[i]
		if err := t.expect(ctx, orElse(account.ErrNotFound), `
			DELETE FROM latchkey_credentials WHERE id = $1 AND user_id = $2`, removed.ID, r.UserID); err != nil {
			return err
		}
		if err := mustKeep(ctx, t, r.UserID, keepWithout(r.Keep, removed), removed.Usage == account.UsageFirst); err != nil {
			return err
		}
		if r.EndDevices {
			if err := endDevices(ctx, t, r.UserID); err != nil {
				return err
			}
		}
		return recordEvents(ctx, t, withSubject(r.Events, removed.Nickname))
	})
	if err != nil {
		return account.Credential{}, err
	}
	return removed, nil
}

// Registration returns the raw evidence of a registration, by [account.Credential.ID], or account.ErrNotFound. It is
// for moving to another verifier, and no part of the contract.
func (s *Store) Registration(ctx context.Context, id string) (account.Registration, error) {
	r, ok, err := first(ctx, s.reader, scanRegistration, `
		SELECT authenticator_data, client_data_json FROM latchkey_registrations WHERE credential = $1`, id)
	if err == nil && !ok {
		err = account.ErrNotFound
	}
	return r, s.wrap(ctx, "find registration", err)
}

func scanRegistration(row scanner) (r account.Registration, err error) {
	err = row.Scan(&r.AuthenticatorData, &r.ClientDataJSON)
	return r, err
}

// keepWithout is what removing that passkey can break: it is the last of something only if it was one. A first passkey that verified its
// user is a second factor where there is no other.
func keepWithout(k account.Keep, removed account.Credential) account.Keep {
	return account.Keep{
		WayIn:        k.WayIn && removed.Usage == account.UsageFirst,
		SecondFactor: k.SecondFactor && (removed.Usage == account.UsageSecondary || removed.UserVerified),
	}
}

// mustKeep judges what a removal has left; strong says that a first passkey which verified its user is second factor enough. The account
// must be locked.
func mustKeep(ctx context.Context, t *tx, userID string, k account.Keep, strong bool) error {
	if k.WayIn {
		_, left, err := first(ctx, t, scanOne[int64], `
			SELECT 1 FROM latchkey_credentials WHERE user_id = $1 AND usage = $2 LIMIT 1`,
			userID, string(account.UsageFirst))
		if err != nil {
			return err
		}
		if !left {
			return account.ErrLastWayIn
		}
	}
	if k.SecondFactor {
		_, left, err := first(ctx, t, scanOne[int64], `
			SELECT 1 FROM latchkey_credentials WHERE user_id = $1 AND (usage = $2 OR user_verified AND $3)
			UNION ALL SELECT 1 FROM latchkey_factors WHERE user_id = $1
			LIMIT 1`,
			userID, string(account.UsageSecondary), strong)
		if err != nil {
			return err
		}
		if !left {
			return account.ErrLastSecondFactor
		}
	}
	return nil
}

// mustLack refuses where the account has got what it was to lack. The account is locked, so that of racing setups one comes first.
func mustLack(ctx context.Context, t *tx, userID string, l account.Lack) error {
	if l == (account.Lack{}) {
		return nil
	}
	if err := lockAccount(ctx, t, userID); err != nil {
		return err
	}
	_, has, err := first(ctx, t, scanOne[int64], `
		SELECT 1 FROM latchkey_credentials
		WHERE user_id = $1 AND (usage = $2 AND $3 OR usage = $4 AND user_verified AND $5)
		UNION ALL SELECT 1 FROM latchkey_factors WHERE user_id = $1 AND $6
		LIMIT 1`,
		userID, string(account.UsageSecondary), l.Secondary, string(account.UsageFirst), l.Strong, l.Codes)
	if err == nil && has {
		err = account.ErrFactorSetUp
	}
	return err
}

// lockAccount makes racing removals of one account follow each other, on a database with many writers too.
func lockAccount(ctx context.Context, t *tx, userID string) error {
	return t.later(ctx, `
		INSERT INTO latchkey_accounts (user_id, handle, revision) VALUES ($1, NULL, 1)
		ON CONFLICT (user_id) DO UPDATE SET revision = latchkey_accounts.revision + 1`, userID)
}

func withSubject(events []account.Event, subject string) []account.Event {
	events = slices.Clone(events)
	for i := range events {
		if events[i].Subject == "" {
			events[i].Subject = subject
		}
	}
	return events
}
