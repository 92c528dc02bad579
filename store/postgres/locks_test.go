package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/pgtest"
	"github.com/latchkey-auth/latchkey/store/postgres"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// finishes are what must not pass a racing disable. Each gives a token back to the bucket "held" near its end, or spends the state
// "held": a row that the test can hold it at.
func finishes(u account.User, at account.Session) map[string]func(context.Context, *sqlstore.Store) error {
	spend := stateOf("finish")
	held := []account.Bucket{{Key: "held", Limit: 10, Per: time.Hour}}
	return map[string]func(context.Context, *sqlstore.Store) error{
		"FinishSignin": func(ctx context.Context, s *sqlstore.Store) error {
			session := sessionOf(u.ID, "new")
			return s.FinishSignin(ctx, account.FinishSignin{UserID: u.ID, Spend: &spend, Session: &session, Refund: held})
		},
		"FinishSignin by a passkey": func(ctx context.Context, s *sqlstore.Store) error {
			session := sessionOf(u.ID, "new")
			return s.FinishSignin(ctx, account.FinishSignin{
				UserID: u.ID, Spend: &spend, Session: &session, Refund: held, Credential: &account.CredentialUse{ID: "mine", At: dawn},
			})
		},
		"FinishVerify": func(ctx context.Context, s *sqlstore.Store) error {
			return s.FinishVerify(ctx, account.FinishVerify{
				UserID: u.ID, Spend: &spend, Refund: held,
				Session: account.Renewal{SessionID: at.ID, Old: at.Digest, New: digestOf("renewed")}, AuthenticatedAt: dawn,
			})
		},
		"FinishRegistration": func(ctx context.Context, s *sqlstore.Store) error {
			return s.FinishRegistration(ctx, account.FinishRegistration{
				Spend: spend, SessionID: at.ID, Credential: account.Credential{ID: "new", UserID: u.ID, CredentialID: []byte("held"), Usage: account.UsageFirst},
			})
		},
		"FinishSetup": func(ctx context.Context, s *sqlstore.Store) error {
			return s.FinishSetup(ctx, account.FinishSetup{
				Spend: spend, SessionID: at.ID, Factor: account.Factor{UserID: u.ID, Method: account.MethodEmail}, EndDevices: true,
			})
		},
	}
}

// hold keeps rows that each of the finishes comes to last, until the function that it returns is called.
func hold(t *testing.T, uri string, u account.User) (release func()) {
	t.Helper()
	db := raw(t, uri)
	tx, err := db.BeginTx(t.Context(), nil)
	must(t, err)
	for _, statement := range []string{
		`UPDATE latchkey_buckets SET full_at = full_at WHERE bucket = 'held'`,
		`INSERT INTO latchkey_credentials (id, user_id, credential_id, public_key, algorithm, sign_count, transports, backup_eligible, backed_up,
			user_verified, attachment, discoverable, aaguid, attestation_format, nickname, usage, created, last_used)
			VALUES ('other', 'other', 'held', '', 0, 0, '[]', FALSE, FALSE, FALSE, '', '', '', '', '', 'first', 0, 0)`,
		`UPDATE latchkey_sessions SET last_seen = last_seen WHERE kind = 'device'`,
	} {
		exec(t, tx, statement)
	}
	return func() {
		t.Helper()
		must(t, tx.Rollback())
	}
}

func prepare(t *testing.T) (uri string, store *sqlstore.Store, u account.User, at account.Session) {
	t.Helper()
	uri = pgtest.Database(t)
	store = openAt(t, uri, postgres.Options{})
	u = newUser(t, store)
	at = sessionOf(u.ID, "at")
	device := sessionOf(u.ID, "device")
	device.Kind = account.SessionDevice
	must(t, store.FinishSignin(t.Context(), account.FinishSignin{UserID: u.ID, Session: &at, Device: &device}))
	must(t, store.FinishRegistration(t.Context(), account.FinishRegistration{
		Spend: stateOf("mine"), SessionID: at.ID, Credential: account.Credential{ID: "mine", UserID: u.ID, CredentialID: []byte("mine"), Nickname: "mine", Usage: account.UsageFirst},
	}))
	if _, err := store.Take(t.Context(), dawn, account.Bucket{Key: "held", Limit: 10, Per: time.Hour}); err != nil {
		t.Fatal(err)
	}
	return uri, store, u, at
}

// A disable that comes while somebody finishes waits for the end of it, and ends what it made too.
func TestDisableWaitsForFinish(t *testing.T) {
	for name := range finishes(account.User{}, account.Session{}) {
		t.Run(name, func(t *testing.T) {
			uri, store, u, at := prepare(t)
			db := raw(t, uri)
			release := hold(t, uri, u)
			finished := in(func() error { return finishes(u, at)[name](t.Context(), store) })
			waiting(t, db, 1, finished)
			disabled := in(func() error { return store.SetActive(t.Context(), u.ID, false) })
			waiting(t, db, 2, disabled)
			release()
			must(t, <-finished)
			must(t, <-disabled)
			if left, err := store.Sessions(t.Context(), u.ID); err != nil || len(left) > 0 {
				t.Errorf("%d sessions are left, and %v", len(left), err)
			}
		})
	}
}

