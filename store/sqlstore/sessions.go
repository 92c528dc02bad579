package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// Session finds a session of that kind by its token's digest, with its owner where the account is kept here.
func (s *Store) Session(ctx context.Context, kind account.SessionKind, d account.Digest) (account.Session, *account.User, error) {
	found, ok, err := first(ctx, s.reader, scanOwnedSession, `
		SELECT s.id, s.user_id, s.kind, s.digest, s.methods, s.created, s.authenticated_at, s.held_at, s.last_seen, s.expires,
			s.idle_for, s.remember, s.address, s.user_agent,
			u.id, u.email, u.password_hash, u.active, u.created
		FROM latchkey_sessions s
		LEFT JOIN latchkey_users u ON u.id = s.user_id
		WHERE s.digest = $1 AND s.kind = $2`, d[:], string(kind))
	if err == nil && !ok {
		err = account.ErrNotFound
	}
	return found.session, found.owner.user(), s.wrap(ctx, "find session", err)
}

// Sessions lists an account's sessions, newest first.
func (s *Store) Sessions(ctx context.Context, userID string) ([]account.Session, error) {
	all, err := list(ctx, s.reader, scanSession, `
		SELECT id, user_id, kind, digest, methods, created, authenticated_at, held_at, last_seen, expires,
			idle_for, remember, address, user_agent
		FROM latchkey_sessions WHERE user_id = $1 ORDER BY created DESC, id DESC`, userID)
	return all, s.wrap(ctx, "list sessions", err)
}

// EndSessions deletes sessions and returns how many.
func (s *Store) EndSessions(ctx context.Context, e account.EndSessions) (int, error) {
	var ended int64
	err := s.write(ctx, "end sessions", func(ctx context.Context, t *tx) (err error) {
		if ended, err = endSessions(ctx, t, e); err != nil {
			return err
		}
		if e.Pendings {
			if err := t.later(ctx, `DELETE FROM latchkey_pendings WHERE user_id = $1`, e.UserID); err != nil {
				return err
			}
		}
		if e.ID == "" && t.pool.dialect == PostgreSQL {
			// Once more: what was made by somebody for whom this waited was not there yet when the first of these began.
			more, err := endSessions(ctx, t, e)
			if err != nil {
				return err
			}
			ended += more
		}
		if e.Renew != nil {
			if err := t.expect(ctx, orElse(account.ErrSessionGone), `
				UPDATE latchkey_sessions SET digest = $1 WHERE id = $2 AND user_id = $3 AND digest = $4`,
				e.Renew.New[:], e.Renew.SessionID, e.UserID, e.Renew.Old[:]); err != nil {
				return err
			}
		}
		return recordEvents(ctx, t, e.Events)
	})
	if err != nil {
		return 0, err
	}
	return int(ended), nil
}

func endSessions(ctx context.Context, t *tx, e account.EndSessions) (int64, error) {
	switch {
	case e.ID != "":
		if !storable(e.ID) {
			return 0, account.ErrNotFound
		}
		ended, err := t.exec(ctx, `DELETE FROM latchkey_sessions WHERE id = $1 AND user_id = $2`, e.ID, e.UserID)
		return ended, mustChange(ended, err)
	case e.KeepSessions:
		return t.exec(ctx, `DELETE FROM latchkey_sessions WHERE user_id = $1 AND kind = $2`, e.UserID, string(account.SessionDevice))
	case e.KeepDevices:
		return t.exec(ctx, `
			DELETE FROM latchkey_sessions WHERE user_id = $1 AND id <> $2 AND kind <> $3`,
			e.UserID, e.Except, string(account.SessionDevice))
	}
	return t.exec(ctx, `DELETE FROM latchkey_sessions WHERE user_id = $1 AND id <> $2`, e.UserID, e.Except)
}

// SeenSessions writes a batch of sightings.
func (s *Store) SeenSessions(ctx context.Context, seen []account.Seen) error {
	if len(seen) == 0 {
		return nil
	}
	// In one order, so that two batches never wait for each other's rows.
	seen = slices.Clone(seen)
	slices.SortFunc(seen, func(a, b account.Seen) int { return cmp.Compare(a.SessionID, b.SessionID) })
	return s.write(ctx, "seen sessions", func(ctx context.Context, t *tx) error {
		for _, one := range seen {
			if err := t.later(ctx, `
				UPDATE latchkey_sessions SET last_seen = $2,
					ends = CASE WHEN idle_for > 0 AND $2 + idle_for < expires THEN $2 + idle_for ELSE expires END
				WHERE id = $1 AND last_seen < $2`, one.SessionID, micros(one.At)); err != nil {
				return err
			}
		}
		return nil
	})
}

