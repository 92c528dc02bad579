package signin_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// events are all that the log holds, in the order in which they were written.
func (h *house) events() []account.Event {
	h.t.Helper()
	rows, err := h.raw.QueryContext(h.ctx, `SELECT at, kind, user_id, reason, method, subject, session_id, address, user_agent FROM latchkey_events ORDER BY seq`)
	h.ok(err)
	defer rows.Close()
	var list []account.Event
	for rows.Next() {
		var e account.Event
		var at int64
		h.ok(rows.Scan(&at, &e.Kind, &e.UserID, &e.Reason, &e.Method, &e.Subject, &e.SessionID, &e.Address, &e.UserAgent))
		e.At = time.UnixMicro(at).UTC()
		list = append(list, e)
	}
	h.ok(rows.Err())
	return list
}

// changeable are the tables that a refusal may write to: spent states, the throttles' counts, events.
var changeable = []string{"latchkey_states", "latchkey_buckets", "latchkey_streaks", "latchkey_events", "sqlite_sequence"}

// uncounted are columns that any request may change: how often a code was tried, which is a throttle's count, and when a session
// was last seen.
var uncounted = []string{"code_tries", "last_seen", "ends"}

// snapshot is every row of every table but the changeable ones, by table.
func (h *house) snapshot() map[string]string {
	h.t.Helper()
	tables := column[string](h, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
	out := map[string]string{}
	for _, table := range tables {
		if !slices.Contains(changeable, table) {
			out[table] = h.rows(table)
		}
	}
	return out
}

func (h *house) rows(table string) string {
	h.t.Helper()
	rows, err := h.raw.QueryContext(h.ctx, "SELECT * FROM "+table+" ORDER BY 1, 2")
	h.ok(err)
	defer rows.Close()
	names, err := rows.Columns()
	h.ok(err)
	var b strings.Builder
	for rows.Next() {
		values, dest := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			dest[i] = &values[i]
		}
		h.ok(rows.Scan(dest...))
		for i, v := range values {
			if !slices.Contains(uncounted, names[i]) {
				fmt.Fprintf(&b, "%s=%v ", names[i], v)
			}
		}
		b.WriteByte('\n')
	}
	h.ok(rows.Err())
	return b.String()
}

func column[T any](h *house, query string, args ...any) []T {
	h.t.Helper()
	rows, err := h.raw.QueryContext(h.ctx, query, args...)
	h.ok(err)
	defer rows.Close()
	var out []T
	for rows.Next() {
		var v T
		h.ok(rows.Scan(&v))
		out = append(out, v)
	}
	h.ok(rows.Err())
	return out
}

// differences tells what changed between two snapshots.
func differences(before, after map[string]string) string {
	var b strings.Builder
	for table, rows := range after {
		if rows != before[table] {
			fmt.Fprintf(&b, "%s\nbefore:\n%safter:\n%s", table, before[table], rows)
		}
	}
	return b.String()
}

// refuses demands that the call is refused with that key, changes nothing, and leaves an event that says why.
func (h *house) refuses(want message.Key, call func() error) *signin.Refusal {
	h.t.Helper()
	r := h.refusesAny(call)
	if r.Key != want {
		h.t.Fatalf("refused with %v, want %s", r, want)
	}
	return r
}

// refusesAny is refuses with whichever key.
func (h *house) refusesAny(call func() error) *signin.Refusal {
	h.t.Helper()
	before, mark, logged := h.snapshot(), h.mark(), len(h.events())
	err := call()
	r, ok := signin.AsRefusal(err)
	if !ok {
		h.t.Fatalf("error %v, want a refusal", err)
	}
	if d := differences(before, h.snapshot()); d != "" {
		h.t.Errorf("%v, and yet something changed: %s", r, d)
	}
	h.explained(r, h.heard(mark), h.events()[logged:])
	return r
}

// refusals are the kinds of events that tell of one.
var refusals = []account.EventKind{
	account.EventSigninRefused, account.EventVerifyRefused, account.EventPasskeyRefused, account.EventFactorRefused,
	account.EventPasswordRefused, account.EventRegisterRefused, account.EventEndRefused, account.EventThrottled, account.EventCodeNotSent,
}

