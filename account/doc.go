// Package account holds the nouns of Latchkey and the two contracts that a database fulfils.
//
// The nouns are plain structs: [User], [Credential] (a passkey), [Factor], [Session], [Pending], [Event].
//
// The contracts are [Users], which an app may implement on the users table that it already has, and [Store], which
// keeps everything else. The bundled stores implement both. A method of Store is one atomic intention of the
// sign-in layer ("finish this sign-in"), never a row operation: whatever it is given happens whole or not at all,
// and what must be unique, unspent or still there is checked inside the same transaction. Package
// store/storetest is the suite that every implementation must pass.
//
// Times are kept to the microsecond, in UTC. Nothing in this package reads a clock or draws a random number.
package account
