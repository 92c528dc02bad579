package account

import (
	"context"
	"time"
)

// Store keeps everything but the accounts themselves. Its parts are small interfaces, so that each user of the
// store asks for just what it needs. Every method is safe for concurrent use; every write is durable when the method
// returns nil; a cancelled context leaves no half of a write.
type Store interface {
	Credentials
	Factors
	Sessions
	Pendings
	States
	Throttles
	Events
	Keeper
}

// Keeper is the store's own housekeeping.
type Keeper interface {
	// Secret returns the secret of that name, storing candidate as it if there is none yet. For keys that must
	// outlive every rotation of the server's own.
	Secret(ctx context.Context, name string, candidate []byte) ([]byte, error)
	// ReplaceSecret replaces the secret of that name if it is still was, and reports whether it did.
	ReplaceSecret(ctx context.Context, name string, was, secret []byte) (bool, error)
	// PruneEvents deletes up to limit events from before that time, the oldest first, and returns how many. The server never does: it is
	// an operator's to say how long the log is kept.
	PruneEvents(ctx context.Context, before time.Time, limit int) (int, error)
	// Sweep deletes up to limit rows of each kind that ended before now: spent states, pending sign-ins, sessions,
	// idle buckets, forgotten streaks. It returns how many went.
	Sweep(ctx context.Context, now time.Time, limit int) (int, error)
	// Ping reports whether the store can serve.
	Ping(ctx context.Context) error
}
