package signin

import (
	"context"
	"fmt"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/factor"
	"github.com/latchkey-auth/latchkey/message"
)

// SteppedUp reports whether a session that is fresh may change what protects its account: on an account with a second factor, not by a
// password alone. Its last proof was by something held, or one such is no older than the freshness.
func (s *Service) SteppedUp(ctx context.Context, c *Caller) (bool, error) {
	if !c.Session.HeldAt.Before(c.Session.AuthenticatedAt) {
		return true, nil
	}
	return s.PasswordSuffices(ctx, c)
}

// PasswordSuffices reports whether a session whose last proof is the password may do so.
func (s *Service) PasswordSuffices(ctx context.Context, c *Caller) (bool, error) {
	if s.Freshness < 0 || s.now().Sub(c.Session.HeldAt) <= s.Freshness {
		return true, nil
	}
	has, err := s.HasSecondFactor(ctx, *c.User)
	return !has, err
}

// HasSecondFactor reports whether a sign-in to the account by password would ask for a second factor that it has.
func (s *Service) HasSecondFactor(ctx context.Context, user account.User) (bool, error) {
	f, _, _, err := s.factsOf(ctx, user.ID)
	if err != nil {
		return false, err
	}
	return len(f.methods()) > 0 || f.Required && f.Strong > 0, nil
}

// heldIn reports whether one of the methods proves that something is held.
func heldIn(methods []account.Method) bool {
	for _, m := range methods {
		if m.Held() {
			return true
		}
	}
	return false
}

// ceremonyVerifyCode is a code that was sent to a signed-in person, who answers /verify with it.
const ceremonyVerifyCode ceremony = "verify code"

// SendVerifyCode sends a code of a method that the account has set up to the signed-in person, and returns the token that the code goes
// with. It is for those whose second factor is neither an app nor a passkey.
func (s *Service) SendVerifyCode(ctx context.Context, c *Caller, m account.Method) (string, error) {
	second, err := s.SecondFactors(ctx, c.User.ID)
	if err != nil {
		return "", err
	}
	f, ok := second.Code(m)
	if !ok || !s.TwoFactor || m == account.MethodAuthenticator {
		return "", s.refused(ctx, c.Client, account.EventVerifyRefused, c.User.ID, "", refuse(message.TwoFactorMethodNotAvailable, "send").why("method_not_available", nil))
	}
	send, err := s.newCode(ctx, c, *c.User, m, f.Phone, "verify "+c.Session.ID, s.now())
	if err != nil {
		return "", err
	}
	st := &state{User: c.User.ID, Session: c.Session.ID, Setup: &setup{Method: m, MAC: send.mac, Expires: send.until}}
	token, err := s.seal(ceremonyVerifyCode, st)
	if err != nil {
		return "", err
	}
	return token, unsentAt("send", s.dispatch(ctx, c, c.User.ID, send))
}

// sentCode compares a code that SendVerifyCode sent. A token bears so many wrong ones; the right one spends it.
func (s *Service) sentCode(ctx context.Context, c *Caller, p Proof) (account.Method, *account.Spend, error) {
	st, err := s.open(ceremonyVerifyCode, p.State)
	if err != nil {
		return "", nil, err
	}
	if !st.belongs(c) || st.Setup == nil {
		return "", nil, refuse(message.APIError, "").why("state_of_another", nil)
	}
	spend := s.spend(ceremonyVerifyCode, st)
	spend.Tries = codeTries
	if err := s.store.TryState(ctx, spend); err != nil {
		if r, ok := AsRefusal(refusalOf(err)); ok {
			return "", nil, r
		}
		return "", nil, fmt.Errorf("signin: verify: %w", err)
	}
	m := st.Setup.Method
	if !s.now().Before(st.Setup.Expires) || !s.codes.Match(st.Setup.MAC, factor.CleanCode(p.Code), c.User.ID, "verify "+c.Session.ID, string(m)) {
		return "", nil, refuse(message.TwoFactorInvalidToken, "code").why("wrong_code", nil)
	}
	return m, &spend, nil
}
