// Package password hashes passwords and judges new ones.
//
// Hashes are argon2id (RFC 9106) as PHC strings. A [Hasher] bounds how many are computed at once, so that a flood of
// sign-ins waits instead of taking all memory, and does the same work for an account that has no password, so that time
// tells nobody which accounts exist.
//
// A password is normalised to NFKC before it is hashed, compared or counted (NIST SP 800-63B-4 §3.1.1.2), so that
// it is the same password on every keyboard. Its case and its spaces count. Lengths are in characters, that is code
// points after normalisation, but for the upper bound, which is in bytes as typed.
package password
