package sqlstore

import (
	"context"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// User returns the account with that id.
func (s *Store) User(ctx context.Context, id string) (account.User, error) {
	return s.user(ctx, "find user", `
		SELECT id, email, password_hash, active, created
		FROM latchkey_users WHERE id = $1`, id)
}

// UserByEmail returns the account with that address.
func (s *Store) UserByEmail(ctx context.Context, email string) (account.User, error) {
	return s.user(ctx, "find user by address", `
		SELECT id, email, password_hash, active, created
		FROM latchkey_users WHERE email_key = $1`, account.CanonicalEmail(email))
}

func (s *Store) user(ctx context.Context, op, query, key string) (account.User, error) {
	if !storable(key) {
		return account.User{}, s.wrap(ctx, op, account.ErrNotFound)
	}
	u, ok, err := first(ctx, s.reader, scanUser, query, key)
	if err == nil && !ok {
		err = account.ErrNotFound
	}
	return u, s.wrap(ctx, op, err)
}

// CreateUser makes an active account.
func (s *Store) CreateUser(ctx context.Context, n account.NewUser) (account.User, error) {
	const op = "create user"
	now := s.db.Clock()
	id, err := newUserID(now, s.db.Rand)
	if err != nil {
		return account.User{}, s.wrap(ctx, op, err)
	}
	u := account.User{ID: id, Email: n.Email, PasswordHash: n.PasswordHash, Active: true, Created: fromMicros(micros(now))}
	err = s.write(ctx, op, func(ctx context.Context, t *tx) error {
		made, err := t.exec(ctx, `
			INSERT INTO latchkey_users (id, email, email_key, password_hash, active, created)
			VALUES ($1, $2, $3, $4, TRUE, $5)
			ON CONFLICT (email_key) DO NOTHING`,
			u.ID, u.Email, account.CanonicalEmail(u.Email), u.PasswordHash, micros(u.Created))
		if err == nil && made == 0 {
			err = account.ErrEmailInUse
		}
		return err
	})
	if err != nil {
		return account.User{}, err
	}
	return u, nil
}

// SetPassword replaces the password hash.
func (s *Store) SetPassword(ctx context.Context, id, passwordHash string) error {
	return s.write(ctx, "set password", func(ctx context.Context, t *tx) error {
		return mustChange(t.exec(ctx, `UPDATE latchkey_users SET password_hash = $1 WHERE id = $2`, passwordHash, id))
	})
}

// RenewPassword replaces the password hash if it is still was.
func (s *Store) RenewPassword(ctx context.Context, id, was, passwordHash string) error {
	return s.write(ctx, "renew password", func(ctx context.Context, t *tx) error {
		return mustChange(t.exec(ctx, `
			UPDATE latchkey_users SET password_hash = CASE WHEN password_hash = $1 THEN $2 ELSE password_hash END WHERE id = $3`,
			was, passwordHash, id))
	})
}

// SetActive lets an account sign in, or not, and then ends what is signed in to it. The account comes first: whoever finishes something for
// it holds it (see mustActive), so that what they make is there to be ended.
func (s *Store) SetActive(ctx context.Context, id string, active bool) error {
	return s.write(ctx, "set active", func(ctx context.Context, t *tx) error {
		if t.pool.dialect == PostgreSQL {
			// It waits for who holds the account, and must see what they made, which under a stricter level it would not.
			if err := t.later(ctx, `SET TRANSACTION ISOLATION LEVEL READ COMMITTED`); err != nil {
				return err
			}
		}
		err := mustChange(t.exec(ctx, `UPDATE latchkey_users SET active = $1 WHERE id = $2`, active, id))
		if err != nil || active {
			return err
		}
		if err := t.later(ctx, `DELETE FROM latchkey_sessions WHERE user_id = $1`, id); err != nil {
			return err
		}
		return t.later(ctx, `DELETE FROM latchkey_pendings WHERE user_id = $1`, id)
	})
}

// listPage is how many accounts [Store.ListUsers] reads at a time.
const listPage = 500

// ListUsers gives all accounts in the order of their addresses. It holds no connection while it yields; an account
// that is made meanwhile may be missing. It ends at the first error.
func (s *Store) ListUsers(ctx context.Context) iter.Seq2[account.User, error] {
	return func(yield func(account.User, error) bool) {
		after := ""
		for {
			page, err := list(ctx, s.reader, scanUser, `
				SELECT id, email, password_hash, active, created
				FROM latchkey_users WHERE email_key > $1 ORDER BY email_key LIMIT $2`, after, listPage)
			if err != nil {
				yield(account.User{}, s.wrap(ctx, "list users", err))
				return
			}
			for _, u := range page {
				if !yield(u, nil) {
					return
				}
				after = account.CanonicalEmail(u.Email)
			}
			if len(page) < listPage {
				return
			}
		}
	}
}

const (
	selectActive     = `SELECT active FROM latchkey_users WHERE id = $1`
	selectActiveHeld = `SELECT active FROM latchkey_users WHERE id = $1 FOR NO KEY UPDATE`
	// It finds a row unless the account is disabled.
	expectActiveHeld = `
		WITH owner AS (SELECT active FROM latchkey_users WHERE id = $1 FOR NO KEY UPDATE)
		SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM owner WHERE NOT active)`
)

// mustActive refuses an account that this store keeps and that is disabled. Whoever disables it meanwhile waits for the end of the
// transaction, and finds what it made. It is the first row that a transaction takes of an account, and no two have it at once: with a lock
// that is shared, those who sign in one after the other would keep out whoever wants to disable it.
func mustActive(ctx context.Context, t *tx, userID string) error {
	if t.pipe == nil {
		return isActive(ctx, t, userID)
	}
	return t.expect(ctx, orElse(account.ErrInactive), expectActiveHeld, userID)
}

// isActive is mustActive, at once.
func isActive(ctx context.Context, t *tx, userID string) error {
	active, here, err := first(ctx, t, scanOne[bool], t.sharing(selectActive, selectActiveHeld), userID)
	if err == nil && here && !active {
		err = account.ErrInactive
	}
	return err
}

// mustChange makes ErrNotFound of a statement that changed no row.
func mustChange(changed int64, err error) error {
	if err == nil && changed == 0 {
		err = account.ErrNotFound
	}
	return err
}

func scanUser(row scanner) (account.User, error) {
	var u account.User
	var created int64
	err := row.Scan(&u.ID, &u.Email, &u.PasswordHash, &u.Active, &created)
	u.Created = fromMicros(created)
	return u, err
}

// ownerColumns are the columns of a user that was joined to a row.
type ownerColumns struct {
	id, email, passwordHash sql.NullString
	active                  sql.NullBool
	created                 sql.NullInt64
}

func (o *ownerColumns) dest() []any {
	return []any{&o.id, &o.email, &o.passwordHash, &o.active, &o.created}
}

// user is nil where the app keeps the accounts.
func (o ownerColumns) user() *account.User {
	if !o.id.Valid {
		return nil
	}
	return &account.User{
		ID: o.id.String, Email: o.email.String, PasswordHash: o.passwordHash.String,
		Active: o.active.Bool, Created: fromMicros(o.created.Int64),
	}
}

// newUserID is 48 bits of time, so that new rows go to the end of the index, and 80 bits of chance.
func newUserID(now time.Time, random io.Reader) (string, error) {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16)
	if _, err := io.ReadFull(random, b[6:]); err != nil {
		return "", err
	}
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])), nil
}
