package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/latchkey-auth/latchkey/account"
)

// Run tests a store, with the users that go with it. Where both are the same value, the store keeps the accounts as well:
// then it must return owners beside what it finds, and refuse to finish anything for a disabled one. The users themselves
// are tested by [Users].
func Run(t *testing.T, open func(t *testing.T) (account.Users, account.Store)) {
	groups := []struct {
		name  string
		tests []test
	}{
		{"handles", handleTests}, {"registration", registrationTests}, {"removal", removalTests},
		{"factors", factorTests}, {"codes", codeTests}, {"signin", signinTests}, {"refusals", refusalTests},
		{"verify", verifyTests}, {"sessions", sessionTests}, {"ending", endingTests}, {"pendings", pendingTests},
		{"states", stateTests}, {"throttles", throttleTests}, {"streaks", streakTests}, {"lack", lackTests}, {"events", eventTests}, {"keeper", keeperTests},
		{"bounds", boundTests}, {"cancellation", cancellationTests},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) {
					users, store := open(t)
					test.run(newEnv(t, users, store))
				})
			}
		})
	}
}

// test is one behaviour.
type test struct {
	name string
	run  func(*env)
}

// racers is how many goroutines race where one may win.
const racers = 16

// noon is when the suite plays. Nothing in it asks a clock.
var noon = time.Date(2030, time.May, 17, 12, 0, 0, 123456000, time.UTC)

// env is one test's store.
type env struct {
	*testing.T
	ctx   context.Context
	users account.Users
	store account.Store
	// keepsUsers: the store keeps the accounts too.
	keepsUsers bool

	mu     sync.Mutex
	serial uint64
}

func newEnv(t *testing.T, users account.Users, store account.Store) *env {
	return &env{T: t, ctx: t.Context(), users: users, store: store, keepsUsers: any(users) == any(store)}
}

// number is new in this test.
func (e *env) number() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.serial++
	return e.serial
}

// word is new in this test, and begins with the prefix.
func (e *env) word(prefix string) string { return fmt.Sprintf("%s-%d", prefix, e.number()) }

func (e *env) digest() (d account.Digest) {
	binary.BigEndian.PutUint64(d[24:], e.number())
	return d
}

// bytes are n of them, new in this test.
func (e *env) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	binary.BigEndian.PutUint64(b[n-8:], e.number())
	return b
}

// user makes an account.
func (e *env) user() account.User {
	e.Helper()
	u, err := e.users.CreateUser(e.ctx, account.NewUser{Email: e.word("person") + "@example.com", PasswordHash: "$argon2id$x"})
	e.ok(err)
	return u
}

func (e *env) spend() account.Spend {
	return account.Spend{ID: e.bytes(16), Expires: noon.Add(time.Hour)}
}

func (e *env) newSession(userID string, kind account.SessionKind) account.Session {
	return account.Session{
		ID: e.word("session"), UserID: userID, Kind: kind, Digest: e.digest(),
		Methods: []account.Method{account.MethodPassword, account.MethodAuthenticator},
		Created: noon, AuthenticatedAt: noon.Add(-time.Minute), LastSeen: noon.Add(time.Second),
		Expires: noon.Add(24 * time.Hour), IdleFor: time.Hour, Remember: true,
		Address: "2001:db8::7", UserAgent: "Mozilla/5.0 (Ünïcødé)",
	}
}

// signedIn makes a session.
func (e *env) signedIn(userID string, kind account.SessionKind) account.Session {
	e.Helper()
	made := e.newSession(userID, kind)
	e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: userID, Session: &made}))
	return made
}

func (e *env) newPending(userID string) account.Pending {
	return account.Pending{
		ID: e.word("pending"), UserID: userID, Digest: e.digest(), State: account.PendingValidating,
		Proved: []account.Method{account.MethodPassword}, Method: account.MethodEmail, Setup: []byte{1, 0, 255},
		Code:     &account.SentCode{Method: account.MethodEmail, MAC: []byte{7, 0, 7}, Expires: noon.Add(time.Minute), Tries: 1},
		Remember: true, Next: "/näxt?a=b", Created: noon, Expires: noon.Add(10 * time.Minute),
	}
}

// pending makes a pending sign-in.
func (e *env) pending(userID string) account.Pending {
	e.Helper()
	made := e.newPending(userID)
	e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: userID, Pending: &made}))
	return made
}

