package signin_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/signin"
)

// The walk: accounts and browsers at random, right and wrong, driven against the model. Each seed is a walk of its own;
// LATCHKEY_SEED repeats one.
const walkSteps = 1300

// walks are the default seeds and what each walk's settings are.
var walks = []struct {
	seed     uint64
	settings []func(*signin.Config)
}{
	{1, nil},
	{2, []func(*signin.Config){required}},
	{3, []func(*signin.Config){remembering}},
	{4, []func(*signin.Config){required, remembering, singleUse}},
	{5, []func(*signin.Config){singleUse, noHints, rescuing}},
	{6, []func(*signin.Config){required, rescuing}},
	{7, []func(*signin.Config){remembering, rescuing, firstVerifies}},
	{8, []func(*signin.Config){required, remembering, noHints}},
}

var (
	noHints       = func(c *signin.Config) { c.AllowUserHints = false }
	rescuing      = func(c *signin.Config) { c.TwoFactorRescueEmail, c.TwoFactorRescueMail = true, "help@example.test" }
	firstVerifies = func(c *signin.Config) { c.AllowAsVerify = []account.Usage{account.UsageFirst} }
)

func TestWalk(t *testing.T) {
	t.Parallel()
	only := os.Getenv("LATCHKEY_SEED")
	total := &tally{counts: map[string][2]int{}}
	if only == "" {
		t.Cleanup(func() { total.check(t) })
	}
	seed, err := strconv.ParseUint(cmp.Or(only, "0"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range walks {
		if only != "" {
			if n := uint64(len(walks)); seed%n != x.seed%n {
				continue
			}
			x.seed = seed
		}
		t.Run(fmt.Sprintf("seed %d", x.seed), func(t *testing.T) {
			t.Parallel()
			t.Logf("LATCHKEY_SEED=%d repeats this walk", x.seed)
			w := newWorld(t, x.seed, x.settings...)
			for range walkSteps {
				w.step1()
			}
			total.add(w.counts)
		})
	}
}

// walker is a browser of the walk.
type walker struct {
	*browser
	name string
}

// world is the service and the model side by side.
type world struct {
	h        *house
	rng      *rand.Rand
	users    []*modelUser
	gone     []*modelKey // passkeys that were removed
	walkers  []*walker
	sessions map[string]*modelSession // by every token that it ever had and still has
	all      []*modelSession
	pendings map[string]*modelPending
	waiting  []*modelPending
	starts   []*modelStart
	setups   []*modelSetup
	tokens   []string // ever seen
	codes    []string // ever sent
	names    int

	trace  []string
	counts map[string][2]int // refused and done, by act
	before int
}

func newWorld(t *testing.T, seed uint64, settings ...func(*signin.Config)) *world {
	t.Helper()
	w := &world{
		h: newHouse(t, settings...), rng: rand.New(rand.NewPCG(seed, 0)), sessions: map[string]*modelSession{},
		pendings: map[string]*modelPending{}, counts: map[string][2]int{},
	}
	for _, name := range []string{"ada", "bob", "eve"} {
		w.users = append(w.users, &modelUser{person: w.h.person(name), active: true})
	}
	w.h.person("zoe", recoveryCodes) // their key is made when first asked for, which may be by who is refused
	_, err := w.h.raw.ExecContext(w.h.ctx, `DELETE FROM latchkey_sessions`)
	w.h.ok(err)
	for i := range 5 {
		b := &walker{browser: w.h.browser(), name: fmt.Sprint("browser ", i)}
		b.program = i == 4
		b.client.Origin = []string{origin, "", otherOrigin, origin, ""}[i]
		w.walkers = append(w.walkers, b)
	}
	w.h.watch()
	return w
}

// step1 has one random thing happen in one random browser.
func (w *world) step1() {
	w.h.t.Helper()
	w.h.clock.advance(time.Duration(1+w.rng.IntN(12_000)) * time.Millisecond)
	b := pick(w, w.walkers)
	w.compare(b)
	a := w.draw(w.who(b))
	w.note("%s: %s", b.name, a.name)
	for _, do := range a.do {
		w.before = w.h.changes()
		do(w, b)
	}
	w.compare(b)
	if w.chance(25) {
		w.account(pick(w, w.users))
	}
}

func pick[T any](w *world, list []T) T { return list[w.rng.IntN(len(list))] }

// chance is true so many times in a hundred.
func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) note(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}

// fail ends the walk and tells how it went.
func (w *world) fail(format string, args ...any) {
	w.h.t.Helper()
	w.h.t.Fatalf("step %d: %s\nthe last steps:\n%s", len(w.trace), fmt.Sprintf(format, args...), strings.Join(w.trace[max(0, len(w.trace)-25):], "\n"))
}

// expect compares an answer with the model's, and demands of a refusal that it changed nothing. It reports whether the thing
// was done.
func (w *world) expect(what string, want bool, err error) bool {
	w.h.t.Helper()
	var several signin.Refusals
	r, refused := signin.AsRefusal(err)
	if err != nil && !refused && !errors.As(err, &several) {
		w.fail("%s failed: %v", what, err)
	}
	w.note("    %s: %v", what, err)
	if (err == nil) != want {
		w.fail("%s: done %v, want %v (%v)", what, err == nil, want, err)
	}
	n := w.counts[what]
	if err == nil {
		n[1]++
	} else {
		n[0]++
		if changed := w.h.changes(); changed != w.before {
			w.fail("%s was refused (%v) and yet %s", what, r, w.h.changesSince(w.before))
		}
	}
	w.counts[what] = n
	return err == nil
}

// compare demands that the service takes a browser for whom the model does.
func (w *world) compare(b *walker) {
	w.h.t.Helper()
	s, p := w.who(b)
	c := b.caller()
	switch {
	case c.SignedIn() != (s != nil), c.SignedIn() && (c.Session.ID != s.id || c.User.ID != s.user.id):
		w.fail("%s is signed in: %v, want %v", b.name, c.User, s)
	case (c.Pending != nil) != (p != nil):
		w.fail("%s has a pending sign-in: %+v, want %+v", b.name, c.Pending, p)
	}
	if s != nil && (!slices.Equal(c.Session.Methods, s.methods) || !c.Session.AuthenticatedAt.Equal(s.provedAt)) {
		w.fail("%s was proved by %v at %v, want %v at %v", b.name, c.Session.Methods, c.Session.AuthenticatedAt, s.methods, s.provedAt)
	}
	if p != nil && (c.PendingUser.ID != p.user.id || c.Pending.State != p.state || c.Pending.Method != p.method || !slices.Equal(c.Pending.Proved, p.proved)) {
		w.fail("%s waits as %+v, want %+v", b.name, c.Pending, p)
	}
}

// account demands that an account has what the model says.
func (w *world) account(u *modelUser) {
	w.h.t.Helper()
	stored := w.h.holdings(u.id)
	for _, k := range u.keys {
		stored = without(stored, fmt.Sprintf("key %s %s %d", k.name, k.usage, k.count))
	}
	for _, c := range u.codes {
		stored = without(stored, fmt.Sprintf("code %s %d", c.method, c.lastStep))
	}
	for _, s := range w.all {
		if s.user == u && !s.ended {
			stored = without(stored, "session "+s.id)
		}
	}
	stored = without(stored, fmt.Sprintf("recovery %d", len(u.recovery)))
	if len(stored) > 0 {
		w.fail("%s has, beyond or other than the model: %v", u.email, stored)
	}
	n := w.h.held(u.id)
	if want := len(u.keys) + len(u.codes); n != want {
		w.fail("%s has %d passkeys and code methods, want %d", u.email, n, want)
	}
}

// without is the list without one entry.
func without(list []string, entry string) []string {
	if i := slices.Index(list, entry); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// tally counts what all walks did.
type tally struct {
	mu     sync.Mutex
	counts map[string][2]int
}

func (y *tally) add(counts map[string][2]int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for what, n := range counts {
		sum := y.counts[what]
		y.counts[what] = [2]int{sum[0] + n[0], sum[1] + n[1]}
	}
}

// check demands that the walks went everywhere: that everything was done, and refused, a few times.
func (y *tally) check(t *testing.T) {
	y.mu.Lock()
	defer y.mu.Unlock()
	never := []string{"new recovery codes", "end all", "end others", "recovery link, again"} // refused, or done
	for what, n := range y.counts {
		t.Logf("%s: %d done, %d refused", what, n[1], n[0])
		if min(n[0], n[1]) < 2 && !slices.Contains(never, what) {
			t.Errorf("%s: only %d done, %d refused", what, n[1], n[0])
		}
	}
	for _, what := range []string{
		"login", "finish a first sign-in", "finish a second step", "code", "confirm", "recover", "choose", "rescue", "start a setup", "finish a setup",
		"disable", "start a registration", "finish a registration", "remove a passkey", "verify", "finish to verify", "end one", "change the password", "recovery link",
	} {
		if y.counts[what] == [2]int{} {
			t.Errorf("%s: never tried", what)
		}
	}
}