// explained demands that the last event tells of the refusal, with its reason, and that the app heard what the log holds.
func (h *house) explained(r *signin.Refusal, heard, logged []account.Event) {
	h.t.Helper()
	if len(logged) == 0 {
		h.t.Errorf("%v left no event", r)
		return
	}
	last := logged[len(logged)-1]
	if !slices.Contains(refusals, last.Kind) || last.Reason == "" {
		h.t.Errorf("%v left the event %+v", r, last)
	}
	if !slices.Equal(heard, logged) {
		h.t.Errorf("%v: the app heard %+v, the log holds %+v", r, heard, logged)
	}
}

// refused demands that the error is the refusal with that key.
func (h *house) refused(want message.Key, err error) *signin.Refusal {
	h.t.Helper()
	r, ok := signin.AsRefusal(err)
	if !ok || r.Key != want {
		h.t.Fatalf("error %v, want %s", err, want)
	}
	return r
}

// errOf drops a result: for calls of which only the error counts.
func errOf[T any](_ T, err error) error { return err }

// at is a network address.
func at(s string) netip.Addr { return netip.MustParseAddr(s) }

// contextWithoutTurns is a context that ends when the store has been asked for the account, so that whoever waits for a turn to
// hash gives up.
func contextWithoutTurns(h *house) (context.Context, func()) {
	ctx, cancel := context.WithCancel(h.ctx)
	inner := h.store.users
	h.store.users = endsAfter{inner, cancel}
	return ctx, func() { cancel(); h.store.users = inner }
}

type endsAfter struct {
	account.Users
	end func()
}

func (e endsAfter) UserByEmail(ctx context.Context, email string) (account.User, error) {
	u, err := e.Users.UserByEmail(ctx, email)
	e.end()
	return u, err
}

// watch has the database note every change that no refusal may make, so that it can be asked for cheaply.
func (h *house) watch() {
	h.t.Helper()
	exec := func(q string) {
		_, err := h.raw.ExecContext(h.ctx, q)
		h.ok(err)
	}
	exec(`CREATE TABLE noted (seq INTEGER PRIMARY KEY, what TEXT)`)
	for _, table := range column[string](h, `SELECT name FROM sqlite_master WHERE type = 'table'`) {
		if slices.Contains(changeable, table) || table == "noted" {
			continue
		}
		var columns []string
		for _, c := range column[string](h, `SELECT name FROM pragma_table_info(?)`, table) {
			if !slices.Contains(uncounted, c) {
				columns = append(columns, c)
			}
		}
		for _, op := range []string{"INSERT", "DELETE", "UPDATE OF " + strings.Join(columns, ", ")} {
			verb, _, _ := strings.Cut(op, " ")
			exec(fmt.Sprintf(`CREATE TRIGGER noted_%s_%s AFTER %s ON %s BEGIN INSERT INTO noted (what) VALUES ('%s of %s'); END`, table, verb, op, table, verb, table))
		}
	}
}

// changes is how many were noted so far.
func (h *house) changes() int {
	h.t.Helper()
	if h.noted == nil {
		var err error
		h.noted, err = h.raw.PrepareContext(h.ctx, `SELECT COALESCE(MAX(seq), 0) FROM noted`)
		h.ok(err)
	}
	var n int
	h.ok(h.noted.QueryRowContext(h.ctx).Scan(&n))
	return n
}

// changesSince tells what they were.
func (h *house) changesSince(seq int) []string {
	return column[string](h, `SELECT what FROM noted WHERE seq > ? ORDER BY seq`, seq)
}

// holdings is what an account has, a line each.
func (h *house) holdings(userID string) []string {
	return column[string](h, `
		SELECT 'key ' || nickname || ' ' || usage || ' ' || sign_count FROM latchkey_credentials WHERE user_id = $1
		UNION ALL SELECT 'code ' || method || ' ' || last_step FROM latchkey_factors WHERE user_id = $1
		UNION ALL SELECT 'session ' || id FROM latchkey_sessions WHERE user_id = $1
		UNION ALL SELECT 'recovery ' || COUNT(*) FROM latchkey_recovery_codes WHERE user_id = $1`, userID)
}

// held is how many passkeys and code methods an account has.
func (h *house) held(userID string) int {
	return column[int](h, `
		SELECT (SELECT COUNT(*) FROM latchkey_credentials WHERE user_id = $1) + (SELECT COUNT(*) FROM latchkey_factors WHERE user_id = $1)`, userID)[0]
}

// forgotten are accounts that the app has deleted.
type forgotten struct{ account.Users }

func (forgotten) User(context.Context, string) (account.User, error) {
	return account.User{}, account.ErrNotFound
}

func (forgotten) UserByEmail(context.Context, string) (account.User, error) {
	return account.User{}, account.ErrNotFound
}
