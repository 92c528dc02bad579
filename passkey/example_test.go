package passkey_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

func Example() {
	rp, err := passkey.New(passkey.Config{RPID: "example.org", RPName: "Example", Origins: []string{"https://example.org"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	device := latchkeytest.NewAuthenticator() // in a browser: navigator.credentials

	challenge, _ := passkey.NewChallenge(rand.Reader)
	options, _ := json.Marshal(rp.CreationOptions(passkey.CreationParams{
		User: passkey.UserEntity{Handle: []byte("32 random bytes of this account."), Name: "ada@example.org"}, Challenge: challenge,
	}))
	body, _ := device.Create(options, "https://example.org")
	registration, err := passkey.ParseRegistration(body)
	if err != nil {
		fmt.Println(err)
		return
	}
	credential, err := rp.VerifyRegistration(registration, passkey.RegistrationCheck{Challenge: challenge, Origin: "https://example.org"})
	fmt.Println("registered:", credential.Transports, credential.UserVerified, err)

	challenge, _ = passkey.NewChallenge(rand.Reader)
	options, _ = json.Marshal(rp.RequestOptions(passkey.RequestParams{Challenge: challenge}))
	body, _ = device.Get(options, "https://example.org")
	response, err := passkey.ParseAuthentication(body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the account, unauthenticated:", string(response.UnauthenticatedUserHandle))
	check := passkey.AuthenticationCheck{Challenge: challenge, Origin: "https://example.org"}
	assertion, err := rp.VerifyAuthentication(response, credential, check)
	fmt.Println("signed in:", assertion.UserVerified, err)

	check.Challenge = []byte("that of another ceremony")
	_, err = rp.VerifyAuthentication(response, credential, check)
	fmt.Println("replayed:", errors.Is(err, passkey.ErrNotVerified), passkey.ReasonOf(err))

	// Output:
	// registered: [usb] true <nil>
	// the account, unauthenticated: 32 random bytes of this account.
	// signed in: true <nil>
	// replayed: true challenge
}
