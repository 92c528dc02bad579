package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// What the schema check answers. Test with errors.Is.
var (
	// ErrNewerSchema: a newer Latchkey has migrated the database; this one must not touch it.
	ErrNewerSchema = errors.New("sqlstore: the database has a newer schema than this program knows")
	// ErrOlderSchema: migrations are missing.
	ErrOlderSchema = errors.New("sqlstore: the database needs to be migrated")
)

//go:embed migrations
var migrations embed.FS

const (
	createVersion = `CREATE TABLE IF NOT EXISTS latchkey_schema (
		one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL)`
	insertVersion = `INSERT INTO latchkey_schema (one, version) VALUES (1, 0) ON CONFLICT (one) DO NOTHING`
	// lockVersion changes nothing, but holds the row until the end of the transaction.
	lockVersion   = `UPDATE latchkey_schema SET version = version WHERE one = 1`
	selectVersion = `SELECT version FROM latchkey_schema WHERE one = 1`
	updateVersion = `UPDATE latchkey_schema SET version = $1 WHERE one = 1`
	// lockPostgres keeps two first migrations from creating the version table at once, which IF NOT EXISTS does not. The
	// number is "latchkey" in ASCII.
	lockPostgres = `SELECT pg_advisory_xact_lock(7809644627822404985)`
)

// Migrations are the files of that dialect: 0001_initial.sql and so on, to be run in order, each in a transaction.
func Migrations(d Dialect) (fs.FS, error) {
	if d != SQLite && d != PostgreSQL {
		return nil, fmt.Errorf("sqlstore: there is no dialect %q", d)
	}
	return fs.Sub(migrations, "migrations/"+string(d))
}

// Migrate brings the schema up to date, each step in a transaction of its own. Any number of programs may migrate at
// once. ErrNewerSchema if the database is ahead.
func (s *Store) Migrate(ctx context.Context) error {
	files, err := Migrations(s.db.Dialect)
	if err != nil {
		return err
	}
	return s.wrap(ctx, "migrate", migrate(ctx, s.db.Writer, s.db.Dialect, files))
}

// CheckSchema reports whether the schema is the one that this program was made for: nil, ErrOlderSchema or ErrNewerSchema.
func (s *Store) CheckSchema(ctx context.Context) error {
	files, err := Migrations(s.db.Dialect)
	if err != nil {
		return err
	}
	steps, err := readSteps(files)
	if err != nil {
		return s.wrap(ctx, "check schema", err)
	}
	var version int
	if err := s.reader.row(ctx, selectVersion, &version); err != nil {
		if ctx.Err() == nil && !s.unavailable(err) {
			// There is no such table, or no row in it: each driver says it differently.
			err = errors.Join(ErrOlderSchema, err)
		}
		return s.wrap(ctx, "check schema", err)
	}
	return s.wrap(ctx, "check schema", compareVersion(version, len(steps)))
}

func compareVersion(version, newest int) error {
	switch {
	case version > newest:
		return fmt.Errorf("%w: version %d, and %d is the newest known", ErrNewerSchema, version, newest)
	case version < newest:
		return fmt.Errorf("%w: version %d, not %d", ErrOlderSchema, version, newest)
	}
	return nil
}

// migrate runs the steps that are missing.
func migrate(ctx context.Context, db *sql.DB, d Dialect, files fs.FS) error {
	steps, err := readSteps(files)
	if err != nil {
		return err
	}
	for {
		done, err := migrateOne(ctx, db, d, steps)
		if err != nil || done {
			return err
		}
	}
}

// migrateOne runs the next step that is missing, or reports that there is none.
func migrateOne(ctx context.Context, db *sql.DB, d Dialect, steps []string) (done bool, err error) {
	raw, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() {
		if rollback := raw.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, rollback)
		}
	}()
	version, err := lockSchema(ctx, raw, d)
	if err != nil {
		return false, err
	}
	if version == len(steps) {
		return true, raw.Commit()
	}
	if version > len(steps) {
		return false, compareVersion(version, len(steps))
	}
	if _, err := raw.ExecContext(ctx, steps[version]); err != nil {
		return false, fmt.Errorf("to version %d: %w", version+1, err)
	}
	if _, err := raw.ExecContext(ctx, updateVersion, version+1); err != nil {
		return false, err
	}
	return false, raw.Commit()
}

// lockSchema keeps every other migration out until the transaction ends, and reads the version.
func lockSchema(ctx context.Context, raw *sql.Tx, d Dialect) (version int, err error) {
	statements := []string{createVersion, insertVersion, lockVersion}
	if d == PostgreSQL {
		statements = slices.Insert(statements, 0, lockPostgres)
	}
	for _, statement := range statements {
		if _, err := raw.ExecContext(ctx, statement); err != nil {
			return 0, err
		}
	}
	err = raw.QueryRowContext(ctx, selectVersion).Scan(&version)
	return version, err
}

// readSteps reads the files in order; the n-th must be numbered n, four digits before an underscore.
func readSteps(files fs.FS) ([]string, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	steps := make([]string, len(names))
	for i, name := range names {
		number, _, _ := strings.Cut(name, "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 || len(number) != 4 {
			return nil, fmt.Errorf("the migration %s is not number %04d", name, i+1)
		}
		step, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		steps[i] = string(step)
	}
	return steps, nil
}
