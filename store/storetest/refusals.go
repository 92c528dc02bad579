package storetest

import (
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// scene is an account with one of everything, another beside it, and what watches both.
type scene struct {
	user, other        account.User
	credential, theirs account.Credential
	codes, theirCodes  [][]byte
	pending, theirP    account.Pending
	session, theirS    account.Session
	bucket             account.Bucket
	watched            watched
}

func newScene(e *env) scene {
	e.Helper()
	s := scene{user: e.user(), other: e.user(), bucket: account.Bucket{Key: "guesses", Limit: 1, Per: time.Hour}}
	s.credential, s.theirs = e.passkey(s.user.ID, account.UsageFirst), e.passkey(s.other.ID, account.UsageFirst)
	s.codes, s.theirCodes = e.recoveryCodes(s.user.ID, 2), e.recoveryCodes(s.other.ID, 2)
	e.factor(s.user.ID, account.MethodAuthenticator)
	e.factor(s.other.ID, account.MethodSMS)
	s.pending, s.theirP = e.pending(s.user.ID), e.pending(s.other.ID)
	s.session, s.theirS = e.signedIn(s.user.ID, account.SessionBrowser), e.signedIn(s.other.ID, account.SessionBrowser)
	e.signedIn(s.user.ID, account.SessionDevice)
	_, err := e.store.Take(e.ctx, noon, s.bucket)
	e.ok(err)
	s.watched = watched{
		users: []string{s.user.ID, s.other.ID}, pendings: []account.Digest{s.pending.Digest, s.theirP.Digest},
		buckets: []account.Bucket{s.bucket},
	}
	return s
}

// signin is a sign-in with everything in it, so that a refusal has everything to undo.
func (s scene) signin(e *env) account.FinishSignin {
	session, token := e.newSession(s.user.ID, account.SessionBrowser), e.newSession(s.user.ID, account.SessionToken)
	device := e.newSession(s.user.ID, account.SessionDevice)
	spend, email := e.spend(), e.newFactor(s.user.ID, account.MethodEmail)
	return account.FinishSignin{
		UserID: s.user.ID, Spend: &spend, PendingID: s.pending.ID,
		Credential:   &account.CredentialUse{ID: s.credential.ID, SignCount: 6, BackedUp: true, At: noon.Add(time.Hour)},
		Factor:       &account.FactorUse{Method: account.MethodAuthenticator, Step: 101, At: noon.Add(time.Hour)},
		RecoveryCode: s.codes[:1], AddFactor: &email, EndDevices: true,
		Session: &session, Token: &token, Device: &device,
		Refund: []account.Bucket{s.bucket}, Events: []account.Event{e.event(s.user.ID)},
	}
}

var refusalTests = []test{
	{"a sign-in", func(e *env) {
		s := newScene(e)
		for name, refused := range map[string]struct {
			change func(*account.FinishSignin)
			want   error
		}{
			"no such pending":    {func(f *account.FinishSignin) { f.PendingID = "none" }, account.ErrPendingGone},
			"other's pending":    {func(f *account.FinishSignin) { f.PendingID = s.theirP.ID }, account.ErrPendingGone},
			"no such credential": {func(f *account.FinishSignin) { f.Credential.ID = "none" }, account.ErrNotFound},
			"other's credential": {func(f *account.FinishSignin) { f.Credential.ID = s.theirs.ID }, account.ErrNotFound},
			"same sign count":    {func(f *account.FinishSignin) { f.Credential.SignCount = 5 }, account.ErrSignCount},
			"sign count zero":    {func(f *account.FinishSignin) { f.Credential.SignCount = 0 }, account.ErrSignCount},
			"no such factor":     {func(f *account.FinishSignin) { f.Factor.Method = account.MethodSMS }, account.ErrNotFound},
			"spent step":         {func(f *account.FinishSignin) { f.Factor.Step = 100 }, account.ErrCodeSpent},
			"no such code":       {func(f *account.FinishSignin) { f.RecoveryCode = [][]byte{e.bytes(32)} }, account.ErrCodeSpent},
			"other's code":       {func(f *account.FinishSignin) { f.RecoveryCode = s.theirCodes[:1] }, account.ErrCodeSpent},
			"an empty code":      {func(f *account.FinishSignin) { f.RecoveryCode = [][]byte{} }, account.ErrCodeSpent},
		} {
			e.Log(name)
			f := s.signin(e)
			refused.change(&f)
			e.changesNothing(s.watched, refused.want, func() error { return e.store.FinishSignin(e.ctx, f) })
			e.spent(*f.Spend)
			f.Spend = nil
			e.changesNothing(s.watched, refused.want, func() error { return e.store.FinishSignin(e.ctx, f) })
		}
		f := s.signin(e)
		e.ok(e.store.SpendState(e.ctx, *f.Spend, nil))
		e.changesNothing(s.watched, account.ErrSpent, func() error { return e.store.FinishSignin(e.ctx, f) })
		if e.keepsUsers {
			e.ok(e.users.SetActive(e.ctx, s.user.ID, false))
			f := s.signin(e)
			e.changesNothing(s.watched, account.ErrInactive, func() error { return e.store.FinishSignin(e.ctx, f) })
			e.spent(*f.Spend)
			f = s.signin(e)
			f.PendingID = ""
			e.changesNothing(s.watched, account.ErrInactive, func() error { return e.store.FinishSignin(e.ctx, f) })
			e.spent(*f.Spend)
			e.ok(e.users.SetActive(e.ctx, s.user.ID, true))
			s.pending = e.pending(s.user.ID) // the other ended with the account
		}
		f = s.signin(e)
		e.ok(e.store.FinishSignin(e.ctx, f))
		e.fails(e.store.FinishSignin(e.ctx, f), account.ErrSpent)
	}},
	{"a verification", func(e *env) {
		s := newScene(e)
		verify := func() account.FinishVerify {
			spend, token := e.spend(), e.newSession(s.user.ID, account.SessionToken)
			return account.FinishVerify{
				UserID: s.user.ID, Spend: &spend,
				Session:    account.Renewal{SessionID: s.session.ID, Old: s.session.Digest, New: e.digest()},
				Credential: &account.CredentialUse{ID: s.credential.ID, SignCount: 6, At: noon.Add(time.Hour)},
				Factor:     &account.FactorUse{Method: account.MethodAuthenticator, Step: 101, At: noon.Add(time.Hour)},
				Methods:    []account.Method{account.MethodPasskey}, AuthenticatedAt: noon.Add(time.Hour), Token: &token,
				Refund: []account.Bucket{s.bucket}, Events: []account.Event{e.event(s.user.ID)},
			}
		}
		for name, refused := range map[string]struct {
			change func(*account.FinishVerify)
			want   error
		}{
			"no such session": {func(f *account.FinishVerify) { f.Session.SessionID = "none" }, account.ErrSessionGone},
			"other's session": {func(f *account.FinishVerify) {
				f.Session.SessionID, f.Session.Old = s.theirS.ID, s.theirS.Digest
			}, account.ErrSessionGone},
			"renewed session":    {func(f *account.FinishVerify) { f.Session.Old = e.digest() }, account.ErrSessionGone},
			"no such credential": {func(f *account.FinishVerify) { f.Credential.ID = "none" }, account.ErrNotFound},
			"other's credential": {func(f *account.FinishVerify) { f.Credential.ID = s.theirs.ID }, account.ErrNotFound},
			"same sign count":    {func(f *account.FinishVerify) { f.Credential.SignCount = 5 }, account.ErrSignCount},
			"no such factor":     {func(f *account.FinishVerify) { f.Factor.Method = account.MethodSMS }, account.ErrNotFound},
			"spent step":         {func(f *account.FinishVerify) { f.Factor.Step = 100 }, account.ErrCodeSpent},
		} {
			e.Log(name)
			f := verify()
			refused.change(&f)
			e.changesNothing(s.watched, refused.want, func() error { return e.store.FinishVerify(e.ctx, f) })
			e.spent(*f.Spend)
			f.Spend = nil
			e.changesNothing(s.watched, refused.want, func() error { return e.store.FinishVerify(e.ctx, f) })
		}
		f := verify()
		e.ok(e.store.SpendState(e.ctx, *f.Spend, nil))
		e.changesNothing(s.watched, account.ErrSpent, func() error { return e.store.FinishVerify(e.ctx, f) })
		if e.keepsUsers {
			e.ok(e.users.SetActive(e.ctx, s.user.ID, false))
			f := verify()
			e.changesNothing(s.watched, account.ErrInactive, func() error { return e.store.FinishVerify(e.ctx, f) })
			e.spent(*f.Spend)
			e.ok(e.users.SetActive(e.ctx, s.user.ID, true))
			s.session = e.signedIn(s.user.ID, account.SessionBrowser) // the other ended with the account
		}
		e.ok(e.store.FinishVerify(e.ctx, verify()))
	}},
	{"comes before what fails after it", func(e *env) {
		s := newScene(e)
		// Two sessions cannot have one token: making one with that of another is no refusal, but an error.
		verify := func() account.FinishVerify {
			spend, token := e.spend(), e.newSession(s.user.ID, account.SessionToken)
			token.Digest = s.theirS.Digest
			return account.FinishVerify{
				UserID: s.user.ID, Spend: &spend, Token: &token,
				Session:    account.Renewal{SessionID: s.session.ID, Old: s.session.Digest, New: e.digest()},
				Credential: &account.CredentialUse{ID: s.credential.ID, SignCount: 6, At: noon.Add(time.Hour)},
				Methods:    []account.Method{account.MethodPasskey}, AuthenticatedAt: noon.Add(time.Hour),
			}
		}
		f := verify()
		e.changesNothing(s.watched, nil, func() error {
			if err := e.store.FinishVerify(e.ctx, f); err == nil {
				e.Fatal("two sessions have one token")
			}
			return nil
		})
		e.ok(e.store.SpendState(e.ctx, *f.Spend, nil))
		e.changesNothing(s.watched, account.ErrSpent, func() error { return e.store.FinishVerify(e.ctx, f) })
		f = verify()
		f.Credential.SignCount = 5
		e.changesNothing(s.watched, account.ErrSignCount, func() error { return e.store.FinishVerify(e.ctx, f) })
		e.spent(*f.Spend)
		f = verify()
		f.Credential.ID = s.theirs.ID
		e.changesNothing(s.watched, account.ErrNotFound, func() error { return e.store.FinishVerify(e.ctx, f) })
		e.spent(*f.Spend)
	}},
	{"ending sessions", func(e *env) {
		s := newScene(e)
		renew := func(of account.Session, old account.Digest) *account.Renewal {
			return &account.Renewal{SessionID: of.ID, Old: old, New: e.digest()}
		}
		for _, refused := range []struct {
			end  account.EndSessions
			want error
		}{
			{account.EndSessions{ID: "none"}, account.ErrNotFound},
			{account.EndSessions{ID: s.theirS.ID}, account.ErrNotFound},
			{account.EndSessions{Except: s.session.ID, Renew: renew(s.session, e.digest())}, account.ErrSessionGone},
			{account.EndSessions{Except: s.theirS.ID, Renew: renew(s.theirS, s.theirS.Digest)}, account.ErrSessionGone},
			{account.EndSessions{Renew: renew(s.session, s.session.Digest)}, account.ErrSessionGone},
		} {
			refused.end.UserID, refused.end.Pendings, refused.end.Events = s.user.ID, true, []account.Event{e.event(s.user.ID)}
			e.changesNothing(s.watched, refused.want, func() error {
				n, err := e.store.EndSessions(e.ctx, refused.end)
				if n != 0 {
					e.Fatalf("ended %d, and failed", n)
				}
				return err
			})
		}
	}},
	{"what was asked for by a session that is gone", func(e *env) {
		s := newScene(e)
		device, ended := e.signedIn(s.user.ID, account.SessionDevice), e.signedIn(s.user.ID, account.SessionBrowser)
		token := e.signedIn(s.user.ID, account.SessionToken)
		e.ok(e.endOne(s.user.ID, ended.ID))
		events := []account.Event{e.event(s.user.ID)}
		asks := map[string]func(by string) error{
			"a passkey removed": func(by string) error {
				_, err := e.store.RemoveCredential(e.ctx, account.RemoveCredential{
					UserID: s.user.ID, SessionID: by, ID: s.credential.ID, EndDevices: true, Events: events,
				})
				return err
			},
			"code methods removed": func(by string) error {
				_, err := e.store.RemoveFactors(e.ctx, account.RemoveFactors{UserID: s.user.ID, SessionID: by, EndDevices: true, Events: events})
				return err
			},
			"new recovery codes": func(by string) error {
				return e.store.ReplaceRecoveryCodes(e.ctx, account.ReplaceRecoveryCodes{
					UserID: s.user.ID, SessionID: by, Digests: [][]byte{e.bytes(32)}, At: noon, EndDevices: true, Events: events,
				})
			},
		}
		for name, ask := range asks {
			e.Log(name)
			for _, by := range []string{"none", s.theirS.ID, device.ID, ended.ID, "a\x00b\xff"} {
				e.changesNothing(s.watched, account.ErrSessionGone, func() error { return ask(by) })
			}
			if e.keepsUsers {
				e.ok(e.users.SetActive(e.ctx, s.user.ID, false))
				e.changesNothing(s.watched, account.ErrInactive, func() error { return ask(s.session.ID) })
				e.ok(e.users.SetActive(e.ctx, s.user.ID, true))
				s.session, token = e.signedIn(s.user.ID, account.SessionBrowser), e.signedIn(s.user.ID, account.SessionToken)
			}
		}
		for name, ask := range asks {
			e.Log(name)
			by := s.session.ID
			if name == "new recovery codes" {
				by = token.ID
			}
			e.ok(ask(by))
		}
		e.hasSessions(s.user.ID, s.session, token)
		e.recoveryCodesLeft(s.user.ID, 1)
	}},
	{"what a session asks for as it ends", func(e *env) {
		// Whichever comes second knows of the first.
		u := e.user()
		sessions := make([]account.Session, racers/2)
		for i := range sessions {
			sessions[i] = e.signedIn(u.ID, account.SessionBrowser)
		}
		for i, err := range e.race(func(i int) error {
			if i%2 == 0 {
				return e.endOne(u.ID, sessions[i/2].ID)
			}
			return e.store.ReplaceRecoveryCodes(e.ctx, account.ReplaceRecoveryCodes{
				UserID: u.ID, SessionID: sessions[i/2].ID, Digests: [][]byte{e.bytes(32)}, At: noon,
			})
		}) {
			if i%2 == 0 || err == nil {
				e.ok(err)
				continue
			}
			e.fails(err, account.ErrSessionGone)
		}
		e.hasSessions(u.ID)
	}},
	{"a pending sign-in that is gone", func(e *env) {
		s := newScene(e)
		e.changesNothing(s.watched, account.ErrPendingGone, func() error {
			return e.store.UpdatePending(e.ctx, account.UpdatePending{
				ID: "none", State: account.PendingReady, Events: []account.Event{e.event(s.user.ID)},
			})
		})
		e.changesNothing(s.watched, account.ErrPendingGone, func() error {
			_, err := e.store.TryCode(e.ctx, "none", 5)
			return err
		})
	}},
	{"a spent state", func(e *env) {
		s, spend := newScene(e), e.spend()
		e.ok(e.store.SpendState(e.ctx, spend, nil))
		e.changesNothing(s.watched, account.ErrSpent, func() error {
			return e.store.SpendState(e.ctx, spend, []account.Event{e.event(s.user.ID)})
		})
		e.changesNothing(s.watched, account.ErrSpent, func() error { return e.store.TryState(e.ctx, spend) })
	}},
}
