package replicas

import (
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
)

// The primary dies while many are at work, and its standby takes over: sign-ins go on, and every acknowledged registration, deletion, sign-in
// and use of a recovery code is still there.
func TestFailover(t *testing.T) {
	pgtest.Need(t)
	for name, die := range map[string]func(*pgtest.Server) error{
		"killed at once": (*pgtest.Server).Kill, "killed hard": (*pgtest.Server).KillHard,
	} {
		t.Run(name, func(t *testing.T) { failover(t, die) })
	}
}

func failover(t *testing.T, die func(*pgtest.Server) error) {
	primary := pgtest.New(t, pgtest.Options{Durable: true})
	standby, err := primary.Standby(t.Context())
	must(t, err)
	defer func() { must(t, standby.Close()) }()
	must(t, primary.Synchronous(t.Context()))

	// Two servers, so that more than one must find the new primary.
	settings := onPostgres(pgtest.URIs("postgres", primary, standby))
	s, other := newServer(t, settings...), newServer(t, settings...)
	s.start()
	other.start()
	l := lineTo(s)
	c := newCrowd(t, seeded(t), 4, l)
	c.people[1].line, c.people[3].line = lineTo(other), lineTo(other)
	for _, i := range []int{1, 3} {
		on(c.people[i].home, c.people[i].line)
	}
	stop := c.run(false)
	c.more(100)
	before := c.acknowledged.Load()
	died := time.Now()
	must(t, die(primary))
	must(t, standby.Promote(t.Context()))
	promoted := time.Now()
	c.more(1)
	t.Logf("the new primary took writes after %v, and something was acknowledged %v later; %d things before",
		promoted.Sub(died).Round(time.Millisecond), time.Since(promoted).Round(time.Millisecond), before)
	c.more(100)
	stop()
	s.ready()
	other.ready()
	c.settle()
	// Whoever comes new is served as well.
	newPerson(t, l, "new@example.com", &c.acknowledged).home.Get("/sessions").Want(t, http.StatusOK)
}
