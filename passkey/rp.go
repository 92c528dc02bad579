package passkey

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
)

// The words of the specification that stand in several files.
const (
	publicKey     = "public-key"
	platform      = "platform"
	crossPlatform = "cross-platform"
)

// ChallengeSize is how many random bytes a challenge holds. MaxChallengePrefix is how many more a policy may put before them.
const (
	ChallengeSize      = 32
	MaxChallengePrefix = 64
)

// BackupEligibleChange says what happens when a passkey's backup-eligible flag is not what it was at registration. The
// specification says that it never changes (WebAuthn L3 §6.1.3); some password managers changed theirs all the same.
type BackupEligibleChange string

const (
	// RefuseBackupEligibleChange answers ErrBackupEligibleChanged. It is the default.
	RefuseBackupEligibleChange BackupEligibleChange = "refuse"
	// AcceptBackupEligibleChange says so in [Assertion.BackupEligibleChanged] and goes on.
	AcceptBackupEligibleChange BackupEligibleChange = "accept"
)

// AnyTopOrigin in [Config.TopOrigins] lets pages of any site embed ours.
const AnyTopOrigin = "*"

// Config is the relying party. It is configuration and never taken from a request.
type Config struct {
	// RPID is the relying-party id: the host of the origins, or a domain above all of them. Passkeys are bound to it for good.
	RPID string
	// RPName is the site's name for people. Empty: RPID.
	RPName string
	// Origins are the sites that people use, written as a browser writes them: scheme, host, and the port where it is not the
	// scheme's own. https, or http on localhost.
	Origins []string
	// AllowCrossOrigin takes responses from a page of ours in a frame of another site (WebAuthn L3 §5.10), which must then be
	// one of TopOrigins or Origins. Browsers older than Level 3 do not say which site it was; theirs are taken as well.
	AllowCrossOrigin bool
	// TopOrigins are the sites whose pages may embed ours, or [AnyTopOrigin]. They need AllowCrossOrigin.
	TopOrigins []string
	// BackupEligibleChange is RefuseBackupEligibleChange if empty.
	BackupEligibleChange BackupEligibleChange
}

// RelyingParty makes options and verifies responses. It holds no state and is safe for concurrent use.
type RelyingParty struct {
	id, name             string
	idHash               [sha256.Size]byte
	origins, topOrigins  []string
	crossOrigin          bool
	backupEligibleChange BackupEligibleChange
}

// New checks the whole configuration, reports every fault at once, and copies it.
func New(cfg Config) (*RelyingParty, error) {
	rp, err := Unchecked(cfg)
	if err != nil {
		return nil, err
	}
	return rp, nil
}

// Unchecked is New that returns a relying party beside its error. It is for judging responses that were captured elsewhere, on a
// site that we would not set up so, and never for a site of one's own. Origins are compared byte for byte all the same.
func Unchecked(cfg Config) (*RelyingParty, error) {
	rp := &RelyingParty{
		id: cfg.RPID, name: cfg.RPName, idHash: sha256.Sum256([]byte(cfg.RPID)),
		origins: slices.Clone(cfg.Origins), topOrigins: slices.Clone(cfg.TopOrigins),
		crossOrigin: cfg.AllowCrossOrigin, backupEligibleChange: cfg.BackupEligibleChange,
	}
	if rp.name == "" {
		rp.name = rp.id
	}
	faults := []error{checkRPID(cfg.RPID)}
	if len(cfg.Origins) == 0 {
		faults = append(faults, errors.New("no origin"))
	}
	for _, o := range cfg.Origins {
		host, err := checkOrigin(o)
		if err == nil {
			err = checkScope(cfg.RPID, host, o)
		}
		faults = append(faults, err)
	}
	for _, o := range cfg.TopOrigins {
		if o == AnyTopOrigin {
			continue
		}
		if _, err := checkOrigin(o); err != nil {
			faults = append(faults, fmt.Errorf("top origin: %w", err))
		}
	}
	if len(cfg.TopOrigins) > 0 && !cfg.AllowCrossOrigin {
		faults = append(faults, errors.New("top origins without cross-origin use"))
	}
	switch cfg.BackupEligibleChange {
	case RefuseBackupEligibleChange, AcceptBackupEligibleChange:
	case "":
		rp.backupEligibleChange = RefuseBackupEligibleChange
	default:
		faults = append(faults, fmt.Errorf("backup-eligible change %q is neither %q nor %q", cfg.BackupEligibleChange, RefuseBackupEligibleChange, AcceptBackupEligibleChange))
	}
	if err := errors.Join(faults...); err != nil {
		return rp, fmt.Errorf("passkey: %w", err)
	}
	return rp, nil
}

// NewChallenge reads 32 random bytes. A challenge serves one ceremony.
func NewChallenge(rand io.Reader) ([]byte, error) {
	challenge := make([]byte, ChallengeSize)
	if _, err := io.ReadFull(rand, challenge); err != nil {
		return nil, fmt.Errorf("passkey: no random challenge: %w", err)
	}
	return challenge, nil
}
