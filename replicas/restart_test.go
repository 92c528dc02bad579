package replicas

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// A server that is told to stop finishes what is under way; the next one takes up every session and every pending sign-in.
func TestGracefulRestart(t *testing.T) {
	uri := pgtest.Database(t)
	s := newServer(t, onPostgres(uri)...)
	s.start()
	p := newPerson(t, lineTo(s), "ann@example.com", new(atomic.Int64))
	pending, under := p.visitor(), p.visitor()
	if !p.half(pending) {
		t.Fatal("nobody answers")
	}
	started, _ := p.begin(p.visitor(), "/wan-signin", map[string]any{"identity": p.email}, p.device.Get)
	f, _ := p.begin(under, "/wan-signin", map[string]any{"identity": p.email}, p.device.Get)

	db, err := sql.Open("pgx", uri)
	must(t, err)
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	must(t, err)
	_, err = tx.ExecContext(t.Context(), `LOCK TABLE latchkey_sessions IN EXCLUSIVE MODE`)
	must(t, err)
	answer := make(chan *latchkeytest.Reply, 1)
	go func() { answer <- p.send(under, f) }()
	eventually(t, func(ctx context.Context) error {
		var n int
		err := db.QueryRowContext(ctx, `
			SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`).Scan(&n)
		if err == nil && n == 0 {
			err = errors.New("the sign-in is not under way")
		}
		return err
	})
	s.terminate()
	s.said("stopping")
	eventually(t, func(ctx context.Context) error {
		if _, _, err := s.status(ctx, "/healthz"); err == nil {
			return errors.New("it takes new requests")
		}
		return nil
	})
	must(t, tx.Rollback())
	(<-answer).Want(t, http.StatusOK)
	s.stopped()

	s.start()
	for what, c := range map[string]*latchkeytest.Client{"a session": p.home, "one that was made at the end": under} {
		if r := c.Get("/sessions"); r.Status != http.StatusOK {
			t.Errorf("%s: %d", what, r.Status)
		}
	}
	pending.Post("/mf-recovery", map[string]any{"code": p.codes[0]}).Want(t, http.StatusOK)
	p.send(p.visitor(), started).Want(t, http.StatusOK)
	if r := p.send(p.visitor(), f); !replayed(r) {
		t.Errorf("a state that was used before: %d %v", r.Status, r.Codes())
	}
}
