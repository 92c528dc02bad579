package password_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/latchkey-auth/latchkey/internal/password"
)

// cheap costs next to nothing.
var cheap = password.Params{Memory: 64, Time: 1, Threads: 1}

func hasher() *password.Hasher { return password.New(cheap, 4, rand.Reader) }

func hashOf(t testing.TB, h *password.Hasher, pw string) string {
	t.Helper()
	phc, err := h.Hash(context.Background(), pw)
	if err != nil {
		t.Fatal(err)
	}
	return phc
}

func TestHashAndVerify(t *testing.T) {
	ctx, h := context.Background(), hasher()
	for _, pw := range []string{"", " ", "correct horse battery staple", "пароль-пароль", "\x00\x00", "\xff\xfe", strings.Repeat("x", password.MaxBytes)} {
		phc := hashOf(t, h, pw)
		if !strings.HasPrefix(phc, "$argon2id$v=19$m=64,t=1,p=1$") {
			t.Errorf("hash %q", phc)
		}
		if ok, rehash, err := h.Verify(ctx, phc, pw); !ok || rehash || err != nil {
			t.Errorf("%q: Verify = %v, %v, %v", pw, ok, rehash, err)
		}
		for _, wrong := range []string{pw + "x", pw + " ", pw + "\x00", "wrong", strings.ToUpper(pw) + "A"} {
			if ok, rehash, err := h.Verify(ctx, phc, wrong); ok || rehash || err != nil {
				t.Errorf("%.20q for %.20q: Verify = %v, %v, %v", wrong, pw, ok, rehash, err)
			}
		}
	}
	if first, second := hashOf(t, h, "same"), hashOf(t, h, "same"); first == second {
		t.Error("two hashes of one password are equal")
	}
}

// The reference implementation's own vectors (phc-winner-argon2, test.c, argon2id version 0x13).
func TestReferenceVectors(t *testing.T) {
	for _, phc := range []string{
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
	} {
		ok, rehash, err := hasher().Verify(context.Background(), phc, "password")
		if !ok || !rehash || err != nil {
			t.Errorf("%s: Verify = %v, %v, %v", phc, ok, rehash, err)
		}
		if ok, _, err := hasher().Verify(context.Background(), phc, "Password"); ok || err != nil {
			t.Errorf("%s: a wrong password: %v, %v", phc, ok, err)
		}
	}
}

func TestOnePasswordOnEveryKeyboard(t *testing.T) {
	h := hasher()
	phc := hashOf(t, h, "cafe\u0301 ﬁne ＡＢＣ")
	for _, same := range []string{"caf\u00e9 fine ABC", "cafe\u0301 ﬁne ABC"} {
		if ok, _, err := h.Verify(context.Background(), phc, same); !ok || err != nil {
			t.Errorf("%q: %v, %v", same, ok, err)
		}
	}
	if ok, _, _ := h.Verify(context.Background(), phc, "cafe fine ABC"); ok {
		t.Error("an accent does not count")
	}
}

func TestRehash(t *testing.T) {
	ctx, pw := context.Background(), "a password"
	phc := hashOf(t, hasher(), pw)
	for _, p := range []password.Params{{Memory: 128, Time: 1, Threads: 1}, {Memory: 64, Time: 2, Threads: 1}, {Memory: 64, Time: 1, Threads: 2}} {
		h := password.New(p, 1, rand.Reader)
		if ok, rehash, err := h.Verify(ctx, phc, pw); !ok || !rehash || err != nil {
			t.Errorf("%+v: Verify = %v, %v, %v", p, ok, rehash, err)
		}
		if ok, rehash, err := h.Verify(ctx, phc, "wrong"); ok || rehash || err != nil {
			t.Errorf("%+v: wrong: Verify = %v, %v, %v", p, ok, rehash, err)
		}
		if ok, rehash, err := h.Verify(ctx, hashOf(t, h, pw), pw); !ok || rehash || err != nil {
			t.Errorf("%+v: its own: Verify = %v, %v, %v", p, ok, rehash, err)
		}
	}
}

