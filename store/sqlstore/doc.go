// Package sqlstore keeps accounts, passkeys, factors, sessions and all else of Latchkey in a SQL database. Its [Store]
// fulfils [account.Users] and [account.Store].
//
// There is one SQL text for SQLite and PostgreSQL, on database/sql, and this package imports no driver: open a store
// with package store/sqlite, or give [New] your own pools.
//
// # What holds
//
// A method of the contract is one transaction, or a part of one that is atomic by itself: see below. What must be unique, unspent or still there is checked by the
// statement that changes it (compare and set), or after it, in that same transaction; nothing is read before and
// trusted later. Inside a transaction no second connection is ever taken, so that no number of clients can make the
// pool wait for itself.
//
// Where a sealed state was spent and the rest is refused, all is rolled back and the spending alone is done again: a state is
// good for one attempt, whatever comes of it.
//
// # Writing to SQLite
//
// SQLite has one writer, and a commit waits for the disk. Those who want to write while another commits share the next
// transaction, each undone by itself where it fails, and are answered when it is on the disk. One that finds nobody there
// begins at once. A context that ends takes its caller out of the queue; once his turn has come he is told what became of it.
//
// # The tables
//
// Tables begin with latchkey_, so that they can live in an app's own database. Times are microseconds since 1970 in
// UTC. The migrations are numbered files, forward only; [Migrations] gives them to those who run their own.
package sqlstore
