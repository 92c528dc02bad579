package signin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/device"
	"github.com/latchkey-auth/latchkey/internal/throttle"
)

const (
	// KnownFor is how long a browser is known to an account after it last signed in to it.
	KnownFor = 365 * 24 * time.Hour
	// knownMost is how many accounts one browser is known to.
	knownMost = 8
)

// knownAccount is an account that a browser has signed in to. It opens nothing: it is counted apart, and no mail tells of it.
type knownAccount struct {
	// Account stands for the address, Nonce sets this browser apart from others that the account knows.
	Account string `json:"a"`
	Nonce   string `json:"n"`
	At      int64  `json:"t"`
}

// knownAccounts reads what a browser showed. What is not ours, or too old, is nothing.
func (s *Service) knownAccounts(c *Caller) []knownAccount {
	if c.Known == "" {
		return nil
	}
	raw, err := s.knowns.Open(c.Known)
	if err != nil {
		return nil
	}
	var all []knownAccount
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(k knownAccount) bool { return s.now().Sub(time.Unix(k.At, 0)) > KnownFor })
}

// known is the name of this browser among those that have signed in to that account, "" if it has not.
func (s *Service) known(c *Caller, canonical string) string {
	for _, k := range s.knownAccounts(c) {
		if k.Account == throttle.Key(canonical) {
			return k.Nonce
		}
	}
	return ""
}

// know is what the browser shows from now on: what it showed before, with that account. It tells as well whether the account was
// among that.
func (s *Service) know(c *Caller, user account.User) (shown string, before bool, err error) {
	entry := knownAccount{Account: throttle.Key(account.CanonicalEmail(user.Email)), At: s.now().Unix()}
	all := s.knownAccounts(c)
	if i := slices.IndexFunc(all, func(k knownAccount) bool { return k.Account == entry.Account }); i >= 0 {
		before, entry.Nonce = true, all[i].Nonce
		all = slices.Delete(all, i, i+1)
	} else {
		var nonce [12]byte
		if _, err := io.ReadFull(s.Rand, nonce[:]); err != nil {
			return "", false, fmt.Errorf("signin: random numbers: %w", err)
		}
		entry.Nonce = base64.RawURLEncoding.EncodeToString(nonce[:])
	}
	all = append(all, entry)
	if len(all) > knownMost {
		all = all[len(all)-knownMost:]
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return "", false, fmt.Errorf("signin: encode known browser: %w", err)
	}
	sealed, err := s.knowns.Seal(raw)
	if err != nil {
		return "", false, fmt.Errorf("signin: seal known browser: %w", err)
	}
	return sealed, before, nil
}

// tellNewDevice mails an account's owner that a browser signed in which never did before. Nobody waits for the mail.
func (s *Service) tellNewDevice(ctx context.Context, client Client, user account.User) {
	at := s.now()
	s.beside(ctx, "new device", func(ctx context.Context) error {
		s.tell(ctx, client, user, "new_device",
			"Device", device.Describe(client.UserAgent), "Address", client.Address.String(),
			"Time", at.Format("2006-01-02 15:04 UTC"), "Link", s.Base+"/account")
		return nil
	})
}
