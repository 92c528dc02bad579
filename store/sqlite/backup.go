package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// ErrExists: there is something at the place of the backup already.
var ErrExists = errors.New("sqlite: the backup's file exists")

// Backup copies the database file from as it is at one moment to a new file to, readable for its owner alone, and checks the copy. It may run
// beside servers that work on the database: none waits for it. What is acknowledged before it begins is in the copy. Where it fails it
// leaves no copy.
//
// Errors: ErrExists; what [Open] returns.
func Backup(ctx context.Context, from, to string) (err error) {
	target, err := filepath.Abs(to)
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	// Made before SQLite does, which would leave its mode to the umask; an empty file is one that it fills.
	f, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s", ErrExists, to)
	}
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(target))
		}
	}()
	if err := f.Close(); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if err := vacuumInto(ctx, from, target); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	if err := verify(ctx, target); err != nil {
		return fmt.Errorf("sqlite: the backup is not good: %w", err)
	}
	return persist(target)
}

func vacuumInto(ctx context.Context, from, to string) (err error) {
	// One connection that reads: of a database in write-ahead mode it keeps no writer waiting.
	source, err := openPool(from, Options{BusyTimeout: defaultBusyTimeout}, 1, url.Values{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if err := sqlstore.New(sqlstore.DB{Reader: source, Writer: source, Dialect: sqlstore.SQLite, Unavailable: unavailable}).CheckSchema(ctx); err != nil {
		return err
	}
	_, err = source.ExecContext(ctx, `VACUUM INTO ?`, to)
	return err
}

// verify reads the whole copy.
func verify(ctx context.Context, path string) (err error) {
	copied, err := openPool(path, Options{}, 1, url.Values{"_query_only": {"1"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	for _, check := range []string{`PRAGMA integrity_check`, `PRAGMA foreign_key_check`} {
		var found string
		switch err := copied.QueryRowContext(ctx, check).Scan(&found); {
		case errors.Is(err, sql.ErrNoRows) || err == nil && found == "ok":
		case err != nil:
			return err
		default:
			return errors.New(found)
		}
	}
	return nil
}

// persist brings a file and its name to the disk.
func persist(path string) error {
	for _, name := range []string{path, filepath.Dir(path)} {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
	}
	return nil
}
