package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/throttle"
	"github.com/latchkey-auth/latchkey/message"
)

const (
	// mostFailures is how many wrong guesses in a row close a step (NIST SP 800-63B §5.2.2).
	mostFailures = 100
	// closedRetry is what a client is told to wait at a closed step, which no time opens by itself.
	closedRetry = time.Hour
)

// address is the bucket of wrong guesses from one address.
func (s *Service) address(c *Caller) account.Bucket {
	return s.ThrottleAddress.Bucket("address", throttle.AddressSubject(c.Address))
}

// take takes from buckets, or refuses with how long to wait.
func (s *Service) take(ctx context.Context, c *Caller, userID string, m account.Method, buckets ...account.Bucket) error {
	wait, err := s.store.Take(ctx, s.now(), buckets...)
	if err != nil {
		return fmt.Errorf("signin: throttle: %w", err)
	}
	if wait <= 0 {
		return nil
	}
	return s.throttled(ctx, c, userID, m, wait)
}

func (s *Service) throttled(ctx context.Context, c *Caller, userID string, m account.Method, wait time.Duration) error {
	r := refuse(message.TooManyAttempts, "", "Wait", s.span(c.Lang, wait)).why("throttled", nil)
	r.RetryAfter = wait
	return s.refused(ctx, c.Client, account.EventThrottled, userID, m, r)
}

// span is a duration in words.
func (s *Service) span(lang string, d time.Duration) string {
	if d <= time.Minute {
		return s.Messages.Text(lang, "span.seconds", "N", max(1, int(d.Seconds()+0.999)))
	}
	return s.Messages.Text(lang, "span.minutes", "N", int((d+time.Minute-1)/time.Minute))
}

// guess is what a guess at a step of the account with that address is counted in: the account's own bucket and streak, and the address's
// bucket. A browser that has signed in to the account before is counted by itself, so that nobody else's guesses keep its owner out
// (OWASP's device cookies).
func (s *Service) guess(c *Caller, step, email string) account.Guess {
	canonical := account.CanonicalEmail(email)
	streak := account.Streak{Subject: throttle.Key(canonical), Step: step, Most: mostFailures}
	if nonce := s.known(c, canonical); nonce != "" {
		streak.Step += " " + nonce
		return account.Guess{Streak: streak, Buckets: []account.Bucket{s.ThrottleAccount.Bucket(step+" known", canonical+" "+nonce)}}
	}
	return account.Guess{Streak: streak, Buckets: []account.Bucket{s.ThrottleAccount.Bucket(step, canonical), s.address(c)}}
}

// attempt counts a guess before it is looked at, or refuses it.
func (s *Service) attempt(ctx context.Context, c *Caller, userID string, m account.Method, g account.Guess, email string) error {
	wait, err := s.store.Guess(ctx, s.now(), g)
	switch {
	case errors.Is(err, account.ErrStepClosed):
		return s.closed(ctx, c, userID, m, g.Streak, email)
	case err != nil:
		return fmt.Errorf("signin: throttle: %w", err)
	case wait > 0:
		return s.throttled(ctx, c, userID, m, wait)
	}
	return nil
}

// right ends the streak of a guess that was right, of that step alone: who knows one secret of an account has not proved to be its owner
// at the steps that ask for another.
func (s *Service) right(g account.Guess) account.ClearStreaks {
	return account.ClearStreaks{Subject: g.Streak.Subject, Steps: []string{g.Streak.Step}}
}

// Streaks are all of an account. Who signs in to it whole ends them.
func Streaks(user account.User) account.ClearStreaks {
	return account.ClearStreaks{Subject: throttle.Key(account.CanonicalEmail(user.Email))}
}

// closed refuses a guess at a step that takes no more, in the same way whether or not there is such an account. Its owner is told, once a
// day, beside the request.
func (s *Service) closed(ctx context.Context, c *Caller, userID string, m account.Method, k account.Streak, email string) error {
	r := refuse(message.TooManyAttempts, "").why("step_closed", account.ErrStepClosed)
	r.Text, r.RetryAfter = message.StepClosed, closedRetry
	client := c.Client
	s.beside(ctx, "step closed", func(ctx context.Context) error { return s.tellClosed(ctx, client, m, k, email) })
	return s.refused(ctx, c.Client, account.EventThrottled, userID, m, r)
}

func (s *Service) tellClosed(ctx context.Context, client Client, m account.Method, k account.Streak, email string) error {
	user, err := s.users.UserByEmail(ctx, account.CanonicalEmail(email))
	if err != nil {
		return ignoreNotFound(err)
	}
	daily := throttle.Rate{N: 1, Per: 24 * time.Hour}
	wait, err := s.store.Take(ctx, s.now(), daily.Bucket("closed notice", k.Subject+" "+k.Step))
	if err != nil || wait > 0 {
		return err
	}
	e := s.event(client, account.EventStepClosed, user.ID)
	e.Method, e.Reason = m, "too_many_failures"
	if err := s.record(ctx, e); err != nil {
		return err
	}
	link, err := s.reopenLink(user)
	if err != nil {
		return err
	}
	s.tell(ctx, client, user, "step_closed", "Link", link)
	return nil
}
