package storetest

import (
	"strconv"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

var eventTests = []test{
	{"kept as they came", func(e *env) {
		full := account.Event{
			At: noon.Add(999 * time.Nanosecond).In(time.FixedZone("", 3600)), Kind: account.EventSigninRefused, UserID: "u", Reason: "r",
			Method: account.MethodSMS, Subject: "Ключ 🔑", SessionID: "s", Address: "192.0.2.9", UserAgent: "agent",
		}
		bare := account.Event{At: noon, Kind: account.EventThrottled}
		e.ok(e.store.Record(e.ctx, full, bare))
		e.ok(e.store.Record(e.ctx))
		got, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		full.At = noon
		e.equal("events", got, []account.Event{full, bare})
	}},
	{"selected", func(e *env) {
		var all []account.Event
		for i := range 6 {
			event := e.event([]string{"a", "b"}[i%2])
			event.At = noon.Add(time.Duration(i) * time.Second)
			all = append(all, event)
		}
		// Recorded out of order, listed in the order of time.
		e.ok(e.store.Record(e.ctx, all[3:]...))
		e.ok(e.store.Record(e.ctx, all[:3]...))
		for name, c := range map[string]struct {
			filter account.EventFilter
			want   []account.Event
		}{
			"all":               {account.EventFilter{}, all},
			"one account":       {account.EventFilter{UserID: "b"}, []account.Event{all[1], all[3], all[5]}},
			"nobody":            {account.EventFilter{UserID: "c"}, nil},
			"odd account":       {account.EventFilter{UserID: "\xff\x00"}, nil},
			"since":             {account.EventFilter{Since: all[4].At}, all[4:]},
			"since later":       {account.EventFilter{Since: all[4].At.Add(time.Microsecond)}, all[5:]},
			"the newest":        {account.EventFilter{Limit: 2}, all[4:]},
			"the newest of one": {account.EventFilter{UserID: "a", Limit: 2}, []account.Event{all[2], all[4]}},
			"all of it":         {account.EventFilter{UserID: "a", Since: all[1].At, Limit: 1}, all[4:5]},
		} {
			got, err := e.store.Events(e.ctx, c.filter)
			e.ok(err)
			e.equal(name, got, c.want)
		}
	}},
	{"of one moment in the order of recording", func(e *env) {
		var all []account.Event
		for range 20 {
			all = append(all, e.event("u"))
		}
		e.ok(e.store.Record(e.ctx, all[:10]...))
		e.ok(e.store.Record(e.ctx, all[10:]...))
		got, err := e.store.Events(e.ctx, account.EventFilter{Limit: 15})
		e.ok(err)
		e.equal("events", got, all[5:])
	}},
	{"a thousand without a limit", func(e *env) {
		all := make([]account.Event, 1005)
		for i := range all {
			all[i] = account.Event{At: noon, Kind: account.EventSignedIn, Subject: strconv.Itoa(i)}
		}
		e.ok(e.store.Record(e.ctx, all...))
		got, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("events", got, all[5:])
		got, err = e.store.Events(e.ctx, account.EventFilter{Limit: 2000})
		e.ok(err)
		e.equal("events", got, all)
	}},
	{"many racers", func(e *env) {
		for _, err := range e.race(func(i int) error {
			return e.store.Record(e.ctx, account.Event{At: noon, Kind: account.EventSignedIn, Subject: strconv.Itoa(i)})
		}) {
			e.ok(err)
		}
		got, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("number of events", len(got), racers)
	}},
}
