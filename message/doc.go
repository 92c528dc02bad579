// Package message is the catalogue of every text that a person reads: refusals and confirmations of the wire contract,
// the texts of the pages, the mails. A text has a key and parameters ({{.Max}}); an app replaces single texts
// or adds a language with a JSON file of keys and texts.
package message
