package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// A bucket is one number, the moment when it will be full again (the theoretical arrival time of the generic cell
// rate algorithm, ITU-T I.371). Taking one moves that moment on by an interval; there is none to take where it would
// come to lie further ahead than the whole bucket lasts. A bucket without a row is full.

// errEmpty rolls a Take back that found one of its buckets empty.
var errEmpty = errors.New("sqlstore: a bucket is empty")

// Take takes one from each bucket, or none from any.
func (s *Store) Take(ctx context.Context, now time.Time, buckets ...account.Bucket) (time.Duration, error) {
	return s.Guess(ctx, now, account.Guess{Buckets: buckets})
}

// Guess takes one from each bucket and counts a failure, or does neither.
func (s *Store) Guess(ctx context.Context, now time.Time, g account.Guess) (time.Duration, error) {
	const op = "take"
	buckets := limiting(g.Buckets)
	if len(buckets) == 0 && g.Streak.Subject == "" {
		return 0, nil
	}
	// Looked at first, so that a flood of refusals never asks for the write lock.
	if err := mustBeOpen(ctx, s.reader, now, g.Streak); err != nil {
		return 0, s.wrap(ctx, op, err)
	}
	if wait, err := level(ctx, s.reader, now, buckets); err != nil || wait > 0 {
		return wait, s.wrap(ctx, op, err)
	}
	var wait time.Duration
	err := s.transact(ctx, func(ctx context.Context, t *tx) error {
		wait = 0
		if err := countFailure(ctx, t, now, g.Streak); err != nil {
			return err
		}
		for _, b := range buckets {
			if err := take(ctx, t, now, b); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errEmpty) {
		// What was taken until then counted for the wait while it was there: asked outside.
		wait, err = level(ctx, s.reader, now, buckets)
		if err == nil && wait == 0 {
			// The bucket had something again by then; the refusal stands, and says the least there is.
			wait = time.Microsecond
		}
	}
	return wait, s.wrap(ctx, op, err)
}

// Level reports how long to wait until each bucket has one to give.
func (s *Store) Level(ctx context.Context, now time.Time, buckets ...account.Bucket) (time.Duration, error) {
	wait, err := level(ctx, s.reader, now, limiting(buckets))
	return wait, s.wrap(ctx, "level", err)
}

// Refund takes a guess back.
func (s *Store) Refund(ctx context.Context, g account.Guess) error {
	buckets := limiting(g.Buckets)
	if len(buckets) == 0 && g.Streak.Subject == "" {
		return nil
	}
	return s.write(ctx, "refund", func(ctx context.Context, t *tx) error {
		if err := uncountFailure(ctx, t, g.Streak); err != nil {
			return err
		}
		return refund(ctx, t, buckets)
	})
}

func take(ctx context.Context, t *tx, now time.Time, b account.Bucket) error {
	interval := interval(b)
	return t.expect(ctx, orElse(errEmpty), `
		INSERT INTO latchkey_buckets (bucket, full_at) VALUES ($1, $2)
		ON CONFLICT (bucket) DO UPDATE SET full_at = $4
			+ CASE WHEN latchkey_buckets.full_at > $3 THEN latchkey_buckets.full_at ELSE $3 END
		WHERE latchkey_buckets.full_at <= $5`,
		text(b.Key), micros(now)+interval, micros(now), interval, latest(now, b))
}

func level(ctx context.Context, q querier, now time.Time, buckets []account.Bucket) (time.Duration, error) {
	var wait time.Duration
	for _, b := range buckets {
		fullAt, ok, err := first(ctx, q, scanOne[int64], `SELECT full_at FROM latchkey_buckets WHERE bucket = $1`, text(b.Key))
		if err != nil {
			return 0, err
		}
		if ok {
			wait = max(wait, time.Duration(fullAt-latest(now, b))*time.Microsecond)
		}
	}
	return wait, nil
}

// refund never overfills: a moment in the past counts as now when the next one is taken. A token that had grown again before it is given
// back is one more at that moment, and none in all: its guess was right, and could have been a wrong one when it was taken.
func refund(ctx context.Context, t *tx, buckets []account.Bucket) error {
	for _, b := range limiting(buckets) {
		if err := t.later(ctx, `UPDATE latchkey_buckets SET full_at = full_at - $2 WHERE bucket = $1`,
			text(b.Key), interval(b)); err != nil {
			return err
		}
	}
	return nil
}

// limiting leaves out the buckets that are off, and sorts the rest, so that concurrent transactions lock rows in one order.
func limiting(buckets []account.Bucket) []account.Bucket {
	on := make([]account.Bucket, 0, len(buckets))
	for _, b := range buckets {
		if b.Limit > 0 && b.Per > 0 {
			on = append(on, b)
		}
	}
	slices.SortStableFunc(on, func(a, b account.Bucket) int { return cmp.Compare(a.Key, b.Key) })
	return on
}

// interval is the time in which one token comes back, in microseconds.
func interval(b account.Bucket) int64 { return max(1, microsOf(b.Per)/int64(b.Limit)) }

// latest is the latest moment to be full again at which a bucket still has one to give.
func latest(now time.Time, b account.Bucket) int64 {
	return micros(now) + int64(b.Limit-1)*interval(b)
}
