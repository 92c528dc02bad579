package account

import (
	"context"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// User is an account.
type User struct {
	// ID is opaque, at most 64 bytes, never reused.
	ID string
	// Email is the address as its owner spelled it. Compare with [CanonicalEmail].
	Email string
	// PasswordHash is a PHC string, or empty where the account has no password.
	PasswordHash string
	// Active is false for an account that may not sign in.
	Active bool
	// Created is when the account was made.
	Created time.Time
}

// HasPassword reports whether the account can be signed in to with a password.
func (u User) HasPassword() bool { return u.PasswordHash != "" }

// NewUser is what [Users.CreateUser] is given. Email has been checked and trimmed.
type NewUser struct {
	Email        string
	PasswordHash string
}

// Users finds and changes accounts. An app with a users table of its own implements it; store/storetest.Users proves
// the implementation. Every method is safe for concurrent use.
type Users interface {
	// User returns the account with that id, or ErrNotFound.
	User(ctx context.Context, id string) (User, error)
	// UserByEmail returns the account with that address, compared as [CanonicalEmail] does, or ErrNotFound.
	UserByEmail(ctx context.Context, email string) (User, error)
	// CreateUser makes an active account. ErrEmailInUse if the address has one; of racing calls one wins.
	CreateUser(ctx context.Context, u NewUser) (User, error)
	// SetPassword replaces the password hash. ErrNotFound if there is no such account.
	SetPassword(ctx context.Context, id, passwordHash string) error
	// RenewPassword replaces the password hash if it is still was, and changes nothing if it is not: a password that was
	// changed meanwhile is not brought back. ErrNotFound if there is no such account.
	RenewPassword(ctx context.Context, id, was, passwordHash string) error
	// SetActive lets an account sign in, or not. ErrNotFound if there is no such account. Where the store keeps the users as well,
	// disabling one ends its sessions, bearer tokens, remembered devices and pending sign-ins in the same transaction, so that none of
	// them counts again once it is enabled. An app that keeps the users itself has none of these: while the account is disabled they count
	// for nothing, and whoever disables it ends them with [Sessions.EndSessions] afterwards, Pendings set.
	SetActive(ctx context.Context, id string, active bool) error
}

// CanonicalEmail is the form in which two spellings of one address are equal: trimmed, NFKC, lower case.
func CanonicalEmail(email string) string {
	return strings.ToLower(norm.NFKC.String(strings.TrimSpace(email)))
}
