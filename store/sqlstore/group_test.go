package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
)

// holdUp lets the next transaction wait in its commit until the function that it returns is called, so that those who come
// meanwhile share the one after it.
func holdUp(t *testing.T, s *Store, h *hooks) (release func()) {
	t.Helper()
	arrived, gate := make(chan struct{}), make(chan struct{})
	h.onCommit = func() error { close(arrived); <-gate; return nil }
	outcome := make(chan error, 1)
	holder := state(fmt.Sprint("holds the connection ", s.group.last()))
	go func() { outcome <- s.SpendState(context.WithoutCancel(t.Context()), holder, nil) }()
	<-arrived
	h.onCommit = nil
	return func() {
		t.Helper()
		close(gate)
		if err := <-outcome; err != nil {
			t.Errorf("the transaction that was held: %v", err)
		}
	}
}

// waiting returns once so many wait for the next transaction.
func waiting(s *Store, n int) {
	for {
		s.group.mu.Lock()
		now := len(s.group.waiting)
		s.group.mu.Unlock()
		if now == n {
			return
		}
		runtime.Gosched()
	}
}

func state(id string) account.Spend { return account.Spend{ID: []byte(id)} }

// isSpent reports whether a state is, without changing anything.
func isSpent(t *testing.T, s *Store, id string) bool {
	t.Helper()
	n, _, err := first(t.Context(), s.reader, scanOne[int64], `SELECT COUNT(*) FROM latchkey_states WHERE id = $1`, []byte(id))
	if err != nil {
		t.Fatal(err)
	}
	return n == 1
}

// spends is an intention that spends a state and ends with that error.
func spends(id string, end error) func(context.Context, *tx) error {
	return func(ctx context.Context, t *tx) error {
		if err := spend(ctx, t, state(id)); err != nil {
			return err
		}
		return end
	}
}

// together runs intentions so that they share a transaction, in their order, and returns their outcomes.
func together(t *testing.T, s *Store, h *hooks, intentions ...func(context.Context, *tx) error) []error {
	t.Helper()
	release := holdUp(t, s, h)
	outcomes := make([]error, len(intentions))
	var all sync.WaitGroup
	for i, do := range intentions {
		all.Go(func() { outcomes[i] = s.transact(t.Context(), do) })
		waiting(s, i+1)
	}
	release()
	all.Wait()
	return outcomes
}

func TestWritersShareACommit(t *testing.T) {
	s, h := newHookedStore(t)
	release := holdUp(t, s, h)
	const clients = 40
	var acknowledged atomic.Int64
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			if err := s.SpendState(t.Context(), state(fmt.Sprint(i)), nil); err != nil {
				t.Error(err)
			}
			acknowledged.Add(1)
		})
	}
	waiting(s, clients)
	arrived, gate := make(chan struct{}), make(chan struct{})
	h.onCommit = func() error { close(arrived); <-gate; return nil }
	release()
	<-arrived
	if n := acknowledged.Load(); n != 0 {
		t.Errorf("%d writers were told that all is well before the commit", n)
	}
	close(gate)
	all.Wait()
	if n := h.commits.Load(); n != 2 {
		t.Errorf("%d commits, want one for whoever came first and one for all others", n)
	}
	for i := range clients {
		if !isSpent(t, s, fmt.Sprint(i)) {
			t.Errorf("what writer %d wrote is not there", i)
		}
	}
}

func TestALoneWriterPaysForNobody(t *testing.T) {
	s, h := newHookedStore(t)
	var statements []string
	h.onExec = func(query string) error { statements = append(statements, query); return nil }
	if err := s.SpendState(t.Context(), state("one"), nil); err != nil {
		t.Fatal(err)
	}
	if len(statements) != 1 || h.begins.Load() != 1 || h.commits.Load() != 1 {
		t.Errorf("%d statements in %d transactions with %d commits, want one of each: %q", len(statements), h.begins.Load(), h.commits.Load(), statements)
	}
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	if len(s.group.waiting) != 0 {
		t.Error("somebody waits still")
	}
}

