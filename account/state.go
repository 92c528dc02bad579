package account

import (
	"context"
	"time"
)

// Spend uses up a sealed state or setup token. A token is spent once over all replicas.
type Spend struct {
	// ID is the token's own random id.
	ID []byte
	// Expires is when the token ends by itself; the row may be swept after that.
	Expires time.Time
	// Tries is how many wrong answers the token bears; 0 for a ceremony's state, which bears none.
	Tries int
}

// States remembers which sealed tokens were used. A token leaves no row before its first use.
type States interface {
	// SpendState uses up a state whose ceremony failed. ErrSpent if it was spent before.
	SpendState(ctx context.Context, s Spend, events []Event) error
	// TryState counts one answer to a setup token before it is looked at: ErrSpent if the token is spent or has
	// borne more than s.Tries answers before.
	TryState(ctx context.Context, s Spend) error
}

// Bucket is a token bucket: at most Limit in any moment's burst, refilled over Per.
type Bucket struct {
	Key   string
	Limit int
	Per   time.Duration
}

// Throttles keeps the buckets. They hold over all replicas.
type Throttles interface {
	// Take takes one from each bucket, or none from any: then it returns how long to wait for the fullest of them.
	// Concurrent calls never take more than there is.
	Take(ctx context.Context, now time.Time, buckets ...Bucket) (wait time.Duration, err error)
	// Level reports how long to wait until each bucket has one to give, 0 for now, without taking.
	Level(ctx context.Context, now time.Time, buckets ...Bucket) (wait time.Duration, err error)
	// Refund gives one back to each.
	Refund(ctx context.Context, buckets ...Bucket) error
}
