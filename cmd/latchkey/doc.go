// Command latchkey is Latchkey as a server: passkeys, second factors and step-up sign-in beside any app, with an
// embedded database. "latchkey serve" runs it; the other commands look after its accounts and its database, also while
// it runs, look for what is wrong ("latchkey doctor"), or judge a response that some site refuses ("latchkey
// verify-response"). "latchkey --help" explains them, docs/configuration.md every setting.
//
// The packages below internal are its rooms: settings reads the configuration, keys keeps the secret keys, and outbox,
// smtp and textgateway send messages, captured judges responses. This package only puts them together.
package main
