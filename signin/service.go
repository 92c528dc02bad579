package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/factor"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/seal"
	"github.com/latchkey-auth/latchkey/internal/throttle"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/passkey"
)

// Config is what the service needs. The root package's Config documents the settings, one by one.
type Config struct {
	RelyingParty *passkey.RelyingParty
	Policy       passkey.Policy
	Origins      []string
	SiteName     string
	// Base is where links in mails lead: the first origin with the prefix, without a slash at its end.
	Base       string
	Ring       *seal.Ring
	Passwords  *password.Hasher
	Messages   *message.Catalogue
	Sender     Sender
	ParsePhone func(string) (string, error)
	OnEvent    func(context.Context, account.Event)
	OnCeremony func(Ceremony)
	Clock      func() time.Time
	Rand       io.Reader
	Log        *slog.Logger

	AllowAsFirstFactor, AllowAsMultiFactor, AllowUserHints bool
	AllowAsVerify                                          []account.Usage
	RegisterWithin, RegisterTimeout                        time.Duration
	SigninWithin, SigninTimeout                            time.Duration
	NameMaxLength                                          int

	Freshness, FreshnessGrace time.Duration

	TwoFactor, TwoFactorRequired, TwoFactorAlwaysValidate bool
	TwoFactorMethods                                      []account.Method
	TwoFactorLoginValidity, TwoFactorSetupWithin          time.Duration
	TwoFactorRescueEmail                                  bool
	TwoFactorRescueMail                                   string
	MailCodeValidity, SMSCodeValidity                     time.Duration
	RecoveryCodes                                         bool
	RecoveryCodesN                                        int
	TOTPIssuer                                            string

	GenericResponses  bool
	PasswordLengthMin int

	SessionIdle, SessionLifetime, RememberLifetime time.Duration

	ThrottleAccount, ThrottleAddress, ThrottleSend throttle.Rate

	// Asides is how many notices may go out beside requests at once; with 0 each request sends its own.
	Asides int
	// BeforeSignin and BeforeRegister may refuse, with a Denial; nil: nobody is asked.
	BeforeSignin   func(context.Context, Attempt) error
	BeforeRegister func(context.Context, Applicant) error

	// UsersElsewhere: the accounts are the app's own, whatever the store returns beside a session or a passkey.
	UsersElsewhere bool
}

// Service is the state machine over one store. It is safe for concurrent use.
type Service struct {
	Config
	users   account.Users
	store   account.Store
	codes   *factor.Codes
	states  map[ceremony]*seal.Box
	totp    *seal.Box
	setups  *seal.Box
	graces  *seal.Box
	knowns  *seal.Box
	ids     *seal.MAC
	wraps   *seal.Box
	decoys  keyOnce
	codeKey keyOnce
	seen    seenBatch
	asides  asides
}

// New makes a service. The root package has checked the settings.
func New(cfg Config, users account.Users, store account.Store) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		Config: cfg, users: users, store: store,
		codes:  factor.NewCodes(cfg.Ring),
		states: map[ceremony]*seal.Box{},
		totp:   cfg.Ring.Box("totp secret"),
		setups: cfg.Ring.Box("pending setup"),
		graces: cfg.Ring.Box("freshness grace"),
		knowns: cfg.Ring.Box("known browser"),
		wraps:  cfg.Ring.Box("stored key"),
		ids:    cfg.Ring.MAC("identity in a state"),
	}
	s.asides.places = make(chan struct{}, max(0, cfg.Asides))
	for _, c := range []ceremony{ceremonyRegister, ceremonySignin, ceremonyVerify, ceremonySetup, ceremonyRecover, ceremonyConfirm, ceremonyReopen, ceremonyVerifyCode} {
		s.states[c] = cfg.Ring.Box("state " + string(c))
	}
	return s
}

// Client is where a request comes from.
type Client struct {
	Address   netip.Addr
	UserAgent string
	// Origin is the request's Origin header where it is one of the configured origins, else "".
	Origin string
	// Lang is the language of the texts that are sent out.
	Lang string
}

// Caller is who is asking: nobody, a session, a pending sign-in.
type Caller struct {
	Client
	Session *account.Session
	User    *account.User
	Pending *account.Pending
	// PendingUser is the user of Pending.
	PendingUser *account.User
	// Device is the remembered device's token that the browser sent, unverified; Known what says whose accounts it has signed in to.
	Device string
	Known  string
	// Token is the session's token as it came.
	Token string
}

// SignedIn reports whether the caller has a session.
func (c *Caller) SignedIn() bool { return c.Session != nil }

// Factors is how many authentication factors the caller's session has proved: 0 without one.
func (c *Caller) Factors() int {
	if c.Session == nil {
		return 0
	}
	return account.FactorsOf(c.Session.Methods)
}

// Is reports whether the caller has a pending sign-in in which that act is allowed.
func (c *Caller) Is(a Act) bool { return c.Pending != nil && Allowed(c.Pending.State, a) }

func (s *Service) now() time.Time { return s.Clock().UTC().Truncate(time.Microsecond) }

