// Package outbox is a sender for development and tests: it writes each mail and text message to a folder as a file, where
// a person or a test can read it. Nothing leaves the machine.
//
// A message is one JSON file with the members to, channel, kind, subject, text and code. Files appear whole, and their
// names sort in the order in which the messages were sent.
package outbox
