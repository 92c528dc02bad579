// Package settings reads the server's configuration: command-line flags over environment variables over a TOML file over
// defaults.
//
// One table holds every setting with its name, default, meaning and parser; the environment's names (LATCHKEY_ before
// them), the file's keys (in lower case) and docs/configuration.md all follow from it. Nothing is ignored: a name that
// is not in the table, a value that can't be what it should, settings that contradict each other are faults, and [Load]
// reports all of them at once, each with what to do about it.
package settings
