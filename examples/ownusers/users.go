package main

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// Users is the app's own table as Latchkey sees it. It is all that an app writes to keep its accounts where they are; storetest.Users proves
// it, in users_test.go.
type Users struct{ db *sql.DB }

var _ account.Users = (*Users)(nil)

const columns = `SELECT id, email, COALESCE(password_hash, ''), is_active, created_at FROM users `

// User finds an account by its number.
func (u *Users) User(ctx context.Context, id string) (account.User, error) {
	n, err := number(id)
	if err != nil {
		return account.User{}, err
	}
	return scan(u.db.QueryRowContext(ctx, columns+`WHERE id = $1`, n))
}

// UserByEmail finds it by its address.
func (u *Users) UserByEmail(ctx context.Context, email string) (account.User, error) {
	return scan(u.db.QueryRowContext(ctx, columns+`WHERE email_lower = $1`, account.CanonicalEmail(email)))
}

// CreateUser makes one. Of two that race for an address the table's own constraint lets one win.
func (u *Users) CreateUser(ctx context.Context, n account.NewUser) (account.User, error) {
	made := account.User{Email: n.Email, PasswordHash: n.PasswordHash, Active: true, Created: time.Now().UTC().Truncate(time.Microsecond)}
	var id int64
	err := u.db.QueryRowContext(ctx, `
		INSERT INTO users (email, email_lower, password_hash, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (email_lower) DO NOTHING RETURNING id`,
		n.Email, account.CanonicalEmail(n.Email), orNull(n.PasswordHash), made.Created).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return account.User{}, account.ErrEmailInUse
	}
	made.ID = strconv.FormatInt(id, 10)
	return made, err
}

// SetPassword replaces the hash.
func (u *Users) SetPassword(ctx context.Context, id, hash string) error {
	return u.change(ctx, id, `UPDATE users SET password_hash = $2 WHERE id = $1`, orNull(hash))
}

// RenewPassword replaces the hash if it is still the one that was read.
func (u *Users) RenewPassword(ctx context.Context, id, was, hash string) error {
	return u.change(ctx, id, `
		UPDATE users SET password_hash = CASE WHEN COALESCE(password_hash, '') = $2 THEN $3 ELSE password_hash END WHERE id = $1`, was, orNull(hash))
}

// SetActive lets the account sign in, or not. Its sessions are the store's: whoever disables an account ends them there, with
// account.Sessions.EndSessions, or they count again when it is enabled.
func (u *Users) SetActive(ctx context.Context, id string, active bool) error {
	return u.change(ctx, id, `UPDATE users SET is_active = $2 WHERE id = $1`, active)
}

// change runs a statement that changes one account.
func (u *Users) change(ctx context.Context, id, statement string, args ...any) error {
	n, err := number(id)
	if err != nil {
		return err
	}
	done, err := u.db.ExecContext(ctx, statement, append([]any{n}, args...)...)
	if err != nil {
		return err
	}
	if rows, err := done.RowsAffected(); err != nil || rows == 1 {
		return err
	}
	return account.ErrNotFound
}

// number is the key of an id, which is its decimal form and no other.
func number(id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != id {
		return 0, account.ErrNotFound
	}
	return n, nil
}

func scan(row *sql.Row) (account.User, error) {
	var found account.User
	var id int64
	err := row.Scan(&id, &found.Email, &found.PasswordHash, &found.Active, &found.Created)
	if errors.Is(err, sql.ErrNoRows) {
		return account.User{}, account.ErrNotFound
	}
	if err != nil {
		return account.User{}, err
	}
	found.ID, found.Created = strconv.FormatInt(id, 10), found.Created.UTC()
	return found, nil
}

// orNull keeps an account without a password as the table does.
func orNull(hash string) any {
	if hash == "" {
		return nil
	}
	return hash
}
