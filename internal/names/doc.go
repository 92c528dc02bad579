// Package names checks what people call things: the nickname of a passkey, and their address.
//
// Both are judged twice: as they came in, for characters that nobody sees (controls, formatting, default-ignorable
// ones), and after normalisation to NFKC (Unicode Standard Annex #15), for what may pass. Both results are stable:
// checking one again returns it unchanged.
package names
