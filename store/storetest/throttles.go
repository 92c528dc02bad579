package storetest

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

var throttleTests = []test{
	{"beside a presented passkey", func(e *env) {
		for _, id := range [][]byte{nil, []byte("unknown")} {
			_, _, _, err := e.store.Presented(e.ctx, id, noon, account.Bucket{Key: "address", Limit: 2, Per: time.Minute})
			e.fails(err, account.ErrNotFound)
		}
		u := e.user()
		made := e.passkey(u.ID, account.UsageFirst)
		handle, err := e.store.UserHandle(e.ctx, u.ID, e.bytes(32))
		e.ok(err)
		bucket := account.Bucket{Key: "address", Limit: 2, Per: time.Minute}
		look := func(id []byte, b account.Bucket) (found account.Credential, wait time.Duration) {
			e.Helper()
			found, owner, wait, err := e.store.Presented(e.ctx, id, noon, b)
			if string(id) != string(made.CredentialID) {
				e.fails(err, account.ErrNotFound)
				if owner != nil {
					e.Fatal("an owner of nothing")
				}
				return found, wait
			}
			e.ok(err)
			e.owner(owner, u.ID)
			e.equal("presented", found, made)
			e.equal("its handle", found.UserHandle, handle)
			return found, wait
		}
		for n, want := range []time.Duration{0, 0, 30 * time.Second} {
			// Before it, after it, longer and shorter: the next id in the index is not the one that was asked for.
			for _, id := range [][]byte{
				made.CredentialID, []byte("unknown"), nil, {0}, {255, 255}, made.CredentialID[:31], append(made.CredentialID[:32:32], 0),
			} {
				if _, wait := look(id, bucket); wait != want {
					e.Fatalf("after %d takes, the wait is %v, want %v", n, wait, want)
				}
				if _, wait := look(id, account.Bucket{Key: "address"}); wait != 0 {
					e.Fatalf("a limit that is off has a wait of %v", wait)
				}
			}
			if n < 2 {
				_, err := e.store.Take(e.ctx, noon, bucket)
				e.ok(err)
			}
		}
	}},
	{"gives its limit and no more", func(e *env) {
		for _, limit := range []int{1, 2, 5, 7} {
			b := account.Bucket{Key: e.word("bucket"), Limit: limit, Per: time.Minute}
			e.gives(noon, limit, b)
			e.gives(noon.Add(time.Microsecond), 0, b)
		}
	}},
	{"says how long to wait", func(e *env) {
		b := account.Bucket{Key: "bucket", Limit: 3, Per: time.Minute}
		e.gives(noon, 3, b)
		wait := e.take(noon, b)
		if wait <= 0 || wait > b.Per {
			e.Fatalf("wait %v for a bucket that fills in %v", wait, b.Per)
		}
		e.equal("level", e.level(noon, b), wait)
		if half := e.level(noon.Add(wait/2), b); half <= 0 || half >= wait {
			e.Fatalf("wait %v after half of %v", half, wait)
		}
		e.gives(noon.Add(wait/2), 0, b)
		e.equal("level after the wait", e.level(noon.Add(wait), b), time.Duration(0))
		e.gives(noon.Add(wait), 1, b)
	}},
	{"fills up, and no further", func(e *env) {
		b := account.Bucket{Key: "bucket", Limit: 4, Per: time.Minute}
		e.gives(noon, 4, b)
		e.gives(noon.Add(time.Minute), 4, b)
		e.gives(noon.Add(time.Hour), 4, b)
		e.gives(noon.Add(time.Hour+time.Microsecond), 0, b)
	}},
	{"odd rates keep their bounds", func(e *env) {
		for _, b := range []account.Bucket{
			{Limit: 7, Per: time.Second}, {Limit: 3, Per: 10 * time.Microsecond}, {Limit: 11, Per: time.Hour},
			{Limit: 1, Per: 365 * 24 * time.Hour},
		} {
			b.Key = e.word("bucket")
			e.gives(noon, b.Limit, b)
			e.gives(noon.Add(b.Per), b.Limit, b)
			// Between two full bursts it gives at most what came back.
			given := 0
			for i := range 20 {
				if e.take(noon.Add(b.Per+b.Per*time.Duration(i+1)/20), b) == 0 {
					given++
				}
			}
			if given > b.Limit {
				e.Fatalf("%+v gave %d in one period", b, given)
			}
		}
	}},
	{"keys are told apart", func(e *env) {
		for _, key := range []string{"", "a", "A", "a ", "a\x00", "\xff", "ключ", string(make([]byte, 500))} {
			b := account.Bucket{Key: key, Limit: 1, Per: time.Hour}
			e.gives(noon, 1, b)
			e.gives(noon, 0, b)
		}
	}},
	{"from all or from none", func(e *env) {
		wide := account.Bucket{Key: "wide", Limit: 5, Per: time.Minute}
		narrow := account.Bucket{Key: "narrow", Limit: 1, Per: time.Hour}
		e.equal("both", e.take(noon, wide, narrow), time.Duration(0))
		for _, buckets := range [][]account.Bucket{{wide, narrow}, {narrow, wide}} {
			wait := e.take(noon, buckets...)
			e.equal("wait", wait, e.level(noon, narrow))
		}
		e.gives(noon, 4, wide)
		// It is the fullest that one waits for.
		e.equal("wait", e.take(noon, wide, narrow), e.level(noon, narrow))
		if e.level(noon, wide) >= e.level(noon, narrow) {
			e.Fatal("the wide bucket is slower than the narrow one")
		}
		e.equal("level of both", e.level(noon, wide, narrow), e.level(noon, narrow))
	}},
	{"looking takes nothing", func(e *env) {
		b := account.Bucket{Key: "bucket", Limit: 2, Per: time.Minute}
		for range 5 {
			e.equal("level", e.level(noon, b), time.Duration(0))
		}
		e.gives(noon, 2, b)
	}},
	{"refunds", func(e *env) {
		a, b := account.Bucket{Key: "a", Limit: 3, Per: time.Hour}, account.Bucket{Key: "b", Limit: 1, Per: time.Hour}
		e.gives(noon, 3, a)
		e.gives(noon, 1, b)
		e.ok(e.store.Refund(e.ctx, account.Guess{Buckets: []account.Bucket{a, b}}))
		e.gives(noon, 1, a)
		e.gives(noon, 1, b)
		// Never more than there was room for.
		for range 10 {
			e.ok(e.store.Refund(e.ctx, account.Guess{Buckets: []account.Bucket{a, b}}))
		}
		e.gives(noon, 3, a)
		e.gives(noon, 1, b)
		e.ok(e.store.Refund(e.ctx, account.Guess{Buckets: []account.Bucket{{Key: "new", Limit: 2, Per: time.Hour}}}))
		e.gives(noon, 2, account.Bucket{Key: "new", Limit: 2, Per: time.Hour})
		e.ok(e.store.Refund(e.ctx, account.Guess{}))
	}},
	{"a late refund fills no more than the bucket", func(e *env) {
		b := account.Bucket{Key: "bucket", Limit: 3, Per: time.Minute}
		e.equal("take", e.take(noon, b), time.Duration(0))
		for range 3 { // it had come back by itself, and is given back all the same
			e.ok(e.store.Refund(e.ctx, account.Guess{Buckets: []account.Bucket{b}}))
		}
		e.gives(noon.Add(time.Hour), 3, b)
		e.gives(noon.Add(time.Hour+20*time.Second-time.Microsecond), 0, b)
		e.gives(noon.Add(time.Hour+20*time.Second), 1, b)
	}},
	{"late refunds buy no guesses", func(e *env) {
		// Whoever holds back a guess that is right until it has grown again, and guesses wrong meanwhile, has at any time had no more wrong
		// guesses than the bucket gives to who only guesses wrong: its limit, and one for each interval since.
		random := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			b := account.Bucket{Key: e.word("bucket"), Limit: 1 + random.IntN(5), Per: time.Hour}
			interval := b.Per / time.Duration(b.Limit)
			now, taken, held := noon, 0, 0
			for range 60 {
				switch random.IntN(4) {
				case 0:
					now = now.Add(time.Duration(random.Int64N(int64(2 * interval))).Truncate(time.Microsecond))
				case 1:
					if held > 0 {
						e.ok(e.store.Refund(e.ctx, account.Guess{Buckets: []account.Bucket{b}}))
						held, taken = held-1, taken-1
					}
				default:
					if e.take(now, b) == 0 {
						taken++
						held += random.IntN(2) // it will prove to be right, or it was wrong
					}
				}
				if most := b.Limit + int(now.Sub(noon)/interval); taken-held > most {
					e.Fatalf("%d wrong guesses after %v, want %d at most of %+v", taken-held, now.Sub(noon), most, b)
				}
			}
		}
	}},
	{"off", func(e *env) {
		full := account.Bucket{Key: "full", Limit: 1, Per: time.Hour}
		e.gives(noon, 1, full)
		for _, limit := range []int{0, -1} {
			b := account.Bucket{Key: "full", Limit: limit, Per: time.Hour}
			for range 10 {
				e.equal("take", e.take(noon, b), time.Duration(0))
			}
			e.equal("level", e.level(noon, b), time.Duration(0))
			e.ok(e.store.Refund(e.ctx, account.Guess{Buckets: []account.Bucket{b}}))
			// Beside one that is on, that one decides.
			if e.take(noon, b, full) == 0 {
				e.Fatal("took from an empty bucket")
			}
		}
		e.equal("take from none", e.take(noon), time.Duration(0))
		e.equal("level of none", e.level(noon), time.Duration(0))
	}},
	{"a limit that is lowered", func(e *env) {
		b := account.Bucket{Key: "bucket", Limit: 10, Per: time.Hour}
		e.gives(noon, 10, b)
		b.Limit = 2
		e.gives(noon, 0, b)
		e.gives(noon.Add(2*time.Hour), 2, b)
	}},
	{"many racers", func(e *env) {
		b := account.Bucket{Key: "bucket", Limit: racers / 3, Per: time.Hour}
		beside := account.Bucket{Key: "beside", Limit: 40, Per: time.Hour}
		var took atomic.Int64
		for _, err := range e.race(func(i int) error {
			buckets := []account.Bucket{b, beside}
			if i%2 == 0 {
				buckets[0], buckets[1] = buckets[1], buckets[0]
			}
			wait, err := e.store.Take(e.ctx, noon, buckets...)
			if err == nil && wait == 0 {
				took.Add(1)
			}
			return err
		}) {
			e.ok(err)
		}
		e.equal("took", took.Load(), int64(b.Limit))
		e.gives(noon, 40-b.Limit, beside)
	}},
}

func (e *env) take(now time.Time, buckets ...account.Bucket) time.Duration {
	e.Helper()
	wait, err := e.store.Take(e.ctx, now, buckets...)
	e.ok(err)
	return wait
}

func (e *env) level(now time.Time, buckets ...account.Bucket) time.Duration {
	e.Helper()
	wait, err := e.store.Level(e.ctx, now, buckets...)
	e.ok(err)
	return wait
}

// gives demands that at that time the bucket gives just so many.
func (e *env) gives(now time.Time, n int, b account.Bucket) {
	e.Helper()
	for i := range n {
		if wait := e.take(now, b); wait != 0 {
			e.Fatalf("%+v gave %d, want %d", b, i, n)
		}
	}
	if e.take(now, b) == 0 {
		e.Fatalf("%+v gave more than %d", b, n)
	}
}
