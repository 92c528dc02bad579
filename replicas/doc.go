// Package replicas holds tests of whole servers: several on one database, databases that go away and fail over, and processes
// that are killed at any moment. They drive "latchkey serve", built from this source, over HTTP on loopback, with people whose
// devices are of package latchkeytest and who remember what they were told.
//
// What needs PostgreSQL is left out, by name, where there is none; with LATCHKEY_REQUIRE_ALL=1 that is a failure. The seed of what is random is
// printed; LATCHKEY_TEST_SEED repeats it.
package replicas
