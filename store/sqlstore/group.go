package sqlstore

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
)

// groupMost is how many intentions share a transaction at most, so that the first of them never waits for an endless one.
const groupMost = 128

// errClosed answers who comes after the store was closed; wrap makes account.ErrUnavailable of it.
var errClosed = errors.New("the store is closed")

// intention is one caller's write on its way through the group.
type intention struct {
	ctx context.Context
	do  func(context.Context, *tx) error
	// turn is its place in the order in which all came.
	turn uint64

	// The outcome, there once done is closed.
	err      error
	panicked *panicked
	exited   bool // do ended its goroutine
	done     chan struct{}
}

// settle hands the caller the outcome.
func (i *intention) settle(err error) {
	i.err = err
	close(i.done)
}

// group lets the intentions that wait for the one writing connection share its next transaction, and so one fsync
// ("group commit"). They run in the order in which they came, each in a savepoint of its own, and nobody hears of an
// outcome, a refusal neither, before the transaction that it rests on was committed. One that finds the connection idle
// begins at once and alone.
//
// There is a goroutine while there is something to write, and none otherwise.
type group struct {
	// together runs a transaction: it claims who waits once it has the lock, and settles all that it claimed.
	together func(g *group)

	mu      sync.Mutex
	waiting []*intention
	turns   uint64
	working bool
	closed  bool
	idle    sync.Cond // of mu: signalled when working ends
}

func newGroup(together func(*group)) *group {
	g := &group{together: together}
	g.idle.L = &g.mu
	return g
}

// write runs one intention and returns once it is committed, or is nowhere. Where the context ends while it still
// waits for its turn it is withdrawn; from then on it is decided like all others, and the caller learns the truth.
func (g *group) write(ctx context.Context, do func(context.Context, *tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	one := &intention{ctx: ctx, do: do, done: make(chan struct{})}
	if err := g.enqueue(one); err != nil {
		return err
	}
	select {
	case <-one.done:
	case <-ctx.Done():
		if g.withdraw(one) {
			return ctx.Err()
		}
		<-one.done
	}
	switch {
	case one.panicked != nil:
		panic(one.panicked)
	case one.exited:
		runtime.Goexit()
	}
	return one.err
}

func (g *group) enqueue(one *intention) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errClosed
	}
	g.turns++
	one.turn = g.turns
	g.waiting = append(g.waiting, one)
	if !g.working {
		g.working = true
		go g.work()
	}
	return nil
}

// withdraw takes back an intention that no transaction has claimed.
func (g *group) withdraw(one *intention) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, one)
	if i < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return true
}

// work runs transactions until nobody waits.
func (g *group) work() {
	ended := false
	defer func() {
		if !ended { // an intention ended this goroutine; the others are not lost
			go g.work()
		}
	}()
	for g.more() {
		g.together(g)
	}
	ended = true
}

// more reports whether anybody waits, and ends the working if not.
func (g *group) more() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) > 0 {
		return true
	}
	g.working = false
	g.idle.Broadcast()
	return false
}

// last is the turn of who came last so far.
func (g *group) last() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.turns
}

// length is how many wait.
func (g *group) length() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// claim takes the first of those that wait, up to that turn. From now on they cannot be withdrawn.
func (g *group) claim(turn uint64) []*intention {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for n < len(g.waiting) && n < groupMost && g.waiting[n].turn <= turn {
		n++
	}
	claimed := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return claimed
}

// unclaim puts back those that had no chance to run, in front of all others.
func (g *group) unclaim(ones []*intention) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.Insert(g.waiting, 0, ones...)
}

// close lets nobody else in, and returns when what was under way is decided.
func (g *group) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for g.working {
		g.idle.Wait()
	}
}
