package pgtest

import (
	"context"
	"errors"
	"time"
)

// final is an error that no waiting mends.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// Final makes [Until] give up.
func Final(err error) error { return final{err} }

// Until tries until the function returns nil, or something [Final], or the context ends: then the error is the last one.
func Until(ctx context.Context, try func(context.Context) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if f := (final{}); errors.As(err, &f) {
			return f.error
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}
