package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// eventKinds are all kinds of events.
var eventKinds = []account.EventKind{
	account.EventRegistered, account.EventRegisterRefused, account.EventDisabled, account.EventEnabled, account.EventFactorsReset,
	account.EventSignedIn, account.EventSigninPending, account.EventSigninRefused,
	account.EventSignedOut, account.EventSessionsEnded, account.EventEndRefused, account.EventVerified, account.EventVerifyRefused,
	account.EventPasswordChanged, account.EventPasswordRefused,
	account.EventPasskeyAdded, account.EventPasskeyRefused, account.EventPasskeyRemoved, account.EventSignCountBack, account.EventBackupChanged,
	account.EventFactorAdded, account.EventFactorRemoved, account.EventFactorRefused,
	account.EventRecoveryCodesMade, account.EventRecoveryCodeUsed, account.EventCodeSent, account.EventCodeNotSent, account.EventRescueAsked,
	account.EventRecoveryLinkMade, account.EventRecoveryLinkUsed, account.EventThrottled, account.EventStepClosed, account.EventStepReopened,
}

type eventsCmd struct {
	List  eventsListCmd  `cmd:"" default:"withargs" help:"Show the audit log."`
	Prune eventsPruneCmd `cmd:"" help:"Delete old events."`
}

type eventsListCmd struct {
	configured
	User  string `placeholder:"EMAIL" help:"Only those of this account."`
	Since string `placeholder:"WHEN" help:"Only those since then: 24h, 2026-11-22 or 2026-11-22T12:00:00Z."`
	Kind  string `placeholder:"KIND" help:"Only those of this kind, such as signin.refused, or signin for all that begin so."`
	Limit int    `default:"1000" help:"The newest so many (default ${default})."`
	JSON  bool   `name:"json" help:"Print a line of JSON for each."`
}

// Run prints what the audit log has of it, oldest first.
func (c *eventsListCmd) Run(ctx context.Context, a *app) (err error) {
	f := account.EventFilter{}
	if f.Since, err = since(c.Since, a.now()); err != nil {
		return err
	}
	if c.Limit < 1 {
		return hinted{errors.New("--limit must be at least 1"), "leave it out for the newest 1000"}
	}
	if !isKind(c.Kind) {
		return hinted{fmt.Errorf("there is no kind of event %q", c.Kind), "the kinds are " + kindNames()}
	}
	_, store, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if c.User != "" {
		u, err := find(ctx, store, c.User)
		if err != nil {
			return err
		}
		f.UserID = u.ID
	}
	found, err := newest(ctx, store, f, c.Kind, c.Limit)
	if err != nil {
		return err
	}
	people := people{store: store, emails: map[string]string{}}
	out := bufio.NewWriter(a.stdout)
	for _, e := range found {
		email, err := people.email(ctx, e.UserID)
		if err != nil {
			return err
		}
		if err := printEvent(out, e, email, c.JSON); err != nil {
			return err
		}
	}
	return out.Flush()
}

type eventsPruneCmd struct {
	configured
	Keep time.Duration `required:"" placeholder:"DURATION" help:"How long events are kept, such as 8760h for a year."`
}

// Run deletes what is older, in small batches, so that it can run beside a server.
func (c *eventsPruneCmd) Run(ctx context.Context, a *app) (err error) {
	if c.Keep < 24*time.Hour {
		return hinted{errors.New("--keep must be at least 24h"), "the log is for finding out afterwards what happened"}
	}
	_, store, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	const batch = 1000
	before, total := a.now().Add(-c.Keep), 0
	for {
		n, err := store.PruneEvents(ctx, before, batch)
		total += n
		if err != nil {
			return err
		}
		if n < batch {
			_, err := fmt.Fprintf(a.stdout, "%s from before %s deleted\n", count(total, "event"), before.UTC().Format(time.RFC3339))
			return err
		}
	}
}

// newest are the newest events of a kind. The store knows no kinds, so that it is asked for more until there are enough.
func newest(ctx context.Context, log account.Events, f account.EventFilter, kind string, limit int) ([]account.Event, error) {
	for f.Limit = limit; ; f.Limit *= 8 {
		all, err := log.Events(ctx, f)
		if err != nil {
			return nil, err
		}
		whole := len(all) < f.Limit
		var found []account.Event
		for _, e := range all {
			if ofKind(e.Kind, kind) {
				found = append(found, e)
			}
		}
		if whole || len(found) >= limit {
			return found[max(0, len(found)-limit):], nil
		}
	}
}

func ofKind(k account.EventKind, wanted string) bool {
	return wanted == "" || string(k) == wanted || strings.HasPrefix(string(k), wanted+".")
}

func isKind(wanted string) bool {
	for _, k := range eventKinds {
		if ofKind(k, wanted) {
			return true
		}
	}
	return false
}

func kindNames() string {
	names := make([]string, len(eventKinds))
	for i, k := range eventKinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

// since is the time that a flag names, before now or by the calendar.
func since(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, hinted{fmt.Errorf("--since: %q is no time", text), "write it as in 24h, 2026-11-22 or 2026-11-22T12:00:00Z"}
}

// people finds the addresses to users' ids, each once.
type people struct {
	store  *sqlstore.Store
	emails map[string]string
}

// email is empty where the account is not known, or no longer.
func (p people) email(ctx context.Context, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	if email, ok := p.emails[id]; ok {
		return email, nil
	}
	u, err := p.store.User(ctx, id)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return "", err
	}
	p.emails[id] = u.Email
	return u.Email, nil
}

// eventLine is an event as JSON. Its names are for good: programs read them.
type eventLine struct {
	At        time.Time         `json:"at"`
	Kind      account.EventKind `json:"kind"`
	UserID    string            `json:"user_id,omitempty"`
	Email     string            `json:"email,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Method    account.Method    `json:"method,omitempty"`
	Subject   string            `json:"subject,omitempty"`
	SessionID string            `json:"session_id,omitempty"`
	Address   string            `json:"address,omitempty"`
	UserAgent string            `json:"user_agent,omitempty"`
}

func printEvent(out io.Writer, e account.Event, email string, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		return enc.Encode(eventLine{
			At: e.At.UTC(), Kind: e.Kind, UserID: e.UserID, Email: email, Reason: e.Reason, Method: e.Method,
			Subject: e.Subject, SessionID: e.SessionID, Address: e.Address, UserAgent: e.UserAgent,
		})
	}
	who := email
	if who == "" {
		who = orDash(e.UserID)
	}
	line := fmt.Sprintf("%s  %-22s  %s", e.At.UTC().Format(time.RFC3339), e.Kind, who)
	for _, part := range []struct{ name, value string }{
		{"reason", e.Reason}, {"method", string(e.Method)}, {"subject", e.Subject}, {"from", e.Address},
	} {
		if part.value != "" {
			line += "  " + part.name + "=" + quoted(part.value)
		}
	}
	_, err := fmt.Fprintln(out, line)
	return err
}

// quoted puts what people may have typed between quotes where it is not one plain word.
func quoted(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r > '~' }) {
		return fmt.Sprintf("%q", s)
	}
	return s
}
