package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"sync"

	sqlite3 "modernc.org/sqlite/lib"
)

// bounds of the write-ahead file.
type bounds struct {
	// every is after how many intentions the file is copied into the database. Copying less often costs less, since pages that
	// changed several times are copied once; reading is slower the more is left to copy.
	every int
	// behind is after how many the writer waits for a copying that has not kept up.
	behind int
	// frames is how many pages of 4 KiB the file may have before it is begun anew.
	frames int
}

var usualBounds = bounds{every: 1000, behind: 4000, frames: 8192}

// checkpointer copies the write-ahead file into the database on a connection and a goroutine of its own, while others write
// on. SQLite by itself would let every so many commits wait for that.
//
// Copying alone does not bound the file where there is always somebody who writes: it begins anew only when all of it is
// copied and nobody reads in it. So from time to time, when nearly all is copied, the writer is held for the rest.
type checkpointer struct {
	bounds
	db  *sql.DB
	log *slog.Logger
	// writing is held by whoever writes, and here while the file begins anew.
	writing sync.Mutex

	mu      sync.Mutex
	since   int // intentions since the last checkpoint
	running bool
	closed  bool
	idle    sync.Cond // of mu: signalled when running ends
}

func newCheckpointer(path string, o Options, b bounds) (*checkpointer, error) {
	// One that reads for long keeps the file from beginning anew. That is for the next time: no writer waits for it.
	o.BusyTimeout = 0
	db, err := openPool(path, o, 1, url.Values{"_synchronous": {"FULL"}})
	if err != nil {
		return nil, err
	}
	c := &checkpointer{bounds: b, db: db, log: o.Log}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.idle.L = &c.mu
	return c, nil
}

// wrote counts what was committed, and begins a checkpoint where it is time.
func (c *checkpointer) wrote(intentions int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since += intentions
	for c.running && c.since >= c.behind {
		c.idle.Wait()
	}
	if c.since < c.every || c.running || c.closed {
		return
	}
	c.since, c.running = 0, true
	go c.run()
}

func (c *checkpointer) run() {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.running = false
		c.idle.Broadcast()
	}()
	if err := c.checkpoint(context.Background()); err != nil {
		c.log.Error("the write-ahead file could not be copied into the database, and grows", "error", err.Error())
	}
}

// checkpoint copies what it can without holding anybody up, and begins the file anew where it has become large.
func (c *checkpointer) checkpoint(ctx context.Context) error {
	frames, err := c.pragma(ctx, `PRAGMA wal_checkpoint(PASSIVE)`)
	if err != nil || frames < c.frames {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	_, err = c.pragma(ctx, `PRAGMA wal_checkpoint(RESTART)`)
	return err
}

// pragma runs a checkpoint and returns how many frames the file has. That others are in the way is no error.
func (c *checkpointer) pragma(ctx context.Context, statement string) (frames int, err error) {
	var busy, copied int
	err = c.db.QueryRowContext(ctx, statement).Scan(&busy, &frames, &copied)
	if code := primaryCode(err); code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("sqlite: checkpoint: %w", err)
	}
	return frames, nil
}

// close waits for a checkpoint that is under way, and begins no other.
func (c *checkpointer) close() error {
	c.mu.Lock()
	c.closed = true
	for c.running {
		c.idle.Wait()
	}
	c.mu.Unlock()
	return c.db.Close()
}
