package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/device"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

type sessionCmd struct {
	configured
	List   sessionListCmd   `cmd:"" help:"List what is signed in to an account, and its remembered devices."`
	Revoke sessionRevokeCmd `cmd:"" help:"End a session of an account, or all of them."`
}

type sessionListCmd struct {
	Email string `arg:"" help:"The account's address."`
}

// Run prints a line for each live session, newest first.
func (c *sessionListCmd) Run(ctx context.Context, a *app, from *sessionCmd) error {
	return a.withUser(ctx, &from.configured, c.Email, func(store *sqlstore.Store, u account.User) error {
		all, err := store.Sessions(ctx, u.ID)
		if err != nil {
			return err
		}
		out := bufio.NewWriter(a.stdout)
		for _, s := range all {
			if s.Live(a.now()) {
				fmt.Fprintf(out, "%s  %-7s  since %s  seen %s  %s  %s  %s\n", s.ID, s.Kind, minute(s.Created), minute(s.LastSeen),
					orDash(s.Address), device.Describe(s.UserAgent), orDash(joined(s.Methods)))
			}
		}
		return out.Flush()
	})
}

type sessionRevokeCmd struct {
	Email string `arg:"" help:"The account's address."`
	ID    string `arg:"" optional:"" help:"The session's id, as session list prints it."`
	All   bool   `help:"End every session, and forget every remembered device."`
}

// Run ends the sessions at once, on every server of this database.
func (c *sessionRevokeCmd) Run(ctx context.Context, a *app, from *sessionCmd) error {
	if (c.ID == "") != c.All {
		return hinted{errors.New("say which session to end"), "give its id, or --all; latchkey session list " + c.Email + " shows them"}
	}
	return a.withUser(ctx, &from.configured, c.Email, func(store *sqlstore.Store, u account.User) error {
		e := a.event(account.EventSessionsEnded, u)
		e.Subject = c.ID
		n, err := store.EndSessions(ctx, account.EndSessions{UserID: u.ID, ID: c.ID, Pendings: c.All, Events: []account.Event{e}})
		if errors.Is(err, account.ErrNotFound) {
			return hinted{fmt.Errorf("%s has no session %s", u.Email, c.ID), "latchkey session list " + c.Email + " shows them"}
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "%s ended\n", count(n, "session"))
		return err
	})
}

// withUser does something with one account of an existing database.
func (a *app) withUser(ctx context.Context, from *configured, email string, do func(*sqlstore.Store, account.User) error) (err error) {
	_, store, err := from.open(ctx, a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	u, err := find(ctx, store, email)
	if err != nil {
		return err
	}
	return do(store, u)
}

func joined(methods []account.Method) string {
	names := make([]string, len(methods))
	for i, m := range methods {
		names[i] = string(m)
	}
	return strings.Join(names, "+")
}

// minute is a time as the lists show it.
func minute(t time.Time) string { return t.UTC().Format("2006-01-02T15:04Z") }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
