// Package device says in words what a User-Agent header claims, for a person who looks through a list of sessions.
//
// The answer is put together from this package's own words, never from the header's. It is a help for recognition
// and no proof of anything.
package device
