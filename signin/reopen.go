package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
)

// A link in the mail that tells an owner of a closed step. Who has it can read the account's mail, which is another way in than the one that
// was guessed at: it opens the steps again, and signs nobody in.
const (
	ceremonyReopen ceremony = "reopen"
	reopenWithin            = 24 * time.Hour
)

func (s *Service) reopenLink(user account.User) (string, error) {
	token, err := s.seal(ceremonyReopen, &state{User: user.ID})
	if err != nil {
		return "", err
	}
	return s.Base + "/reopen/" + token, nil
}

// ReopenUser opens such a link without using it up.
func (s *Service) ReopenUser(ctx context.Context, token string) (account.User, error) {
	_, user, err := s.openReopening(ctx, token)
	return user, err
}

func (s *Service) openReopening(ctx context.Context, token string) (*state, account.User, error) {
	st, err := s.open(ceremonyReopen, token)
	if err != nil {
		return nil, account.User{}, err
	}
	user, err := s.users.User(ctx, st.User)
	if errors.Is(err, account.ErrNotFound) || err == nil && !user.Active {
		return nil, account.User{}, refuse(message.APIError, "").why("disabled", err)
	}
	if err != nil {
		return nil, account.User{}, fmt.Errorf("signin: reopen: %w", err)
	}
	return st, user, nil
}

// Reopen uses the link: guesses at the account are taken again.
func (s *Service) Reopen(ctx context.Context, c *Caller, token string) error {
	st, user, err := s.openReopening(ctx, token)
	if r, ok := AsRefusal(err); ok {
		return s.refused(ctx, c.Client, account.EventSigninRefused, "", "", r)
	} else if err != nil {
		return err
	}
	spend := s.spend(ceremonyReopen, st)
	e := s.event(c.Client, account.EventStepReopened, user.ID)
	e.Reason = "mailed_link"
	return s.finish(ctx, c, account.FinishSignin{UserID: user.ID, Spend: &spend, Clear: Streaks(user), Events: []account.Event{e}})
}

// Unlock opens the steps again that were closed after too many failures, at an operator's word.
func (s *Service) Unlock(ctx context.Context, client Client, user account.User) error {
	if err := s.store.ClearStreaks(ctx, Streaks(user)); err != nil {
		return fmt.Errorf("signin: unlock: %w", err)
	}
	e := s.event(client, account.EventStepReopened, user.ID)
	e.Reason = "operator"
	return s.record(ctx, e)
}