func insertSession(ctx context.Context, t *tx, n *account.Session) error {
	if n == nil {
		return nil
	}
	methods, err := toJSON(n.Methods)
	if err != nil {
		return err
	}
	err = t.later(ctx, `
		INSERT INTO latchkey_sessions (id, user_id, kind, digest, methods, created, authenticated_at, held_at, last_seen, expires,
			idle_for, ends, remember, address, user_agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		n.ID, n.UserID, string(n.Kind), n.Digest[:], methods, micros(n.Created), micros(n.AuthenticatedAt), micros(n.HeldAt),
		micros(n.LastSeen), micros(n.Expires), microsOf(n.IdleFor), ends(n), n.Remember, text(n.Address), text(n.UserAgent))
	if err != nil {
		return err
	}
	// Of each kind the newest stay, so that no account becomes a burden: the limit is there for both databases' syntax alone.
	return t.later(ctx, `
		DELETE FROM latchkey_sessions WHERE id IN (
			SELECT id FROM latchkey_sessions WHERE user_id = $1 AND kind = $2 ORDER BY created DESC, id DESC LIMIT 1000000 OFFSET $3)`,
		n.UserID, string(n.Kind), account.MostSessions)
}

// ends is when the session stops counting unless it is seen again.
func ends(n *account.Session) int64 {
	if n.IdleFor <= 0 {
		return micros(n.Expires)
	}
	return min(micros(n.Expires), micros(n.LastSeen)+microsOf(n.IdleFor))
}

// holdSession notes when the person of a session proved to hold something, and refuses unless the account has that session still. Whoever
// ends it meanwhile waits for the end of the transaction.
func holdSession(ctx context.Context, t *tx, userID, sessionID string, at time.Time) error {
	return t.expect(ctx, orElse(account.ErrSessionGone), `
		UPDATE latchkey_sessions SET held_at = $4 WHERE id = $1 AND user_id = $2 AND kind <> $3`,
		sessionID, userID, string(account.SessionDevice), micros(at))
}

const (
	selectSession     = `SELECT 1 FROM latchkey_sessions WHERE id = $1 AND user_id = $2 AND kind <> $3`
	selectSessionHeld = `SELECT 1 FROM latchkey_sessions WHERE id = $1 AND user_id = $2 AND kind <> $3 FOR SHARE`
)

// mustAsk refuses unless the session that asks for something is the account's still, and the account not disabled. Whoever ends either
// meanwhile waits for the end of the transaction. Without a session it is an operator who asks, or a recovery link.
func mustAsk(ctx context.Context, t *tx, userID, sessionID string) error {
	if sessionID == "" {
		return nil
	}
	if err := mustActive(ctx, t, userID); err != nil {
		return err
	}
	_, there, err := first(ctx, t, scanOne[int64], t.sharing(selectSession, selectSessionHeld),
		text(sessionID), userID, string(account.SessionDevice))
	if err == nil && !there {
		err = account.ErrSessionGone
	}
	return err
}

func endDevices(ctx context.Context, t *tx, userID string) error {
	return t.later(ctx, `
		DELETE FROM latchkey_sessions WHERE user_id = $1 AND kind = $2`, userID, string(account.SessionDevice))
}

// sessionRow is one row of the columns that every list of sessions selects.
type sessionRow struct {
	s                                                         account.Session
	digest                                                    []byte
	methods                                                   string
	created, authenticatedAt, heldAt, lastSeen, expires, idle int64
}

func (r *sessionRow) dest() []any {
	return []any{
		&r.s.ID, &r.s.UserID, &r.s.Kind, &r.digest, &r.methods, &r.created, &r.authenticatedAt, &r.heldAt, &r.lastSeen, &r.expires,
		&r.idle, &r.s.Remember, &r.s.Address, &r.s.UserAgent,
	}
}

func (r *sessionRow) session() (account.Session, error) {
	r.s.Created, r.s.AuthenticatedAt = fromMicros(r.created), fromMicros(r.authenticatedAt)
	r.s.HeldAt = fromMicros(r.heldAt)
	r.s.LastSeen, r.s.Expires = fromMicros(r.lastSeen), fromMicros(r.expires)
	r.s.IdleFor = time.Duration(r.idle) * time.Microsecond
	var err error
	if r.s.Digest, err = toDigest(r.digest); err != nil {
		return r.s, err
	}
	err = fromJSON(r.methods, &r.s.Methods)
	return r.s, err
}

func scanSession(row scanner) (account.Session, error) {
	var r sessionRow
	if err := row.Scan(r.dest()...); err != nil {
		return account.Session{}, err
	}
	return r.session()
}

// ownedSession is a session with its owner.
type ownedSession struct {
	session account.Session
	owner   ownerColumns
}

func scanOwnedSession(row scanner) (ownedSession, error) {
	var r sessionRow
	var found ownedSession
	err := row.Scan(append(r.dest(), found.owner.dest()...)...)
	if err != nil {
		return found, err
	}
	found.session, err = r.session()
	return found, err
}
