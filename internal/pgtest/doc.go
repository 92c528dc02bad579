// Package pgtest runs throw-away PostgreSQL servers on loopback, for tests and measurements.
//
// A test asks for a database of its own with [Database], and its package's TestMain ends with [Main], which stops the one server
// that they share. What needs a server for itself, to stop or to kill it, calls [Start].
//
// The programs are those on the PATH or in Debian's place. Where there are none the tests are skipped, by name; with
// LATCHKEY_REQUIRE_ALL=1 they fail. A server never outlives the process that started it, however that ends. Unix only.
package pgtest
