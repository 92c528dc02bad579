// Package factor makes and matches second factors: codes of authenticator apps (TOTP, RFC 6238), short codes that
// are mailed or texted, and recovery codes.
//
// It holds no state. What must happen once, like the use of a time step, a sent code or a recovery code, is for the
// store to see to; what may be guessed, for a throttle. Nothing here is kept in clear: a TOTP key is sealed by its
// keeper, a sent code is stored as its HMAC ([Codes]), a recovery code as its digest ([RecoveryDigests]).
//
// Codes are matched as people type them: spaces and dashes don't count, nor does the script of the digits, nor, in a
// recovery code, case and look-alike letters.
package factor
