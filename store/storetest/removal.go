package storetest

import (
	"errors"

	"github.com/latchkey-auth/latchkey/account"
)

var removalTests = []test{
	{"by id and by nickname", func(e *env) {
		u := e.user()
		a, b, c := e.passkey(u.ID, account.UsageFirst), e.passkey(u.ID, account.UsageFirst), e.passkey(u.ID, account.UsageFirst)
		device := e.signedIn(u.ID, account.SessionDevice)
		removed, err := e.store.RemoveCredential(e.ctx, account.RemoveCredential{UserID: u.ID, Nickname: a.Nickname})
		e.ok(err)
		e.equal("removed by nickname", removed, a)
		// The id decides where both are given.
		removed, err = e.store.RemoveCredential(e.ctx, account.RemoveCredential{UserID: u.ID, ID: b.ID, Nickname: c.Nickname})
		e.ok(err)
		e.equal("removed by id", removed, b)
		left, err := e.store.Credentials(e.ctx, u.ID)
		e.ok(err)
		e.equal("left", left, []account.Credential{c})
		_, _, err = e.store.Credential(e.ctx, a.CredentialID)
		e.fails(err, account.ErrNotFound)
		e.hasSessions(u.ID, device)
	}},
	{"its id and nickname are free again", func(e *env) {
		u := e.user()
		c := e.passkey(u.ID, account.UsageFirst)
		_, err := e.store.RemoveCredential(e.ctx, account.RemoveCredential{UserID: u.ID, ID: c.ID})
		e.ok(err)
		again := e.newCredential(u.ID, account.UsageFirst)
		again.CredentialID, again.Nickname = c.CredentialID, c.Nickname
		e.registered(again)
	}},
	{"not found", func(e *env) {
		u, other := e.user(), e.user()
		mine, theirs := e.passkey(u.ID, account.UsageFirst), e.passkey(other.ID, account.UsageFirst)
		e.signedIn(u.ID, account.SessionDevice)
		w := watched{users: []string{u.ID, other.ID}}
		for _, r := range []account.RemoveCredential{
			{UserID: u.ID, ID: "none"}, {UserID: u.ID, Nickname: "none"}, {UserID: u.ID}, {UserID: u.ID, ID: theirs.ID},
			{UserID: u.ID, Nickname: theirs.Nickname}, {UserID: "nobody", ID: mine.ID}, {UserID: u.ID, ID: mine.Nickname},
			{UserID: u.ID, ID: "none", Nickname: mine.Nickname}, {UserID: u.ID, Nickname: "a\x00b\xff"}, {UserID: u.ID, ID: "a\x00b\xff"},
		} {
			r.EndDevices, r.Events = true, []account.Event{e.event(u.ID)}
			e.changesNothing(w, account.ErrNotFound, func() error {
				_, err := e.store.RemoveCredential(e.ctx, r)
				return err
			})
		}
	}},
	{"records its events with the nickname, and forgets devices", func(e *env) {
		u := e.user()
		c := e.passkey(u.ID, account.UsageFirst)
		session := e.signedIn(u.ID, account.SessionBrowser)
		e.signedIn(u.ID, account.SessionDevice)
		named, nameless := e.event(u.ID), e.event(u.ID)
		nameless.Subject = ""
		given := []account.Event{named, nameless}
		_, err := e.store.RemoveCredential(e.ctx, account.RemoveCredential{UserID: u.ID, ID: c.ID, EndDevices: true, Events: given})
		e.ok(err)
		if given[1].Subject != "" {
			e.Fatal("the caller's events were changed")
		}
		events, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		nameless.Subject = c.Nickname
		e.equal("events", events, []account.Event{named, nameless})
		e.hasSessions(u.ID, session)
	}},
	{"keeps what it must", keeps},
	{"of two last ways in one stays", func(e *env) {
		u := e.user()
		a, b := e.passkey(u.ID, account.UsageFirst), e.passkey(u.ID, account.UsageFirst)
		e.passkey(u.ID, account.UsageSecondary)
		ids := []string{a.ID, b.ID}
		errs := e.race(func(i int) error {
			_, err := e.store.RemoveCredential(e.ctx, account.RemoveCredential{
				UserID: u.ID, ID: ids[i%2], Keep: account.Keep{WayIn: true},
			})
			return err
		})
		e.removedOne(errs, account.ErrLastWayIn)
		left, err := e.store.Credentials(e.ctx, u.ID)
		e.ok(err)
		if len(left) != 2 {
			e.Fatalf("%d passkeys left, want a way in and a second factor", len(left))
		}
	}},
	{"of two last second factors one stays", func(e *env) {
		u := e.user()
		c := e.passkey(u.ID, account.UsageSecondary)
		e.passkey(u.ID, account.UsageFirst)
		e.factor(u.ID, account.MethodAuthenticator)
		keep := account.Keep{SecondFactor: true}
		errs := e.race(func(i int) error {
			if i%2 == 0 {
				_, err := e.store.RemoveCredential(e.ctx, account.RemoveCredential{UserID: u.ID, ID: c.ID, Keep: keep})
				return err
			}
			removed, err := e.store.RemoveFactors(e.ctx, account.RemoveFactors{UserID: u.ID, Keep: keep})
			if err == nil && len(removed) == 0 {
				// There was nothing left to remove, which is no error here.
				err = account.ErrNotFound
			}
			return err
		})
		e.removedOne(errs, account.ErrLastSecondFactor)
		credentials, err := e.store.Credentials(e.ctx, u.ID)
		e.ok(err)
		factors, err := e.store.SecondFactors(e.ctx, u.ID)
		e.ok(err)
		if len(credentials)-1+len(factors.Codes) != 1 {
			e.Fatalf("%d passkeys and %d code methods left", len(credentials), len(factors.Codes))
		}
	}},
}

