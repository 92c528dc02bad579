package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/signin"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

type userDisableCmd struct {
	Email string `arg:"" help:"The account's address."`
}

// Run keeps the account from signing in, which ends what is signed in to it.
func (c *userDisableCmd) Run(ctx context.Context, a *app, from *userCmd) error {
	return a.change(ctx, from, c.Email, func(store *sqlstore.Store, u account.User) (string, error) {
		ended, err := store.Sessions(ctx, u.ID)
		if err != nil {
			return "", err
		}
		if err := store.SetActive(ctx, u.ID, false); err != nil {
			return "", err
		}
		err = store.Record(ctx, a.event(account.EventDisabled, u), a.event(account.EventSessionsEnded, u))
		return fmt.Sprintf("%s is disabled; %s ended", u.Email, count(len(ended), "session")), err
	})
}

type userEnableCmd struct {
	Email string `arg:"" help:"The account's address."`
}

// Run lets the account sign in.
func (c *userEnableCmd) Run(ctx context.Context, a *app, from *userCmd) error {
	return a.change(ctx, from, c.Email, func(store *sqlstore.Store, u account.User) (string, error) {
		if err := store.SetActive(ctx, u.ID, true); err != nil {
			return "", err
		}
		return u.Email + " is enabled", store.Record(ctx, a.event(account.EventEnabled, u))
	})
}

type userUnlockCmd struct {
	Email string `arg:"" help:"The account's address."`
}

// Run opens the steps that were closed.
func (c *userUnlockCmd) Run(ctx context.Context, a *app, from *userCmd) error {
	return a.change(ctx, from, c.Email, func(store *sqlstore.Store, u account.User) (string, error) {
		if err := store.ClearStreaks(ctx, signin.Streaks(u)); err != nil {
			return "", err
		}
		return u.Email + " can be signed in to again", store.Record(ctx, a.event(account.EventStepReopened, u))
	})
}

type userResetCmd struct {
	Email string `arg:"" help:"The account's address."`
}

// Run removes the second factors one kind after the other. Run again after a failure, it removes the rest.
func (c *userResetCmd) Run(ctx context.Context, a *app, from *userCmd) error {
	return a.change(ctx, from, c.Email, func(store *sqlstore.Store, u account.User) (string, error) {
		var removed []string
		left, err := store.SecondFactors(ctx, u.ID)
		if err != nil {
			return "", err
		}
		methods, err := store.RemoveFactors(ctx, account.RemoveFactors{
			UserID: u.ID, EndDevices: true, Events: []account.Event{a.event(account.EventFactorsReset, u)},
		})
		if err != nil {
			return "", err
		}
		for _, m := range methods {
			e := a.event(account.EventFactorRemoved, u)
			e.Method = m
			if err := store.Record(ctx, e); err != nil {
				return "", err
			}
			removed = append(removed, string(m))
		}
		if left.RecoveryCodes > 0 {
			removed = append(removed, count(left.RecoveryCodes, "recovery code"))
		}
		if err := store.ReplaceRecoveryCodes(ctx, account.ReplaceRecoveryCodes{UserID: u.ID, At: a.now(), EndDevices: true}); err != nil {
			return "", err
		}
		names, err := a.removeSecondary(ctx, store, u)
		if err != nil {
			return "", err
		}
		removed = append(removed, names...)
		if len(removed) == 0 {
			return u.Email + " had no second factor", nil
		}
		return u.Email + " has no second factor now; removed: " + strings.Join(removed, ", "), nil
	})
}

// removeSecondary removes the passkeys that serve as second factors and returns what to call them.
func (a *app) removeSecondary(ctx context.Context, store *sqlstore.Store, u account.User) ([]string, error) {
	all, err := store.Credentials(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	var removed []string
	for _, c := range all {
		if c.Usage != account.UsageSecondary {
			continue
		}
		e := a.event(account.EventPasskeyRemoved, u)
		e.Method = account.MethodPasskey
		_, err := store.RemoveCredential(ctx, account.RemoveCredential{UserID: u.ID, ID: c.ID, EndDevices: true, Events: []account.Event{e}})
		if errors.Is(err, account.ErrNotFound) {
			continue // its owner was quicker
		}
		if err != nil {
			return nil, err
		}
		removed = append(removed, fmt.Sprintf("passkey %q", c.Nickname))
	}
	return removed, nil
}

// change does something to one account and prints what it says.
func (a *app) change(ctx context.Context, from *userCmd, email string, do func(*sqlstore.Store, account.User) (string, error)) error {
	return a.withUser(ctx, &from.configured, email, func(store *sqlstore.Store, u account.User) error {
		done, err := do(store, u)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.stdout, done)
		return err
	})
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
