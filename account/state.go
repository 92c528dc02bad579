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

// Streak is the wrong guesses in a row at one step of one account (NIST SP 800-63B §5.2.2 allows a hundred). Time alone does not open a
// step again; being forgotten does, a week for each failure after the last of them, so that guesses at accounts that there are not
// leave nothing for good.
type Streak struct {
	// Subject is the account, Step what was guessed at. An empty Subject is no streak.
	Subject, Step string
	// Most is how many failures in a row close the step.
	Most int
}

// StreakMemory is how long each failure of a streak is remembered after the last.
const StreakMemory = 7 * 24 * time.Hour

// Guess is what one guess is counted in.
type Guess struct {
	Buckets []Bucket
	Streak  Streak
}

// ClearStreaks selects streaks that a success ends: of those Steps, or all of the Subject's. An empty Subject selects none.
type ClearStreaks struct {
	Subject string
	Steps   []string
}

// Throttles keeps the buckets. They hold over all replicas.
type Throttles interface {
	// Take takes one from each bucket, or none from any: then it returns how long to wait for the fullest of them.
	// Concurrent calls never take more than there is.
	Take(ctx context.Context, now time.Time, buckets ...Bucket) (wait time.Duration, err error)
	// Level reports how long to wait until each bucket has one to give, 0 for now, without taking.
	Level(ctx context.Context, now time.Time, buckets ...Bucket) (wait time.Duration, err error)
	// Guess takes from the guess's buckets as Take does, and counts it as a failure of its streak until it is known to be none. Where
	// nothing is left in a bucket, and with ErrStepClosed where the streak has come to its most, nothing is taken or counted.
	Guess(ctx context.Context, now time.Time, g Guess) (wait time.Duration, err error)
	// Refund takes a guess back that was not looked at.
	Refund(ctx context.Context, g Guess) error
	// ClearStreaks ends streaks.
	ClearStreaks(ctx context.Context, c ClearStreaks) error
}
