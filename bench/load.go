package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
)

// step is what a client does over and over. n counts up over all clients, and never repeats in a run of the program.
type step func(b *browser, n int) error

// measured is what a load cost.
type measured struct {
	count     int
	took      time.Duration
	cpu       time.Duration // the server's
	latencies []time.Duration
}

func (m measured) perSecond() float64 { return float64(m.count) / m.took.Seconds() }
func (m measured) cpuEach() float64   { return float64(m.cpu) / float64(m.count) }
func (m measured) at(q float64) float64 {
	return float64(quantile(m.latencies, q))
}

// serial numbers the steps of the whole program.
var serial atomic.Int64

// load lets so many connections repeat a step for a while, after a warm-up.
func (r *run) load(ctx context.Context, s *server, connections int, name string, do step) (measured, error) {
	return r.loadProfiled(ctx, s, connections, name, do, "")
}

// loadProfiled takes a CPU profile into a file, where a file is named.
func (r *run) loadProfiled(ctx context.Context, s *server, connections int, name string, do step, path string) (measured, error) {
	key, err := newKey()
	if err != nil {
		return measured{}, err
	}
	browsers := make([]*browser, connections)
	for i := range browsers {
		if browsers[i], err = newBrowser(s.address, key); err != nil {
			return measured{}, err
		}
		defer browsers[i].close()
	}
	if _, err := repeat(ctx, browsers, r.each/5, do); err != nil {
		return measured{}, err
	}
	profiled := make(chan error, 1)
	if path != "" {
		go func() { profiled <- s.profile(ctx, r.each, path) }()
	} else {
		profiled <- nil
	}
	before, err := s.cpu()
	if err != nil {
		return measured{}, err
	}
	m, err := repeat(ctx, browsers, r.each, do)
	after, cpuErr := s.cpu()
	m.cpu = after - before
	if err := errors.Join(err, cpuErr, <-profiled); err != nil {
		return m, err
	}
	if m.count == 0 {
		return m, errors.New("nothing was done in the time")
	}
	tell("%-45s %7.0f/s  p50 %9s  p99 %9s  cpu %9s", name, m.perSecond(), ns(m.at(0.5)), ns(m.at(0.99)), ns(m.cpuEach()))
	return m, r.probe(ctx)
}

func repeat(ctx context.Context, browsers []*browser, length time.Duration, do step) (measured, error) {
	began := time.Now()
	all := make([][]time.Duration, len(browsers))
	errs := make([]error, len(browsers))
	var running sync.WaitGroup
	for i, b := range browsers {
		running.Go(func() {
			for ctx.Err() == nil {
				at := time.Now()
				if at.Sub(began) >= length {
					return
				}
				if errs[i] = do(b, int(serial.Add(1))); errs[i] != nil {
					return
				}
				all[i] = append(all[i], time.Since(at))
			}
		})
	}
	running.Wait()
	m := measured{took: time.Since(began), latencies: slices.Concat(all...)}
	slices.Sort(m.latencies)
	m.count = len(m.latencies)
	return m, errors.Join(append(errs, ctx.Err())...)
}

// regulars is how many people sign in, again and again, from browsers that have done so before: to others a mail is sent, which is
// not what is measured.
const regulars = 2000

// regular is one of them. They are spread over the whole database.
func (d *database) regular(i int) person { return person(i * (d.disabled / min(regulars, d.disabled))) }

// signins picks people at random, so that no page of the database is in a cache because it was just used.
func signins(d *database, named bool) step {
	return func(b *browser, _ int) error {
		return b.signinAgain(d.regular(rand.IntN(min(regulars, d.disabled))), named)
	}
}

// introduce has all regulars sign in once.
func (r *run) introduce(ctx context.Context, s *server, d *database) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		all.Go(func() {
			b, err := newBrowser(s.address, key)
			if err != nil {
				errs[i] = err
				return
			}
			defer b.close()
			for n := int(next.Add(1)) - 1; n < min(regulars, d.disabled) && errs[i] == nil && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				if p := d.regular(n); !isKnown(p) {
					errs[i] = b.signinAgain(p, false)
				}
			}
		})
	}
	all.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

func isKnown(p person) bool {
	_, known := browsersOf.Load(p)
	return known
}

// registrations gives each of the people with a session one more passkey, before anybody gets a third.
func registrations(d *database) step {
	return func(b *browser, n int) error { return b.register(person(n%d.sessions), fmt.Sprint("Key ", n)) }
}

// loadCrowd is who is in the databases of the load.
var loadCrowd = crowd{people: 100_000, sessions: 50_000}

// measureLoad is the main table.
func measureLoad(ctx context.Context, r *run) error {
	r.report.note(outboxNote)
	if strings.HasPrefix("SQLite", r.match) || strings.HasPrefix(r.match, "SQLite") {
		d, err := fillSQLite(ctx, r.path("load.db"), loadCrowd)
		if err != nil {
			return err
		}
		if err := r.loadOn(ctx, d); err != nil {
			return err
		}
	}
	if !strings.HasPrefix("PostgreSQL", r.match) && !strings.HasPrefix(r.match, "PostgreSQL") {
		return nil
	}
	if why := pgtest.Missing(); why != "" {
		r.report.note("PostgreSQL was left out: " + why + ".")
		return nil
	}
	d, err := fillPostgres(ctx, loadCrowd)
	if err != nil {
		return err
	}
	return errors.Join(r.loadOn(ctx, d), d.close())
}

// outboxNote says what a registration costs beside itself here.
const outboxNote = "A registration mails its owner. Here the mail is a file in an outbox, which costs about as much as the registration itself; an SMTP server would be told in its stead."

func (r *run) loadOn(ctx context.Context, d *database) (err error) {
	s, err := r.serve(ctx, d.at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	idle, err := s.memory("VmRSS")
	if err != nil {
		return err
	}
	if err := errors.Join(r.probe(ctx), r.introduce(ctx, s, d)); err != nil {
		return err
	}
	for _, l := range []struct {
		name string
		do   step
	}{
		{"sign-in, address typed", signins(d, true)}, {"sign-in, passkey alone", signins(d, false)}, {"registration", registrations(d)},
	} {
		for _, connections := range []int{1, 16, 64} {
			name := fmt.Sprintf("%s %s %d", d.kind, l.name, connections)
			if !strings.Contains(name, r.match) {
				continue
			}
			m, err := r.load(ctx, s, connections, name, l.do)
			if err != nil {
				return err
			}
			m.latencies = []time.Duration{quantile(m.latencies, 0.5), quantile(m.latencies, 0.99)}
			r.report.loads = append(r.report.loads, loadRow{d.kind, l.name, connections, m})
		}
	}
	loaded, err := s.memory("VmHWM")
	r.report.memory = append(r.report.memory, memoryRow{d.kind, idle, loaded})
	return err
}
