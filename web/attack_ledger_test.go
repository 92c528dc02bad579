package web_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
)

// ledger sees all that happens to a site's database.
type ledger struct {
	t   testing.TB
	s   *site
	ctx context.Context
}

// allowed are the tables that a refusal may write to: spent states, the throttles' counts, events. The last is the ledger's own.
var allowedTables = []string{"latchkey_states", "latchkey_buckets", "latchkey_streaks", "latchkey_events", "sqlite_sequence", "noted"}

// uncountedColumns any request may change: how often a code was tried, which is a throttle's count, and when a session was last seen.
var uncountedColumns = []string{"code_tries", "last_seen", "ends"}

// ledger has the database note every change that no refusal may make.
func (s *site) ledger(t testing.TB) *ledger {
	t.Helper()
	l := &ledger{t: t, s: s, ctx: context.WithoutCancel(t.Context())}
	l.exec(`CREATE TABLE noted (seq INTEGER PRIMARY KEY, what TEXT)`)
	tables := rows(l, func(r *sql.Rows) (name string, err error) { return name, r.Scan(&name) }, `SELECT name FROM sqlite_master WHERE type = 'table'`)
	for _, table := range tables {
		if slices.Contains(allowedTables, table) {
			continue
		}
		columns := rows(l, func(r *sql.Rows) (name string, err error) { return name, r.Scan(&name) }, `SELECT name FROM pragma_table_info(?)`, table)
		columns = slices.DeleteFunc(columns, func(c string) bool { return slices.Contains(uncountedColumns, c) })
		for verb, op := range map[string]string{"insert": "INSERT", "delete": "DELETE", "update": "UPDATE OF " + strings.Join(columns, ", ")} {
			l.exec(fmt.Sprintf(`CREATE TRIGGER noted_%s_%s AFTER %s ON %s BEGIN INSERT INTO noted (what) VALUES ('%s of %s'); END`, table, verb, op, table, verb, table))
		}
	}
	return l
}

func (l *ledger) exec(q string) {
	l.t.Helper()
	if _, err := l.s.raw.ExecContext(l.ctx, q); err != nil {
		l.t.Fatal(err)
	}
}

func rows[T any](l *ledger, scan func(*sql.Rows) (T, error), q string, args ...any) []T {
	l.t.Helper()
	list, err := l.s.raw.QueryContext(l.ctx, q, args...)
	if err != nil {
		l.t.Fatal(err)
	}
	defer list.Close()
	var out []T
	for list.Next() {
		v, err := scan(list)
		if err != nil {
			l.t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := list.Err(); err != nil {
		l.t.Fatal(err)
	}
	return out
}

// page is how far the ledger was written at a moment.
type page struct{ noted, events, spent int }

func (l *ledger) page() page {
	l.t.Helper()
	return rows(l, func(r *sql.Rows) (p page, err error) { return p, r.Scan(&p.noted, &p.events, &p.spent) },
		`SELECT (SELECT COALESCE(MAX(seq), 0) FROM noted), (SELECT COALESCE(MAX(seq), 0) FROM latchkey_events), (SELECT COUNT(*) FROM latchkey_states WHERE spent)`)[0]
}

// changes are those that no refusal may make.
func (l *ledger) changes(since page) []string {
	l.t.Helper()
	return rows(l, func(r *sql.Rows) (what string, err error) { return what, r.Scan(&what) }, `SELECT what FROM noted WHERE seq > ? ORDER BY seq`, since.noted)
}

// events are those that were recorded.
func (l *ledger) events(since page) []account.Event {
	l.t.Helper()
	return rows(l, func(r *sql.Rows) (e account.Event, err error) {
		return e, r.Scan(&e.Kind, &e.Reason, &e.UserID, &e.Method)
	},
		`SELECT kind, reason, user_id, method FROM latchkey_events WHERE seq > ? ORDER BY seq`, since.events)
}

// refusal is what a refused request leaves: whether it used a state up, and its event; no kind is no event, as a gate leaves none.
type refusal struct {
	spends bool
	kind   account.EventKind
	// reason is the event's; "" is any that the kind may have.
	reason string
	// beside are the kinds of events that come before it.
	beside []account.EventKind
}

// refused has a request made that is refused, and demands that it leaves nothing but what a refusal leaves.
func (l *ledger) refused(t testing.TB, what string, want refusal, ask func() *answer) *answer {
	t.Helper()
	before := l.page()
	a := ask()
	after := l.page()
	if a.status < 400 && a.status != 302 && !a.isPage() {
		t.Errorf("%s: not refused: %v", what, a)
	}
	if changed := l.changes(before); len(changed) > 0 {
		t.Errorf("%s: %v: and yet something changed: %v", what, a, changed)
	}
	if spent := after.spent - before.spent; spent != 0 != want.spends || spent > 1 {
		t.Errorf("%s: %v: %d states were spent", what, a, spent)
	}
	for _, c := range a.set {
		if c.MaxAge >= 0 && !strings.HasSuffix(c.Name, "latchkey_flash") && !strings.HasSuffix(c.Name, "latchkey_grace") {
			t.Errorf("%s: a refusal sets %s", what, c.Name)
		}
	}
	events := l.events(before)
	if want.kind == "" {
		if len(events) > 0 {
			t.Errorf("%s: %v: left the events %+v", what, a, events)
		}
		return a
	}
	kinds := append(slices.Clone(want.beside), want.kind)
	if len(events) != len(kinds) {
		t.Errorf("%s: %v: %d events, want %v: %+v", what, a, len(events), kinds, events)
		return a
	}
	for i, e := range events {
		if e.Kind != kinds[i] || !slices.Contains(account.Reasons(e.Kind), e.Reason) {
			t.Errorf("%s: %v: left the event %+v, want %s", what, a, e, kinds[i])
		}
	}
	if last := events[len(events)-1]; last.Reason == "" || want.reason != "" && last.Reason != want.reason {
		t.Errorf("%s: %v: the reason is %q, want %q", what, a, last.Reason, want.reason)
	}
	return a
}

// TestTheLogOnlyGrows: the sites of these tests refuse what would change an event, so that all of them show that none does; this one shows
// that they do refuse it, and that the ledger sees changes.
func TestTheLogOnlyGrows(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l := s.ledger(t)
	before := l.page()
	s.person(t)
	if len(l.events(before)) == 0 || !slices.Contains(l.changes(before), "insert of latchkey_sessions") {
		t.Errorf("a registration left %v, %v", l.events(before), l.changes(before))
	}
	for _, q := range []string{`UPDATE latchkey_events SET reason = 'x'`, `DELETE FROM latchkey_events`, `INSERT OR REPLACE INTO latchkey_events SELECT * FROM latchkey_events LIMIT 1`} {
		if _, err := s.raw.ExecContext(t.Context(), `PRAGMA recursive_triggers = ON; `+q); err == nil {
			t.Errorf("%s was let through", q)
		}
	}
}

func fromJSON(t testing.TB, text []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
}
