// Package storetest is the suite that every implementation of the contracts in package account must pass.
//
// An app that brings its own users table proves it with [Users]; a store of its own with [Run]:
//
//	func TestUsers(t *testing.T) {
//		storetest.Users(t, func(t *testing.T) account.Users { return newAppUsers(t) })
//	}
//
// Each test opens a fresh, empty one, so the function given should clean up with t.Cleanup. The suite asks through
// the contracts alone, sleeps nowhere, and takes no time from a clock.
package storetest
