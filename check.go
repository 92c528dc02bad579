package latchkey

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/seal"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/passkey"
)

// check finds every fault of a configuration. What the relying party itself refuses (ids, origins) is added by passkey.New.
func (c Config) check() error {
	var faults []error
	fault := func(when bool, format string, args ...any) {
		if when {
			faults = append(faults, fmt.Errorf("latchkey: "+format, args...))
		}
	}
	fault(len(c.Origins) == 0, "Origins is empty: name the site as a browser sends it, such as https://app.example.com")
	fault(len(c.SecretKeys) == 0, "SecretKeys is empty: give at least one key of 32 random bytes")
	for i, k := range c.SecretKeys {
		fault(len(k) != seal.KeySize, "SecretKeys: key %d has %d bytes: make keys of %d random ones", i+1, len(k), seal.KeySize)
	}
	fault(c.RPName == "", "RPName is empty: give the site's name")
	fault(c.URLPrefix != "" && (!strings.HasPrefix(c.URLPrefix, "/") || strings.HasSuffix(c.URLPrefix, "/")), "URLPrefix %q must begin with a slash and not end with one", c.URLPrefix)
	fault(c.Freshness == 0, "Freshness is 0: nothing could ever be fresh; use a negative value to turn the check off")
	fault(c.NameMaxLength < 1 || c.NameMaxLength > 255, "NameMaxLength must be between 1 and 255")
	fault(c.PasswordLengthMin < 1 || c.PasswordLengthMin > 128, "PasswordLengthMin must be between 1 and 128")
	fault(c.RecoveryCodes && (c.RecoveryCodesN < 1 || c.RecoveryCodesN > 100), "RecoveryCodesN must be between 1 and 100")
	fault(c.BackupEligibleChange != passkey.RefuseBackupEligibleChange && c.BackupEligibleChange != passkey.AcceptBackupEligibleChange,
		"BackupEligibleChange %q must be %q or %q", c.BackupEligibleChange, passkey.RefuseBackupEligibleChange, passkey.AcceptBackupEligibleChange)
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"RegisterWithin", c.RegisterWithin}, {"RegisterTimeout", c.RegisterTimeout}, {"SigninWithin", c.SigninWithin}, {"SigninTimeout", c.SigninTimeout},
		{"TwoFactorLoginValidity", c.TwoFactorLoginValidity}, {"TwoFactorSetupWithin", c.TwoFactorSetupWithin},
		{"MailCodeValidity", c.MailCodeValidity}, {"SMSCodeValidity", c.SMSCodeValidity},
		{"SessionIdle", c.SessionIdle}, {"SessionLifetime", c.SessionLifetime}, {"RememberLifetime", c.RememberLifetime},
	} {
		fault(d.value <= 0, "%s must be longer than nothing", d.name)
	}
	fault(c.FreshnessGrace < 0, "FreshnessGrace must not be negative")
	for _, u := range c.AllowAsVerify {
		fault(u != account.UsageFirst && u != account.UsageSecondary, "AllowAsVerify: %q is neither %q nor %q", u, account.UsageFirst, account.UsageSecondary)
	}
	for _, m := range c.TwoFactorMethods {
		fault(!m.IsCode(), "TwoFactorMethods: %q is none of email, authenticator and sms", m)
	}
	fault(c.TwoFactorRequired && !c.TwoFactor, "TwoFactorRequired and not TwoFactor: nobody could set a second factor up; set both")
	fault(c.TwoFactorRequired && c.TwoFactor && len(c.TwoFactorMethods) == 0, "TwoFactorRequired and no TwoFactorMethods: enable at least the authenticator")
	sends := c.TwoFactor && (slices.Contains(c.TwoFactorMethods, account.MethodEmail) || slices.Contains(c.TwoFactorMethods, account.MethodSMS))
	fault(sends && c.Sender == nil && !c.local(), "TwoFactorMethods has methods that send messages: set Sender, or leave only the authenticator")
	fault(c.Confirmable && c.Sender == nil, "Confirmable mails links: set Sender")
	fault(c.TwoFactor && c.TwoFactorRescueEmail && c.Sender == nil, "TwoFactorRescueEmail mails codes: set Sender")
	fault(c.TwoFactor && c.TwoFactorRescueMail != "" && c.Sender == nil, "TwoFactorRescueMail is mailed: set Sender")
	for _, r := range []struct {
		name string
		rate Rate
	}{{"ThrottleAccount", c.ThrottleAccount}, {"ThrottleAddress", c.ThrottleAddress}, {"ThrottleSend", c.ThrottleSend}} {
		if err := r.rate.Validate(); err != nil {
			fault(true, "%s: %v; the zero value is no limit", r.name, err)
		}
	}
	if err := c.PasswordHash.Validate(); err != nil {
		fault(true, "PasswordHash: %v; Default has what is recommended", err)
	}
	return errors.Join(faults...)
}

// catalogue is the bundled texts with the app's own over them.
func catalogue(c Config) (*message.Catalogue, error) {
	var overlays []fs.FS
	if c.Overlay != nil {
		if _, err := fs.Stat(c.Overlay, "locales"); err == nil {
			sub, err := fs.Sub(c.Overlay, "locales")
			if err != nil {
				return nil, fmt.Errorf("latchkey: Overlay: %w", err)
			}
			overlays = append(overlays, sub)
		}
	}
	texts, err := message.New(overlays...)
	if err != nil {
		return nil, fmt.Errorf("latchkey: texts: %w", err)
	}
	return texts, nil
}
