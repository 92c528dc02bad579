package main

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

func decodeBase64(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }

type (
	loadRow struct {
		database, name string
		connections    int
		measured
	}
	memoryRow struct {
		database     string
		idle, loaded int64
	}
	sessionRow struct {
		name          string
		connections   int
		bare, guarded measured
	}
	sizeRow struct {
		people   int
		bytes    int64
		cpu, p50 []float64
	}
	identityRow struct {
		step  string
		times map[string][]float64
	}
)

// report gathers what was measured.
type report struct {
	options    options
	at         time.Time
	loads      []loadRow
	memory     []memoryRow
	sessions   []sessionRow
	sizes      []sizeRow
	starts     []float64
	identities []identityRow
	where      []whereRow
	notes      []string
}

func newReport(o options) *report { return &report{options: o, at: time.Now()} }

func (r *report) note(text string) { r.notes = append(r.notes, text) }

// text is the whole report. verification is what one costs.
func (r *report) text(verification float64, spread string) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# What Latchkey costs\n")
	p("Made by `make bench` on %s. Do not edit: run it again.\n", r.at.UTC().Format(time.DateOnly))
	for _, line := range machine(r.options.dir) {
		p("- %s", line)
	}
	p("- One bare `ecdsa.VerifyASN1` on P-256, on the server's core, in this run: **%s** (%s). Costs are multiples of it: ×1 is the least that a sign-in can cost.", ns(verification), spread)
	p("- Each load lasted %v after a warm-up, on connections that are kept open, every client starting again as soon as it is answered.", r.options.each)
	for _, n := range r.notes {
		p("- %s", n)
	}
	r.targets(p, verification)
	r.loadTable(p, verification)
	r.sessionTable(p, verification)
	r.sizeTable(p, verification)
	r.restTable(p)
	r.identityTable(p)
	r.whereTable(p, verification)
	return b.String()
}

// whatWouldHelp is what a person read out of the table of where the time goes. It changes when the code does.
//
//go:embed where.md
var whatWouldHelp string

type printer func(format string, args ...any)

// targets says what was promised, and whether it holds.
func (r *report) targets(p printer, verification float64) {
	p("\n## The targets\n\n| target | promised | measured | |\n| --- | --- | --- | --- |")
	row := func(what, unit string, most, got float64) {
		p("| %s | ≤ %.4g%s | %.4g%s | %s |", what, most, unit, got, unit, within(got, most))
	}
	for _, l := range r.loads {
		if l.connections != 16 || l.name == "registration" {
			continue
		}
		most := map[string]float64{"SQLite": 4, "PostgreSQL": 5}[l.database]
		row(fmt.Sprintf("server CPU of a %s, %s, 16 connections", l.name, l.database), " ×", most, l.cpuEach()/verification)
		row(fmt.Sprintf("p99 of a %s, %s, 16 connections", l.name, l.database), " × p50", 5, l.at(0.99)/l.at(0.5))
	}
	for _, s := range r.sessions {
		row(fmt.Sprintf("CPU that a session check adds to a bare handler, %s, %d connections", s.name, s.connections), " ×", 0.25, (s.guarded.cpuEach()-s.bare.cpuEach())/verification)
	}
	if n := len(r.sizes); n > 1 {
		row(fmt.Sprintf("cost of a sign-in among %d, to one among %d", r.sizes[n-1].people, r.sizes[0].people), " ×", 1.15, median(r.sizes[n-1].cpu)/median(r.sizes[0].cpu))
	}
	for _, m := range r.memory {
		row("memory of an idle server on "+m.database, " MiB", 40, float64(m.idle)/(1<<20))
	}
	if len(r.starts) > 0 {
		row("start-up on an existing database", " ms", 150, median(r.starts)/1e6)
	}
}

