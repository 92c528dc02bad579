// Package latchkey gives Go web applications passkeys done whole: sign in with a passkey, use one as a second
// factor, let a user-verified one count as both, ask for it again before something sensitive, and get back in when a device is
// lost.
//
// # In ten lines
//
//	store, err := sqlite.Open(ctx, "app.db", sqlite.Options{})
//	…
//	cfg := latchkey.Default()
//	cfg.RPName = "Example"
//	cfg.Origins = []string{"http://localhost:8080"}
//	cfg.SecretKeys = [][]byte{key} // 32 random bytes, kept somewhere safe
//	auth, err := latchkey.New(cfg, store)
//	…
//	http.Handle("/", auth.Handler())
//	http.Handle("/notes", auth.Require(http.HandlerFunc(notes)))
//	http.ListenAndServe("127.0.0.1:8080", nil)
//
// The handler brings its own pages: /login, /register, /account, /wan-register (the passkeys) and the rest. The same endpoints
// speak JSON to programs and single-page apps; /openapi.json describes them.
//
// # What happens when somebody signs in
//
// A first proof (a password, or a passkey) leads to a session, or to a sign-in that waits for its second factor: which of them, and what
// may answer it, is one table, in signin/table.go. A passkey that verified its user, by fingerprint, face or PIN, is two factors by itself.
// The session is a cookie, or a bearer token for who asks for one; the store holds it, people see theirs at /account and end them
// there, and ending one counts at the next request.
//
// # Who is it?
//
// Behind [Auth.Require] and the other middlewares, [UserFrom] and [SessionFrom] tell a handler who a request is from. Where something is sensitive, ask
// for more:
//
//	auth.RequireFresh(15*time.Minute)(h) // proved to be there within a quarter of an hour
//	auth.RequireTwoFactors(h)            // a user-verified passkey, or something known and something held
//
// A browser that lacks it is led to where it can give it, and comes back; a program gets 401 and a body that says what is missing.
// [Auth.Identify] lets everybody pass and still tells who it is. Your own routes that change something should refuse what other sites have a
// browser send: [net/http.CrossOriginProtection] does; Latchkey's endpoints have it.
//
// # What you keep
//
// The secret keys: whoever has them can forge the states of ceremonies and sent codes, and without them a stolen
// database signs nobody in. The relying-party id ([Config.RPID]): passkeys are bound to it for good. The store: see packages
// store/sqlite and account, which says what a store of your own must do.
//
// # What you do now and then
//
// Call [Auth.Sweep] every minute or so: it deletes what has ended. Call [Auth.Close] before the program ends: it writes what waits to be written. Somebody who has
// lost every way in gets a link from you, once you know who it is: [Auth.RecoveryLink].
//
// # What is yours to change
//
// Everything in [Config], each field with its default, unit and effect. From least to most:
//
//   - Words, style, frame, single pages: [Config.Overlay], with values of your own by [Config.TemplateValues] (example OwnTemplates).
//   - What responses say of a user: [Config.UserPayload]. How messages are sent: [Config.Sender] (example OwnSender).
//   - Who may register and sign in: [Config.BeforeRegister], [Config.BeforeSignin]; who hears of it: [Config.OnEvent] (example Hooks).
//   - What goes into the options of a ceremony: a [passkey.Policy], overridden one method at a time (example OwnPolicy).
//   - The accounts: [Config.Users], your own table as it is (example OwnUsers). Prove it with storetest.Users.
//   - The pages altogether: use none, and talk JSON with static/latchkey/latchkey.js.
//
// What is not yours to change, so that no setting weakens it by accident: that states are sealed, bound, timed and used once; that origins are compared
// exactly; that a second factor proves the very person whose sign-in waits; that a refusal changes nothing.
//
// # Testing
//
// Package latchkeytest signs in with passkeys without a browser, in five lines. [Config.Clock] and [Config.Rand] put time and chance in a test's hands;
// cheap [HashCosts] make passwords fast there.
//
// # When something does not fit
//
// [New] refuses what contradicts itself, all of it at once, each with what to change. While every origin is localhost the page /doctor shows how a request
// came and how that goes with the settings. A site that refuses a passkey: latchkey verify-response, in package cmd/latchkey, explains each step.
package latchkey
