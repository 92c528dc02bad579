package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// measureSizes is the cost of a sign-in in databases of several sizes.
func measureSizes(ctx context.Context, r *run) error {
	sizes := []int{1_000, 100_000}
	if r.large {
		sizes = append(sizes, 1_000_000)
	}
	var all []*database
	for _, n := range sizes {
		began := time.Now()
		d, err := fillSQLite(ctx, r.path(fmt.Sprintf("size-%d.db", n)), crowd{people: n, sessions: min(n, 1000)})
		if err != nil {
			return err
		}
		tell("filled %d in %v", n, time.Since(began).Round(time.Second))
		all = append(all, d)
	}
	rows := make([]sizeRow, len(all))
	// Up and down, so that what drifts in the machine does not look like the size, and often: a few hundredths are asked for.
	up, down := all, reversed(all)
	for _, order := range [][]*database{up, down, up, down, up, down} {
		for _, d := range order {
			m, err := r.signinsOn(ctx, d)
			if err != nil {
				return err
			}
			i := slices.Index(all, d)
			info, err := os.Stat(d.at)
			if err != nil {
				return err
			}
			rows[i].people, rows[i].bytes = d.people, info.Size()
			rows[i].cpu = append(rows[i].cpu, m.cpuEach())
			rows[i].p50 = append(rows[i].p50, m.at(0.5))
		}
	}
	r.report.sizes = rows
	return nil
}

func reversed(all []*database) []*database {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

func (r *run) signinsOn(ctx context.Context, d *database) (m measured, err error) {
	s, err := r.serve(ctx, d.at)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := r.introduce(ctx, s, d); err != nil {
		return m, err
	}
	return r.load(ctx, s, 16, fmt.Sprintf("sign-in among %d", d.people), signins(d, true))
}

// measureStart is how long a start takes on a database that is there, and what a server needs that does nothing.
func measureStart(ctx context.Context, r *run) error {
	d, err := fillSQLite(ctx, r.path("start.db"), crowd{people: 100_000, sessions: 1000})
	if err != nil {
		return err
	}
	const times = 11
	for range times {
		began := time.Now()
		s, err := r.serve(ctx, d.at)
		if err != nil {
			return err
		}
		r.report.starts = append(r.report.starts, float64(time.Since(began)))
		if err := s.stop(); err != nil {
			return err
		}
	}
	return nil
}
