package signin

import (
	"context"
	"fmt"

	"github.com/latchkey-auth/latchkey/account"
)

// Advice is what an account lacks, as stable codes.
type Advice string

const (
	// AdviceAddPasskey: there is none yet.
	AdviceAddPasskey Advice = "add_passkey"
	// AdviceOnlyWayIn: one passkey, on one device, is the only way in.
	AdviceOnlyWayIn Advice = "only_way_in"
	// AdviceOnlySecondFactor: the only second factor is a passkey on one device.
	AdviceOnlySecondFactor Advice = "only_second_factor"
	// AdviceRecoveryCodes: there is a second factor, and no recovery code for the day that it is lost.
	AdviceRecoveryCodes Advice = "recovery_codes"
	// AdviceFewRecoveryCodes: one is left.
	AdviceFewRecoveryCodes Advice = "few_recovery_codes"
)

// Overview is everything that an account can sign in with.
type Overview struct {
	Passkeys []account.Credential
	// UserHandle is what authenticators know the account by; nil where none was ever given out.
	UserHandle []byte
	Second     account.SecondFactors
	Advice     []Advice
}

// Overview reads it and says what is missing.
func (s *Service) Overview(ctx context.Context, user account.User) (Overview, error) {
	f, second, creds, err := s.factsOf(ctx, user.ID)
	if err != nil {
		return Overview{}, err
	}
	handle, err := s.store.UserHandle(ctx, user.ID, nil)
	if err := ignoreNotFound(err); err != nil {
		return Overview{}, fmt.Errorf("signin: user handle: %w", err)
	}
	o := Overview{Passkeys: creds, UserHandle: handle, Second: second}
	var first, bound int
	for _, c := range creds {
		if c.Usage == account.UsageFirst {
			first++
		} else if !c.BackupEligible {
			bound++
		}
	}
	add := func(a Advice, when bool) {
		if when {
			o.Advice = append(o.Advice, a)
		}
	}
	add(AdviceAddPasskey, len(creds) == 0)
	add(AdviceOnlyWayIn, !user.HasPassword() && first == 1 && len(creds) == 1 && !creds[0].BackupEligible)
	add(AdviceOnlySecondFactor, len(f.Codes) == 0 && f.Secondary == 1 && bound == 1 && second.RecoveryCodes == 0)
	if s.RecoveryCodes && len(f.methods()) > 0 {
		add(AdviceRecoveryCodes, second.RecoveryCodes == 0)
		add(AdviceFewRecoveryCodes, second.RecoveryCodes == 1)
	}
	return o, nil
}
