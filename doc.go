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
// speak JSON to programs and single-page apps.
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
//
// # What you keep
//
// The secret keys: whoever has them can forge the states of ceremonies and sent codes, and without them a stolen
// database signs nobody in. The relying-party id ([Config.RPID]): passkeys are bound to it for good. The store: see packages
// store/sqlite and account, which says what a store of your own must do.
//
// # What is yours to change
//
// Everything in [Config], each field with its default, unit and effect. The accounts can be your own table
// ([Config.Users]); pages, texts and styles can be replaced one by one ([Config.Overlay]); what goes into the options of a
// ceremony is a [passkey.Policy].
package latchkey
