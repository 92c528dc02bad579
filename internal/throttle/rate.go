package throttle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bounds of a rate, so that no store's arithmetic overflows.
const (
	MaxN   = 1_000_000
	MinPer = time.Second
	MaxPer = 366 * 24 * time.Hour
)

// ErrRate is what the errors of [ParseRate] and [Rate.Validate] wrap.
var ErrRate = errors.New("not a rate such as 10/5m, or off")

// Rate allows N in a burst, given back evenly over Per. N = 0 is no limit at all.
type Rate struct {
	N   int
	Per time.Duration
}

// Off reports whether the rate limits nothing. Its bucket must not be taken from.
func (r Rate) Off() bool { return r.N == 0 }

// Validate reports whether the rate is off or within the package's bounds.
func (r Rate) Validate() error {
	switch {
	case r.N == 0:
		return nil
	case r.N < 0 || r.N > MaxN:
		return fmt.Errorf("%d is not between 1 and %d: %w", r.N, MaxN, ErrRate)
	case r.Per < MinPer || r.Per > MaxPer:
		return fmt.Errorf("%v is not between %v and %v: %w", r.Per, MinPer, MaxPer, ErrRate)
	}
	return nil
}

// ParseRate reads "N/duration", the duration as Go writes it, or "off".
func ParseRate(s string) (Rate, error) {
	if s == "off" {
		return Rate{}, nil
	}
	n, per, ok := strings.Cut(s, "/")
	if !ok || n == "" || strings.Trim(n, "0123456789") != "" {
		return Rate{}, fmt.Errorf("%q is %w", s, ErrRate)
	}
	var r Rate
	var err error
	if r.N, err = strconv.Atoi(n); err != nil || r.N == 0 {
		return Rate{}, fmt.Errorf("%q is %w", s, ErrRate)
	}
	if r.Per, err = time.ParseDuration(per); err != nil {
		return Rate{}, fmt.Errorf("%q is %w", s, ErrRate)
	}
	if err := r.Validate(); err != nil {
		return Rate{}, fmt.Errorf("%q: %w", s, err)
	}
	return r, nil
}

// String is the spelling that [ParseRate] reads: "10/5m", "off".
func (r Rate) String() string {
	if r.Off() {
		return "off"
	}
	per := r.Per.String()
	// "5m0s" and "1h0m0s" are what a duration prints; people write "5m" and "1h".
	if strings.HasSuffix(per, "m0s") {
		per = strings.TrimSuffix(per, "0s")
	}
	if strings.HasSuffix(per, "h0m") {
		per = strings.TrimSuffix(per, "0m")
	}
	return strconv.Itoa(r.N) + "/" + per
}

// MarshalText and UnmarshalText are String and ParseRate, for configuration files.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what ParseRate reads.
func (r *Rate) UnmarshalText(text []byte) error {
	parsed, err := ParseRate(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}
