package sqlstore

import (
	"context"
	"database/sql"

	"github.com/latchkey-auth/latchkey/account"
)

// Pending finds a pending sign-in by its token's digest, with its owner where the account is kept here.
func (s *Store) Pending(ctx context.Context, d account.Digest) (account.Pending, *account.User, error) {
	found, ok, err := first(ctx, s.reader, scanOwnedPending, `
		SELECT p.id, p.user_id, p.digest, p.state, p.proved, p.method, p.setup, p.code_method, p.code_mac,
			p.code_expires, p.code_tries, p.remember, p.next, p.created, p.expires,
			u.id, u.email, u.password_hash, u.active, u.created
		FROM latchkey_pendings p
		LEFT JOIN latchkey_users u ON u.id = p.user_id
		WHERE p.digest = $1`, d[:])
	if err == nil && !ok {
		err = account.ErrNotFound
	}
	return found.pending, found.owner.user(), s.wrap(ctx, "find pending", err)
}

// UpdatePending changes where a pending sign-in stands.
func (s *Store) UpdatePending(ctx context.Context, u account.UpdatePending) error {
	return s.write(ctx, "update pending", func(ctx context.Context, t *tx) error {
		code := codeColumnsOf(u.Code)
		changed, err := t.exec(ctx, `
			UPDATE latchkey_pendings
			SET state = $2, method = $3, setup = $4, code_method = $5, code_mac = $6, code_expires = $7, code_tries = $8
			WHERE id = $1`,
			u.ID, string(u.State), string(u.Method), u.Setup, code.method, code.mac, code.expires, code.tries)
		if err != nil {
			return err
		}
		if changed == 0 {
			return account.ErrPendingGone
		}
		return recordEvents(ctx, t, u.Events)
	})
}

// TryCode counts one comparison with the code that is out and reports whether it is allowed.
func (s *Store) TryCode(ctx context.Context, pendingID string, limit int) (bool, error) {
	var allowed bool
	err := s.write(ctx, "try code", func(ctx context.Context, t *tx) error {
		counted, err := t.exec(ctx, `
			UPDATE latchkey_pendings SET code_tries = code_tries + 1
			WHERE id = $1 AND code_mac IS NOT NULL AND code_tries < $2`, pendingID, limit)
		allowed = counted == 1
		if err != nil || allowed {
			return err
		}
		_, there, err := first(ctx, t, scanOne[int64], `SELECT 1 FROM latchkey_pendings WHERE id = $1`, pendingID)
		if err == nil && !there {
			err = account.ErrPendingGone
		}
		return err
	})
	return allowed && err == nil, err
}

// DropPending ends a pending sign-in.
func (s *Store) DropPending(ctx context.Context, pendingID string, events []account.Event) error {
	return s.write(ctx, "drop pending", func(ctx context.Context, t *tx) error {
		if _, err := t.exec(ctx, `DELETE FROM latchkey_pendings WHERE id = $1`, pendingID); err != nil {
			return err
		}
		return recordEvents(ctx, t, events)
	})
}

func insertPending(ctx context.Context, t *tx, p *account.Pending) error {
	if p == nil {
		return nil
	}
	proved, err := toJSON(p.Proved)
	if err != nil {
		return err
	}
	code := codeColumnsOf(p.Code)
	return t.later(ctx, `
		INSERT INTO latchkey_pendings (id, user_id, digest, state, proved, method, setup, code_method, code_mac,
			code_expires, code_tries, remember, next, created, expires)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		p.ID, p.UserID, p.Digest[:], string(p.State), proved, string(p.Method), p.Setup, code.method, code.mac,
		code.expires, code.tries, p.Remember, text(p.Next), micros(p.Created), micros(p.Expires))
}

// endPending deletes a pending sign-in: of all that finish it, one gets past. Where it ended with the account, that is what is said.
func endPending(ctx context.Context, t *tx, userID, id string) error {
	return t.expect(ctx, func(ctx context.Context, ended int64) error {
		if ended > 0 {
			return nil
		}
		if err := isActive(ctx, t, userID); err != nil {
			return err
		}
		return account.ErrPendingGone
	}, `DELETE FROM latchkey_pendings WHERE id = $1 AND user_id = $2`, id, userID)
}

// readyForPasskey makes a pending sign-in wait for a passkey, and for nothing else.
func readyForPasskey(ctx context.Context, t *tx, userID, id string) error {
	return t.expect(ctx, orElse(account.ErrPendingGone), `
		UPDATE latchkey_pendings
		SET state = $3, method = $4, setup = NULL, code_method = NULL, code_mac = NULL, code_expires = NULL, code_tries = 0
		WHERE id = $1 AND user_id = $2`,
		id, userID, string(account.PendingReady), string(account.MethodPasskey))
}

// codeColumns are the columns of a code that is out.
type codeColumns struct {
	method  sql.NullString
	mac     []byte
	expires sql.NullInt64
	tries   int
}

func codeColumnsOf(c *account.SentCode) codeColumns {
	if c == nil {
		return codeColumns{}
	}
	return codeColumns{
		method:  sql.NullString{String: string(c.Method), Valid: true},
		mac:     blob(c.MAC),
		expires: sql.NullInt64{Int64: micros(c.Expires), Valid: true},
		tries:   c.Tries,
	}
}

func (c codeColumns) sentCode() *account.SentCode {
	if !c.method.Valid {
		return nil
	}
	return &account.SentCode{
		Method: account.Method(c.method.String), MAC: c.mac, Expires: fromMicros(c.expires.Int64), Tries: c.tries,
	}
}

// ownedPending is a pending sign-in with its owner.
type ownedPending struct {
	pending account.Pending
	owner   ownerColumns
}

func scanOwnedPending(row scanner) (ownedPending, error) {
	var found ownedPending
	var digest []byte
	var proved string
	var code codeColumns
	var created, expires int64
	p := &found.pending
	err := row.Scan(append([]any{
		&p.ID, &p.UserID, &digest, &p.State, &proved, &p.Method, &p.Setup, &code.method, &code.mac,
		&code.expires, &code.tries, &p.Remember, &p.Next, &created, &expires,
	}, found.owner.dest()...)...)
	if err != nil {
		return found, err
	}
	p.Code, p.Created, p.Expires = code.sentCode(), fromMicros(created), fromMicros(expires)
	if p.Digest, err = toDigest(digest); err != nil {
		return found, err
	}
	err = fromJSON(proved, &p.Proved)
	return found, err
}
