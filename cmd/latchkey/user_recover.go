package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-auth/latchkey/account"
)

type userRecoverCmd struct {
	Email string `arg:"" help:"The account's address."`
}

// Run prints the link alone on standard output, so that it can be passed on.
func (c *userRecoverCmd) Run(ctx context.Context, a *app, from *userCmd) (err error) {
	s, store, err := from.open(ctx, a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	auth, err := a.library(&s, store)
	if err != nil {
		return err
	}
	if _, err := find(ctx, store, c.Email); err != nil {
		return err
	}
	link, err := auth.RecoveryLink(ctx, c.Email)
	if errors.Is(err, account.ErrInactive) {
		return hinted{fmt.Errorf("%s is disabled", c.Email), "latchkey user enable " + c.Email + " first"}
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stderr, "This link works once, for 30 minutes. Give it to nobody but the account's owner:")
	_, err = fmt.Fprintln(a.stdout, link)
	return errors.Join(err, auth.Close(ctx))
}
