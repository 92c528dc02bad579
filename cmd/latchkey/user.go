package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/settings"
	"github.com/latchkey-auth/latchkey/internal/names"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// byAdmin is the reason of the events that these commands leave.
const byAdmin = "admin"

type userCmd struct {
	configured
	Add     userAddCmd     `cmd:"" help:"Make an account."`
	List    userListCmd    `cmd:"" help:"List all accounts."`
	Disable userDisableCmd `cmd:"" help:"Keep an account from signing in, and end its sessions."`
	Enable  userEnableCmd  `cmd:"" help:"Let a disabled account sign in again."`
	Reset   userResetCmd   `cmd:"" name:"reset-factors" help:"Remove an account's second factors."`
	Unlock  userUnlockCmd  `cmd:"" help:"Let an account be signed in to again after too many failed attempts."`
	Recover userRecoverCmd `cmd:"" help:"Make a link with which an account's owner gets back in."`
}

// open is the settings and the database of a command on accounts.
func (c *configured) open(ctx context.Context, a *app) (settings.Settings, *sqlstore.Store, error) {
	s, err := c.load(a, true, nil)
	if err != nil {
		return s, nil, err
	}
	store, err := openExisting(ctx, &s)
	return s, store, err
}

type userAddCmd struct {
	Email         string `arg:"" help:"The account's address."`
	PasswordStdin bool   `help:"Read the password from standard input."`
}

// Run makes an account by the rules of the sign-up page; without a password its owner sets one by a link.
func (c *userAddCmd) Run(ctx context.Context, a *app, from *userCmd) (err error) {
	s, store, err := from.open(ctx, a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	email, err := names.Email(c.Email)
	if err != nil {
		return hinted{fmt.Errorf("%q is not an email address", c.Email), "write it as in ann@example.com"}
	}
	hash := ""
	if c.PasswordStdin {
		if hash, err = a.newPassword(ctx, email, s); err != nil {
			return err
		}
	}
	user, err := store.CreateUser(ctx, account.NewUser{Email: email, PasswordHash: hash})
	if errors.Is(err, account.ErrEmailInUse) {
		return hinted{fmt.Errorf("%s has an account", email), "latchkey user list shows all accounts"}
	}
	if err != nil {
		return err
	}
	if err := store.Record(ctx, a.event(account.EventRegistered, user)); err != nil {
		return err
	}
	if !user.HasPassword() {
		fmt.Fprintf(a.stderr, "hint: it has no password yet; latchkey user recover %s makes the link with which its owner sets one\n", user.Email)
	}
	_, err = fmt.Fprintf(a.stdout, "%s has an account now\n", user.Email)
	return err
}

// newPassword reads a password from standard input, judges and hashes it.
func (a *app) newPassword(ctx context.Context, email string, s settings.Settings) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(a.stdin, 4*password.MaxBytes))
	if err != nil {
		return "", fmt.Errorf("standard input: %w", err)
	}
	pass := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if pass == "" {
		return "", hinted{errors.New("there is no password on standard input"), "give it as in: latchkey user add ann@example.com --password-stdin < password.txt"}
	}
	err = password.Check(pass, email, s.Library.PasswordLengthMin, s.Library.RPName)
	switch {
	case errors.Is(err, password.ErrTooShort):
		return "", hinted{fmt.Errorf("the password is shorter than %d characters", s.Library.PasswordLengthMin), "PASSWORD_LENGTH_MIN sets the least length"}
	case errors.Is(err, password.ErrTooLong):
		return "", fmt.Errorf("the password is longer than %d bytes", password.MaxBytes)
	case errors.Is(err, password.ErrCommon):
		return "", hinted{errors.New("the password is easy to guess"), "choose one that is not on every list, a few random words say"}
	case err != nil:
		return "", err
	}
	return password.New(s.Library.PasswordHash, 1, rand.Reader).Hash(ctx, pass)
}

// event is a record of what a command did to an account.
func (a *app) event(kind account.EventKind, u account.User) account.Event {
	return account.Event{At: a.now(), Kind: kind, UserID: u.ID, Reason: byAdmin}
}

type userListCmd struct{}

// Run prints a line for each account, by address.
func (userListCmd) Run(ctx context.Context, a *app, from *userCmd) (err error) {
	_, store, err := from.open(ctx, a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	out := bufio.NewWriter(a.stdout)
	for u, err := range store.ListUsers(ctx) {
		if err != nil {
			return err
		}
		state := "active"
		if !u.Active {
			state = "disabled"
		}
		fmt.Fprintf(out, "%-8s  %s  %s\n", state, u.Created.UTC().Format("2006-01-02"), u.Email)
	}
	return out.Flush()
}

// find is the account with that address.
func find(ctx context.Context, store *sqlstore.Store, email string) (account.User, error) {
	u, err := store.UserByEmail(ctx, email)
	if errors.Is(err, account.ErrNotFound) {
		return u, hinted{fmt.Errorf("%s has no account", email), "latchkey user list shows all accounts"}
	}
	return u, err
}
