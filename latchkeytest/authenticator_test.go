package latchkeytest_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

const origin = "https://example.org"

var challenge = bytes.Repeat([]byte{1}, 32)

func newRP(t testing.TB) *passkey.RelyingParty {
	t.Helper()
	rp, err := passkey.New(passkey.Config{RPID: "example.org", Origins: []string{origin}, BackupEligibleChange: passkey.AcceptBackupEligibleChange})
	if err != nil {
		t.Fatal(err)
	}
	return rp
}

func creationOptions(t testing.TB, rp *passkey.RelyingParty, exclude ...account.Credential) []byte {
	t.Helper()
	return marshal(t, rp.CreationOptions(passkey.CreationParams{User: passkey.UserEntity{Handle: []byte("handle"), Name: "ada"}, Challenge: challenge, Exclude: exclude}))
}

func requestOptions(t testing.TB, rp *passkey.RelyingParty, allow ...account.Credential) []byte {
	t.Helper()
	p := passkey.RequestParams{Challenge: challenge}
	for _, c := range allow {
		p.Allow = append(p.Allow, passkey.Descriptor{ID: c.CredentialID})
	}
	return marshal(t, rp.RequestOptions(p))
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func create(t testing.TB, rp *passkey.RelyingParty, d *latchkeytest.Authenticator) account.Credential {
	t.Helper()
	body, err := d.Create(creationOptions(t, rp), origin)
	if err != nil {
		t.Fatal(err)
	}
	r, err := passkey.ParseRegistration(body)
	if err != nil {
		t.Fatal(err)
	}
	c, err := rp.VerifyRegistration(r, passkey.RegistrationCheck{Challenge: challenge})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t testing.TB, rp *passkey.RelyingParty, d *latchkeytest.Authenticator, c account.Credential) passkey.Assertion {
	t.Helper()
	body, err := d.Get(requestOptions(t, rp, c), origin)
	if err != nil {
		t.Fatal(err)
	}
	r, err := passkey.ParseAuthentication(body)
	if err != nil {
		t.Fatal(err)
	}
	c.SignCount = 0
	a, err := rp.VerifyAuthentication(r, c, passkey.AuthenticationCheck{Challenge: challenge})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCountersCount(t *testing.T) {
	rp := newRP(t)
	for mode, want := range map[latchkeytest.Counter][]uint32{
		latchkeytest.CounterZero:  {0, 0, 0, 0},
		latchkeytest.CounterUp:    {3, 4, 5, 6},
		latchkeytest.CounterStuck: {3, 3, 3, 3},
		latchkeytest.CounterDown:  {3, 2, 1, 1},
	} {
		d := latchkeytest.NewAuthenticator()
		d.Counter, d.Start = mode, 3
		c := create(t, rp, d)
		got := []uint32{c.SignCount}
		for range 3 {
			got = append(got, get(t, rp, d, c).SignCount)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", mode, got, want)
		}
	}
}

func TestACloneCountsOnItsOwn(t *testing.T) {
	rp := newRP(t)
	d := latchkeytest.NewAuthenticator()
	d.Counter = latchkeytest.CounterUp
	c := create(t, rp, d)
	clone := d.Clone()
	if a, b := get(t, rp, d, c).SignCount, get(t, rp, clone, c).SignCount; a != b {
		t.Errorf("%d and %d", a, b)
	}
	create(t, rp, d)
	if len(clone.Credentials()) != 1 {
		t.Error("the clone has the other's new passkey")
	}
}

func TestADeviceIsWhatItIsSaidToBe(t *testing.T) {
	rp := newRP(t)
	d := latchkeytest.NewAuthenticator()
	d.UserVerified, d.BackupEligible, d.BackedUp, d.Resident = false, true, true, false
	d.AAGUID, d.Attachment, d.Transports, d.Attestation, d.IDLength = [16]byte{7}, "platform", []string{"internal"}, "packed", 99
	c := create(t, rp, d)
	if c.UserVerified || !c.BackupEligible || !c.BackedUp || c.Discoverable != account.DiscoverableNo || c.AAGUID != [16]byte{7} ||
		c.Attachment != "platform" || !slices.Equal(c.Transports, []string{"internal"}) || c.AttestationFormat != "packed" || len(c.CredentialID) != 99 {
		t.Errorf("%+v", c)
	}
	if a := get(t, rp, d, c); a.UserVerified || !a.BackedUp || a.BackupEligibleChanged {
		t.Errorf("%+v", a)
	}
	if _, err := d.Get(requestOptions(t, rp), origin); !errors.Is(err, latchkeytest.ErrNoCredential) {
		t.Errorf("a passkey that is not discoverable was discovered: %v", err)
	}
	body, err := d.Get(requestOptions(t, rp, c), origin)
	if err != nil || bytes.Contains(body, []byte("userHandle")) {
		t.Errorf("%s, %v", body, err)
	}
}

func TestAnExcludedPasskeyMakesNoSecond(t *testing.T) {
	rp := newRP(t)
	d := latchkeytest.NewAuthenticator()
	c := create(t, rp, d)
	if _, err := d.Create(creationOptions(t, rp, c), origin); !errors.Is(err, latchkeytest.ErrExcluded) {
		t.Error(err)
	}
	if _, err := latchkeytest.NewAuthenticator().Create(creationOptions(t, rp, c), origin); err != nil {
		t.Error(err)
	}
}

func TestOnlyAFittingPasskeyAnswers(t *testing.T) {
	rp := newRP(t)
	d, other := latchkeytest.NewAuthenticator(), latchkeytest.NewAuthenticator()
	_, c := create(t, rp, d), create(t, rp, other)
	if _, err := d.Get(requestOptions(t, rp, c), origin); !errors.Is(err, latchkeytest.ErrNoCredential) {
		t.Error(err)
	}
	if _, err := d.Get([]byte(`{"challenge":"AA","rpId":"other.example"}`), origin); !errors.Is(err, latchkeytest.ErrNoCredential) {
		t.Error(err)
	}
	d.Add(other.Credentials()[0])
	get(t, rp, d, c)
}

func TestOptionsMayBeWrapped(t *testing.T) {
	rp := newRP(t)
	d := latchkeytest.NewAuthenticator()
	wrapped := append(append([]byte(`{"publicKey":`), creationOptions(t, rp)...), '}')
	if _, err := d.Create(wrapped, origin); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "[]", `{"user":{"id":"*"}}`, `{"excludeCredentials":[{"id":"*"}]}`} {
		if _, err := d.Create([]byte(bad), origin); err == nil {
			t.Errorf("%q was answered", bad)
		}
	}
	for _, bad := range []string{"", "5", `{"allowCredentials":[{"id":"*"}]}`} {
		if _, err := d.Get([]byte(bad), origin); err == nil || errors.Is(err, latchkeytest.ErrNoCredential) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	d.Algorithm = 5
	if _, err := d.Create(creationOptions(t, rp), origin); err == nil {
		t.Error("made a key of an unknown algorithm")
	}
}

// TestCBOR: the examples of RFC 8949, appendix A.
func TestCBOR(t *testing.T) {
	for want, v := range map[string]any{
		"00": 0, "17": 23, "1818": 24, "18ff": 255, "190100": 256, "1a000f4240": 1000000, "1b000000e8d4a51000": int64(1000000000000), "1b7fffffffffffffff": int64(math.MaxInt64),
		"20": -1, "3903e7": -1000, "26": latchkeytest.ES256, "3b7fffffffffffffff": int64(math.MinInt64),
		"f4": false, "f5": true, "f6": nil, "40": []byte{}, "4401020304": []byte{1, 2, 3, 4}, "60": "", "62c3bc": "ü",
		"80": []any{}, "8301820203820405": []any{1, []any{2, 3}, []any{4, 5}}, "a0": latchkeytest.Map{},
		"a201020304": latchkeytest.Map{{Key: 1, Value: 2}, {Key: 3, Value: 4}}, "82ff01": []any{latchkeytest.Raw{0xff}, 1},
	} {
		if got := hex.EncodeToString(latchkeytest.CBOR(v)); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	m := latchkeytest.Map{{Key: 1, Value: 2}, {Key: "a", Value: "b"}}
	if m.Get("a") != "b" || m.Get(3) != nil || m.With(1, 9).Get(1) != 9 || m.Get(1) != 2 || len(m.With(3, 4)) != 3 || len(m.Without(1)) != 1 {
		t.Error("a map is not what was made of it")
	}
}
