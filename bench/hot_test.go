package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/seal"
	"github.com/latchkey-auth/latchkey/internal/throttle"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

// What every request passes through, alone and with its allocations: go test -bench . ./bench

func BenchmarkSeal(b *testing.B) {
	ring, err := seal.NewRing([][]byte{bytes.Repeat([]byte{1}, seal.KeySize)})
	if err != nil {
		b.Fatal(err)
	}
	box, content := ring.Box("bench"), make([]byte, 250)
	b.ReportAllocs()
	for b.Loop() {
		token, err := box.Seal(content)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := box.Open(token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkThrottleKey(b *testing.B) {
	rate, address := throttle.Rate{N: 10, Per: time.Minute}, netip.MustParseAddr("2001:db8::7")
	b.ReportAllocs()
	for b.Loop() {
		if rate.Bucket("passkey", throttle.AddressSubject(address)).Key == "" {
			b.Fatal("no key")
		}
	}
}

// newApp is a library on a filled database.
func newApp(b *testing.B) *latchkey.Auth {
	b.Helper()
	d, err := fillSQLite(b.Context(), filepath.Join(b.TempDir(), "bench.db"), crowd{people: 1000, sessions: 1000})
	if err != nil {
		b.Fatal(err)
	}
	store, err := sqlite.Open(b.Context(), d.at, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	key, err := base64.StdEncoding.DecodeString(secretKeys)
	if err != nil {
		b.Fatal(err)
	}
	cfg := latchkey.Default()
	cfg.Origins, cfg.SecretKeys = []string{origin}, [][]byte{key}
	auth, err := latchkey.New(cfg, store)
	if err != nil {
		b.Fatal(err)
	}
	return auth
}

// cancellable is a request's context as a server makes it.
func cancellable(b *testing.B, r *http.Request) *http.Request {
	ctx, cancel := context.WithCancel(b.Context())
	b.Cleanup(cancel)
	return r.WithContext(ctx)
}

func BenchmarkSessionCheck(b *testing.B) {
	guarded := newApp(b).Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	r := cancellable(b, httptest.NewRequest(http.MethodGet, origin+"/", nil))
	r.Header.Set("Cookie", sessionCookie+person(7).token())
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		if guarded.ServeHTTP(w, r); w.Code != http.StatusNoContent {
			b.Fatalf("status %d", w.Code)
		}
	}
}

func BenchmarkStartSignin(b *testing.B) {
	handler := newApp(b).Handler()
	for _, c := range []struct{ name, body string }{{"address typed", `{"identity":"person-7@example.com"}`}, {"passkey alone", `{}`}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, origin+"/wan-signin", bytes.NewReader([]byte(c.body)))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				if handler.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatalf("status %d: %s", w.Code, w.Body)
				}
			}
		})
	}
}

// BenchmarkFinishSignin is the transaction alone, on a disk that TMPDIR chooses, by one and by sixteen at once.
func BenchmarkFinishSignin(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			d, err := fillSQLite(b.Context(), filepath.Join(b.TempDir(), "bench.db"), crowd{people: 10_000})
			if err != nil {
				b.Fatal(err)
			}
			store, err := sqlite.Open(b.Context(), d.at, sqlite.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			var n atomic.Int64
			b.SetParallelism(writers)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(loop *testing.PB) {
				for loop.Next() {
					if err := store.FinishSignin(b.Context(), finished(int(n.Add(1)))); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// finished is the n-th sign-in.
func finished(n int) account.FinishSignin {
	p, now := person(n*7919%10_000), time.Now()
	id := fmt.Sprintf("%016x-%08d", now.UnixMicro(), n)
	session := account.Session{
		ID: id, UserID: p.id(), Kind: account.SessionBrowser, Digest: person(10_000 + n).digest(), Methods: []account.Method{account.MethodPasskey},
		Created: now, AuthenticatedAt: now, LastSeen: now, Expires: now.Add(time.Hour), Address: "127.0.0.1", UserAgent: "bench",
	}
	return account.FinishSignin{
		UserID: p.id(), Spend: &account.Spend{ID: []byte(id), Expires: now.Add(time.Minute)}, Session: &session,
		Credential: &account.CredentialUse{ID: p.rowID("credential"), At: now},
		Events:     []account.Event{{At: now, Kind: account.EventSignedIn, UserID: p.id(), SessionID: id, Method: account.MethodPasskey, Address: "127.0.0.1"}},
	}
}
