package passkey_test

import (
	"errors"
	"net/url"
	"slices"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

var reasons = []string{
	"json", "credential-type", "client-data", "attestation-object", "authenticator-data", "user-handle", "transports", "extensions",
	"credential-id", "type", "challenge", "origin", "cross-origin", "top-origin", "rp-id-hash", "user-presence", "user-verification",
	"backup-state", "algorithm", "key", "attestation-format", "attestation", "signature", "sign-count", "backup-eligible",
}

// checkError: whatever comes in, what goes out is a refusal with a reason of the list.
func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if errors.Is(err, passkey.ErrMalformed) == errors.Is(err, passkey.ErrNotVerified) || !slices.Contains(reasons, passkey.ReasonOf(err)) {
		t.Errorf("%v", err)
	}
	_ = err.Error()
}

func checkRegistration(t *testing.T, rp *passkey.RelyingParty, response []byte, check passkey.RegistrationCheck) {
	c, err := register(rp, response, check)
	checkError(t, err)
	if err == nil && (len(c.CredentialID) == 0 || len(c.CredentialID) > 1023 || len(c.PublicKey) == 0 || len(c.Registration.AuthenticatorData) == 0) {
		t.Errorf("registered %+v", c)
	}
}

func FuzzRegistration(f *testing.F) {
	rp := newRP(f)
	f.Add(creation(f, rp, latchkeytest.NewAuthenticator()))
	for _, fault := range creationFaults() {
		f.Add(creation(f, rp, latchkeytest.NewAuthenticator(), fault.change))
	}
	for _, v := range vectors(f) {
		f.Add(v.registration(f))
	}
	f.Fuzz(func(t *testing.T, response []byte) {
		checkRegistration(t, rp, response, passkey.RegistrationCheck{})
	})
}

// FuzzAttestationObject gives the binary parts to the fuzzer, which base64 would hide from it.
func FuzzAttestationObject(f *testing.F) {
	all := vectors(f)
	for i, v := range all {
		f.Add(i, []byte(v.Registration.AttestationObject), []byte(v.Registration.ClientDataJSON))
	}
	rp := all[0].rp(f)
	f.Fuzz(func(t *testing.T, i int, object, client []byte) {
		v := all[uint(i)%uint(len(all))]
		v.Registration.AttestationObject, v.Registration.ClientDataJSON = object, client
		checkRegistration(t, rp, v.registration(t), passkey.RegistrationCheck{Challenge: v.Registration.Challenge})
	})
}

// FuzzStatement keeps authenticator data and client data as they are and changes the statement alone, which they do not bind.
func FuzzStatement(f *testing.F) {
	all := vectors(f)
	for i, v := range all {
		o := v.Registration.AttestationObject
		f.Add(i, []byte(o[:len(o)-len(v.Registration.AuthenticatorData)]))
	}
	rp := all[0].rp(f)
	f.Fuzz(func(t *testing.T, i int, head []byte) {
		v := all[uint(i)%uint(len(all))]
		v.Registration.AttestationObject = append(slices.Clone(head), v.Registration.AuthenticatorData...)
		checkRegistration(t, rp, v.registration(t), passkey.RegistrationCheck{Challenge: v.Registration.Challenge})
	})
}

func FuzzAuthentication(f *testing.F) {
	rp := newRP(f)
	d, c := enrolled(f, rp)
	f.Add(assertion(f, rp, d))
	for _, fault := range requestFaults() {
		f.Add(assertion(f, rp, d, fault.change))
	}
	for _, v := range vectors(f) {
		f.Add(v.authentication(f))
	}
	f.Fuzz(func(t *testing.T, response []byte) {
		r, err := passkey.ParseAuthentication(response)
		if err != nil {
			checkError(t, err)
			return
		}
		c.CredentialID = r.UnauthenticatedCredentialID
		_, err = rp.VerifyAuthentication(r, c, passkey.AuthenticationCheck{Challenge: challenge})
		checkError(t, err)
		if err := rp.VerifyDecoy(r, passkey.AuthenticationCheck{Challenge: challenge}); passkey.ReasonOf(err) != "decoy" {
			t.Error(err)
		}
	})
}

// FuzzAssertion gives the binary parts to the fuzzer. Without the key it must not make a response that verifies.
func FuzzAssertion(f *testing.F) {
	v := vectors(f)[0]
	rp := v.rp(f)
	c, err := register(rp, v.registration(f), passkey.RegistrationCheck{Challenge: v.Registration.Challenge})
	if err != nil {
		f.Fatal(err)
	}
	a := v.Authentication
	f.Add([]byte(a.ClientDataJSON), []byte(a.AuthenticatorData), []byte(a.Signature))
	f.Fuzz(func(t *testing.T, client, data, signature []byte) {
		w := v
		w.Authentication.ClientDataJSON, w.Authentication.AuthenticatorData, w.Authentication.Signature = client, data, signature
		_, err := authenticate(rp, w.authentication(t), c, passkey.AuthenticationCheck{Challenge: a.Challenge})
		checkError(t, err)
		if err == nil && (string(client) != string(a.ClientDataJSON) || string(data) != string(a.AuthenticatorData)) {
			t.Errorf("a forgery: %q %x %x", client, data, signature)
		}
	})
}

// FuzzConfiguration: an origin that is taken is an origin that a browser would write so, within the relying-party id.
func FuzzConfiguration(f *testing.F) {
	for _, s := range []string{"https://example.org", "https://a.example.org:8443", "http://localhost:8080", "https://user@example.org", "https://[::1]", "http://127.0.0.1"} {
		for _, id := range []string{"example.org", "localhost", "127.0.0.1", "org", ""} {
			f.Add(id, s)
		}
	}
	f.Fuzz(func(t *testing.T, id, o string) {
		if _, err := passkey.New(passkey.Config{RPID: id, Origins: []string{o}}); err != nil {
			return
		}
		u, err := url.Parse(o)
		if err != nil || u.Scheme+"://"+u.Host != o || u.User != nil {
			t.Errorf("took %q with %q", o, id)
		}
		if h := u.Hostname(); h != id && (len(h) <= len(id) || h[len(h)-len(id)-1:] != "."+id) {
			t.Errorf("took %q with %q", o, id)
		}
	})
}
