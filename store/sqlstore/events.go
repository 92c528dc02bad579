package sqlstore

import (
	"context"
	"slices"

	"github.com/latchkey-auth/latchkey/account"
)

// defaultEvents is how many events a filter without a limit selects.
const defaultEvents = 1000

// Record appends events that go with no change.
func (s *Store) Record(ctx context.Context, events ...account.Event) error {
	if len(events) == 0 {
		return nil
	}
	return s.write(ctx, "record events", func(ctx context.Context, t *tx) error {
		return recordEvents(ctx, t, events)
	})
}

// Events returns what the filter selects, oldest first.
func (s *Store) Events(ctx context.Context, f account.EventFilter) ([]account.Event, error) {
	if f.Limit <= 0 {
		f.Limit = defaultEvents
	}
	// Two statements, so that each has its index.
	query := `
		SELECT at, kind, user_id, reason, method, subject, session_id, address, user_agent
		FROM latchkey_events WHERE at >= $1
		ORDER BY at DESC, seq DESC LIMIT $2`
	args := []any{micros(f.Since), f.Limit}
	if f.UserID != "" {
		query = `
		SELECT at, kind, user_id, reason, method, subject, session_id, address, user_agent
		FROM latchkey_events WHERE at >= $1 AND user_id = $3
		ORDER BY at DESC, seq DESC LIMIT $2`
		args = append(args, text(f.UserID))
	}
	events, err := list(ctx, s.reader, scanEvent, query, args...)
	slices.Reverse(events)
	return events, s.wrap(ctx, "list events", err)
}

func recordEvents(ctx context.Context, t *tx, events []account.Event) error {
	for _, e := range events {
		if err := t.later(ctx, `
			INSERT INTO latchkey_events (at, kind, user_id, reason, method, subject, session_id, address, user_agent)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			micros(e.At), text(string(e.Kind)), text(e.UserID), text(e.Reason), text(string(e.Method)), text(e.Subject),
			text(e.SessionID), text(e.Address), text(e.UserAgent)); err != nil {
			return err
		}
	}
	return nil
}

func scanEvent(row scanner) (account.Event, error) {
	var e account.Event
	var at int64
	err := row.Scan(&at, &e.Kind, &e.UserID, &e.Reason, &e.Method, &e.Subject, &e.SessionID, &e.Address, &e.UserAgent)
	e.At = fromMicros(at)
	return e, err
}
