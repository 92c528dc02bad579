// Package seal makes tokens that only this server can make or read, and HMACs under keys that are never used for two
// things.
//
// A [Ring] holds the server's secret keys. What is made for one purpose is never accepted for another: each purpose
// has keys of its own, derived by HKDF-SHA256 (RFC 5869). The ring's first key makes, all of its keys open, so that
// a key is rotated by putting a new one in front and dropping the old one once everything made under it has ended.
//
// A sealed token is the unpadded base64url text of
//
//	key id (4 bytes) | nonce (12) | ciphertext | tag (16)
//
// under AES-256-GCM with a random nonce; the key id and the purpose are associated data. One purpose's key should
// seal no more than 2³² tokens (NIST SP 800-38D §8.3), after which a new key should be put in front. A token has
// exactly one spelling: nothing but what Seal returned is opened. Sealing hides content and refuses forgery; it
// does not hide the length, and it does not stop a token from being shown twice, which is for the caller to
// remember.
package seal