func TestEachIsAtomicInASharedTransaction(t *testing.T) {
	s, h := newHookedStore(t)
	failure := errors.New("failure")
	got := together(t, s, h,
		spends("good", nil),
		spends("refused", account.ErrInactive),
		spends("good", nil), // spent by the first
		spends("failed", failure),
		func(ctx context.Context, t *tx) error {
			_, err := t.exec(ctx, `INSERT INTO latchkey_secrets (name, value) VALUES ('twice', x'00'), ('twice', x'00')`)
			return err
		},
		spends("good too", nil),
	)
	for i, want := range []error{nil, account.ErrInactive, account.ErrSpent, failure, nil, nil} {
		if i == 4 {
			if got[i] == nil || !strings.Contains(got[i].Error(), "UNIQUE") {
				t.Errorf("the statement that breaks a constraint: got %v", got[i])
			}
			continue
		}
		if !errors.Is(got[i], want) || (want == nil) != (got[i] == nil) {
			t.Errorf("intention %d: got %v, want %v", i, got[i], want)
		}
	}
	for id, want := range map[string]bool{"good": true, "refused": false, "failed": false, "good too": true} {
		if isSpent(t, s, id) != want {
			t.Errorf("state %q: spent %v, want %v", id, !want, want)
		}
	}
	if n := h.commits.Load(); n != 2 {
		t.Errorf("%d commits, want 2", n)
	}
}

// What is spent and then refused stays spent, shared transaction or not.
func TestRefusedInASharedTransactionStaysSpent(t *testing.T) {
	s, h := newHookedStore(t)
	release := holdUp(t, s, h)
	sp := state("refused")
	errs := make([]error, 2)
	var all sync.WaitGroup
	all.Go(func() {
		errs[0] = s.spending(t.Context(), "op", &sp, func(ctx context.Context, t *tx) error {
			if err := spend(ctx, t, state("beside it")); err != nil {
				return err
			}
			return account.ErrInactive
		})
	})
	all.Go(func() { errs[1] = s.SpendState(t.Context(), state("other"), nil) })
	waiting(s, 2)
	release()
	all.Wait()
	if !errors.Is(errs[0], account.ErrInactive) || errs[1] != nil {
		t.Errorf("got %v", errs)
	}
	if !isSpent(t, s, "refused") || isSpent(t, s, "beside it") || !isSpent(t, s, "other") {
		t.Error("the spending is undone, or the rest is not")
	}
}

func TestAFailedCommitFailsAll(t *testing.T) {
	s, h := newHookedStore(t)
	full := errors.New("disk full")
	s.db.Unavailable = func(err error) bool { return errors.Is(err, full) }
	release := holdUp(t, s, h)
	const clients = 5
	errs := make([]error, clients)
	var all sync.WaitGroup
	for i := range clients {
		// The last is refused because of what the first did, which then has not happened.
		all.Go(func() { errs[i] = s.SpendState(t.Context(), state(fmt.Sprint(i%(clients-1))), nil) })
		waiting(s, i+1)
	}
	h.onCommit = func() error { return full }
	release()
	all.Wait()
	for i, err := range errs {
		if !errors.Is(err, account.ErrUnavailable) || !errors.Is(err, full) {
			t.Errorf("writer %d: got %v, want ErrUnavailable for the full disk", i, err)
		}
	}
	h.onCommit = nil
	for i := range clients - 1 {
		if err := s.SpendState(t.Context(), state(fmt.Sprint(i)), nil); err != nil {
			t.Errorf("state %d, after the disk has room again: %v", i, err)
		}
	}
}

// Where SQLite drops the whole transaction under one of them, nobody hears that he wrote, and who had no turn yet gets it.
func TestALostTransaction(t *testing.T) {
	s, h := newHookedStore(t)
	full := errors.New("disk full")
	got := together(t, s, h,
		spends("before", nil),
		func(ctx context.Context, t *tx) error {
			if _, err := t.exec(ctx, `ROLLBACK`); err != nil {
				return err
			}
			return full
		},
		spends("after", nil),
	)
	if !errors.Is(got[0], full) || !errors.Is(got[1], full) || got[2] != nil {
		t.Errorf("got %v", got)
	}
	if isSpent(t, s, "before") || !isSpent(t, s, "after") {
		t.Error("what is there is not what was acknowledged")
	}
}

func TestNoLockFailsThoseWhoWaitedForIt(t *testing.T) {
	s, h := newHookedStore(t)
	busy := errors.New("busy")
	began, gate := make(chan struct{}), make(chan struct{})
	h.onBegin = func() error { close(began); <-gate; h.onBegin = nil; return busy }
	errs := make([]error, 2)
	var all sync.WaitGroup
	all.Go(func() { errs[0] = s.transact(t.Context(), spends("first", nil)) })
	<-began
	all.Go(func() { errs[1] = s.transact(t.Context(), spends("second", nil)) })
	waiting(s, 2)
	close(gate)
	all.Wait()
	if !errors.Is(errs[0], busy) || errs[1] != nil {
		t.Errorf("got %v, want that the second, who had not waited as long, had a try of his own", errs)
	}
}

