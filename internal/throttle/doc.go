// Package throttle says how often something may be tried, and names the buckets that a store counts in.
//
// A [Rate] is a setting such as "10/5m". [Rate.Bucket] turns it into an [account.Bucket] for one kind of step and one
// subject: an account, a network address. The store keeps the level; this package holds no state.
package throttle
