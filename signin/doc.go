// Package signin decides who is signed in. It is the only place that does.
//
// It takes plain values (what a person typed, what an authenticator answered, who is asking from where) and
// returns an outcome: a [account.Session], a [account.Pending] sign-in that waits for its second factor, or a [Refusal] with
// a stable key. It knows neither HTTP nor SQL. Which proofs lead where is written down in one table, in table.go.
//
// The rules it keeps, whatever it is asked:
//
//   - A state is opened only for the ceremony, user, session or pending sign-in and origin that it was made for, in
//     its time, and once.
//   - A second factor proves the user of the pending sign-in, or nothing happens.
//   - A refusal changes nothing but a spent state, a throttle's count and an event.
//   - Every decision is an event with a reason.
package signin