func TestMalformedHashes(t *testing.T) {
	good := hashOf(t, hasher(), "x")
	const salt, key = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, phc := range []string{
		"", "x", "$", "$$$$$", "password", good[1:], good + "$", "$" + good, good + "\n", "\n" + good, good + "=", " " + good,
		strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "argon2id", "Argon2id", 1),
		strings.Replace(good, "v=19", "v=16", 1), strings.Replace(good, "v=19", "v=019", 1), strings.Replace(good, "$v=19", "", 1),
		strings.Replace(good, "m=64,t=1", "t=1,m=64", 1), strings.Replace(good, "m=64", "m=064", 1), strings.Replace(good, "m=64", "m=+64", 1),
		strings.Replace(good, "m=64", "m= 64", 1), strings.Replace(good, "m=64", "m=0x40", 1), strings.Replace(good, ",p=1", "", 1),
		strings.Replace(good, ",p=1", ",p=1,keyid=x", 1), strings.Replace(good, ",p=1", ",p=1,", 1),
		// absurd costs
		"$argon2id$v=19$m=0,t=1,p=1$" + salt + "$" + key, "$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + key, "$argon2id$v=19$m=7,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=9$" + salt + "$" + key, "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=1048577,t=1,p=1$" + salt + "$" + key, "$argon2id$v=19$m=64,t=65,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=1048576,t=5,p=1$" + salt + "$" + key, "$argon2id$v=19$m=64,t=4294967296,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=2048,t=1,p=65$" + salt + "$" + key, "$argon2id$v=19$m=2048,t=1,p=256$" + salt + "$" + key,
		"$argon2id$v=19$m=-64,t=1,p=1$" + salt + "$" + key, "$argon2id$v=19$m=,t=,p=$" + salt + "$" + key,
		// salts and keys
		"$argon2id$v=19$m=64,t=1,p=1$$" + key, "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$", "$argon2id$v=19$m=64,t=1,p=1$" + salt,
		"$argon2id$v=19$m=64,t=1,p=1$AAAA$" + key, "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$AAAA",
		"$argon2id$v=19$m=64,t=1,p=1$" + salt[:21] + "B$" + key, "$argon2id$v=19$m=64,t=1,p=1$" + salt + "==$" + key,
		"$argon2id$v=19$m=64,t=1,p=1$" + salt[:10] + "\n" + salt[10:] + "$" + key, "$argon2id$v=19$m=64,t=1,p=1$" + salt[:20] + "_-$" + key,
		"$argon2id$v=19$m=64,t=1,p=1$" + strings.Repeat("A", 100) + "$" + key, "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + strings.Repeat("A", 100),
		strings.Repeat("$", 1<<16), strings.Repeat("A", 1<<16),
		"$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"$pbkdf2-sha512$25000$c2FsdA$aGFzaA",
	} {
		ok, rehash, err := hasher().Verify(context.Background(), phc, "x")
		if ok || rehash || !errors.Is(err, password.ErrFormat) {
			t.Errorf("%.90q: Verify = %v, %v, %v; want ErrFormat", phc, ok, rehash, err)
		}
	}
}

func TestTooLongIsWrong(t *testing.T) {
	ctx, h, long := context.Background(), hasher(), strings.Repeat("x", password.MaxBytes+1)
	if phc, err := h.Hash(ctx, long); !errors.Is(err, password.ErrTooLong) || phc != "" {
		t.Errorf("Hash = %q, %v", phc, err)
	}
	if ok, rehash, err := h.Verify(ctx, hashOf(t, h, "x"), long); ok || rehash || err != nil {
		t.Errorf("Verify = %v, %v, %v", ok, rehash, err)
	}
	if err := h.VerifyNone(ctx, long); err != nil {
		t.Errorf("VerifyNone = %v", err)
	}
}

func TestRandomness(t *testing.T) {
	ctx := context.Background()
	if _, err := password.New(cheap, 1, iotest.ErrReader(io.ErrClosedPipe)).Hash(ctx, "x"); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a source that fails: %v", err)
	}
	if _, err := password.New(cheap, 1, strings.NewReader("short")).Hash(ctx, "x"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a source that ends: %v", err)
	}
	h := password.New(cheap, 1, iotest.OneByteReader(bytes.NewReader([]byte("0123456789abcdef"))))
	if phc := hashOf(t, h, "x"); !strings.Contains(phc, "$MDEyMzQ1Njc4OWFiY2RlZg$") {
		t.Errorf("the salt is not from the source: %s", phc)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	h := hasher()
	phc := hashOf(t, h, "x")
	cancel()
	if _, err := h.Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash: %v", err)
	}
	if ok, _, err := h.Verify(ctx, phc, "x"); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("Verify: %v, %v", ok, err)
	}
	if ok, _, err := h.Verify(ctx, "nonsense", "x"); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("Verify of nonsense: %v, %v", ok, err)
	}
	if err := h.VerifyNone(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("VerifyNone: %v", err)
	}
}

func TestParams(t *testing.T) {
	if err := password.Recommended().Validate(); err != nil {
		t.Error(err)
	}
	if p := password.Recommended(); p.Memory < 19*1024 || p.Time < 2 || p.Threads != 1 {
		t.Errorf("Recommended = %+v is less than OWASP's minimum", p)
	}
	phc := hashOf(t, password.New(password.Params{}, 0, rand.Reader), "x")
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the zero Params give %s", phc)
	}
	ctx := context.Background()
	for _, p := range []password.Params{
		{Memory: 64}, {Memory: 64, Time: 1}, {Memory: 64, Threads: 1}, {Memory: 7, Time: 1, Threads: 1}, {Time: 1, Threads: 1},
		{Memory: 1<<20 + 1, Time: 1, Threads: 1}, {Memory: 64, Time: 65, Threads: 1}, {Memory: 1 << 20, Time: 5, Threads: 1},
		{Memory: 2048, Time: 1, Threads: 65}, {Memory: 1<<32 - 1, Time: 1<<32 - 1, Threads: 255},
	} {
		h := password.New(p, 1, rand.Reader)
		if err := p.Validate(); !errors.Is(err, password.ErrParams) {
			t.Errorf("%+v: Validate = %v", p, err)
		}
		if _, err := h.Hash(ctx, "x"); !errors.Is(err, password.ErrParams) {
			t.Errorf("%+v: Hash = %v", p, err)
		}
		if err := h.VerifyNone(ctx, "x"); !errors.Is(err, password.ErrParams) {
			t.Errorf("%+v: VerifyNone = %v", p, err)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	h := password.New(cheap, 2, rand.Reader)
	phc := hashOf(t, h, "x")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if ok, _, err := h.Verify(context.Background(), phc, "x"); !ok || err != nil {
				t.Errorf("Verify = %v, %v", ok, err)
			}
			if err := h.VerifyNone(context.Background(), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
