package signin_test

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// spy stands between the service and the store: it counts calls, and a test may have something happen just before one, or make it
// fail.
type spy struct {
	users account.Users
	store account.Store

	mu    sync.Mutex
	calls map[string]int
	// before is called ahead of each call and may refuse it.
	before func(method string) error
	// patient: events are recorded for requests, too, that were given up.
	patient bool
}

func (s *spy) seen(method string) error {
	s.mu.Lock()
	s.calls[method]++
	before := s.before
	s.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(method)
}

// onceBefore has something happen ahead of the next call of that method.
func (s *spy) onceBefore(method string, do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = func(m string) error {
		if m != method {
			return nil
		}
		s.mu.Lock()
		s.before = nil
		s.mu.Unlock()
		do()
		return nil
	}
}

// fails has the calls of that method fail; "" ends it.
func (s *spy) fails(method string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = func(m string) error {
		if m == method {
			return err
		}
		return nil
	}
}

// during counts the calls that something makes.
func (s *spy) during(do func()) map[string]int {
	s.mu.Lock()
	s.calls = map[string]int{}
	s.mu.Unlock()
	do()
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

func ask[T any](s *spy, method string, call func() (T, error)) (T, error) {
	if err := s.seen(method); err != nil {
		var none T
		return none, err
	}
	return call()
}

func (s *spy) tell(method string, call func() error) error {
	if err := s.seen(method); err != nil {
		return err
	}
	return call()
}

func (s *spy) User(ctx context.Context, id string) (account.User, error) {
	return ask(s, "User", func() (account.User, error) { return s.users.User(ctx, id) })
}

func (s *spy) UserByEmail(ctx context.Context, email string) (account.User, error) {
	return ask(s, "UserByEmail", func() (account.User, error) { return s.users.UserByEmail(ctx, email) })
}

func (s *spy) CreateUser(ctx context.Context, u account.NewUser) (account.User, error) {
	return ask(s, "CreateUser", func() (account.User, error) { return s.users.CreateUser(ctx, u) })
}

func (s *spy) SetPassword(ctx context.Context, id, hash string) error {
	return s.tell("SetPassword", func() error { return s.users.SetPassword(ctx, id, hash) })
}

func (s *spy) RenewPassword(ctx context.Context, id, was, hash string) error {
	return s.tell("RenewPassword", func() error { return s.users.RenewPassword(ctx, id, was, hash) })
}

func (s *spy) SetActive(ctx context.Context, id string, active bool) error {
	return s.tell("SetActive", func() error { return s.users.SetActive(ctx, id, active) })
}

func (s *spy) UserHandle(ctx context.Context, userID string, candidate []byte) ([]byte, error) {
	return ask(s, "UserHandle", func() ([]byte, error) { return s.store.UserHandle(ctx, userID, candidate) })
}

func (s *spy) Credential(ctx context.Context, id []byte) (account.Credential, *account.User, error) {
	if err := s.seen("Credential"); err != nil {
		return account.Credential{}, nil, err
	}
	return s.store.Credential(ctx, id)
}

func (s *spy) Presented(ctx context.Context, id []byte, now time.Time, limit account.Bucket) (account.Credential, *account.User, time.Duration, error) {
	if err := s.seen("Presented"); err != nil {
		return account.Credential{}, nil, 0, err
	}
	return s.store.Presented(ctx, id, now, limit)
}

func (s *spy) Credentials(ctx context.Context, userID string) ([]account.Credential, error) {
	return ask(s, "Credentials", func() ([]account.Credential, error) { return s.store.Credentials(ctx, userID) })
}

func (s *spy) Hints(ctx context.Context, email string) ([]account.Hint, error) {
	return ask(s, "Hints", func() ([]account.Hint, error) { return s.store.Hints(ctx, email) })
}

func (s *spy) FinishRegistration(ctx context.Context, f account.FinishRegistration) error {
	return s.tell("FinishRegistration", func() error { return s.store.FinishRegistration(ctx, f) })
}

func (s *spy) RemoveCredential(ctx context.Context, r account.RemoveCredential) (account.Credential, error) {
	return ask(s, "RemoveCredential", func() (account.Credential, error) { return s.store.RemoveCredential(ctx, r) })
}

func (s *spy) SecondFactors(ctx context.Context, userID string) (account.SecondFactors, error) {
	return ask(s, "SecondFactors", func() (account.SecondFactors, error) { return s.store.SecondFactors(ctx, userID) })
}

func (s *spy) FinishSetup(ctx context.Context, f account.FinishSetup) error {
	return s.tell("FinishSetup", func() error { return s.store.FinishSetup(ctx, f) })
}

func (s *spy) RemoveFactors(ctx context.Context, r account.RemoveFactors) ([]account.Method, error) {
	return ask(s, "RemoveFactors", func() ([]account.Method, error) { return s.store.RemoveFactors(ctx, r) })
}

func (s *spy) ReplaceRecoveryCodes(ctx context.Context, r account.ReplaceRecoveryCodes) error {
	return s.tell("ReplaceRecoveryCodes", func() error { return s.store.ReplaceRecoveryCodes(ctx, r) })
}

func (s *spy) Session(ctx context.Context, kind account.SessionKind, d account.Digest) (account.Session, *account.User, error) {
	if err := s.seen("Session"); err != nil {
		return account.Session{}, nil, err
	}
	return s.store.Session(ctx, kind, d)
}

func (s *spy) Sessions(ctx context.Context, userID string) ([]account.Session, error) {
	return ask(s, "Sessions", func() ([]account.Session, error) { return s.store.Sessions(ctx, userID) })
}

func (s *spy) FinishSignin(ctx context.Context, f account.FinishSignin) error {
	return s.tell("FinishSignin", func() error { return s.store.FinishSignin(ctx, f) })
}

func (s *spy) FinishVerify(ctx context.Context, f account.FinishVerify) error {
	return s.tell("FinishVerify", func() error { return s.store.FinishVerify(ctx, f) })
}

func (s *spy) EndSessions(ctx context.Context, e account.EndSessions) (int, error) {
	return ask(s, "EndSessions", func() (int, error) { return s.store.EndSessions(ctx, e) })
}

func (s *spy) SeenSessions(ctx context.Context, seen []account.Seen) error {
	return s.tell("SeenSessions", func() error { return s.store.SeenSessions(ctx, seen) })
}

func (s *spy) Pending(ctx context.Context, d account.Digest) (account.Pending, *account.User, error) {
	if err := s.seen("Pending"); err != nil {
		return account.Pending{}, nil, err
	}
	return s.store.Pending(ctx, d)
}

func (s *spy) UpdatePending(ctx context.Context, u account.UpdatePending) error {
	return s.tell("UpdatePending", func() error { return s.store.UpdatePending(ctx, u) })
}

func (s *spy) TryCode(ctx context.Context, id string, limit int) (bool, error) {
	return ask(s, "TryCode", func() (bool, error) { return s.store.TryCode(ctx, id, limit) })
}

func (s *spy) DropPending(ctx context.Context, id string, events []account.Event) error {
	return s.tell("DropPending", func() error { return s.store.DropPending(ctx, id, events) })
}

func (s *spy) SpendState(ctx context.Context, sp account.Spend, events []account.Event) error {
	return s.tell("SpendState", func() error { return s.store.SpendState(ctx, sp, events) })
}

func (s *spy) TryState(ctx context.Context, sp account.Spend) error {
	return s.tell("TryState", func() error { return s.store.TryState(ctx, sp) })
}

func (s *spy) Take(ctx context.Context, now time.Time, b ...account.Bucket) (time.Duration, error) {
	return ask(s, "Take", func() (time.Duration, error) { return s.store.Take(ctx, now, b...) })
}

func (s *spy) Level(ctx context.Context, now time.Time, b ...account.Bucket) (time.Duration, error) {
	return ask(s, "Level", func() (time.Duration, error) { return s.store.Level(ctx, now, b...) })
}

func (s *spy) Guess(ctx context.Context, now time.Time, g account.Guess) (time.Duration, error) {
	return ask(s, "Guess", func() (time.Duration, error) { return s.store.Guess(ctx, now, g) })
}

func (s *spy) Refund(ctx context.Context, g account.Guess) error {
	return s.tell("Refund", func() error { return s.store.Refund(ctx, g) })
}

func (s *spy) ClearStreaks(ctx context.Context, c account.ClearStreaks) error {
	return s.tell("ClearStreaks", func() error { return s.store.ClearStreaks(ctx, c) })
}

func (s *spy) Record(ctx context.Context, e ...account.Event) error {
	if s.patient {
		ctx = context.WithoutCancel(ctx)
	}
	return s.tell("Record", func() error { return s.store.Record(ctx, e...) })
}

func (s *spy) Events(ctx context.Context, f account.EventFilter) ([]account.Event, error) {
	return ask(s, "Events", func() ([]account.Event, error) { return s.store.Events(ctx, f) })
}

func (s *spy) ReplaceSecret(ctx context.Context, name string, was, secret []byte) (bool, error) {
	return ask(s, "ReplaceSecret", func() (bool, error) { return s.store.ReplaceSecret(ctx, name, was, secret) })
}

func (s *spy) PruneEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	return ask(s, "PruneEvents", func() (int, error) { return s.store.PruneEvents(ctx, before, limit) })
}

func (s *spy) SealedFactors(ctx context.Context, after account.Factor, limit int) ([]account.Factor, error) {
	return ask(s, "SealedFactors", func() ([]account.Factor, error) { return s.store.SealedFactors(ctx, after, limit) })
}

func (s *spy) ResealFactor(ctx context.Context, f account.Factor, secret []byte) (bool, error) {
	return ask(s, "ResealFactor", func() (bool, error) { return s.store.ResealFactor(ctx, f, secret) })
}

func (s *spy) Secret(ctx context.Context, name string, candidate []byte) ([]byte, error) {
	return ask(s, "Secret", func() ([]byte, error) { return s.store.Secret(ctx, name, candidate) })
}

func (s *spy) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	return ask(s, "Sweep", func() (int, error) { return s.store.Sweep(ctx, now, limit) })
}

func (s *spy) Ping(ctx context.Context) error {
	return s.tell("Ping", func() error { return s.store.Ping(ctx) })
}