// A finish that comes while somebody disables the account waits, and is refused.
func TestFinishWaitsForDisable(t *testing.T) {
	for name := range finishes(account.User{}, account.Session{}) {
		t.Run(name, func(t *testing.T) {
			uri, store, u, at := prepare(t)
			db := raw(t, uri)
			tx, err := db.BeginTx(t.Context(), nil)
			must(t, err)
			exec(t, tx, `UPDATE latchkey_users SET active = FALSE WHERE id = $1`, u.ID)
			finished := in(func() error { return finishes(u, at)[name](t.Context(), store) })
			waiting(t, db, 1, finished)
			must(t, tx.Commit())
			if err := <-finished; !errors.Is(err, account.ErrInactive) {
				t.Errorf("got %v, want ErrInactive", err)
			}
			if err := store.SpendState(t.Context(), stateOf("finish"), nil); !errors.Is(err, account.ErrSpent) {
				t.Errorf("the state: got %v, want ErrSpent", err)
			}
			if sessions, err := store.Sessions(t.Context(), u.ID); err != nil || len(sessions) != 2 {
				t.Errorf("%d sessions and %v", len(sessions), err)
			}
		})
	}
}

// does is what a session does to the account's factors, near whose end lies a row that the test can hold it at.
func does(u account.User, at account.Session) map[string]func(context.Context, *sqlstore.Store) error {
	all := finishes(u, at)
	return map[string]func(context.Context, *sqlstore.Store) error{
		"FinishRegistration": all["FinishRegistration"],
		"FinishSetup":        all["FinishSetup"],
		"RemoveCredential": func(ctx context.Context, s *sqlstore.Store) error {
			_, err := s.RemoveCredential(ctx, account.RemoveCredential{UserID: u.ID, SessionID: at.ID, ID: "mine", EndDevices: true})
			return err
		},
		"RemoveFactors": func(ctx context.Context, s *sqlstore.Store) error {
			_, err := s.RemoveFactors(ctx, account.RemoveFactors{UserID: u.ID, SessionID: at.ID, EndDevices: true})
			return err
		},
		"ReplaceRecoveryCodes": func(ctx context.Context, s *sqlstore.Store) error {
			return s.ReplaceRecoveryCodes(ctx, account.ReplaceRecoveryCodes{UserID: u.ID, SessionID: at.ID, EndDevices: true})
		},
	}
}

// A session is not ended under the hands of who changes the account's factors by it.
func TestEndingWaitsForWhatTheSessionDoes(t *testing.T) {
	for name := range does(account.User{}, account.Session{}) {
		t.Run(name, func(t *testing.T) {
			uri, store, u, at := prepare(t)
			db := raw(t, uri)
			release := hold(t, uri, u)
			finished := in(func() error { return does(u, at)[name](t.Context(), store) })
			waiting(t, db, 1, finished)
			ended := in(func() error {
				_, err := store.EndSessions(t.Context(), account.EndSessions{UserID: u.ID, ID: at.ID})
				return err
			})
			waiting(t, db, 2, ended)
			release()
			must(t, <-finished)
			must(t, <-ended)
		})
	}
}

// Of two transactions that wait for each other the database undoes one. The store runs it again.
func TestDeadlockIsRunAgain(t *testing.T) {
	uri, store, u, _ := prepare(t)
	pending := account.Pending{ID: "pending", UserID: u.ID, Digest: digestOf("pending"), State: account.PendingReady, Expires: dawn}
	must(t, store.FinishSignin(t.Context(), account.FinishSignin{UserID: u.ID, Pending: &pending}))
	db := raw(t, uri)
	tx, err := db.BeginTx(t.Context(), nil)
	must(t, err)
	// It is the store's transaction that shall notice.
	exec(t, tx, `SET LOCAL deadlock_timeout = '1h'`)
	exec(t, tx, `UPDATE latchkey_users SET email = email WHERE id = $1`, u.ID)
	spend, session := stateOf("x"), sessionOf(u.ID, "x")
	finished := in(func() error {
		return store.FinishSignin(t.Context(), account.FinishSignin{UserID: u.ID, PendingID: pending.ID, Spend: &spend, Session: &session})
	})
	waiting(t, db, 1, finished)
	exec(t, tx, `UPDATE latchkey_pendings SET next = next WHERE id = $1`, pending.ID)
	must(t, tx.Commit())
	must(t, <-finished)
	if _, _, err := store.Session(t.Context(), account.SessionBrowser, session.Digest); err != nil {
		t.Error(err)
	}
}

