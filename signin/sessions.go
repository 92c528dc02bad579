package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
)

// Credentials are the secrets that a request came with. Nothing about them is known yet.
type Credentials struct {
	// Cookie is the session cookie's value; Bearer an explicit bearer token, which wins over it.
	Cookie, Bearer string
	HasBearer      bool
	// Pending is the pending sign-in's cookie; Device the remembered device's; Known the known browser's.
	Pending, Device, Known string
}

// Identify finds out who a request is from. Bad and ended tokens are nobody; they are no error. A bad bearer is nobody
// even where the cookie is good.
func (s *Service) Identify(ctx context.Context, client Client, cr Credentials) (*Caller, error) {
	c := &Caller{Client: client, Device: cr.Device, Known: cr.Known}
	kind, token := account.SessionBrowser, cr.Cookie
	if cr.HasBearer {
		kind, token = account.SessionToken, cr.Bearer
	}
	if token != "" {
		sess, beside, err := s.store.Session(ctx, kind, DigestOf(token))
		if err := ignoreNotFound(err); err != nil {
			return nil, fmt.Errorf("signin: session: %w", err)
		}
		if err == nil && sess.Live(s.now()) {
			user, err := s.owner(ctx, sess.UserID, beside)
			if err := ignoreNotFound(err); err != nil {
				return nil, fmt.Errorf("signin: user of a session: %w", err)
			}
			if err == nil && user.Active {
				c.Session, c.User, c.Token = &sess, &user, token
				s.sighting(ctx, sess)
				return c, nil
			}
		}
	}
	if cr.Pending == "" || cr.HasBearer {
		return c, nil
	}
	p, beside, err := s.store.Pending(ctx, DigestOf(cr.Pending))
	if err := ignoreNotFound(err); err != nil {
		return nil, fmt.Errorf("signin: pending sign-in: %w", err)
	}
	if err != nil || !s.now().Before(p.Expires) {
		return c, nil
	}
	user, err := s.owner(ctx, p.UserID, beside)
	if err := ignoreNotFound(err); err != nil {
		return nil, fmt.Errorf("signin: user of a pending sign-in: %w", err)
	}
	if err == nil && user.Active {
		c.Pending, c.PendingUser = &p, &user
	}
	return c, nil
}

// seenBatch gathers sightings, so that last seen costs one write for many sessions.
type seenBatch struct {
	mu      sync.Mutex
	waiting map[string]time.Time
	flushed time.Time
}

const (
	seenEvery  = time.Minute      // a session's last seen is no older than this …
	flushEvery = 10 * time.Second // … plus this
	seenMost   = 512
	seenParts  = 4 // … but several times in its idle time
)

// sighting notes that a session was seen. Where that can't be written now, nobody is kept out: it waits for the next time.
func (s *Service) sighting(ctx context.Context, sess account.Session) {
	now, every := s.now(), seenEvery
	// One that ends after a shorter idle time than that is written in time, or it would end in use.
	soon := sess.IdleFor > 0 && sess.IdleFor/seenParts < every
	if soon {
		every = sess.IdleFor / seenParts
	}
	if now.Sub(sess.LastSeen) < every {
		return
	}
	b := &s.seen
	b.mu.Lock()
	if b.waiting == nil {
		b.waiting = map[string]time.Time{}
	}
	b.waiting[sess.ID] = now
	due := soon || now.Sub(b.flushed) >= flushEvery || len(b.waiting) >= seenMost
	b.mu.Unlock()
	if !due {
		return
	}
	if err := s.Flush(context.WithoutCancel(ctx)); err != nil { // it is for other people's sessions too
		s.Log.ErrorContext(ctx, "last seen", "error", err.Error())
	}
}

// Flush writes the sightings that wait.
func (s *Service) Flush(ctx context.Context) error {
	b := &s.seen
	b.mu.Lock()
	batch := make([]account.Seen, 0, len(b.waiting))
	for id, at := range b.waiting {
		batch = append(batch, account.Seen{SessionID: id, At: at})
	}
	clear(b.waiting)
	b.flushed = s.now()
	b.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	if err := s.store.SeenSessions(ctx, batch); err != nil {
		b.keep(batch)
		return fmt.Errorf("signin: last seen: %w", err)
	}
	return nil
}

// keep takes back sightings that could not be written, as far as there is room.
func (b *seenBatch) keep(batch []account.Seen) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range batch {
		if at := b.waiting[x.SessionID]; at.Before(x.At) && len(b.waiting) < seenMost {
			b.waiting[x.SessionID] = x.At
		}
	}
}

// graceMost is how long after the last proof the grace ends at the latest.
const graceMost = 12 * time.Hour

// grace is the sealed note that a browser carries while it is busy with sensitive pages. It costs no write.
type grace struct {
	Session string    `json:"s"`
	Proof   time.Time `json:"p"` // AuthenticatedAt that it slides from
	Until   time.Time `json:"u"`
}