func TestACancelledWriterLeavesNothingAndHurtsNobody(t *testing.T) {
	s, h := newHookedStore(t)
	release := holdUp(t, s, h)
	gone, leave := context.WithCancel(t.Context())
	var others sync.WaitGroup
	errs := make([]error, 3)
	others.Go(func() { errs[0] = s.transact(t.Context(), spends("before", nil)) })
	waiting(s, 1)
	left := make(chan error, 1)
	go func() { left <- s.SpendState(gone, state("gone"), nil) }()
	waiting(s, 2)
	// While it runs, its context ends: the truth counts, which is that it was written.
	late, end := context.WithCancel(t.Context())
	others.Go(func() {
		errs[1] = s.transact(late, func(ctx context.Context, t *tx) error {
			end()
			return spend(ctx, t, state("late"))
		})
	})
	waiting(s, 3)
	others.Go(func() { errs[2] = s.transact(t.Context(), spends("after", nil)) })
	waiting(s, 4)
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) { // at once, while the connection is held
		t.Errorf("whoever left got %v", err)
	}
	release()
	others.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	for id, want := range map[string]bool{"before": true, "gone": false, "late": true, "after": true} {
		if isSpent(t, s, id) != want {
			t.Errorf("state %q: spent %v, want %v", id, !want, want)
		}
	}
}

// One whose context ended before its turn came, without its caller having noticed yet, is not run.
func TestACancelledTurnIsSkipped(t *testing.T) {
	s, h := newHookedStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	release := holdUp(t, s, h)
	var first, second error
	var both sync.WaitGroup
	both.Go(func() {
		first = s.transact(t.Context(), func(context.Context, *tx) error { cancel(); return nil })
	})
	waiting(s, 1)
	both.Go(func() { second = s.transact(ctx, spends("too late", nil)) })
	waiting(s, 2)
	release()
	both.Wait()
	if first != nil || !errors.Is(second, context.Canceled) || isSpent(t, s, "too late") {
		t.Errorf("got %v and %v", first, second)
	}
}

func TestAPanicIsItsCallersAlone(t *testing.T) {
	s, h := newHookedStore(t)
	boom := errors.New("boom")
	var recovered any
	release := holdUp(t, s, h)
	var all sync.WaitGroup
	all.Go(func() {
		defer func() { recovered = recover() }()
		err := s.transact(t.Context(), func(ctx context.Context, t *tx) error {
			if err := spend(ctx, t, state("panicked")); err != nil {
				return err
			}
			panic(boom)
		})
		t.Errorf("returned %v", err)
	})
	waiting(s, 1)
	exited := make(chan struct{})
	all.Go(func() {
		defer close(exited)
		err := s.transact(t.Context(), func(ctx context.Context, t *tx) error {
			if err := spend(ctx, t, state("exited")); err != nil {
				return err
			}
			runtime.Goexit()
			return nil
		})
		t.Errorf("returned %v", err)
	})
	waiting(s, 2)
	all.Go(func() {
		if err := s.transact(t.Context(), spends("survivor", nil)); err != nil {
			t.Error(err)
		}
	})
	waiting(s, 3)
	release()
	all.Wait()
	<-exited
	p, ok := recovered.(*panicked)
	if !ok || !errors.Is(p.value.(error), boom) || !strings.Contains(p.Error(), "TestAPanicIsItsCallersAlone") {
		t.Errorf("recovered %v, want the panic with the place where it happened", recovered)
	}
	if isSpent(t, s, "panicked") || isSpent(t, s, "exited") || !isSpent(t, s, "survivor") {
		t.Error("what is there is not what was acknowledged")
	}
}