// tokenTime is how many bytes of a token are the time.
const tokenTime = 6

// token makes a secret of 32 bytes and the digest that is stored of it. The first are the time in milliseconds, so that the digests of new
// tokens stand together in their index; 26 are random.
func (s *Service) token() (string, account.Digest, error) {
	var raw [32]byte
	binary.BigEndian.PutUint64(raw[:], uint64(s.now().UnixMilli())<<16)
	if _, err := io.ReadFull(s.Rand, raw[tokenTime:]); err != nil {
		return "", account.Digest{}, fmt.Errorf("signin: random numbers: %w", err)
	}
	t := base64.RawURLEncoding.EncodeToString(raw[:])
	return t, DigestOf(t), nil
}

// DigestOf is what the store knows of a token: the time that it begins with, which is no secret, and as much of its SHA-256 as it has random
// bytes. What is no token has a digest too, which is nobody's.
func DigestOf(token string) account.Digest {
	var d account.Digest
	sum := sha256.Sum256([]byte(token))
	copy(d[tokenTime:], sum[:])
	if n := base64.RawURLEncoding.EncodedLen(tokenTime); len(token) >= n {
		if made, err := base64.RawURLEncoding.DecodeString(token[:n]); err == nil {
			copy(d[:], made)
		}
	}
	return d
}

// orderedID is 24 bytes: the time in microseconds, then 16 random bytes. Ids that were made together stand together in an index.
func (s *Service) orderedID() ([]byte, error) {
	id := make([]byte, 24)
	binary.BigEndian.PutUint64(id, uint64(s.now().UnixMicro()))
	if _, err := io.ReadFull(s.Rand, id[8:]); err != nil {
		return nil, fmt.Errorf("signin: random numbers: %w", err)
	}
	return id, nil
}

// publicID is an opaque id for a row that its owner may see.
func (s *Service) publicID() (string, error) {
	id, err := s.orderedID()
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(id), nil
}

// owner is the account of an id, taken from what the store returned beside a row where it keeps the accounts itself.
func (s *Service) owner(ctx context.Context, id string, beside *account.User) (account.User, error) {
	if beside != nil && !s.UsersElsewhere {
		return *beside, nil
	}
	return s.users.User(ctx, id)
}

// emit tells the app of events that were committed.
func (s *Service) emit(ctx context.Context, events []account.Event) {
	ctx = context.WithoutCancel(ctx) // it has happened, whoever goes away meanwhile
	for _, e := range events {
		s.Log.LogAttrs(ctx, slog.LevelDebug, "event", slog.String("kind", string(e.Kind)), slog.String("reason", e.Reason), slog.String("user", e.UserID))
		if s.OnEvent != nil {
			s.OnEvent(ctx, e)
		}
	}
}

// event fills in where and when.
func (s *Service) event(c Client, kind account.EventKind, userID string) account.Event {
	e := account.Event{At: s.now(), Kind: kind, UserID: userID, UserAgent: clip(c.UserAgent, 256)}
	if c.Address.IsValid() {
		e.Address = c.Address.String()
	}
	return e
}

// record writes an event that goes with no change, and tells the app. Failing to write it is a failure of the request: a
// decision without a trace is none.
func (s *Service) record(ctx context.Context, e account.Event) error {
	if err := s.store.Record(ctx, e); err != nil {
		return fmt.Errorf("signin: record %s: %w", e.Kind, err)
	}
	s.emit(ctx, []account.Event{e})
	return nil
}

// refused records a refusal as an event of that kind and returns it.
func (s *Service) refused(ctx context.Context, c Client, kind account.EventKind, userID string, m account.Method, r *Refusal) error {
	e := s.event(c, kind, userID)
	e.Method, e.Reason = m, reasonOf(r)
	// what is refused before anybody is looked up, and so not bounded as guesses are
	if kind == account.EventThrottled || userID == "" && e.Reason != unknownUser {
		loud, err := s.loud(ctx, c)
		if err != nil {
			return err
		}
		if loud {
			s.emit(ctx, []account.Event{e})
			return r
		}
	}
	if err := s.record(ctx, e); err != nil {
		return err
	}
	return r
}

// unknownUser is the reason of a guess at an account that there is not. It is recorded as a guess at one that there is.
const unknownUser = "unknown_user"

// loud reports whether an address has had so many refusals recorded of late that more would only fill the log: those that follow are told to
// the app, and counted there, and leave no row. What concerns an account is always recorded, but for being throttled.
func (s *Service) loud(ctx context.Context, c Client) (bool, error) {
	rate := s.ThrottleAddress
	rate.N *= 3
	wait, err := s.store.Take(ctx, s.now(), rate.Bucket("events", throttle.AddressSubject(c.Address)))
	if err != nil {
		return false, fmt.Errorf("signin: throttle: %w", err)
	}
	return wait > 0, nil
}

func reasonOf(r *Refusal) string {
	if r.Reason != "" {
		return r.Reason
	}
	return string(r.Key)
}

// clip cuts a text to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
