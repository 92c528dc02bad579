package latchkey

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/factor"
	"github.com/latchkey-auth/latchkey/internal/clientip"
	"github.com/latchkey-auth/latchkey/internal/loopback"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/seal"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/passkey"
	"github.com/latchkey-auth/latchkey/signin"
	"github.com/latchkey-auth/latchkey/web"
)

// Auth is Latchkey in an app: a handler to mount and middleware for the app's own routes. It is safe for concurrent use
// and starts nothing in the background.
type Auth struct {
	cfg     Config
	service *signin.Service
	web     *web.Handler
	store   account.Store
	users   account.Users
}

// New makes an Auth over a store. It copies cfg, checks all of it, and returns every fault at once, each saying what to change.
//
// Where cfg.Users is nil the store must keep the accounts as well, as the bundled ones do.
func New(cfg Config, store account.Store) (*Auth, error) {
	cfg = cfg.clone()
	faults := []error{cfg.check()}
	a := &Auth{cfg: cfg, store: store, users: cfg.Users}
	if a.users == nil {
		users, ok := store.(account.Users)
		if !ok {
			faults = append(faults, errors.New("latchkey: the store keeps no accounts: set Config.Users to the app's own"))
		}
		a.users = users
	}
	relying := passkey.Config{
		RPID: cfg.RPID, RPName: cfg.RPName, Origins: cfg.Origins,
		AllowCrossOrigin: cfg.AllowCrossOrigin, BackupEligibleChange: cfg.BackupEligibleChange,
	}
	if cfg.AllowCrossOrigin {
		relying.TopOrigins = []string{passkey.AnyTopOrigin} // who may frame an app's page is the page's to say
	}
	rp, err := passkey.New(relying)
	if err != nil && len(cfg.Origins) > 0 {
		faults = append(faults, fmt.Errorf("latchkey: Origins, RPID: %w", err))
	}
	texts, err := catalogue(cfg)
	if err := errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	ring, err := seal.NewRing(cfg.SecretKeys)
	if err != nil {
		return nil, fmt.Errorf("latchkey: SecretKeys: %w", err)
	}
	a.service = signin.New(a.serviceConfig(rp, ring, texts), a.users, store)
	a.web, err = web.New(web.Config{
		Prefix: cfg.URLPrefix, RPID: cfg.RPID, Origins: cfg.Origins, Messages: texts, Ring: ring, ClientIP: clientip.Resolver{Trusted: cfg.TrustedProxies},
		Overlay: cfg.Overlay, Rand: cfg.Rand, Log: cfg.Log,
		Registerable: cfg.Registerable, Confirmable: cfg.Confirmable, DefaultRememberMe: cfg.DefaultRememberMe,
		PostLoginView: cfg.PostLoginView, PostLogoutView: cfg.PostLogoutView, PostVerifyView: cfg.PostVerifyView, PostRegisterView: cfg.PostRegisterView,
		RememberLifetime: cfg.RememberLifetime, UserPayload: cfg.UserPayload, TemplateValues: cfg.TemplateValues, Diagnose: cfg.diagnosis(), Ready: store.Ping,
	}, a.service)
	if err != nil {
		return nil, fmt.Errorf("latchkey: %w", err)
	}
	return a, nil
}

// asides is how many mails that nobody waits for go out at once.
const asides = 32

func (a *Auth) serviceConfig(rp *passkey.RelyingParty, ring *seal.Ring, texts *message.Catalogue) signin.Config {
	c := a.cfg
	return signin.Config{
		RelyingParty: rp, Policy: c.Policy, Origins: c.Origins, SiteName: c.RPName, Ring: ring, Messages: texts,
		Passwords: password.New(c.PasswordHash, runtime.GOMAXPROCS(0), c.Rand), Sender: c.Sender, ParsePhone: c.ParsePhone, OnEvent: c.OnEvent, OnCeremony: c.OnCeremony,
		BeforeSignin: c.BeforeSignin, BeforeRegister: c.BeforeRegister,
		Clock: c.Clock, Rand: c.Rand, Log: c.Log, UsersElsewhere: c.Users != nil, Asides: asides, Base: c.Origins[0] + c.URLPrefix,
		AllowAsFirstFactor: c.AllowAsFirstFactor, AllowAsMultiFactor: c.AllowAsMultiFactor, AllowUserHints: c.AllowUserHints, AllowAsVerify: c.AllowAsVerify,
		RegisterWithin: c.RegisterWithin, RegisterTimeout: c.RegisterTimeout, SigninWithin: c.SigninWithin, SigninTimeout: c.SigninTimeout,
		NameMaxLength: c.NameMaxLength, Freshness: c.Freshness, FreshnessGrace: c.FreshnessGrace,
		TwoFactor: c.TwoFactor, TwoFactorRequired: c.TwoFactorRequired, TwoFactorAlwaysValidate: c.TwoFactorAlwaysValidate,
		TwoFactorMethods: c.TwoFactorMethods, TwoFactorLoginValidity: c.TwoFactorLoginValidity, TwoFactorSetupWithin: c.TwoFactorSetupWithin,
		TwoFactorRescueEmail: c.TwoFactorRescueEmail, TwoFactorRescueMail: c.TwoFactorRescueMail,
		MailCodeValidity: c.MailCodeValidity, SMSCodeValidity: c.SMSCodeValidity,
		RecoveryCodes: c.RecoveryCodes, RecoveryCodesN: c.RecoveryCodesN, TOTPIssuer: c.TOTPIssuer,
		GenericResponses: c.GenericResponses, PasswordLengthMin: c.PasswordLengthMin,
		SessionIdle: c.SessionIdle, SessionLifetime: c.SessionLifetime, RememberLifetime: c.RememberLifetime,
		ThrottleAccount: c.ThrottleAccount, ThrottleAddress: c.ThrottleAddress, ThrottleSend: c.ThrottleSend,
	}
}

