// Package passkey makes the options of WebAuthn ceremonies and verifies their responses.
package passkey
