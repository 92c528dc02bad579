package latchkey

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/throttle"
	"github.com/latchkey-auth/latchkey/passkey"
	"github.com/latchkey-auth/latchkey/signin"
	"github.com/latchkey-auth/latchkey/web"
)

// Config is every setting. Start from [Default], change what you need, and give it to [New], which copies it, checks all of
// it and reports every fault at once.
//
// Each comment says what a field does, its default in brackets, and in capitals its name in the server (an environment variable, with LATCHKEY_
// before it). Durations are Go's; the zero value of a field is not its default, unless that is what the brackets say.
type Config struct {
	// Origins are the sites that people use, scheme, host and port exactly as a browser sends them in Origin. https, or http on
	// localhost. The first is the one that links in mails point to. Required [none]. ORIGINS
	Origins []string
	// RPID is the relying-party id: the host of an origin, or a parent domain that all of them share. Passkeys are bound to it
	// for good [the host of the first origin]. RP_ID
	RPID string
	// RPName is the site's name for people ["Latchkey"]. WAN_RP_NAME
	RPName string
	// URLPrefix is the path that the handler is mounted at, such as "/auth", without a slash at its end [""]. URL_PREFIX
	URLPrefix string
	// SecretKeys are keys of 32 random bytes each. The first seals, all open: to change keys put the new one in front. Required [none]. SECRET_KEYS
	SecretKeys [][]byte

	// AllowAsFirstFactor lets a passkey start a sign-in; false: passkeys are second factors only [true]. WAN_ALLOW_AS_FIRST_FACTOR
	AllowAsFirstFactor bool
	// AllowAsMultiFactor lets a passkey that verified its user count as both factors [true]. WAN_ALLOW_AS_MULTI_FACTOR
	AllowAsMultiFactor bool
	// AllowAsVerify are the usages whose passkeys may answer /wan-verify; empty: none, and the endpoint is not there [both].
	// WAN_ALLOW_AS_VERIFY
	AllowAsVerify []account.Usage
	// AllowUserHints narrows the browser's choice to the passkeys of the identity that was typed; unknown identities
	// get decoys. False: only passkeys that the browser finds by itself [true]. WAN_ALLOW_USER_HINTS
	AllowUserHints bool
	// RegisterWithin is how long a started registration may be finished [30m]. WAN_REGISTER_WITHIN
	RegisterWithin time.Duration
	// RegisterTimeout is how long the browser waits for the person then [1m]. WAN_REGISTER_TIMEOUT
	RegisterTimeout time.Duration
	// SigninWithin is how long a started sign-in or verification may be finished. Keep it longer than SigninTimeout [5m]. WAN_SIGNIN_WITHIN
	SigninWithin time.Duration
	// SigninTimeout is how long the browser waits for the person then [1m]. WAN_SIGNIN_TIMEOUT
	SigninTimeout time.Duration
	// NameMaxLength bounds a passkey's nickname, in characters; 1 to 255 [64]. WAN_NAME_MAX_LENGTH
	NameMaxLength int
	// AllowCrossOrigin accepts ceremonies that ran in a frame of another site, whichever it is: which sites may frame a page is for its
	// frame-ancestors to say. Latchkey's own pages allow none [false]. WAN_ALLOW_CROSS_ORIGIN
	AllowCrossOrigin bool
	// BackupEligibleChange says what happens when a passkey's backup-eligible flag is not what it was [refuse]. WAN_BACKUP_ELIGIBLE_CHANGE
	BackupEligibleChange passkey.BackupEligibleChange
	// Policy makes the relying party's choices: see [passkey.Policy]; nil is the default [passkey.Classic]. POLICY
	Policy passkey.Policy

	// Freshness is how long after a proof sensitive pages open; negative: no check, and no verify endpoints; 0 is refused, nothing could ever
	// pass [24h]. FRESHNESS
	Freshness time.Duration
	// FreshnessGrace slides on while the person is busy with sensitive pages; 0: it does not [1h]. FRESHNESS_GRACE_PERIOD
	FreshnessGrace time.Duration

	// TwoFactor offers code methods; false: only passkeys are second factors [true]. TWO_FACTOR
	TwoFactor bool
	// TwoFactorRequired demands a second factor of everybody, who set one up at their next sign-in [false]. TWO_FACTOR_REQUIRED
	TwoFactorRequired bool
	// TwoFactorMethods are the code methods on offer. Those that send messages need Sender; where every origin is localhost they are left
	// out without one [email, authenticator, sms]. TWO_FACTOR_ENABLED_METHODS
	TwoFactorMethods []account.Method
	// TwoFactorAlwaysValidate asks for the second factor at every sign-in; false: not on a device that its owner asked to be
	// remembered on [true]. TWO_FACTOR_ALWAYS_VALIDATE
	TwoFactorAlwaysValidate bool
	// TwoFactorLoginValidity is how long such a device is remembered [720h]. TWO_FACTOR_LOGIN_VALIDITY
	TwoFactorLoginValidity time.Duration
	// TwoFactorSetupWithin is how long a started setup of a code method may be finished [30m]. TWO_FACTOR_SETUP_WITHIN
	TwoFactorSetupWithin time.Duration
	// TwoFactorRescueEmail lets any second factor be replaced by a mailed code, which makes each as weak as the mailbox [false].
	// TWO_FACTOR_RESCUE_EMAIL
	TwoFactorRescueEmail bool
	// TwoFactorRescueMail is the operator's address for calls for help; empty: there is no such way [""]. TWO_FACTOR_RESCUE_MAIL
	TwoFactorRescueMail string
	// MailCodeValidity is how long a mailed code counts [5m]. TWO_FACTOR_MAIL_VALIDITY
	MailCodeValidity time.Duration
	// SMSCodeValidity is how long a code in a text message counts [2m]. TWO_FACTOR_SMS_VALIDITY
	SMSCodeValidity time.Duration
	// RecoveryCodes offers recovery codes [true]. MULTI_FACTOR_RECOVERY_CODES
	RecoveryCodes bool
	// RecoveryCodesN is how many are made at a time; 1 to 100 [5]. MULTI_FACTOR_RECOVERY_CODES_N
	RecoveryCodesN int
	// TOTPIssuer is the site's name in authenticator apps [RPName]. TOTP_ISSUER
	TOTPIssuer string

	// DefaultRememberMe ticks the boxes of the pages to begin with [false]. DEFAULT_REMEMBER_ME
	DefaultRememberMe bool
	// PostLoginView is where a browser goes after signing in, where nothing else was asked for: a path of this site, taken as it stands, or a
	// URL [the path "/" under URLPrefix]. POST_LOGIN_VIEW
	PostLoginView string
	// PostLogoutView is the same after signing out [likewise]. POST_LOGOUT_VIEW
	PostLogoutView string
	// PostVerifyView is the same after a proof of being there [likewise]. POST_VERIFY_VIEW
	PostVerifyView string
	// PostRegisterView is the same after a passkey was added ["/wan-register" under URLPrefix]. WAN_POST_REGISTER_VIEW
	PostRegisterView string
	// Registerable lets people make accounts; false: /register is 404 [true]. REGISTERABLE
	Registerable bool
	// Confirmable makes them prove the address first, by a mailed link; whether it has an account already is told to nobody. Needs
	// Sender [false]. CONFIRMABLE
	Confirmable bool
	// GenericResponses: a failed /login says one thing, whatever was wrong; false: it says whether the address or the password was [true].
	// RETURN_GENERIC_RESPONSES
	GenericResponses bool
	// PasswordLengthMin is in characters; 1 to 128. Common passwords are refused at any length [8]. PASSWORD_LENGTH_MIN
	PasswordLengthMin int
	// PasswordHash are the costs of argon2id: KiB of memory, passes, lanes. Tests set cheap ones. A hash of other costs is renewed at
	// the next sign-in [19 MiB, 2, 1].
	PasswordHash HashCosts

	// SessionIdle ends a session that was not seen for so long [12h]. SESSION_IDLE
	SessionIdle time.Duration
	// SessionLifetime ends a session in any case [24h]. SESSION_LIFETIME
	SessionLifetime time.Duration
	// RememberLifetime stands for both where the person asked to be remembered [720h]. REMEMBER_LIFETIME
	RememberLifetime time.Duration

	// ThrottleAccount bounds wrong guesses per account and step; beyond it the step answers 429, and the account's other ways in stay
	// open. The zero Rate is no limit [10 in 5m]. THROTTLE_ACCOUNT
	ThrottleAccount Rate
	// ThrottleAddress bounds wrong guesses and new accounts per address [100 in 5m]. THROTTLE_ADDRESS
	ThrottleAddress Rate
	// ThrottleSend bounds codes and mails per account [5 in 10m]. THROTTLE_SEND
	ThrottleSend Rate
	// TrustedProxies are the addresses whose X-Forwarded-For is believed; from all others the header is ignored [none]. TRUSTED_PROXIES
	TrustedProxies []netip.Prefix

	// Users is the app's own users table; nil: the store keeps the accounts.
	Users account.Users
	// Sender sends mails and text messages; nil: there is nothing to send with, and enabling a method that needs it is a fault; where every
	// origin is localhost such methods are left out instead.
	Sender signin.Sender
	// ParsePhone turns what a person typed into E.164; nil: only E.164 itself is taken.
	ParsePhone func(string) (string, error)
	// BeforeSignin is asked once a sign-in has proved all that it must, before anything is written; nil: nobody is asked. Return nil to let it
	// succeed, or [Refuse] to refuse it: then there is no session and no cookie, and no count, code or passkey's last use has changed. Any other
	// error fails the request (500, with the cause in the log).
	BeforeSignin func(context.Context, signin.Attempt) error
	// BeforeRegister is asked about an address before it is looked up, so that its answer is the same whether or not somebody has it; nil: nobody
	// is asked. Its errors are as BeforeSignin's.
	BeforeRegister func(context.Context, signin.Applicant) error
	// OnEvent is told of each decision, after it was committed, in the context of the request but for its cancellation. The request waits for it:
	// it must not block for long. Nil: nobody is told; the events are in the store all the same.
	OnEvent func(context.Context, account.Event)
	// OnCeremony is told what became of each WebAuthn ceremony, those included that ended in the browser and were told of by latchkey.js; for
	// metrics. It must return at once.
	OnCeremony func(signin.Ceremony)
	// UserPayload is what a response says about its user; nil: {"email": …}.
	UserPayload func(account.User) map[string]any
	// Overlay is the app's own look: a file of it replaces the bundled one of the same path. templates/layout.html is the frame of all pages,
	// templates/login.html and the others a page each (package web's View says what they are given); static/latchkey.css the style; texts are
	// laid over key by key by locales/*.json, and a new language is a new file of that folder. Nil: the bundled look.
	Overlay fs.FS
	// TemplateValues are values of the app's own for a page's template, which finds them in .Values; nil: none. Behind [UserFrom] and
	// [SessionFrom] of the request's context is who is signed in. Called for every page that is shown.
	TemplateValues func(r *http.Request, page string) map[string]any

	// Diagnosis adds to what the page /doctor shows, which is there while every origin is localhost, and at no other site; nil: it shows what it
	// finds by itself. No finding may hold a secret.
	Diagnosis func(context.Context) []Finding

	// Clock and Rand are the only sources of time and randomness; nil: the system's.
	Clock func() time.Time
	Rand  io.Reader
	// Log gets what an operator should know: failures with their causes, never a secret; nil: nothing is logged.
	Log *slog.Logger
}

