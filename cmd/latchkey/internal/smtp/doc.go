// Package smtp hands mails to a mail server, given as a URL:
//
//	smtp://user:password@mail.example.com:587    upgraded by STARTTLS, or else refused
//	smtps://user:password@mail.example.com:465   TLS from the start
//	smtp://localhost:25                          a relay on this machine, in plain text
//
// ?tls=starttls asks for STARTTLS on this machine as well; ?tls=none goes without anywhere, in which case a password is
// sent only by a mechanism that hides it. Without a user there is no authentication.
//
// Errors say what the server answered, but never a password or a code.
package smtp
