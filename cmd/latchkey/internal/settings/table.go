package settings

import (
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/throttle"
)

// setting is one row of the table.
type setting struct {
	name string
	// value is the default, as a variable would hold it. Where the default is worked out from other settings or is to have
	// nothing, note says so in words, and set is not called for it.
	value, note string
	meaning     string
	set         setter
}

// group is a part of the table, as the documentation shows it.
type group struct {
	title    string
	settings []setting
}

func groups() []group {
	return []group{
		{"The site", site()},
		{"Passkeys", passkeys()},
		{"Freshness and sessions", sessions()},
		{"Second factors", factors()},
		{"Accounts and pages", accounts()},
		{"Limits", limits()},
		{"The server", server()},
		{"Mails and text messages", messages()},
	}
}

func table() []setting {
	var all []setting
	for _, g := range groups() {
		all = append(all, g.settings...)
	}
	return all
}

func passkeys() []setting {
	return []setting{
		{name: "WAN_ALLOW_AS_FIRST_FACTOR", value: "true",
			meaning: "A passkey may start a sign-in. `false`: passkeys are second factors only.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.AllowAsFirstFactor })},
		{name: "WAN_ALLOW_AS_MULTI_FACTOR", value: "true",
			meaning: "A passkey that verified its user (by fingerprint, face or PIN) counts as both factors.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.AllowAsMultiFactor })},
		{name: "WAN_ALLOW_AS_VERIFY", value: "first,secondary",
			meaning: "The usages whose passkeys may answer when the site asks again before something sensitive: `first`, `secondary`, both (`true` means that too), or empty for none.",
			set:     allowAsVerify},
		{name: "WAN_ALLOW_USER_HINTS", value: "true",
			meaning: "After an address was typed, the browser is told which passkeys belong to it; unknown addresses get decoys. `false`: only passkeys that the browser finds by itself.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.AllowUserHints })},
		{name: "WAN_ALLOW_CROSS_ORIGIN", value: "false",
			meaning: "Accept passkeys used on this site's pages in a frame of another site.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.AllowCrossOrigin })},
		{name: "WAN_BACKUP_ELIGIBLE_CHANGE", value: "refuse",
			meaning: "What happens when a passkey says that it can be synced and said otherwise when it was added, which the specification forbids and some password managers do: `refuse` it, or `accept` and record it.",
			set:     backupEligibleChange()},
		{name: "WAN_NAME_MAX_LENGTH", value: "64",
			meaning: "The longest name of a passkey, in characters.",
			set:     integer(func(s *Settings) *int { return &s.Library.NameMaxLength }, 1, 255)},
		{name: "WAN_REGISTER_WITHIN", value: "30m",
			meaning: "How long the adding of a passkey, once started, may be finished.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.RegisterWithin }, positive)},
		{name: "WAN_REGISTER_TIMEOUT", value: "60s",
			meaning: "How long the browser waits for the person then.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.RegisterTimeout }, positive)},
		{name: "WAN_SIGNIN_WITHIN", value: "5m",
			meaning: "How long a sign-in or verification with a passkey, once started, may be finished. Keep it longer than WAN_SIGNIN_TIMEOUT.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.SigninWithin }, positive)},
		{name: "WAN_SIGNIN_TIMEOUT", value: "60s",
			meaning: "How long the browser waits for the person then.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.SigninTimeout }, positive)},
		{name: "POLICY", value: "classic",
			meaning: "What passkeys the site asks for. `classic`: security keys as a first factor, anything as a second. `synced`: passkeys that browsers and phones sync, with user verification as a first factor.",
			set:     policy()},
	}
}

func sessions() []setting {
	return []setting{
		{name: "FRESHNESS", value: "24h",
			meaning: "How long after the last proof sensitive pages open without asking again. Negative (`-1s`): they never ask, and the verify pages are gone. `0` is an error: nothing could ever pass.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.Freshness }, notZero)},
		{name: "FRESHNESS_GRACE_PERIOD", value: "1h",
			meaning: "Who is busy with sensitive pages is not asked again for so long after each.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.FreshnessGrace }, notNegative)},
		{name: "SESSION_IDLE", value: "12h",
			meaning: "A session that was not seen for so long ends.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.SessionIdle }, positive)},
		{name: "SESSION_LIFETIME", value: "24h",
			meaning: "A session ends after so long in any case.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.SessionLifetime }, positive)},
		{name: "REMEMBER_LIFETIME", value: "720h",
			meaning: "Stands for both where the person asked to be remembered.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.RememberLifetime }, positive)},
		{name: "DEFAULT_REMEMBER_ME", value: "false",
			meaning: "“Remember me” is ticked to begin with.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.DefaultRememberMe })},
	}
}

func factors() []setting {
	return []setting{
		{name: "TWO_FACTOR", value: "true",
			meaning: "People may set up codes as second factors. `false`: only passkeys can be.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.TwoFactor })},
		{name: "TWO_FACTOR_REQUIRED", value: "false",
			meaning: "Everybody needs a second factor, and sets one up at the next sign-in.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.TwoFactorRequired })},
		{name: "TWO_FACTOR_ENABLED_METHODS", value: "email,authenticator,sms",
			meaning: "The kinds of code on offer: `email`, `authenticator` (an app), `sms`. Passkeys are not among them: they are always possible.",
			set:     choices(func(s *Settings) *[]account.Method { return &s.Library.TwoFactorMethods }, account.MethodEmail, account.MethodAuthenticator, account.MethodSMS)},
		{name: "TWO_FACTOR_ALWAYS_VALIDATE", value: "true",
			meaning: "The second factor is asked for at every sign-in. `false`: not on a device that its owner asked to be remembered on.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.TwoFactorAlwaysValidate })},
		{name: "TWO_FACTOR_LOGIN_VALIDITY", value: "720h",
			meaning: "How long such a device is remembered.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.TwoFactorLoginValidity }, positive)},
		{name: "TWO_FACTOR_SETUP_WITHIN", value: "30m",
			meaning: "How long the setup of a code, once started, may be finished.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.TwoFactorSetupWithin }, positive)},
		{name: "TWO_FACTOR_MAIL_VALIDITY", value: "5m",
			meaning: "How long a mailed code counts.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.MailCodeValidity }, positive)},
		{name: "TWO_FACTOR_SMS_VALIDITY", value: "2m",
			meaning: "How long a code in a text message counts.",
			set:     duration(func(s *Settings) *time.Duration { return &s.Library.SMSCodeValidity }, positive)},
		{name: "TWO_FACTOR_RESCUE_EMAIL", value: "false",
			meaning: "Who can't use their second factor may have a code mailed instead. This makes every second factor as weak as the mailbox.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.TwoFactorRescueEmail })},
		{name: "TWO_FACTOR_RESCUE_MAIL", note: "none",
			meaning: "The address of the operator, to whom such people may write from the sign-in page.",
			set:     rescueMail},
		{name: "MULTI_FACTOR_RECOVERY_CODES", value: "true",
			meaning: "People may have recovery codes.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.RecoveryCodes })},
		{name: "MULTI_FACTOR_RECOVERY_CODES_N", value: "5",
			meaning: "How many recovery codes are made at a time.",
			set:     integer(func(s *Settings) *int { return &s.Library.RecoveryCodesN }, 1, 100)},
		{name: "TOTP_ISSUER", note: "WAN_RP_NAME",
			meaning: "The site's name in authenticator apps.",
			set:     name(func(s *Settings) *string { return &s.Library.TOTPIssuer }, "")},
	}
}

func accounts() []setting {
	return []setting{
		{name: "REGISTERABLE", value: "true",
			meaning: "People may make accounts themselves. `false`: only `latchkey user add` makes them.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.Registerable })},
		{name: "CONFIRMABLE", value: "false",
			meaning: "A new account's address is confirmed by a mailed link before it can sign in, and registering an address that exists looks just the same.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.Confirmable })},
		{name: "RETURN_GENERIC_RESPONSES", value: "true",
			meaning: "A failed sign-in says one thing, whatever was wrong. `false`: it says whether the address or the password was.",
			set:     boolean(func(s *Settings) *bool { return &s.Library.GenericResponses })},
		{name: "PASSWORD_LENGTH_MIN", value: "8",
			meaning: "The shortest password, in characters. Common passwords are refused at any length.",
			set:     integer(func(s *Settings) *int { return &s.Library.PasswordLengthMin }, 1, 128)},
		{name: "POST_LOGIN_VIEW", note: "`/`, below URL_PREFIX",
			meaning: "Where a browser goes after signing in, where nothing else was asked for: a path on this site, or a URL.",
			set:     view(func(s *Settings) *string { return &s.Library.PostLoginView })},
		{name: "POST_LOGOUT_VIEW", note: "`/`, below URL_PREFIX",
			meaning: "Likewise after signing out.",
			set:     view(func(s *Settings) *string { return &s.Library.PostLogoutView })},
		{name: "POST_VERIFY_VIEW", note: "`/`, below URL_PREFIX",
			meaning: "Likewise after confirming that it is still the same person.",
			set:     view(func(s *Settings) *string { return &s.Library.PostVerifyView })},
		{name: "WAN_POST_REGISTER_VIEW", note: "`/wan-register`, below URL_PREFIX",
			meaning: "Likewise after adding a passkey.",
			set:     view(func(s *Settings) *string { return &s.Library.PostRegisterView })},
	}
}

func limits() []setting {
	return []setting{
		{name: "THROTTLE_ACCOUNT", value: "10/5m",
			meaning: "Wrong guesses per account and step. Beyond it the step answers 429; the account's other ways in stay open.",
			set:     rate(func(s *Settings) *throttle.Rate { return &s.Library.ThrottleAccount })},
		{name: "THROTTLE_ADDRESS", value: "100/5m",
			meaning: "Wrong guesses and new accounts per network address.",
			set:     rate(func(s *Settings) *throttle.Rate { return &s.Library.ThrottleAddress })},
		{name: "THROTTLE_SEND", value: "5/10m",
			meaning: "Codes and mails sent per account.",
			set:     rate(func(s *Settings) *throttle.Rate { return &s.Library.ThrottleSend })},
	}
}
