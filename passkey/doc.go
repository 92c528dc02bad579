// Package passkey makes the options of WebAuthn ceremonies and verifies the responses to them. It is the relying party's half of
// Web Authentication Level 3 over github.com/go-webauthn/webauthn, and holds no state: no database, no session, no HTTP.
//
// # A registration
//
//	challenge, err := passkey.NewChallenge(rand.Reader)
//	options := rp.CreationOptions(passkey.CreationParams{User: …, Challenge: challenge, Exclude: …})
//	// The page gives the options, as JSON, to navigator.credentials.create and sends back what that returns.
//	response, err := passkey.ParseRegistration(body)
//	credential, err := rp.VerifyRegistration(response, passkey.RegistrationCheck{Challenge: challenge, Origin: …})
//
// # An authentication
//
//	options := rp.RequestOptions(passkey.RequestParams{Challenge: challenge, Allow: …})
//	// The page gives the options to navigator.credentials.get and sends back what that returns.
//	response, err := passkey.ParseAuthentication(body)
//	credential := …          // the one with response.UnauthenticatedCredentialID
//	assertion, err := rp.VerifyAuthentication(response, credential, passkey.AuthenticationCheck{Challenge: challenge, Origin: …})
//
// # What is left to you
//
//   - Keep what a ceremony was begun with on the server's side, or sealed: the challenge, the origin, whether user verification
//     is required, whether a registration is conditional. Let it serve once and not for long.
//   - At registration, see to it that the credential id is nobody's yet, and store the credential with whoever began.
//   - At authentication, find the credential by UnauthenticatedCredentialID and see to it that it may be used: that it is the
//     account's that was named or is pending, and that UnauthenticatedUserHandle, if there is one, is that account's. The signature
//     covers neither.
//   - Where the id was made up for an unknown identity, call [RelyingParty.VerifyDecoy], which takes as long as a bad signature.
//   - Store [Assertion.SignCount] and [Assertion.BackedUp], with a comparison of the stored count in the same transaction: two
//     responses may race.
//
// # What is verified
//
// In both ceremonies: the client data's type, challenge and origin, all three byte for byte, the origin being one of the configured
// ones and the one where the ceremony began; crossOrigin and topOrigin ([Config.AllowCrossOrigin]); the hash of the relying-party id;
// user presence, save in a conditional registration; user verification where it is required; that nothing is backed up without
// being eligible; that the authenticator data describes all of itself.
//
// At registration: that id, rawId and the attested id are one, of 1 to 1023 bytes; the key, whatever attests it: one of the algorithms
// that were offered, the members of its type and no others, on its curve, RSA of 2048 to 4096 bits; the attestation statement,
// cryptographically, with no say about whose it is.
//
// At authentication: the signature; after it, so that a stranger learns nothing, the sign count and the backup-eligible flag.
//
// # What is read generously
//
// Base64url with and without padding, and plain base64. A byte order mark before the client data. Members that nobody knows, a tokenBinding of any shape,
// unknown transports and attachments, extension outputs that nobody asked for. Extension results that are an object or text with JSON
// in it, under clientExtensionResults or under extensions, as older scripts call it.
//
// # Refusals
//
// Every refusal is an *[Error]: an [ErrMalformed] where the response cannot be parsed, else an [ErrNotVerified]. Its Reason is one
// word of a bounded set for logs and metrics. What to tell a person is one sentence for all of them.
//
// The parsers are bounded: a response has at most 128 KiB, CBOR at most five levels and no indefinite lengths, a certificate at
// most 4 KiB.
package passkey
