package replicas

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
)

// seeded is a source of chance that LATCHKEY_TEST_SEED repeats.
func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("LATCHKEY_TEST_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		must(t, err)
		seed = given
	}
	t.Logf("LATCHKEY_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

// crowd are people who do things at once, each on one's own.
type crowd struct {
	t            testing.TB
	people       []*person
	chance       []*rand.Rand
	acknowledged atomic.Int64
	// unanswered counts what [crowd.settle] had to ask for again.
	unanswered int
}

func newCrowd(t testing.TB, r *rand.Rand, n int, l *line) *crowd {
	t.Helper()
	c := &crowd{t: t}
	for i := range n {
		c.people = append(c.people, newPerson(t, l, "person"+strconv.Itoa(i)+"@example.com", &c.acknowledged))
		c.chance = append(c.chance, rand.New(rand.NewPCG(r.Uint64(), uint64(i))))
	}
	return c
}

// run lets all do things until the function that it returns is called. Who gets no answer tries again, or, with giveUp, does nothing more.
func (c *crowd) run(giveUp bool) (stop func()) {
	ctx, cancel := context.WithCancel(c.t.Context())
	var all sync.WaitGroup
	for i, p := range c.people {
		all.Go(func() {
			again := time.NewTicker(20 * time.Millisecond)
			defer again.Stop()
			for ctx.Err() == nil && !c.t.Failed() {
				if p.act(c.chance[i]) {
					continue
				}
				if giveUp {
					return
				}
				<-again.C
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

// more waits until so many more things were acknowledged.
func (c *crowd) more(n int64) {
	c.t.Helper()
	want := c.acknowledged.Load() + n
	eventually(c.t, func(context.Context) error {
		if c.t.Failed() {
			return pgtest.Final(errors.New("it has failed"))
		}
		if c.acknowledged.Load() < want {
			return errors.New("not enough was acknowledged")
		}
		return nil
	})
}

// settle asks again for all that got no answer, and checks everything.
func (c *crowd) settle() {
	c.t.Helper()
	for _, p := range c.people {
		if p.open != nil {
			c.unanswered++
		}
		eventually(c.t, func(context.Context) error {
			if p.open != nil && !p.open() {
				return errors.New(p.email + " gets no answer")
			}
			return nil
		})
		p.check()
	}
	if c.t.Failed() {
		c.t.FailNow()
	}
}
