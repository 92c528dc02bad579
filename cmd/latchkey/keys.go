package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/keys"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/settings"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

type keysCmd struct {
	New    keysNewCmd    `cmd:"" help:"Print a new secret key."`
	Reseal keysResealCmd `cmd:"" help:"Seal what the database holds under the first of the secret keys."`
}

type keysNewCmd struct{}

// Run prints it alone on standard output, as SECRET_KEYS takes it.
func (keysNewCmd) Run(a *app) error {
	key := make([]byte, keys.Size)
	rand.Read(key)
	_, err := fmt.Fprintln(a.stdout, base64.StdEncoding.EncodeToString(key))
	return err
}

type keysResealCmd struct {
	configured
	ForgetLost bool `help:"Give up what was sealed under keys that are gone for good."`
}

// Run seals anew what is not under the first key.
func (c *keysResealCmd) Run(ctx context.Context, a *app) (err error) {
	s, store, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	auth, err := a.library(&s, store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, auth.Close(ctx)) }()
	if c.ForgetLost {
		if err := auth.ForgetLostKeys(ctx); err != nil {
			return err
		}
	}
	done, err := auth.Reseal(ctx)
	if errors.Is(err, latchkey.ErrKeys) {
		return lostKeys(err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s sealed anew, %d under the first key already\n", count(done.Sealed, "secret"), done.Current)
	if len(done.Lost) == 0 {
		return nil
	}
	for _, id := range done.Lost {
		u, err := store.User(ctx, id)
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			return err
		}
		fmt.Fprintf(a.stdout, "no key opens the authenticator app of %s\n", u.Email)
	}
	return lostKeys(fmt.Errorf("%s under keys that are not there", count(len(done.Lost), "authenticator app")))
}

func lostKeys(err error) error {
	return hinted{fmt.Errorf("SECRET_KEYS: %w", err), "put the missing key after the first; if it is lost for good, latchkey keys reseal --forget-lost gives up recovery codes, " +
		"and latchkey user reset-factors the app of each account"}
}

// library is the library on a database, with the server's own keys and senders, for a command beside it.
func (a *app) library(s *settings.Settings, store *sqlstore.Store) (*latchkey.Auth, error) {
	if err := fillKeys(s); err != nil {
		return nil, err
	}
	var err error
	if s.Library.Sender, err = newSender(*s); err != nil {
		return nil, err
	}
	s.Library.Log = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return latchkey.New(s.Library, store)
}
