package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// probe prints how many nanoseconds one P-256 verification of a signed digest takes, the best of several short rounds: what
// disturbs it only ever makes it slower.
func probe(out io.Writer) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte("what an authenticator signs"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return err
	}
	best := time.Duration(1 << 62)
	for range 12 {
		const each = 400
		began := time.Now()
		for range each {
			if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
				return errors.New("a good signature does not verify")
			}
		}
		best = min(best, time.Since(began)/each)
	}
	_, err = fmt.Fprintln(out, best.Nanoseconds())
	return err
}

// probe measures a verification on the server's core, while nothing else runs there.
func (r *run) probe(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	out, err := onCore(ctx, serverCore, self, "-role", "probe").Output()
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	r.probes = append(r.probes, n)
	return nil
}

// verification is what one costs: the median over the run, so that one disturbed probe decides nothing.
func (r *run) verification() float64 { return median(r.probes) }

// spread is how far the probes of the run lie apart.
func (r *run) spread() string {
	if len(r.probes) == 0 {
		return "none"
	}
	return fmt.Sprintf("%s to %s in %d probes", ns(slices.Min(r.probes)), ns(slices.Max(r.probes)), len(r.probes))
}