func (r *report) loadTable(p printer, verification float64) {
	if len(r.loads) == 0 {
		return
	}
	p("\n## Sign-ins and registrations\n\nBegin and finish together, by %d people; PostgreSQL's own CPU is not counted.\n", loadCrowd.people)
	p("| database | what | connections | per second | p50 | p99 | server CPU each | × verification |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, l := range r.loads {
		p("| %s | %s | %d | %.0f | %s | %s | %s | **%.2f** |", l.database, l.name, l.connections, l.perSecond(), ns(l.at(0.5)), ns(l.at(0.99)), ns(l.cpuEach()), l.cpuEach()/verification)
	}
}

func (r *report) sessionTable(p printer, verification float64) {
	if len(r.sessions) == 0 {
		return
	}
	p("\n## A session check\n\nAn app with one small handler, bare and behind `Require`, 100000 live sessions on SQLite: every connection keeps to one, or shows another each time. All were seen in the last minute, so that none is written.\n")
	p("| sessions | connections | bare per second | checked per second | bare CPU | checked CPU | added | × verification |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, s := range r.sessions {
		added := s.guarded.cpuEach() - s.bare.cpuEach()
		p("| %s | %d | %.0f | %.0f | %s | %s | %s | **%.2f** |", s.name, s.connections, s.bare.perSecond(), s.guarded.perSecond(), ns(s.bare.cpuEach()), ns(s.guarded.cpuEach()), ns(added), added/verification)
	}
}

func (r *report) sizeTable(p printer, verification float64) {
	if len(r.sizes) == 0 {
		return
	}
	p("\n## The size of the database\n\nSign-ins of people drawn at random, address typed, 16 connections, SQLite; each size measured six times, upwards and downwards in turn; the medians.\n")
	p("| credentials | file | server CPU each | × verification | to the smallest | p50 |\n| ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, s := range r.sizes {
		p("| %d | %s | %s | **%.2f** | %.2f | %s |", s.people, mib(s.bytes), ns(median(s.cpu)), median(s.cpu)/verification, median(s.cpu)/median(r.sizes[0].cpu), ns(median(s.p50)))
	}
}

func (r *report) restTable(p printer) {
	if len(r.memory)+len(r.starts) == 0 {
		return
	}
	p("\n## Memory and start\n")
	for _, m := range r.memory {
		p("- On %s a server that has just started has %s resident; the most that it had under all the loads above was %s.", m.database, mib(m.idle), mib(m.loaded))
	}
	if len(r.starts) > 0 {
		p("- From starting the process to its first good answer of `/readyz`, on a database of 100000 credentials: %s (median of %d).", ns(median(r.starts)), len(r.starts))
	}
}

func (r *report) identityTable(p printer) {
	if len(r.identities) == 0 {
		return
	}
	p("\n## Can unknown, known and disabled identities be told apart by time?\n")
	p("%d samples of each kind in turn, one connection, wrong passwords and bad signatures. *Larger* is the share of pairs in which a known identity took longer: 0.5 is no difference. *p* is the two-sided Mann–Whitney probability of that by chance. *Farthest* is the largest difference of a quantile from the 5th to the 95th hundredth.\n", r.options.samples)
	p("| step | known | unknown | disabled | known to unknown: larger, p, farthest | known to disabled: larger, p, farthest |\n| --- | ---: | ---: | ---: | --- | --- |")
	for _, row := range r.identities {
		compare := func(kind string) string {
			larger, chance := mannWhitney(row.times["known"], row.times[kind])
			difference, at := farthest(row.times["known"], row.times[kind])
			sign := ""
			if difference < 0 {
				sign, difference = "−", -difference
			}
			return fmt.Sprintf("%.3f, p = %.3f, %s%s at %.0f %%", larger, chance, sign, ns(difference), at*100)
		}
		p("| %s | %s | %s | %s | %s | %s |", row.step, ns(median(row.times["known"])), ns(median(row.times["unknown"])), ns(median(row.times["disabled"])), compare("unknown"), compare("disabled"))
	}
}
