package passkey_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

func TestEveryAlgorithmRegistersAndSignsIn(t *testing.T) {
	rp := newRP(t)
	for _, alg := range []latchkeytest.Algorithm{latchkeytest.ES256, latchkeytest.EdDSA, latchkeytest.ES384, latchkeytest.ES512, latchkeytest.RS256} {
		for _, attestation := range []string{"none", "packed"} {
			t.Run(fmt.Sprintf("%d/%s", alg, attestation), func(t *testing.T) {
				d, c := enrolled(t, rp, func(d *latchkeytest.Device) { d.Algorithm, d.Attestation = alg, attestation })
				if c.Algorithm != int64(alg) || c.AttestationFormat != attestation {
					t.Errorf("algorithm %d, format %s", c.Algorithm, c.AttestationFormat)
				}
				for range 2 {
					if _, err := authenticate(rp, assertion(t, rp, d), c, passkey.AuthenticationCheck{Origin: origin, RequireUserVerification: true}); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

func TestARegistrationFillsTheCredentialRecord(t *testing.T) {
	rp := newRP(t)
	d := latchkeytest.NewAuthenticator()
	count := uint32(41)
	var made *latchkeytest.Credential
	var authData, client []byte
	response := creation(t, rp, d, func(c *latchkeytest.Ceremony) {
		c.AAGUID = [16]byte{0xea, 0x9b, 0x8d, 0x66}
		c.BackupEligible, c.BackedUp, c.SignCount = true, true, &count
		c.Transports, c.Attachment = []string{"internal", "carrier-pigeon", "usb"}, "platform"
		c.Extensions = latchkeytest.Map{{Key: "credProtect", Value: 2}}
		c.MutateAuthData = func(b []byte) []byte { authData = b; return b }
		c.MutateClientData = func(m map[string]any) any { client = marshal(t, m); return client }
		made = c.Credential
	})
	got, err := register(rp, response, passkey.RegistrationCheck{Origin: origin})
	if err != nil {
		t.Fatal(err)
	}
	want := account.Credential{
		UserHandle: handle, CredentialID: made.ID, PublicKey: latchkeytest.CBOR(made.Key.COSE()), Algorithm: -7, SignCount: 41,
		Transports: []string{"internal", "carrier-pigeon", "usb"}, BackupEligible: true, BackedUp: true, UserVerified: true,
		Attachment: "platform", Discoverable: account.DiscoverableYes, AAGUID: [16]byte{0xea, 0x9b, 0x8d, 0x66}, AttestationFormat: "none",
		Registration: account.Registration{AuthenticatorData: authData, ClientDataJSON: client},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, err := authenticate(rp, assertion(t, rp, d, func(c *latchkeytest.Ceremony) { n := uint32(42); c.SignCount = &n }), got, passkey.AuthenticationCheck{}); err != nil {
		t.Error(err)
	}
}

// TestAKeyIsKeptAsItCame: a key in another order than the canonical one is the same key, and is stored as it was registered.
func TestAKeyIsKeptAsItCame(t *testing.T) {
	rp := newRP(t)
	d := latchkeytest.NewAuthenticator()
	var cose []byte
	c, err := register(rp, creation(t, rp, d, func(c *latchkeytest.Ceremony) {
		c.Attestation = "packed"
		c.MutateCOSE = func(m latchkeytest.Map) any { slices.Reverse(m); cose = latchkeytest.CBOR(m); return m }
		c.Extensions = latchkeytest.Map{}
	}), passkey.RegistrationCheck{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(c.PublicKey, cose) {
		t.Errorf("got %x, want %x", c.PublicKey, cose)
	}
	if _, err := authenticate(rp, assertion(t, rp, d), c, passkey.AuthenticationCheck{}); err != nil {
		t.Error(err)
	}
}

func TestWhatBrowsersAndOldScriptsSendIsRead(t *testing.T) {
	pad := func(m map[string]any) any {
		for _, at := range []map[string]any{m, m["response"].(map[string]any)} {
			for k, v := range at {
				if s, ok := v.(string); ok && k != "type" && k != "authenticatorAttachment" {
					at[k] = s + strings.Repeat("=", (4-len(s)%4)%4)
				}
			}
		}
		return m
	}
	for name, change := range map[string]func(*latchkeytest.Ceremony){
		"padded base64url": func(c *latchkeytest.Ceremony) { c.MutateResponse = pad },
		"plain base64": func(c *latchkeytest.Ceremony) {
			c.Credential.ID = bytes.Repeat([]byte{0xfb, 0xff}, 16)
			c.MutateResponse = func(m map[string]any) any {
				m["id"] = strings.NewReplacer("-", "+", "_", "/").Replace(m["id"].(string))
				return pad(m)
			}
		},
		"members that nobody knows": func(c *latchkeytest.Ceremony) {
			c.MutateResponse = func(m map[string]any) any {
				m["future"] = map[string]any{"a": 1}
				m["response"].(map[string]any)["more"] = []int{1}
				return m
			}
		},
		"only what is needed": func(c *latchkeytest.Ceremony) {
			c.MutateResponse = func(m map[string]any) any {
				delete(m, "authenticatorAttachment")
				delete(m, "clientExtensionResults")
				r := m["response"].(map[string]any)
				delete(r, "publicKeyAlgorithm")
				delete(r, "transports")
				delete(r, "userHandle")
				return m
			}
		},
		"an attachment of another age":   set("authenticatorAttachment", "orbital"),
		"an attachment that is a number": set("authenticatorAttachment", 5),
		"no user handle":                 func(c *latchkeytest.Ceremony) { c.UserHandle = nil },
		"a null user handle":             set("response.userHandle", null),
		"an empty user handle":           set("response.userHandle", ""),
		"copies that differ":             set("response.publicKey", 5),
		"space around": func(c *latchkeytest.Ceremony) {
			c.MutateResponse = func(m map[string]any) any { return append([]byte(" \r\n\t"), append(marshal(t, m), "\n "...)...) }
		},
		"client data with a byte order mark": clientData(func(m map[string]any) any { return append([]byte("\uFEFF"), marshal(t, m)...) }),
		"client data in many lines":          clientData(func(m map[string]any) any { b, _ := json.MarshalIndent(m, "\r\n", "\t"); return b }),
		"client data with members that nobody knows": clientData(func(m map[string]any) any {
			m["other_keys_can_be_added_here"], m["Origin"], m["x"] = "do not compare", "https://evil.example", "}{"
			return m
		}),
		"client data with escapes": clientData(func(m map[string]any) any {
			return bytes.Replace(marshal(t, m), []byte(`"webauthn.`), []byte("\"\\u0077ebauthn."), 1)
		}),
		"client data without crossOrigin": clientData(func(m map[string]any) any { delete(m, "crossOrigin"); return m }),
		"client data with null members":   clientData(func(m map[string]any) any { m["crossOrigin"], m["topOrigin"] = nil, nil; return m }),
		"a token binding":                 clientData(func(m map[string]any) any { m["tokenBinding"] = map[string]any{"status": "unheard-of"}; return m }),
		"a token binding that is text":    clientData(func(m map[string]any) any { m["tokenBinding"] = "unused"; return m }),
		"a token binding that is a list":  clientData(func(m map[string]any) any { m["tokenBinding"] = []int{1}; return m }),
		"reserved flags":                  flags(0x22, 0),
		"extensions that nobody asked for": func(c *latchkeytest.Ceremony) {
			c.Extensions = latchkeytest.Map{{Key: "devicePubKey", Value: []byte{1}}}
		},
		"extension results nobody asked for":  set("clientExtensionResults", map[string]any{"appid": true, "prf": map[string]any{"enabled": true}}),
		"known extension results, wrong type": set("clientExtensionResults", map[string]any{"appid": "yes", "largeBlob": 5}),
		"no user verification":                flags(0, latchkeytest.FlagUserVerified),
	} {
		t.Run(name, func(t *testing.T) {
			rp := newRP(t)
			d := latchkeytest.NewAuthenticator()
			d.IDLength = 33
			c, err := register(rp, creation(t, rp, d, change), passkey.RegistrationCheck{Origin: origin})
			if err != nil {
				t.Fatal("registration:", err)
			}
			if _, err := authenticate(rp, assertion(t, rp, d, change), c, passkey.AuthenticationCheck{Origin: origin}); err != nil {
				t.Fatal("authentication:", err)
			}
		})
	}
}

func TestAnAssertionMayCarryAttestedData(t *testing.T) {
	rp := newRP(t)
	d, c := enrolled(t, rp)
	_, err := authenticate(rp, assertion(t, rp, d, func(c *latchkeytest.Ceremony) {
		c.MutateAuthData = func(b []byte) []byte {
			b[32] |= latchkeytest.FlagAttestedData
			b = append(b, make([]byte, 16)...)
			b = append(b, 0, byte(len(c.Credential.ID)))
			return append(append(b, c.Credential.ID...), latchkeytest.CBOR(c.Credential.Key.COSE())...)
		}
	}), c, passkey.AuthenticationCheck{})
	if err != nil {
		t.Error(err)
	}
}

func TestTransportsAreKeptVerbatim(t *testing.T) {
	rp := newRP(t)
	long, many := strings.Repeat("ü", 32), slices.Repeat([]string{"x"}, 16)
	for _, tt := range []struct {
		sent any
		want []string
	}{
		{[]string{"usb", "carrier-pigeon", "hybrid", "usb", ""}, []string{"usb", "carrier-pigeon", "hybrid", "usb", ""}},
		{[]string{long}, []string{long}}, {many, many},
		{[]string{}, []string{}}, {null, []string{}}, {nil, []string{}},
	} {
		c, err := register(rp, creation(t, rp, latchkeytest.NewAuthenticator(), set("response.transports", tt.sent)), passkey.RegistrationCheck{})
		if err != nil || !reflect.DeepEqual(c.Transports, tt.want) {
			t.Errorf("%v: got %#v, %v", tt.sent, c.Transports, err)
		}
	}
}

func TestDiscoverableIsCredPropsRkOrUnknown(t *testing.T) {
	rp := newRP(t)
	yes, no, unknown := account.DiscoverableYes, account.DiscoverableNo, account.DiscoverableUnknown
	// Where the whole value is text, the text is parsed once more.
	for _, tt := range []struct {
		sent string
		want account.Discoverable
	}{
		{`{"credProps":{"rk":true}}`, yes}, {`{"credProps":{"rk":false}}`, no}, {`{"credProps":{"rk": true ,"x":1}}`, yes},
		{`{"credProps":{}}`, unknown}, {`{}`, unknown}, {`null`, unknown}, {`[]`, unknown}, {`5`, unknown}, {`true`, unknown},
		{`{"credProps":null}`, unknown}, {`{"credProps":"x"}`, unknown}, {`{"credProps":[]}`, unknown}, {`{"credProps":true}`, unknown},
		{`{"credProps":{"rk":"yes"}}`, unknown}, {`{"credProps":{"rk":1}}`, unknown}, {`{"credProps":{"rk":null}}`, unknown},
		{`{"CREDPROPS":{"RK":true}}`, unknown}, {`{"deep":{"a":{"b":{"c":{}}}}}`, unknown}, {`"5"`, unknown},
	} {
		var value any = json.RawMessage(tt.sent)
		for _, member := range []string{"clientExtensionResults", "extensions"} {
			for _, sent := range []any{value, tt.sent, " " + tt.sent + "\n"} {
				response := creation(t, rp, latchkeytest.NewAuthenticator(), func(c *latchkeytest.Ceremony) {
					c.MutateResponse = func(m map[string]any) any {
						delete(m, "clientExtensionResults")
						m[member] = sent
						return m
					}
				})
				c, err := register(rp, response, passkey.RegistrationCheck{})
				if err != nil || c.Discoverable != tt.want {
					t.Errorf("%s %s: %q, %v; want %q", member, tt.sent, c.Discoverable, err, tt.want)
				}
			}
		}
	}
}

func TestUserPresenceIsWaivedForConditionalRegistrationOnly(t *testing.T) {
	rp := newRP(t)
	absent := flags(0, latchkeytest.FlagUserPresent|latchkeytest.FlagUserVerified)
	d := latchkeytest.NewAuthenticator()
	c, err := register(rp, creation(t, rp, d, absent), passkey.RegistrationCheck{Conditional: true})
	if err != nil || c.UserVerified {
		t.Fatalf("user verified: %v, %v", c.UserVerified, err)
	}
	_, err = register(rp, creation(t, rp, d, absent), passkey.RegistrationCheck{})
	wantRefusal(t, err, passkey.ErrNotVerified, "user-presence")
	_, err = register(rp, creation(t, rp, d, absent), passkey.RegistrationCheck{Conditional: true, RequireUserVerification: true})
	wantRefusal(t, err, passkey.ErrNotVerified, "user-verification")
	_, err = authenticate(rp, assertion(t, rp, d, absent, func(a *latchkeytest.Ceremony) { a.Credential = d.Credentials()[0] }), c, passkey.AuthenticationCheck{})
	wantRefusal(t, err, passkey.ErrNotVerified, "user-presence")
}

func TestUserVerificationCountsOnlyIfTheRegistrationHadIt(t *testing.T) {
	for _, tt := range []struct{ registered, now, required, want, refused bool }{
		{registered: true, now: true, want: true},
		{registered: true, now: true, required: true, want: true},
		{registered: true},
		{registered: true, required: true, refused: true},
		{now: true},
		{now: true, required: true},
		{required: true, refused: true},
		{},
	} {
		t.Run(fmt.Sprintf("%+v", tt), func(t *testing.T) {
			rp := newRP(t)
			d, c := enrolled(t, rp, func(d *latchkeytest.Device) { d.UserVerified = tt.registered })
			d.UserVerified = tt.now
			use, err := authenticate(rp, assertion(t, rp, d), c, passkey.AuthenticationCheck{RequireUserVerification: tt.required})
			if tt.refused {
				wantRefusal(t, err, passkey.ErrNotVerified, "user-verification")
			} else if err != nil || use.UserVerified != tt.want {
				t.Errorf("%v, %v", use.UserVerified, err)
			}
		})
	}
	rp := newRP(t)
	_, err := register(rp, creation(t, rp, latchkeytest.NewAuthenticator(), flags(0, latchkeytest.FlagUserVerified)), passkey.RegistrationCheck{RequireUserVerification: true})
	wantRefusal(t, err, passkey.ErrNotVerified, "user-verification")
}

func TestTheSignCountMustAdvanceUnlessBothAreZero(t *testing.T) {
	rp := newRP(t)
	d, c := enrolled(t, rp)
	for _, tt := range []struct {
		stored, now uint32
		refused     bool
	}{
		{0, 0, false}, {0, 1, false}, {0, 1<<32 - 1, false}, {1, 2, false}, {7, 1000, false}, {1<<32 - 2, 1<<32 - 1, false},
		{1, 0, true}, {1, 1, true}, {2, 1, true}, {1<<32 - 1, 0, true}, {1<<32 - 1, 1<<32 - 1, true}, {1 << 31, 1<<31 - 1, true},
	} {
		c.SignCount = tt.stored
		counted := func(a *latchkeytest.Ceremony) { a.SignCount = &tt.now }
		use, err := authenticate(rp, assertion(t, rp, d, counted), c, passkey.AuthenticationCheck{})
		if tt.refused {
			wantRefusal(t, err, passkey.ErrSignCount, "sign-count")
			wantRefusal(t, err, passkey.ErrNotVerified, "sign-count")
			// A stranger learns nothing of the count: the signature comes first.
			_, err = authenticate(rp, assertion(t, rp, d, counted, func(a *latchkeytest.Ceremony) {
				a.MutateSignature = func(b []byte) []byte { return flip(b, -1) }
			}), c, passkey.AuthenticationCheck{})
			wantRefusal(t, err, passkey.ErrNotVerified, "signature")
			if errors.Is(err, passkey.ErrSignCount) {
				t.Error("a bad signature is judged by its count")
			}
		} else if err != nil || use.SignCount != tt.now {
			t.Errorf("%d after %d: %d, %v", tt.now, tt.stored, use.SignCount, err)
		}
	}
}

func TestBackupFlags(t *testing.T) {
	for _, change := range []passkey.BackupEligibleChange{"", passkey.RefuseBackupEligibleChange, passkey.AcceptBackupEligibleChange} {
		for _, tt := range []struct{ stored, eligible, backedUp bool }{
			{}, {eligible: true}, {eligible: true, backedUp: true}, {backedUp: true},
			{stored: true}, {stored: true, eligible: true}, {stored: true, eligible: true, backedUp: true}, {stored: true, backedUp: true},
		} {
			t.Run(fmt.Sprintf("%s/%+v", change, tt), func(t *testing.T) {
				rp := newRP(t, func(c *passkey.Config) { c.BackupEligibleChange = change })
				d, c := enrolled(t, rp, func(d *latchkeytest.Device) { d.BackupEligible = tt.stored })
				use, err := authenticate(rp, assertion(t, rp, d, func(a *latchkeytest.Ceremony) {
					a.BackupEligible, a.BackedUp = tt.eligible, tt.backedUp
				}), c, passkey.AuthenticationCheck{})
				switch {
				case tt.backedUp && !tt.eligible:
					wantRefusal(t, err, passkey.ErrNotVerified, "backup-state")
				case tt.stored != tt.eligible && change != passkey.AcceptBackupEligibleChange:
					wantRefusal(t, err, passkey.ErrBackupEligibleChanged, "backup-eligible")
					wantRefusal(t, err, passkey.ErrNotVerified, "backup-eligible")
				case err != nil || use.BackedUp != tt.backedUp || use.BackupEligibleChanged != (tt.stored != tt.eligible):
					t.Errorf("%+v, %v", use, err)
				}
			})
		}
	}
}

func TestTheChallengeIsTheOneGivenOut(t *testing.T) {
	rp := newRP(t)
	d, c := enrolled(t, rp)
	for _, given := range [][]byte{{}, {0}, bytes.Repeat([]byte{0x5a}, 31), append(bytes.Clone(challenge), 0)} {
		r, err := passkey.ParseAuthentication(assertion(t, rp, d))
		if err != nil {
			t.Fatal(err)
		}
		_, err = rp.VerifyAuthentication(r, c, passkey.AuthenticationCheck{Challenge: given})
		wantRefusal(t, err, passkey.ErrNotVerified, "challenge")
	}
	r, err := passkey.ParseAuthentication(assertion(t, rp, d, func(c *latchkeytest.Ceremony) { c.Challenge = "" }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = rp.VerifyAuthentication(r, c, passkey.AuthenticationCheck{})
	wantRefusal(t, err, passkey.ErrNotVerified, "challenge")
}

func TestAnotherCredentialsRecordDoesNotServe(t *testing.T) {
	rp := newRP(t)
	d, c := enrolled(t, rp)
	_, other := enrolled(t, rp)
	r, err := passkey.ParseAuthentication(assertion(t, rp, d))
	if err != nil {
		t.Fatal(err)
	}
	check := passkey.AuthenticationCheck{Challenge: challenge}
	_, err = rp.VerifyAuthentication(r, other, check)
	wantRefusal(t, err, passkey.ErrNotVerified, "credential-id")
	other.CredentialID = c.CredentialID
	_, err = rp.VerifyAuthentication(r, other, check)
	wantRefusal(t, err, passkey.ErrNotVerified, "signature")
	other.PublicKey = nil
	_, err = rp.VerifyAuthentication(r, other, check)
	wantRefusal(t, err, passkey.ErrNotVerified, "key")
}

func TestResponsesOfOneCeremonyDoNotServeTheOther(t *testing.T) {
	rp := newRP(t)
	d, _ := enrolled(t, rp)
	_, err := passkey.ParseRegistration(assertion(t, rp, d))
	wantRefusal(t, err, passkey.ErrMalformed, "attestation-object")
	_, err = passkey.ParseAuthentication(creation(t, rp, latchkeytest.NewAuthenticator()))
	wantRefusal(t, err, passkey.ErrMalformed, "signature")
}

func TestADecoyIsAlwaysRefused(t *testing.T) {
	rp := newRP(t)
	d, _ := enrolled(t, rp)
	for _, change := range []func(*latchkeytest.Ceremony){func(*latchkeytest.Ceremony) {}, fromOrigin("https://evil.example"), otherID} {
		r, err := passkey.ParseAuthentication(assertion(t, rp, d, change))
		if err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, rp.VerifyDecoy(r, passkey.AuthenticationCheck{Challenge: challenge}), passkey.ErrNotVerified, "decoy")
	}
	// It gets as far as a real one does: the signature is what fails.
	r, err := passkey.ParseAuthentication(assertion(t, rp, d))
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.Unwrap(rp.VerifyDecoy(r, passkey.AuthenticationCheck{Challenge: challenge}))
	wantRefusal(t, cause, passkey.ErrNotVerified, "signature")
}

func TestOtherErrorsHaveNoReason(t *testing.T) {
	if r := passkey.ReasonOf(errors.New("another")) + passkey.ReasonOf(nil); r != "" {
		t.Error(r)
	}
}

func TestNoErrorCarriesTheChallenge(t *testing.T) {
	rp := newRP(t)
	for name, f := range requestFaults() {
		d, c := enrolled(t, rp)
		_, err := authenticate(rp, assertion(t, rp, d, f.change), c, passkey.AuthenticationCheck{})
		for _, secret := range []string{b64(challenge), string(challenge), fmt.Sprintf("%x", challenge)} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