// Handler serves the pages and the JSON API under Config.URLPrefix. Mount it there, without stripping the prefix; where it is empty, at
// "/" or at the paths that the app leaves to it.
func (a *Auth) Handler() http.Handler { return a.web }

// RecoveryLink makes a link, valid for 30 minutes and once, with which the owner of an account sets a new password and gets back in. Make
// sure that it is the owner whom you give it to. ErrNotFound of package account if nobody has that address.
func (a *Auth) RecoveryLink(ctx context.Context, email string) (string, error) {
	user, err := a.users.UserByEmail(ctx, email)
	if err != nil {
		return "", fmt.Errorf("latchkey: recovery link: %w", err)
	}
	if !user.Active {
		return "", fmt.Errorf("latchkey: recovery link: %w", account.ErrInactive)
	}
	token, err := a.service.RecoveryLink(ctx, signin.Client{Lang: "en"}, user)
	if err != nil {
		return "", err
	}
	return a.cfg.Origins[0] + a.cfg.URLPrefix + "/recover/" + token, nil
}

// ErrKeys: what the store holds was sealed under a key that is not among Config.SecretKeys. Put the missing one back, after the first.
var ErrKeys = signin.ErrKeys

// CheckKeys reports whether Config.SecretKeys are those of the store, ErrKeys if not. Call it when a program starts, so that it does not come
// out at the first code that somebody types.
func (a *Auth) CheckKeys(ctx context.Context) error { return a.service.CheckKeys(ctx) }

// Reseal seals what the store holds under the first of Config.SecretKeys. After that the others can be taken away, once every server has the
// first, and what they sealed for browsers is older than you care for: a day for links, a year for what tells known browsers.
func (a *Auth) Reseal(ctx context.Context) (signin.Resealed, error) { return a.service.Reseal(ctx) }

// ForgetLostKeys gives up what was sealed under keys that are gone for good: everybody's recovery codes. Authenticator apps under them have
// to be set up anew; [Auth.Reseal] names whose.
func (a *Auth) ForgetLostKeys(ctx context.Context) error { return a.service.ForgetLostKeys(ctx) }

// Unlock opens the steps of an account again that were closed after too many failures in a row. Make sure that it is the owner who asks.
// ErrNotFound of package account if nobody has that address.
func (a *Auth) Unlock(ctx context.Context, email string) error {
	user, err := a.users.UserByEmail(ctx, email)
	if err != nil {
		return fmt.Errorf("latchkey: unlock: %w", err)
	}
	return a.service.Unlock(ctx, signin.Client{}, user)
}

// Refuse is what [Config.BeforeSignin] and [Config.BeforeRegister] return to refuse: a text for the person, and for the event a reason of
// lower-case letters, digits and underscores. Text in the person's own language, by its key in the catalogue: see [signin.Denial].
func Refuse(reason, text string) error { return &signin.Denial{Reason: reason, Text: text} }

// Sweep deletes what has ended: sessions, pending sign-ins, spent states. Call it now and then, every minute or so; any
// number of replicas may.
func (a *Auth) Sweep(ctx context.Context) error { return a.service.Sweep(ctx) }

// Close waits for mails that are on their way, and writes what waits to be written. Call it once no more requests come. The store is the
// caller's to close.
func (a *Auth) Close(ctx context.Context) error { return a.service.Close(ctx) }

// clone is a copy that the caller can no longer change, with what is empty filled in.
func (c Config) clone() Config {
	c.Origins, c.SecretKeys = slices.Clone(c.Origins), slices.Clone(c.SecretKeys)
	c.AllowAsVerify, c.TwoFactorMethods = slices.Clone(c.AllowAsVerify), slices.Clone(c.TwoFactorMethods)
	c.TrustedProxies = slices.Clone(c.TrustedProxies)
	for i, o := range c.Origins {
		c.Origins[i] = strings.TrimSuffix(strings.TrimSpace(o), "/")
	}
	if c.RPID == "" && len(c.Origins) > 0 {
		if u, err := url.Parse(c.Origins[0]); err == nil {
			c.RPID = u.Hostname()
		}
	}
	if c.TOTPIssuer == "" {
		c.TOTPIssuer = c.RPName
	}
	if c.ParsePhone == nil {
		c.ParsePhone = factor.E164
	}
	if c.Sender == nil && c.local() { // development: what cannot be sent is not offered
		c.TwoFactorMethods = slices.DeleteFunc(c.TwoFactorMethods, func(m account.Method) bool { return m == account.MethodEmail || m == account.MethodSMS })
	}
	if c.Policy == nil {
		c.Policy = passkey.Classic{}
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// local reports whether every origin is this machine: development, where mails go to a folder.
func (c Config) local() bool {
	for _, o := range c.Origins {
		u, err := url.Parse(o)
		if err != nil || !loopback.Is(u.Hostname()) {
			return false
		}
	}
	return len(c.Origins) > 0
}
