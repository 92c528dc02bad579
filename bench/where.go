package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/pprof/profile"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
)

// room is where time goes: that of the samples which have one of the functions on their stack.
type room struct {
	name      string
	functions []string
}

// rooms are tried in this order; each sample has its time in the first that it is found in, or in the last.
var rooms = []room{
	{"the verification itself", []string{"crypto/ecdsa.VerifyASN1"}},
	{"reading the answer, the key and the hash around it", []string{"latchkey/passkey."}},
	{"garbage collection", []string{"runtime.gcBgMarkWorker", "runtime.bgsweep", "runtime.bgscavenge", "runtime.gcAssistAlloc"}},
	{"checkpoints", []string{"sqlite.(*checkpointer)"}},
	{"the commit", []string{"database/sql.(*Tx).Commit", "postgres.pipe.Commit"}},
	{"the transaction: SQLite itself", nil},
	{"the transaction: driver and store", []string{"sqlstore.(*group)", "sqlstore.(*Store).transact"}},
	{"the read: SQLite itself", nil},
	{"the read: driver and store", []string{"sqlstore.list["}},
	{"JSON", []string{"encoding/json."}},
	{"the request log", []string{"log/slog."}},
	{"Latchkey: policy, states, cookies, events", []string{"latchkey/signin.", "latchkey/web.", "latchkey/internal/", "latchkey.(*Auth)"}},
	{"`net/http`, the kernel's part of it and the scheduler", nil}, // and whatever is in none of the others
}

// around is how the name of a room ends that has SQLite's own code in the room before it.
const (
	around   = ": driver and store"
	sqliteIn = "modernc.org/sqlite/lib."
)

// roomOf is the index of the room that a sample belongs to.
func roomOf(s *profile.Sample) int {
	on := func(part string) bool {
		return slices.ContainsFunc(s.Location, func(l *profile.Location) bool {
			return slices.ContainsFunc(l.Line, func(line profile.Line) bool { return strings.Contains(line.Function.Name, part) })
		})
	}
	i := slices.IndexFunc(rooms, func(r room) bool { return slices.ContainsFunc(r.functions, on) })
	if i < 0 {
		return len(rooms) - 1
	}
	if strings.HasSuffix(rooms[i].name, around) && on(sqliteIn) {
		return i - 1
	}
	return i
}

// shares is the part of the time that was spent in each room.
func shares(p *profile.Profile) ([]float64, error) {
	parts, total := make([]float64, len(rooms)), 0.0
	for _, s := range p.Sample {
		spent := float64(s.Value[len(s.Value)-1])
		parts[roomOf(s)] += spent
		total += spent
	}
	if total == 0 {
		return nil, errors.New("the profile is empty")
	}
	for i := range parts {
		parts[i] /= total
	}
	return parts, nil
}

// whereRow is a load and where its time went.
type whereRow struct {
	name   string
	cpu    float64 // ns each
	shares []float64
}

// measureWhere repeats the loads of the targets with a profile. It is a run of its own, so that the profiler costs the others nothing.
func measureWhere(ctx context.Context, r *run) error {
	sqlite, err := fillSQLite(ctx, r.path("where.db"), loadCrowd)
	if err != nil {
		return err
	}
	if err := r.whereOn(ctx, sqlite); err != nil {
		return err
	}
	if err := r.whereChecked(ctx, sqlite); err != nil {
		return err
	}
	if pgtest.Missing() != "" {
		return nil
	}
	postgres, err := fillPostgres(ctx, loadCrowd)
	if err != nil {
		return err
	}
	return errors.Join(r.whereOn(ctx, postgres), postgres.close())
}

func (r *run) whereOn(ctx context.Context, d *database) (err error) {
	s, err := r.profiled(ctx, d.at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := r.introduce(ctx, s, d); err != nil {
		return err
	}
	return errors.Join(
		r.where(ctx, s, d.kind+" sign-in, passkey alone", signins(d, false)),
		r.where(ctx, s, d.kind+" sign-in, address typed", signins(d, true)),
	)
}

func (r *run) whereChecked(ctx context.Context, d *database) (err error) {
	s, err := r.app(ctx, d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	return r.where(ctx, s, "request with a session check", get("/guarded", func(*browser) string { return person(rand.IntN(d.sessions)).token() }))
}

// where is a load of 16 connections with a profile.
func (r *run) where(ctx context.Context, s *server, name string, do step) error {
	dir := cmp.Or(r.profile, r.dir)
	path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".pprof")
	m, err := r.loadProfiled(ctx, s, 16, name+", profiled", do, path)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	p, err := profile.Parse(f)
	if err != nil {
		return err
	}
	parts, err := shares(p)
	r.report.where = append(r.report.where, whereRow{name, m.cpuEach(), parts})
	return err
}

func (r *report) whereTable(p printer, verification float64) {
	if len(r.where) == 0 {
		return
	}
	p("\n## Where the time goes\n\nLoads of 16 connections once more, with a CPU profile: the profile's shares of what the operating system counted, in multiples of a verification.\n")
	head, line := "| |", "| --- |"
	for _, row := range r.where {
		head, line = head+" "+row.name+" |", line+" ---: |"
	}
	p("%s\n%s", head, line)
	cells := func(name string, cell func(whereRow) float64) {
		text, any := "| "+name+" |", false
		for _, row := range r.where {
			x := cell(row)
			any = any || x >= 0.005
			text += fmt.Sprintf(" %.2f |", x)
		}
		if any {
			p("%s", text)
		}
	}
	for i, room := range rooms {
		cells(room.name, func(row whereRow) float64 { return row.shares[i] * row.cpu / verification })
	}
	cells("**all**", func(row whereRow) float64 { return row.cpu / verification })
	p("\n%s", strings.TrimSpace(whatWouldHelp))
}
