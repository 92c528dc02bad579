package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
)

// Attempt is a sign-in that is about to succeed.
type Attempt struct {
	User account.User
	// Methods are what the person proved, in order; account.FactorsOf says what that amounts to. A recovery code among them is compared
	// only after the hook, so that a refusal does not use it up.
	Methods []account.Method
	Client  Client
}

// Applicant is somebody who wants an account.
type Applicant struct {
	// Email is the address as it was typed, checked and trimmed.
	Email string
	// Confirmed: its owner has opened the link that was mailed to it. Where addresses are confirmed the hook is asked twice, before the mail and
	// before the account is made.
	Confirmed bool
	Client    Client
}

// Denial is how a hook refuses. The person reads why; a program gets 403 with the code UNAUTHORIZED and the same text.
type Denial struct {
	// Text is shown to the person as it stands, cut at 500 bytes. Empty, with an empty Key: a sentence that says no more than that it is refused.
	Text string
	// Key, if set, is a text of the catalogue in its stead, in the person's language; Params fill it in: name, value, name, value… An app
	// brings texts of its own in the folder locales of Config.Overlay.
	Key    message.Key
	Params []any
	// Reason is the event's word for it: up to 32 lower-case letters, digits and underscores, out of a set that does not grow with what people
	// type. Any other is "denied".
	Reason string
}

func (d *Denial) Error() string {
	if d.Text != "" {
		return "signin: denied: " + d.Text
	}
	return "signin: denied: " + d.reason()
}

const longestDenial = 500

func (d *Denial) reason() string {
	if d.Reason == "" || len(d.Reason) > 32 {
		return "denied"
	}
	for _, r := range d.Reason {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' {
			return "denied"
		}
	}
	return d.Reason
}

// denied is what a hook's error means to the person; any other error than a denial is a failure of the hook, and passes through.
func denied(hook string, err error) (*Refusal, error) {
	var d *Denial
	if !errors.As(err, &d) {
		return nil, fmt.Errorf("signin: %s: %w", hook, err)
	}
	r := refuse(message.Unauthorized, "").why(d.reason(), err)
	switch {
	case d.Key != "":
		r.Text, r.Params = d.Key, d.Params
	case d.Text != "":
		r.Text, r.Params = message.DeniedWith, []any{"Text", clip(d.Text, longestDenial)}
	default:
		r.Text = message.Denied
	}
	return r, nil
}

// maySignIn asks the app, once everything is proved and before anything is written. A refusal spends the ceremony's state and changes nothing
// else; what was taken for a guess that was right is given back.
func (s *Service) maySignIn(ctx context.Context, c *Caller, user account.User, methods []account.Method, w Wish, write account.FinishSignin) error {
	if s.BeforeSignin == nil {
		return nil
	}
	err := s.BeforeSignin(ctx, Attempt{User: user, Methods: slices.Clone(methods), Client: c.Client})
	if err == nil {
		return nil
	}
	r, err := denied("BeforeSignin", err)
	if err != nil {
		return err
	}
	err = errors.Join(s.store.Refund(ctx, account.Guess{Buckets: write.Refund}), s.store.ClearStreaks(ctx, write.Clear))
	if err != nil {
		return fmt.Errorf("signin: refund: %w", err)
	}
	used := methods[len(methods)-1]
	if used == account.MethodUserVerification || used == account.MethodDevice && len(methods) > 1 {
		used = methods[len(methods)-2]
	}
	if write.Spend != nil {
		return s.spent(ctx, c, account.EventSigninRefused, user.ID, used, *write.Spend, w.Next, r)
	}
	return s.refused(ctx, c.Client, account.EventSigninRefused, user.ID, used, r)
}

// mayRegister asks the app about an address, before it is looked up: the answer is the same whether or not somebody has it.
func (s *Service) mayRegister(ctx context.Context, c *Caller, email string, confirmed bool) error {
	if s.BeforeRegister == nil {
		return nil
	}
	err := s.BeforeRegister(ctx, Applicant{Email: email, Confirmed: confirmed, Client: c.Client})
	if err == nil {
		return nil
	}
	r, err := denied("BeforeRegister", err)
	if err != nil {
		return err
	}
	return s.refused(ctx, c.Client, account.EventRegisterRefused, "", account.MethodPassword, r)
}
