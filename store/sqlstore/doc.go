// Package sqlstore keeps accounts, passkeys, factors, sessions and all else of Latchkey in a SQL database. Its [Store]
// fulfils [account.Users] and [account.Store].
//
// There is one SQL text for SQLite and PostgreSQL, on database/sql, and this package imports no driver: open a store
// with package store/sqlite, or give [New] your own pools.
//
// # What holds
//
// A method of the contract is one transaction. What must be unique, unspent or still there is checked by the
// statement that changes it (compare and set), or after it, in that same transaction; nothing is read before and
// trusted later. Inside a transaction no second connection is ever taken, so that no number of clients can make the
// pool wait for itself.
//
// Where a sealed state was spent and the rest is refused, the rest is rolled back to a savepoint and the spending is
// committed: a state is good for one attempt, whatever comes of it.
//
// # The tables
//
// Tables begin with latchkey_, so that they can live in an app's own database. Times are microseconds since 1970 in
// UTC. The migrations are numbered files, forward only; [Migrations] gives them to those who run their own.
package sqlstore