// First come, first served, and no transaction without end.
func TestTurnsAreInOrderAndBounded(t *testing.T) {
	s, h := newHookedStore(t)
	release := holdUp(t, s, h)
	const clients = 2*groupMost + 10
	var mu sync.Mutex
	var order []int
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			if err := s.transact(t.Context(), func(context.Context, *tx) error {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
		waiting(s, i+1)
	}
	release()
	all.Wait()
	if !slices.IsSorted(order) || len(order) != clients {
		t.Errorf("%d turns, in the order %v", len(order), order)
	}
	if n := h.commits.Load(); n != 4 {
		t.Errorf("%d commits, want the one that was held and three", n)
	}
}

// The group's own statements fail for whole transactions, too.
func TestSavepointsThatFail(t *testing.T) {
	for _, which := range []string{savepoint, rollbackSavepoint, releaseSavepoint} {
		s, h := newHookedStore(t)
		broken := errors.New("broken")
		h.onExec = func(query string) error {
			if query == which {
				return broken
			}
			return nil
		}
		// The first has the others run apart.
		got := together(t, s, h, spends("none", account.ErrInactive), spends("one", nil), spends("two", nil), spends("three", nil))
		if !errors.Is(got[0], broken) {
			t.Errorf("%s: got %v", which, got)
		}
		for i, id := range []string{"none", "one", "two", "three"} {
			if isSpent(t, s, id) != (got[i] == nil) {
				t.Errorf("%s: intention %d ended with %v, and is there: %v", which, i, got[i], isSpent(t, s, id))
			}
		}
	}
}

// Where all goes well there are no savepoints, which cost a copy of each page; nor where one is refused before it changed anything.
func TestSavepointsAreForThoseWhoNeedThem(t *testing.T) {
	s, h := newHookedStore(t)
	var saved int
	h.onExec = func(query string) error {
		if query == savepoint {
			saved++
		}
		return nil
	}
	got := together(t, s, h, spends("one", nil), spends("one", nil), spends("two", nil))
	if got[0] != nil || !errors.Is(got[1], account.ErrSpent) || got[2] != nil || saved != 0 || h.begins.Load() != 2 {
		t.Errorf("got %v with %d savepoints and %d transactions", got, saved, h.begins.Load())
	}
	got = together(t, s, h, spends("three", nil), spends("four", account.ErrInactive), spends("five", nil))
	if got[0] != nil || !errors.Is(got[1], account.ErrInactive) || got[2] != nil || saved != 3 {
		t.Errorf("got %v with %d savepoints", got, saved)
	}
	for id, want := range map[string]bool{"one": true, "two": true, "three": true, "four": false, "five": true} {
		if isSpent(t, s, id) != want {
			t.Errorf("state %q: spent %v", id, !want)
		}
	}
}

// Where nothing can begin again, nobody is told that he wrote.
func TestNoSecondRound(t *testing.T) {
	s, h := newHookedStore(t)
	busy := errors.New("busy")
	h.onBegin = func() error {
		if h.begins.Load() == 3 { // the one that is held up, the shared one, and this
			return busy
		}
		return nil
	}
	got := together(t, s, h, spends("one", nil), spends("two", account.ErrInactive), spends("three", nil))
	if !errors.Is(got[0], busy) || !errors.Is(got[1], busy) || got[2] != nil {
		t.Errorf("got %v", got)
	}
	for id, want := range map[string]bool{"one": false, "two": false, "three": true} {
		if isSpent(t, s, id) != want {
			t.Errorf("state %q: spent %v", id, !want)
		}
	}
}

// Closing finishes what is under way and refuses the rest; nobody hangs, and what was acknowledged is there.
func TestCloseUnderLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db := database(t, path)
	if _, err := db.Exec(`PRAGMA journal_mode = WAL`); err != nil {
		t.Fatal(err)
	}
	s := New(DB{Reader: db, Writer: db, Dialect: SQLite})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	const clients = 24
	acknowledged := make([]int, clients)
	var total atomic.Int64
	busy := make(chan struct{})
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for {
				err := s.SpendState(t.Context(), state(fmt.Sprint(c, " ", acknowledged[c])), nil)
				if err != nil {
					if !errors.Is(err, account.ErrUnavailable) {
						t.Errorf("client %d: %v", c, err)
					}
					return
				}
				acknowledged[c]++
				if total.Add(1) == 10*clients {
					close(busy)
				}
			}
		})
	}
	<-busy
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
	again := New(DB{Reader: database(t, path), Writer: database(t, path), Dialect: SQLite})
	for c, n := range acknowledged {
		for i := range n {
			if !isSpent(t, again, fmt.Sprint(c, " ", i)) {
				t.Fatalf("client %d was told that state %d is spent, and it is not", c, i)
			}
		}
		if isSpent(t, again, fmt.Sprint(c, " ", n)) {
			t.Errorf("client %d was told that state %d is not spent, and it is", c, n)
		}
	}
}