// Rate is N at once, given back evenly over Per: Rate{N: 10, Per: 5 * time.Minute}. Its zero value is no limit.
type Rate = throttle.Rate

// HashCosts are the costs of argon2id (RFC 9106): Memory in KiB, Time in passes over it, Threads in lanes.
type HashCosts = password.Params

// Finding is one thing that the page /doctor shows.
type Finding = web.Finding

// Default is the configuration that HTTP.md describes, without origins, keys and sender.
func Default() Config {
	return Config{
		RPName:             "Latchkey",
		AllowAsFirstFactor: true, AllowAsMultiFactor: true,
		AllowAsVerify:  []account.Usage{account.UsageFirst, account.UsageSecondary},
		AllowUserHints: true,
		RegisterWithin: 30 * time.Minute, RegisterTimeout: time.Minute,
		SigninWithin: 5 * time.Minute, SigninTimeout: time.Minute,
		NameMaxLength:        64,
		BackupEligibleChange: passkey.RefuseBackupEligibleChange,
		Policy:               passkey.Classic{},
		Freshness:            24 * time.Hour, FreshnessGrace: time.Hour,
		TwoFactor:               true,
		TwoFactorMethods:        []account.Method{account.MethodEmail, account.MethodAuthenticator, account.MethodSMS},
		TwoFactorAlwaysValidate: true, TwoFactorLoginValidity: 720 * time.Hour, TwoFactorSetupWithin: 30 * time.Minute,
		MailCodeValidity: 5 * time.Minute, SMSCodeValidity: 2 * time.Minute,
		RecoveryCodes: true, RecoveryCodesN: 5,
		Registerable: true, GenericResponses: true,
		PasswordLengthMin: 8, PasswordHash: password.Recommended(),
		SessionIdle: 12 * time.Hour, SessionLifetime: 24 * time.Hour, RememberLifetime: 720 * time.Hour,
		ThrottleAccount: throttle.Rate{N: 10, Per: 5 * time.Minute},
		ThrottleAddress: throttle.Rate{N: 100, Per: 5 * time.Minute},
		ThrottleSend:    throttle.Rate{N: 5, Per: 10 * time.Minute},
	}
}
