package password

import (
	"errors"
	"fmt"
)

// Params are the costs of argon2id (RFC 9106 §3.1).
type Params struct {
	Memory  uint32 // KiB
	Time    uint32 // passes over the memory
	Threads uint8  // lanes
}

// Recommended is 19 MiB, two passes, one lane: the first choice of the OWASP Password Storage Cheat Sheet ("Use
// Argon2id with a minimum configuration of 19 MiB of memory, an iteration count of 2, and 1 degree of
// parallelism").
func Recommended() Params { return Params{Memory: 19 * 1024, Time: 2, Threads: 1} }

// Bounds of what is computed, also for a hash that was stored: within are all settings that libraries recommend.
const (
	maxMemory  = 1 << 20 // 1 GiB
	maxTime    = 64
	maxThreads = 64
	maxWork    = 4 << 20 // Memory × Time: 4 GiB written, what libsodium calls sensitive
)

// ErrParams is what the errors of [Params.Validate] wrap.
var ErrParams = errors.New("password: unusable argon2id parameters")

// Validate reports whether the parameters are within RFC 9106's bounds and sane ones.
func (p Params) Validate() error {
	switch {
	case p.Threads < 1 || p.Threads > maxThreads:
		return fmt.Errorf("%w: %d threads", ErrParams, p.Threads)
	case p.Time < 1 || p.Time > maxTime:
		return fmt.Errorf("%w: %d passes", ErrParams, p.Time)
	case p.Memory < 8*uint32(p.Threads) || p.Memory > maxMemory:
		return fmt.Errorf("%w: %d KiB for %d threads", ErrParams, p.Memory, p.Threads)
	case uint64(p.Memory)*uint64(p.Time) > maxWork:
		return fmt.Errorf("%w: %d passes over %d KiB", ErrParams, p.Time, p.Memory)
	}
	return nil
}
