// Package captured judges single responses of WebAuthn ceremonies, offline: somebody caught a registration or an assertion that a
// site refuses, wrote beside it what the site expected, and wants to know what is wrong. It runs the code that sign-in runs, from
// package passkey, and tells each step in plain words. docs/verify-response.md describes cases and answers.
package captured
