// Package latchkeytest lets the tests of an app sign in with passkeys, without a browser and without a security key.
//
// [Authenticator] is an authenticator and the browser before it, in software: it answers the options that a server gives out
// as navigator.credentials would.
//
//	device := latchkeytest.NewAuthenticator()
//	response, err := device.Create(creationOptions, "https://example.org")
//	response, err = device.Get(requestOptions, "https://example.org")
//
// What kind of device it is stands in its [Device]: the algorithm, whether it verifies its user, whether its passkeys are
// discoverable or synced, how it counts. A change of one ceremony, a fault included, is a function over [Ceremony]:
//
//	device.Get(options, origin, func(c *latchkeytest.Ceremony) { c.UserVerified = false })
//	device.Get(options, origin, func(c *latchkeytest.Ceremony) { c.Origin = "https://evil.example" })
//
// [Client] drives the whole JSON interface over HTTP, cookies and all. A test that signs in with a passkey:
//
//	c := latchkeytest.NewClient(t, server.URL, "https://example.org")
//	c.Register("ada@example.org", "correct horse battery")
//	c.AddPasskey("key", "first")
//	c.Logout()
//	c.SigninWithPasskey("ada@example.org").Want(t, 200)
//
// The package needs the standard library alone. It is for tests: its keys lie in memory and it does what it is told, also where
// a real device would refuse.
package latchkeytest