func (e *env) newCredential(userID string, usage account.Usage) account.Credential {
	return account.Credential{
		ID: e.word("credential"), UserID: userID, CredentialID: e.bytes(32), PublicKey: e.bytes(77), Algorithm: -7,
		SignCount: 5, Transports: []string{"internal", "hybrid"}, BackupEligible: true, UserVerified: true,
		Attachment: "platform", Discoverable: account.DiscoverableYes, AAGUID: [16]byte{1, 2, 3, 15: 255},
		AttestationFormat: "none", Nickname: e.word("key"), Usage: usage, Created: noon, LastUsed: noon,
		Registration: account.Registration{AuthenticatorData: e.bytes(164), ClientDataJSON: []byte(`{"type":"webauthn.create"}`)},
	}
}

// registered stores a passkey by way of a session of its own, which it ends again.
func (e *env) registered(c account.Credential) account.Credential {
	e.Helper()
	by := e.signedIn(c.UserID, account.SessionBrowser)
	e.ok(e.store.FinishRegistration(e.ctx, account.FinishRegistration{Spend: e.spend(), Credential: c, SessionID: by.ID}))
	_, err := e.store.EndSessions(e.ctx, account.EndSessions{UserID: c.UserID, ID: by.ID})
	e.ok(err)
	return c
}

// passkey makes one with that usage.
func (e *env) passkey(userID string, usage account.Usage) account.Credential {
	e.Helper()
	return e.registered(e.newCredential(userID, usage))
}

func (e *env) newFactor(userID string, m account.Method) account.Factor {
	f := account.Factor{UserID: userID, Method: m, Created: noon, LastUsed: noon}
	switch m {
	case account.MethodAuthenticator:
		f.Secret, f.LastStep = []byte{9, 0, 9}, 100
	case account.MethodSMS:
		f.Phone = "+4915112345678"
	}
	return f
}

// factor sets a code method up.
func (e *env) factor(userID string, m account.Method) account.Factor {
	e.Helper()
	f := e.newFactor(userID, m)
	e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: userID, AddFactor: &f}))
	return f
}

// recoveryCodes gives the account n of them.
func (e *env) recoveryCodes(userID string, n int) [][]byte {
	e.Helper()
	digests := make([][]byte, n)
	for i := range digests {
		digests[i] = e.bytes(32)
	}
	e.ok(e.store.ReplaceRecoveryCodes(e.ctx, account.ReplaceRecoveryCodes{UserID: userID, Digests: digests, At: noon}))
	return digests
}

func (e *env) event(userID string) account.Event {
	return account.Event{
		At: noon, Kind: account.EventSignedIn, UserID: userID, Reason: "because", Method: account.MethodPasskey,
		Subject: e.word("subject"), SessionID: "session", Address: "192.0.2.1", UserAgent: "curl/8",
	}
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatalf("unexpected error: %v", err)
	}
}

// fails demands that error.
func (e *env) fails(err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Fatalf("got the error %v, want %v", err, want)
	}
}

// equal compares values; an empty list is as good as none.
func (e *env) equal(what string, got, want any) {
	e.Helper()
	// The evidence is not read back, and the handle is the account's.
	apart := cmpopts.IgnoreFields(account.Credential{}, "Registration", "UserHandle")
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), apart); diff != "" {
		e.Fatalf("%s: (-want +got)\n%s", what, diff)
	}
}

// spent demands that the state is.
func (e *env) spent(s account.Spend) {
	e.Helper()
	e.fails(e.store.SpendState(e.ctx, s, nil), account.ErrSpent)
}

// unspent demands that the state is not, by spending it.
func (e *env) unspent(s account.Spend) {
	e.Helper()
	e.ok(e.store.SpendState(e.ctx, s, nil))
}

// owner checks the user that came beside something.
func (e *env) owner(got *account.User, userID string) {
	e.Helper()
	if got == nil {
		if e.keepsUsers {
			e.Fatal("no owner beside it, in a store that keeps the users")
		}
		return
	}
	want, err := e.users.User(e.ctx, userID)
	e.ok(err)
	e.equal("owner", *got, want)
}

// race runs the same thing in many goroutines that begin together, and returns their errors.
func (e *env) race(do func(i int) error) []error {
	e.Helper()
	errs := make([]error, racers)
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			<-begin
			errs[i] = do(i)
		})
	}
	close(begin)
	all.Wait()
	return errs
}

// one demands that one racer won and each other got that error, and returns the winner.
func (e *env) one(errs []error, others error) int {
	e.Helper()
	winner, won := -1, 0
	for i, err := range errs {
		if err == nil {
			winner, won = i, won+1
			continue
		}
		e.fails(err, others)
	}
	if won != 1 {
		e.Fatalf("%d racers won, want one", won)
	}
	return winner
}
