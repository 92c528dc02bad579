package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
)

// The savepoint of one intention in a shared transaction.
const (
	savepoint         = `SAVEPOINT latchkey_intention`
	releaseSavepoint  = `RELEASE SAVEPOINT latchkey_intention`
	rollbackSavepoint = `ROLLBACK TO SAVEPOINT latchkey_intention`
)

// together is one transaction of the group. Who shared it knows the outcome by the time that the owner of the pools is told.
func (s *Store) together(g *group) {
	if wrote := s.share(g); wrote > 0 {
		s.db.Wrote(wrote)
	}
}

// share runs the transaction and returns how many intentions it committed something for. The contexts of the callers stop none
// of its statements: SQLite answers an interrupted statement by rolling everything back, that of the others too.
func (s *Store) share(g *group) (wrote int) {
	ctx := context.Background()
	s.db.Writing.Lock()
	defer s.db.Writing.Unlock()
	// Whoever comes while this waits for another process's lock has not waited as long, and is not failed with the rest.
	turn := g.last()
	raw, err := s.begin(ctx)
	if err != nil {
		for _, one := range g.claim(turn) {
			one.settle(err)
		}
		return 0
	}
	// Whoever is about to come may come now. This waits for nobody: where nothing else is ready to run, it returns at once.
	for before := -1; before < g.length() && before < groupMost; runtime.Gosched() {
		before = g.length()
	}
	run := &sharing{store: s, claimed: g.claim(math.MaxUint64), tx: &tx{raw: raw, pool: s.writer}}
	defer run.end() // deferred, so that nothing keeps the only writing connection, nor anybody waiting
	return run.all(ctx)
}

func (s *Store) begin(ctx context.Context) (*sql.Tx, error) {
	if err := s.writer.prepareWanted(ctx); err != nil {
		return nil, err
	}
	return s.db.Writer.BeginTx(ctx, nil)
}

// sharing is a transaction and who shares it.
type sharing struct {
	store   *Store
	tx      *tx
	claimed []*intention
	// begun is how many of the claimed have had their turn. Their outcomes count once decided is true, else lost does.
	begun    int
	outcomes []error
	decided  bool
	lost     error
}

// errNotCommitted is the outcome of a transaction that one of its intentions took down with it.
var errNotCommitted = errors.New("the shared transaction ended before it was committed")

// all runs everybody and commits, and returns how many there is something committed of.
//
// First without savepoints, which cost a copy of every page that changes. They are not needed where all succeed, or are refused
// before they changed anything. Where that does not hold, all begin again, each apart.
func (r *sharing) all(ctx context.Context) (wrote int) {
	wrote, clean := r.each(ctx, r.do)
	if !clean && len(r.claimed) > 1 {
		if r.lost = r.again(ctx); r.lost != nil {
			return 0
		}
		wrote, _ = r.each(ctx, r.apart)
	}
	if r.lost == nil && wrote > 0 {
		r.lost = r.tx.raw.Commit()
	}
	if r.decided = r.lost == nil; !r.decided {
		return 0
	}
	return wrote
}

// each gives everybody a turn and returns how many succeeded. In its first round it stops where one failed and may have left
// something behind, and returns clean as false.
func (r *sharing) each(ctx context.Context, run func(context.Context, *intention) error) (wrote int, clean bool) {
	first := r.outcomes == nil
	r.outcomes = make([]error, len(r.claimed))
	for i, one := range r.claimed {
		r.begun = max(r.begun, i+1)
		if one.panicked != nil { // in the first round, and once is enough
			r.outcomes[i] = one.panicked
			continue
		}
		if r.outcomes[i] = one.ctx.Err(); r.outcomes[i] != nil {
			continue
		}
		r.tx.wrote = false
		err := run(ctx, one)
		r.outcomes[i] = err
		switch {
		case r.lost != nil:
			return wrote, false
		case err == nil:
			wrote++
		case first && (r.tx.wrote || !isRefusal(err)): // what is no refusal may have ended the transaction
			return wrote, false
		}
	}
	return wrote, true
}

// again undoes all and begins anew.
func (r *sharing) again(ctx context.Context) error {
	if err := r.tx.raw.Rollback(); err != nil {
		return errors.Join(r.outcomes[r.begun-1], err)
	}
	raw, err := r.store.begin(ctx)
	if err != nil {
		return err
	}
	r.tx = &tx{raw: raw, pool: r.store.writer}
	return nil
}

// apart runs one of several so that it leaves nothing behind unless it succeeds.
func (r *sharing) apart(ctx context.Context, one *intention) error {
	if _, err := r.tx.exec(ctx, savepoint); err != nil {
		r.lost = err
		return err
	}
	refused := r.do(ctx, one)
	if refused != nil {
		if _, err := r.tx.exec(ctx, rollbackSavepoint); err != nil {
			// SQLite has rolled back everything by itself, as it does where the disk is full; refused says why.
			r.lost = errors.Join(refused, err)
			return refused
		}
	}
	if _, err := r.tx.exec(ctx, releaseSavepoint); err != nil {
		r.lost = err
		return err
	}
	return refused
}

// do runs one intention. Its panic is its caller's, as is its end of the goroutine.
func (r *sharing) do(ctx context.Context, one *intention) (err error) {
	one.exited = true
	defer func() {
		if value := recover(); value != nil {
			one.exited, one.panicked = false, &panicked{value, debug.Stack()}
			err = one.panicked
		}
	}()
	err = one.do(ctx, r.tx)
	one.exited = false
	return err
}

// end releases the connection and settles everybody.
func (r *sharing) end() {
	rollback := r.tx.raw.Rollback()
	if errors.Is(rollback, sql.ErrTxDone) {
		rollback = nil
	}
	if !r.decided && r.lost == nil {
		r.lost = errNotCommitted
	}
	for i, one := range r.claimed[:r.begun] {
		outcome := r.lost
		if r.decided {
			outcome = r.outcomes[i]
		}
		if rollback != nil { // it was not committed, and nobody was told that it was
			outcome = errors.Join(outcome, rollback)
		}
		one.settle(outcome)
	}
	r.store.group.unclaim(r.claimed[r.begun:])
}

// panicked is a panic on its way to the goroutine of the caller, with the stack that it came from.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string {
	return fmt.Sprintf("%v, in a shared transaction:\n%s", p.value, p.stack)
}
