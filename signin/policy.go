package signin

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/names"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/passkey"
)

// This file asks the policy and judges what it says. What cannot stand is replaced by what the bundled policy says, with an error in the log:
// a mistake in a policy is the operator's to hear of, and not the visitor's.

// longestTimeout bounds the browser's time that a policy may choose. No state lives longer anyhow.
const longestTimeout = 24 * time.Hour

// misguided logs what a policy said that cannot stand.
func (s *Service) misguided(ctx context.Context, method, what string) {
	s.Log.LogAttrs(ctx, slog.LevelError, "the policy's answer is not used", slog.String("method", method), slog.String("problem", what))
}

// challenge draws the challenge of a ceremony. Whatever the policy puts before them, 32 random bytes make it unlike every other.
func (s *Service) challenge(ctx context.Context) ([]byte, error) {
	own, err := passkey.NewChallenge(s.Rand)
	if err != nil {
		return nil, err
	}
	prefix := s.Policy.Challenge(ctx)
	if len(prefix) > passkey.MaxChallengePrefix {
		s.misguided(ctx, "Challenge", "it is too long")
		prefix = nil
	}
	return slices.Concat(prefix, own), nil
}

// ChooseOrigin is the configured origin that a ceremony begun by a request must be finished on; empty: any of them.
func (s *Service) ChooseOrigin(ctx context.Context, r passkey.Request) string {
	chosen := s.Policy.Origin(ctx, r, slices.Clone(s.Origins))
	if slices.Contains(s.Origins, chosen) {
		return chosen
	}
	if chosen != "" {
		s.misguided(ctx, "Origin", "it is not configured")
	}
	if slices.Contains(s.Origins, r.Origin) {
		return r.Origin
	}
	return ""
}

// registrationChoices are the policy's for a new passkey.
func (s *Service) registrationChoices(ctx context.Context, who passkey.Registering) (passkey.AuthenticatorSelection, passkey.RegistrationOptions) {
	selection := s.Policy.AuthenticatorSelection(ctx, who)
	if !selection.Valid() {
		s.misguided(ctx, "AuthenticatorSelection", "it has a word that WebAuthn does not know")
		selection = passkey.Classic{}.AuthenticatorSelection(ctx, who)
	}
	bundled := passkey.RegistrationOptions{DisplayName: who.User.Email, Timeout: s.RegisterTimeout, Attestation: "none"}
	o := s.Policy.RegistrationOptions(ctx, who, bundled)
	o.Timeout = s.timeout(ctx, "RegistrationOptions", o.Timeout, s.RegisterTimeout)
	if !slices.Contains([]string{"", "none", "indirect", "direct", "enterprise"}, o.Attestation) {
		s.misguided(ctx, "RegistrationOptions", "WebAuthn does not know that attestation conveyance")
		o.Attestation = bundled.Attestation
	}
	offered := passkey.Algorithms()
	if slices.ContainsFunc(o.Algorithms, func(a int64) bool { return !slices.Contains(offered, a) }) {
		s.misguided(ctx, "RegistrationOptions", "it offers an algorithm that cannot be verified")
		o.Algorithms = nil
	}
	if len(o.DisplayName) > 256 {
		s.misguided(ctx, "RegistrationOptions", "the display name is too long")
		o.DisplayName = bundled.DisplayName
	}
	return selection, o
}

// requestParams are those of a sign-in or verification, with the policy's choices.
func (s *Service) requestParams(ctx context.Context, a passkey.Asking, challenge []byte) passkey.RequestParams {
	if a.User != nil { // what it is told of somebody is not the very value that we go on with
		user := *a.User
		a.User = &user
	}
	p := passkey.RequestParams{Challenge: challenge, UserVerification: s.Policy.UserVerification(ctx, a)}
	if !p.UserVerification.Valid() {
		s.misguided(ctx, "UserVerification", "WebAuthn does not know that word")
		p.UserVerification = passkey.Classic{}.UserVerification(ctx, a)
	}
	o := s.Policy.AuthenticationOptions(ctx, a, passkey.AuthenticationOptions{Timeout: s.SigninTimeout})
	p.Timeout, p.Hints = s.timeout(ctx, "AuthenticationOptions", o.Timeout, s.SigninTimeout), o.Hints
	return p
}

func (s *Service) timeout(ctx context.Context, method string, chosen, bundled time.Duration) time.Duration {
	if chosen < time.Second || chosen > longestTimeout {
		if chosen != bundled {
			s.misguided(ctx, method, "the timeout is not between a second and a day")
		}
		return bundled
	}
	return chosen
}

// nickname is a passkey's name as the policy has it.
func (s *Service) nickname(ctx context.Context, raw string) (string, *Refusal) {
	name, err := s.Policy.Nickname(raw, s.NameMaxLength)
	switch {
	case errors.Is(err, passkey.ErrNicknameRequired):
		return "", refuse(message.WebAuthnNameRequired, "name").why("nickname_missing", nil)
	case errors.Is(err, passkey.ErrNicknameTooLong):
		return "", refuse(message.InvalidInputLength, "name", "Max", s.NameMaxLength).why("nickname_too_long", nil)
	case err != nil:
		return "", refuse(message.InvalidInput, "name").why("nickname_invalid", err)
	case name == "":
		return "", refuse(message.WebAuthnNameRequired, "name").why("nickname_missing", nil)
	case !names.Presentable(name):
		return "", refuse(message.InvalidInput, "name").why("nickname_invalid", nil)
	}
	return name, nil
}