// More clients than connections wait for each other, and never for themselves.
func TestMoreClientsThanConnections(t *testing.T) {
	store := openAt(t, pgtest.Schema(t), postgres.Options{MaxConns: 2, Timeout: time.Minute})
	var all []<-chan error
	for i := range 64 {
		all = append(all, in(func() error { return visit(t.Context(), store, i) }))
	}
	for _, done := range all {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Whoever ends all that is signed in ends what was finished meanwhile, too.
func TestEndingAllEndsWhatIsFinishedMeanwhile(t *testing.T) {
	spend := stateOf("finish")
	held := []account.Bucket{{Key: "held", Limit: 10, Per: time.Hour}}
	for _, level := range []string{"read%20committed", "repeatable%20read", "serializable"} {
		for name, finish := range map[string]func(context.Context, *sqlstore.Store, account.User, account.Session) error{
			"a pending sign-in": func(ctx context.Context, s *sqlstore.Store, u account.User, _ account.Session) error {
				session := sessionOf(u.ID, "new")
				return s.FinishSignin(ctx, account.FinishSignin{UserID: u.ID, PendingID: "pending", Spend: &spend, Session: &session, Refund: held})
			},
			"a verification that makes a token": func(ctx context.Context, s *sqlstore.Store, u account.User, at account.Session) error {
				token := sessionOf(u.ID, "new")
				token.Kind = account.SessionToken
				return s.FinishVerify(ctx, account.FinishVerify{
					UserID: u.ID, Spend: &spend, Refund: held, Token: &token,
					Session: account.Renewal{SessionID: at.ID, Old: at.Digest, New: digestOf("renewed")}, AuthenticatedAt: dawn,
				})
			},
		} {
			t.Run(name+", "+level, func(t *testing.T) {
				uri, store, u, at := prepare(t)
				pending := account.Pending{ID: "pending", UserID: u.ID, Digest: digestOf("pending"), State: account.PendingReady, Expires: dawn}
				must(t, store.FinishSignin(t.Context(), account.FinishSignin{UserID: u.ID, Pending: &pending}))
				store = openAt(t, uri+"?default_transaction_isolation="+level, postgres.Options{NoMigrate: true})
				db := raw(t, uri)
				release := hold(t, uri, u)
				finished := in(func() error { return finish(t.Context(), store, u, at) })
				waiting(t, db, 1, finished)
				ended := in(func() error {
					_, err := store.EndSessions(t.Context(), account.EndSessions{UserID: u.ID, Pendings: true})
					return err
				})
				waiting(t, db, 2, ended)
				release()
				must(t, <-finished)
				must(t, <-ended)
				if left, err := store.Sessions(t.Context(), u.ID); err != nil || len(left) > 0 {
					t.Errorf("%d sessions are left, and %v", len(left), err)
				}
			})
		}
	}
}

// A verification and a removal of one passkey wait for each other in one order, whoever keeps the account.
func TestVerifyingAndRemovingMeetInOneOrder(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		uri, _, u, at := prepare(t)
		store := openAt(t, uri+"?deadlock_timeout=1h", postgres.Options{NoMigrate: true}) // so that nobody is helped out of one
		db := raw(t, uri)
		if elsewhere {
			_, err := db.ExecContext(t.Context(), `DELETE FROM latchkey_users`)
			must(t, err)
		}
		tx, err := db.BeginTx(t.Context(), nil) // at the account, to which the removal comes between the session and the passkey
		must(t, err)
		exec(t, tx, `INSERT INTO latchkey_accounts (user_id, handle, revision) VALUES ($1, NULL, 1) ON CONFLICT (user_id) DO UPDATE SET revision = 1`, u.ID)
		removed := in(func() error {
			_, err := store.RemoveCredential(t.Context(), account.RemoveCredential{UserID: u.ID, SessionID: at.ID, ID: "mine", EndDevices: true})
			return err
		})
		waiting(t, db, 1, removed)
		spend := stateOf("verify")
		verified := in(func() error {
			return store.FinishVerify(t.Context(), account.FinishVerify{
				UserID: u.ID, Spend: &spend, Credential: &account.CredentialUse{ID: "mine", At: dawn},
				Session: account.Renewal{SessionID: at.ID, Old: at.Digest, New: digestOf("renewed")}, AuthenticatedAt: dawn,
			})
		})
		waiting(t, db, 2, verified)
		must(t, tx.Commit())
		must(t, <-removed)
		if err := <-verified; !errors.Is(err, account.ErrNotFound) {
			t.Errorf("the verification, after the removal: %v", err)
		}
	}
}

// A disabling waits for one who signs in, and then comes before all others.
func TestDisablingIsNotOvertaken(t *testing.T) {
	uri, store, u, _ := prepare(t)
	db := raw(t, uri)
	release := hold(t, uri, u)
	signIn := func(name string, refund ...account.Bucket) <-chan error {
		return in(func() error {
			spend, session := stateOf(name), sessionOf(u.ID, name)
			return store.FinishSignin(t.Context(), account.FinishSignin{UserID: u.ID, Spend: &spend, Session: &session, Refund: refund})
		})
	}
	before := signIn("before", account.Bucket{Key: "held", Limit: 10, Per: time.Hour})
	waiting(t, db, 1, before)
	disabled := in(func() error { return store.SetActive(t.Context(), u.ID, false) })
	waiting(t, db, 2, disabled)
	after := signIn("after")
	waiting(t, db, 3, after)
	release()
	must(t, <-before)
	must(t, <-disabled)
	if err := <-after; !errors.Is(err, account.ErrInactive) {
		t.Errorf("who came after it: %v", err)
	}
}
