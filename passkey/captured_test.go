package passkey_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

// attested makes a packed statement with certificates that are valid for that long from 2020 on.
func attested(t *testing.T, until time.Time) func(*latchkeytest.Ceremony) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: until, BasicConstraintsValid: true,
		Subject: pkix.Name{Country: []string{"SE"}, Organization: []string{"Maker"}, OrganizationalUnit: []string{"Authenticator Attestation"}, CommonName: "Key"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *latchkeytest.Ceremony) {
		var hash [sha256.Size]byte
		c.MutateClientData = func(m map[string]any) any {
			b := marshal(t, m)
			hash = sha256.Sum256(b)
			return b
		}
		c.MutateAttestationObject = func(m latchkeytest.Map) any {
			sum := sha256.Sum256(slices.Concat(m.Get("authData").([]byte), hash[:]))
			signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
			if err != nil {
				t.Fatal(err)
			}
			return m.With("fmt", "packed").With("attStmt", latchkeytest.Map{{Key: "alg", Value: -7}, {Key: "sig", Value: signature}, {Key: "x5c", Value: []any{der, der}}})
		}
	}
}

func TestCertificatesAreJudgedAtTheTimeOfTheCeremony(t *testing.T) {
	rp := newRP(t)
	past, far := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name  string
		until time.Time
		at    time.Time
		says  string
	}{
		{"valid now", far, time.Time{}, ""},
		{"valid then and now", far, past, ""},
		{"valid then, ended since", past, past.AddDate(0, -1, 0), ""},
		{"on its last day", past, past, ""},
		{"ended by now", past, time.Time{}, "no longer valid"},
		{"ended by then", past, past.AddDate(0, 1, 0), "from 2020-01-01 to 2021-01-01, and not on 2021-02-01"},
		{"not begun by then", far, past.AddDate(-3, 0, 0), "not on 2018-01-01"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			response := creation(t, rp, latchkeytest.NewAuthenticator(), attested(t, tt.until))
			_, err := register(rp, response, passkey.RegistrationCheck{At: tt.at})
			if tt.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantRefusal(t, err, passkey.ErrNotVerified, "attestation")
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v does not say %q", err, tt.says)
			}
		})
	}
	// A signature is looked at whatever the time is.
	bad := attested(t, past)
	_, err := register(rp, creation(t, rp, latchkeytest.NewAuthenticator(), bad, func(c *latchkeytest.Ceremony) {
		made := c.MutateAttestationObject
		c.MutateAttestationObject = func(m latchkeytest.Map) any {
			return made(m.With("authData", flip(m.Get("authData").([]byte), 40))).(latchkeytest.Map).With("authData", m.Get("authData"))
		}
	}), passkey.RegistrationCheck{At: past})
	wantRefusal(t, err, passkey.ErrNotVerified, "attestation")
}

// TestTheVectorsAtAnotherTime: their certificates begin in 2024, in every format.
func TestTheVectorsAtAnotherTime(t *testing.T) {
	for _, v := range vectors(t) {
		if _, refused := refusedVectors[v.Name]; refused {
			continue
		}
		for year, ok := range map[int]bool{2025: true, 3000: true, 2023: v.AttestationFormat == "none" || strings.Contains(v.Name, "self")} {
			_, err := register(v.rp(t), v.registration(t), passkey.RegistrationCheck{Challenge: v.Registration.Challenge, At: time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)})
			if (err == nil) != ok {
				t.Errorf("%s in %d: %v", v.Name, year, err)
			}
		}
	}
}

