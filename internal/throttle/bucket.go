package throttle

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"

	"github.com/latchkey-auth/latchkey/account"
)

// keySize is how many bytes of the subject's SHA-256 stand in a key: enough that no two subjects share a bucket.
const keySize = 16

// Bucket is the bucket of one kind of step for one subject. The subject stands in its key as a hash, so that the store
// holds neither addresses nor emails of people who never had an account. Kind is a word of the program's own, without a
// colon. Where the rate is off the bucket's limit is 0: don't take from it.
func (r Rate) Bucket(kind, subject string) account.Bucket {
	return account.Bucket{Key: kind + ":" + Key(subject), Limit: r.N, Per: r.Per}
}

// Key stands for a subject in a store.
func Key(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return hex.EncodeToString(sum[:keySize])
}

// AddressSubject is the subject of a network address: IPv4 whole, IPv6 by its /64, which is the least that one
// subscriber is given (RFC 6177 §2). An IPv4 address mapped into IPv6 is the IPv4 address; a zone is dropped. Peers
// without an address share one subject.
func AddressSubject(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return "none"
	}
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}
