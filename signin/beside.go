package signin

import (
	"context"
	"sync"
)

// asides are what goes on beside requests: notices that nobody waits for.
type asides struct {
	running sync.WaitGroup
	places  chan struct{}
}

// beside does something that the request need not wait for, and outlives it. What finds no place among Config.Asides is done at once, by
// the request itself, so that nothing is lost and nothing piles up. What fails is logged.
func (s *Service) beside(ctx context.Context, what string, do func(context.Context) error) {
	ctx = context.WithoutCancel(ctx)
	run := func() {
		if err := do(ctx); err != nil {
			s.Log.ErrorContext(ctx, what, "error", err.Error())
		}
	}
	select {
	case s.asides.places <- struct{}{}:
	default:
		run()
		return
	}
	s.asides.running.Go(func() {
		defer func() { <-s.asides.places }()
		run()
	})
}

// Close waits for what goes on beside requests, as long as the context lets it, and writes the sightings that wait. Call it when no more
// requests come.
func (s *Service) Close(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		s.asides.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.Flush(ctx)
}