func TestTheHashOfAnAppIDIsTakenWhereItWasAskedForAndUsed(t *testing.T) {
	const appID = "https://example.org/u2f.json"
	rp := newRP(t)
	d, c := enrolled(t, rp)
	hash := sha256.Sum256([]byte(appID))
	for _, tt := range []struct {
		name   string
		asked  string
		output any
		hash   []byte
		ok     bool
	}{
		{"asked for and used", appID, true, hash[:], true},
		{"asked for and not used", appID, true, nil, true},
		{"asked for, not needed", appID, false, nil, true},
		{"not asked for", "", true, hash[:], false},
		{"another asked for", appID + "x", true, hash[:], false},
		{"not said to be used", appID, false, hash[:], false},
		{"said in another type", appID, "true", hash[:], false},
		{"said to be null", appID, null, hash[:], false},
		{"neither hash", appID, true, make([]byte, 32), false},
		{"nothing asked for, its hash", "", true, func() []byte { h := sha256.Sum256(nil); return h[:] }(), false},
	} {
		response := assertion(t, rp, d, func(c *latchkeytest.Ceremony) {
			c.RPIDHash, c.ExtensionResults = tt.hash, map[string]any{"appid": tt.output}
		})
		_, err := authenticate(rp, response, c, passkey.AuthenticationCheck{AppID: tt.asked})
		if tt.ok {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		wantRefusal(t, err, passkey.ErrNotVerified, "rp-id-hash")
	}
}

func TestOtherAlgorithmsMayBeOffered(t *testing.T) {
	rp := newRP(t)
	for _, tt := range []struct {
		offered []int64
		reason  string
	}{
		{nil, ""}, {[]int64{-7}, ""}, {[]int64{-257, -7}, ""}, {[]int64{-257}, "algorithm"}, {[]int64{-8, -35}, "algorithm"},
	} {
		_, err := register(rp, creation(t, rp, latchkeytest.NewAuthenticator()), passkey.RegistrationCheck{Algorithms: tt.offered})
		if tt.reason == "" && err != nil {
			t.Errorf("%v: %v", tt.offered, err)
		} else if tt.reason != "" {
			wantRefusal(t, err, passkey.ErrNotVerified, tt.reason)
		}
	}
	// What nobody offers unasked can be verified where it was: RS1, and ES256 by its newer number.
	for _, alg := range []int64{-65535, -9} {
		d := latchkeytest.NewAuthenticator()
		numbered := func(c *latchkeytest.Ceremony) {
			c.MutateCOSE = func(m latchkeytest.Map) any { return m.With(3, alg) }
		}
		if alg == -65535 {
			d.Algorithm = latchkeytest.RS1
		}
		response := creation(t, rp, d, numbered)
		_, err := register(rp, response, passkey.RegistrationCheck{})
		wantRefusal(t, err, passkey.ErrNotVerified, "algorithm")
		c, err := register(rp, response, passkey.RegistrationCheck{Algorithms: []int64{-7, alg}})
		if err != nil || c.Algorithm != alg {
			t.Fatalf("%d: %v", alg, err)
		}
		if _, err := authenticate(rp, assertion(t, rp, d), c, passkey.AuthenticationCheck{}); err != nil {
			t.Errorf("%d: %v", alg, err)
		}
	}
}

func TestAKeyOfAnAlgorithmThatNobodyHereVerifiesIsNamedSo(t *testing.T) {
	rp := newRP(t)
	for name, key := range map[string]latchkeytest.Map{
		"Ed448":     {{Key: 1, Value: 1}, {Key: 3, Value: -53}, {Key: -1, Value: 7}, {Key: -2, Value: make([]byte, 57)}},
		"ML-DSA-44": {{Key: 1, Value: 7}, {Key: 3, Value: -48}, {Key: -1, Value: make([]byte, 1312)}},
		"ML-DSA-87": {{Key: 1, Value: 7}, {Key: 3, Value: -50}, {Key: -1, Value: make([]byte, 2592)}},
	} {
		response := creation(t, rp, latchkeytest.NewAuthenticator(), func(c *latchkeytest.Ceremony) {
			c.MutateCOSE = func(latchkeytest.Map) any { return key }
		})
		_, err := register(rp, response, passkey.RegistrationCheck{Algorithms: []int64{-48, -50, -53, -7}})
		wantRefusal(t, err, passkey.ErrNotVerified, "unsupported-algorithm")
		d, c := enrolled(t, rp)
		c.PublicKey = latchkeytest.CBOR(key)
		_, err = authenticate(rp, assertion(t, rp, d), c, passkey.AuthenticationCheck{})
		wantRefusal(t, err, passkey.ErrNotVerified, "unsupported-algorithm")
		if got, want := passkey.AlgorithmOf(c.PublicKey), key.Get(3); got != int64(want.(int)) {
			t.Errorf("%s: %d", name, got)
		}
	}
	for _, cose := range [][]byte{nil, {0xa0}, garbage, latchkeytest.CBOR(latchkeytest.Map{{Key: 3, Value: "x"}})} {
		if got := passkey.AlgorithmOf(cose); got != 0 {
			t.Errorf("%x: %d", cose, got)
		}
	}
}

func TestAnUncheckedRelyingPartyComparesAllTheSame(t *testing.T) {
	cfg := passkey.Config{RPID: "com", Origins: []string{"http://shop.example.com/"}}
	if _, err := passkey.New(cfg); err == nil {
		t.Fatal("a site can be set up so")
	}
	rp, err := passkey.Unchecked(cfg)
	if err == nil || !strings.Contains(err.Error(), "passkeys need https") {
		t.Error(err)
	}
	for from, ok := range map[string]bool{"http://shop.example.com/": true, "http://shop.example.com": false, "https://com": false} {
		_, err := register(rp, creation(t, rp, latchkeytest.NewAuthenticator(), fromOrigin(from)), passkey.RegistrationCheck{})
		if (err == nil) != ok {
			t.Errorf("%s: %v", from, err)
		}
	}
	if rp, err := passkey.Unchecked(passkey.Config{RPID: rpID, Origins: []string{origin}}); rp == nil || err != nil {
		t.Error(err)
	}
}

func TestClaimsAreWhatTheResponseSays(t *testing.T) {
	rp := newRP(t)
	d := latchkeytest.NewAuthenticator()
	count := uint32(9)
	change := func(c *latchkeytest.Ceremony) {
		c.CrossOrigin, c.TopOrigin, c.SignCount, c.AAGUID = true, "https://partner.example", &count, [16]byte{1}
		c.BackupEligible, c.BackedUp, c.Extensions = true, true, latchkeytest.Map{}
		c.ExtensionResults = map[string]any{"appid": true}
	}
	r, err := passkey.ParseRegistration(creation(t, rp, d, change, attested(t, time.Now().Add(time.Hour))))
	if err != nil {
		t.Fatal(err)
	}
	a, err := passkey.ParseAuthentication(assertion(t, rp, d, change))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(rpID))
	for typ, c := range map[string]passkey.Claims{"webauthn.create": r.Claims(), "webauthn.get": a.Claims()} {
		switch {
		case c.Type != typ, c.Challenge != b64(challenge), c.Origin != origin, !c.CrossOrigin, c.TopOrigin == nil, *c.TopOrigin != "https://partner.example",
			!bytes.Equal(c.RPIDHash, hash[:]), !c.UserPresent, !c.UserVerified, !c.BackupEligible, !c.BackedUp, !c.Extensions, c.SignCount != 9:
			t.Errorf("%s: %+v", typ, c)
		}
	}
	made := d.Credentials()[0]
	if c := r.Claims(); !c.AttestedData || c.UsedAppID || c.AAGUID[0] != 1 || c.AttestationFormat != "packed" || c.Certificates != 2 || c.Algorithm != -7 ||
		!bytes.Equal(c.AttestedCredentialID, made.ID) || !bytes.Equal(c.PublicKey, latchkeytest.CBOR(made.Key.COSE())) {
		t.Errorf("%+v", c)
	}
	if c := a.Claims(); c.AttestedData || !c.UsedAppID || c.Algorithm != 0 || c.PublicKey != nil {
		t.Errorf("%+v", c)
	}
	if got := passkey.Algorithms(); !slices.Equal(got, []int64{-8, -7, -35, -36, -257}) {
		t.Error(got)
	}
}