// Fresh reports whether a session proved itself within the bound of the settings, or is in its sliding grace, and what
// note the browser carries on; empty: none.
func (s *Service) Fresh(c *Caller, note string) (bool, string, error) {
	if s.Freshness < 0 {
		return true, "", nil
	}
	fresh := s.FreshWithin(c, s.Freshness)
	if c.Session.Kind != account.SessionBrowser || s.FreshnessGrace <= 0 {
		return fresh, "", nil
	}
	now := s.now()
	if !fresh && !s.inGrace(c, note, now) {
		return false, "", nil
	}
	until := now.Add(s.FreshnessGrace)
	for _, end := range []time.Time{c.Session.AuthenticatedAt.Add(graceMost), c.Session.Expires} {
		if end.Before(until) {
			until = end
		}
	}
	if !until.After(now) {
		return fresh, "", nil
	}
	raw, err := json.Marshal(grace{Session: c.Session.ID, Proof: c.Session.AuthenticatedAt, Until: until})
	if err != nil {
		return false, "", fmt.Errorf("signin: grace: %w", err)
	}
	next, err := s.graces.Seal(raw)
	if err != nil {
		return false, "", fmt.Errorf("signin: grace: %w", err)
	}
	return true, next, nil
}

// inGrace reads a note. One that is not ours is none.
func (s *Service) inGrace(c *Caller, note string, now time.Time) bool {
	if note == "" {
		return false
	}
	raw, err := s.graces.Open(note)
	if err != nil {
		return false
	}
	var g grace
	if err := json.Unmarshal(raw, &g); err != nil {
		return false
	}
	return g.Session == c.Session.ID && g.Proof.Equal(c.Session.AuthenticatedAt) && now.Before(g.Until)
}

// FreshWithin reports whether the session proved itself within that time, without any grace.
func (s *Service) FreshWithin(c *Caller, within time.Duration) bool {
	age := s.now().Sub(c.Session.AuthenticatedAt)
	return age <= within
}

// Sessions lists what is signed in to an account, and its remembered devices.
func (s *Service) Sessions(ctx context.Context, c *Caller) ([]account.Session, error) {
	all, err := s.store.Sessions(ctx, c.User.ID)
	if err != nil {
		return nil, fmt.Errorf("signin: sessions: %w", err)
	}
	live := all[:0]
	for _, x := range all {
		if x.Live(s.now()) {
			live = append(live, x)
		}
	}
	return live, nil
}

// Ending selects the sessions to end: one by ID, all Others, or All.
type Ending struct {
	ID          string
	Others, All bool
}

// EndSessions ends them and returns how many. Others and All end remembered devices too, and All pending sign-ins.
func (s *Service) EndSessions(ctx context.Context, c *Caller, e Ending) (int, error) {
	refused := func(r *Refusal) (int, error) {
		ev := s.event(c.Client, account.EventEndRefused, c.User.ID)
		ev.Reason, ev.SessionID = r.Reason, c.Session.ID
		if err := s.record(ctx, ev); err != nil {
			return 0, err
		}
		return 0, r
	}
	end := account.EndSessions{UserID: c.User.ID, ID: e.ID}
	reason := "one"
	switch {
	case e.All:
		end.ID, end.Pendings, reason = "", true, "all"
	case e.Others:
		end.ID, end.Except, end.Pendings, reason = "", c.Session.ID, true, "others"
	case e.ID == "":
		return refused(refuse(message.APIError, "id").why("incomplete", nil))
	}
	ev := s.event(c.Client, account.EventSessionsEnded, c.User.ID)
	ev.Reason, ev.Subject, ev.SessionID = reason, end.ID, c.Session.ID
	end.Events = []account.Event{ev}
	n, err := s.store.EndSessions(ctx, end)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return refused(refuse(message.SessionNotFound, "id").why("no_such_session", nil))
	case err != nil:
		return 0, fmt.Errorf("signin: end sessions: %w", err)
	}
	s.emit(ctx, end.Events)
	return n, nil
}

// Logout ends the caller's session and pending sign-in, whichever there is.
func (s *Service) Logout(ctx context.Context, c *Caller) error {
	if c.Session != nil {
		e := s.event(c.Client, account.EventSignedOut, c.User.ID)
		e.SessionID = c.Session.ID
		end := account.EndSessions{UserID: c.User.ID, ID: c.Session.ID, Events: []account.Event{e}}
		if _, err := s.store.EndSessions(ctx, end); err == nil {
			s.emit(ctx, end.Events)
		} else if ignoreNotFound(err) != nil {
			return fmt.Errorf("signin: sign out: %w", err)
		}
	}
	return s.DropPending(ctx, c)
}

// DropPending ends the caller's pending sign-in, if any.
func (s *Service) DropPending(ctx context.Context, c *Caller) error {
	if c.Pending == nil {
		return nil
	}
	e := s.event(c.Client, account.EventSigninRefused, c.Pending.UserID)
	e.Reason = "pending_dropped"
	if err := s.store.DropPending(ctx, c.Pending.ID, []account.Event{e}); err != nil {
		return fmt.Errorf("signin: drop pending sign-in: %w", err)
	}
	s.emit(ctx, []account.Event{e})
	c.Pending, c.PendingUser = nil, nil
	return nil
}

// Sweep deletes what has ended, in small batches, until nothing is left or the context ends. What was seen and waits to be written is
// written first.
func (s *Service) Sweep(ctx context.Context) error {
	const batch = 500
	if err := s.Flush(ctx); err != nil {
		return err
	}
	for {
		n, err := s.store.Sweep(ctx, s.now(), batch)
		if err != nil {
			return fmt.Errorf("signin: sweep: %w", err)
		}
		if n < batch {
			return nil
		}
	}
}