// removedOne demands that one racer removed something, and the others came too late or were refused.
func (e *env) removedOne(errs []error, refused error) {
	e.Helper()
	removed := 0
	for _, err := range errs {
		switch {
		case err == nil:
			removed++
		case errors.Is(err, refused), errors.Is(err, account.ErrNotFound):
		default:
			e.Fatalf("unexpected error: %v", err)
		}
	}
	if removed != 1 {
		e.Fatalf("%d removals, want one", removed)
	}
}

// keeps walks what an account can have, what is removed and what must stay.
func keeps(e *env) {
	// What another account has is no help.
	other := e.user().ID
	e.passkey(other, account.UsageFirst)
	e.passkey(other, account.UsageSecondary)
	e.factor(other, account.MethodEmail)
	all := account.Keep{WayIn: true, SecondFactor: true}
	for name, c := range map[string]struct {
		first, second, codes int // what the account has
		remove               string
		keep                 account.Keep
		want                 error
	}{
		"a way in, not the last":           {2, 0, 0, "first", account.Keep{WayIn: true}, nil},
		"the last way in":                  {1, 0, 0, "first", account.Keep{WayIn: true}, account.ErrLastWayIn},
		"the last way in, seconds beside":  {1, 2, 2, "first", all, account.ErrLastWayIn},
		"the last way in, nothing to keep": {1, 0, 0, "first", account.Keep{}, nil},
		"the last way in, other to keep":   {1, 1, 0, "first", account.Keep{SecondFactor: true}, nil},
		"a first, no second ever":          {2, 0, 0, "first", all, nil},
		"a second, not the last":           {1, 2, 0, "second", all, nil},
		"the last second":                  {1, 1, 0, "second", all, account.ErrLastSecondFactor},
		"the last second, a code method":   {1, 1, 1, "second", all, nil},
		"the last second, nothing to keep": {1, 1, 0, "second", account.Keep{WayIn: true}, nil},
		"the last second, no way in ever":  {0, 2, 0, "second", all, nil},
		"a code method, not the last":      {1, 0, 2, "code", all, nil},
		"the last code method":             {1, 0, 1, "code", all, account.ErrLastSecondFactor},
		"the last code method, a second":   {1, 1, 1, "code", all, nil},
		"the last code, nothing to keep":   {1, 0, 1, "code", account.Keep{}, nil},
		"all code methods":                 {1, 0, 2, "codes", all, account.ErrLastSecondFactor},
		"all code methods, a second":       {1, 1, 2, "codes", all, nil},
		"a code method that is not there":  {1, 0, 0, "code", all, nil},
		"code methods that are not there":  {1, 0, 0, "codes", all, nil},
	} {
		e.Log(name)
		u := e.user()
		var first, second account.Credential
		for range c.first {
			first = e.passkey(u.ID, account.UsageFirst)
		}
		for range c.second {
			second = e.passkey(u.ID, account.UsageSecondary)
		}
		for i := range c.codes {
			e.factor(u.ID, []account.Method{account.MethodAuthenticator, account.MethodEmail}[i])
		}
		// Recovery codes are no second factor that could be relied on.
		e.recoveryCodes(u.ID, 1)
		e.signedIn(u.ID, account.SessionDevice)

		events := []account.Event{e.event(u.ID)}
		remove := func() (err error) {
			switch c.remove {
			case "first", "second":
				id := map[string]string{"first": first.ID, "second": second.ID}[c.remove]
				_, err = e.store.RemoveCredential(e.ctx, account.RemoveCredential{
					UserID: u.ID, ID: id, Keep: c.keep, EndDevices: true, Events: events,
				})
			case "code":
				_, err = e.store.RemoveFactors(e.ctx, account.RemoveFactors{
					UserID: u.ID, Methods: []account.Method{account.MethodAuthenticator}, Keep: c.keep, EndDevices: true, Events: events,
				})
			case "codes":
				_, err = e.store.RemoveFactors(e.ctx, account.RemoveFactors{
					UserID: u.ID, Keep: c.keep, EndDevices: true, Events: events,
				})
			}
			return err
		}
		if c.want != nil {
			e.changesNothing(watched{users: []string{u.ID, other}}, c.want, remove)
			continue
		}
		e.ok(remove())
		e.hasSessions(u.ID)
	}
}
