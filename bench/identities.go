package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// The kinds of identity that nobody must be able to tell apart by the time of an answer.
var kinds = []string{"known", "unknown", "disabled"}

// measureIdentities samples the time of each step before somebody is known, for each kind of identity in turn, on one connection.
// Every sample comes from an address of its own and concerns an account of its own, so that the throttles are as they always are and
// answer nobody.
func measureIdentities(ctx context.Context, r *run) (err error) {
	d, err := fillSQLite(ctx, r.path("identities.db"), crowd{people: 4 * r.samples, disabled: 2 * r.samples})
	if err != nil {
		return err
	}
	s, err := r.serve(ctx, d.at, "LATCHKEY_TRUSTED_PROXIES=127.0.0.1")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	key, err := newKey()
	if err != nil {
		return err
	}
	b, err := newBrowser(s.address, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	steps := map[string]map[string][]float64{}
	sample := func(name, kind string, began time.Time) {
		if steps[name] == nil {
			steps[name] = map[string][]float64{}
		}
		steps[name][kind] = append(steps[name][kind], float64(time.Since(began)))
	}
	for i := range r.samples {
		for k := range kinds {
			kind := kinds[(k+i)%len(kinds)] // none is always the first
			who := identity(d, kind, i)
			n := 3*i + k
			b.forwarded = fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
			began := time.Now()
			if err := b.wrongPassword(who); err != nil {
				return err
			}
			sample("login", kind, began)
			began = time.Now()
			start, err := b.start("/wan-signin", map[string]string{"identity": who})
			if err != nil {
				return err
			}
			sample("wan-signin start", kind, began)
			answer, err := b.badSignature(start)
			if err != nil {
				return err
			}
			began = time.Now()
			if _, err := b.finish("/wan-signin/", start.Response.State, answer, http.StatusBadRequest); err != nil {
				return err
			}
			sample("wan-signin finish", kind, began)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, name := range []string{"login", "wan-signin start", "wan-signin finish"} {
		r.report.identities = append(r.report.identities, identityRow{name, steps[name]})
	}
	return nil
}

// identity is the i-th address of a kind.
func identity(d *database, kind string, i int) string {
	switch kind {
	case "known":
		return person(i).email()
	case "disabled":
		return person(d.disabled + i).email()
	}
	return person(d.people + i).email()
}

func (b *browser) wrongPassword(email string) error {
	_, err := b.post("/login", map[string]string{"email": email, "password": "wrong " + passwordOfAll}, http.StatusBadRequest)
	return err
}

// badSignature answers a start with the first passkey that it names, real or not, signed by a key that is nobody's.
func (b *browser) badSignature(s *started) ([]byte, error) {
	var options struct {
		AllowCredentials []struct{ ID string }
	}
	if err := json.Unmarshal(s.Response.Options, &options); err != nil {
		return nil, err
	}
	if len(options.AllowCredentials) == 0 {
		return nil, errors.New("an identity was answered without passkeys")
	}
	id, err := decodeBase64(options.AllowCredentials[0].ID)
	if err != nil {
		return nil, err
	}
	other, err := latchkeytest.NewKey(latchkeytest.ES256)
	if err != nil {
		return nil, err
	}
	handle := sha256.Sum256(id)
	return b.device.Get(s.Response.Options, origin, func(c *latchkeytest.Ceremony) {
		c.Credential = &latchkeytest.Credential{ID: id, Key: other, RPID: "localhost"}
		c.UserHandle = handle[:]
	})
}
