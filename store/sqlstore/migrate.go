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
	updateVersion = `UPDATE latchkey_schema SET version = $1 WHERE one = 1 AND version = $2`
	// noTimeout lets a migration, and the wait for another's, take the time that it takes.
	noTimeout = `SET LOCAL statement_timeout = 0`
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
		if ctx.Err() == nil && !s.unavailable(err) && noVersion(err) {
			err = errors.Join(ErrOlderSchema, err)
		}
		return s.wrap(ctx, "check schema", err)
	}
	return s.wrap(ctx, "check schema", compareVersion(version, len(steps)))
}

// noVersion reports whether the error may be that there is no such table, or no row in it. SQLite has no code for it alone.
func noVersion(err error) bool {
	var stated interface{ SQLState() string }
	return !errors.As(err, &stated) || stated.SQLState() == "42P01" // undefined_table
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

// migrateAttempts is how often a step is begun anew where another program migrates as well.
const migrateAttempts = 50

// migrate runs the steps that are missing. Where the schema is up to date it only reads, so that a server may run without the right to
// change tables.
func migrate(ctx context.Context, db *sql.DB, d Dialect, files fs.FS) error {
	steps, err := readSteps(files)
	if err != nil {
		return err
	}
	var version int
	// An error most likely says that there is no such table yet; what else there may be, the next statements meet as well.
	if err := db.QueryRowContext(ctx, selectVersion).Scan(&version); err == nil && version == len(steps) {
		return nil
	}
	for done := false; !done; {
		if err := again(ctx, func() error {
			done, err = migrateOne(ctx, db, d, steps)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// again does something until it is not another program's migration that comes between.
func again(ctx context.Context, do func() error) error {
	for n := 1; ; n++ {
		err := do()
		if err == nil || n == migrateAttempts || !raced(err) {
			return err
		}
		if waited := pause(ctx, n); waited != nil {
			return errors.Join(waited, err)
		}
	}
}

// raced reports whether the error may be of another program that migrates at the same time: IF NOT EXISTS sees only what is committed,
// and a database that is spread over machines undoes one of two. Where it is not, trying again says the same in the end.
func raced(err error) bool {
	var stated interface{ SQLState() string }
	if !errors.As(err, &stated) {
		return false
	}
	switch stated.SQLState() {
	case "23505", // unique_violation: of the catalogue
		"42P07", "42701", "42710", // duplicate_table, duplicate_column, duplicate_object
		"40001", "40P01", // serialization_failure, deadlock_detected
		"XX000": // "tuple concurrently updated"
		return true
	}
	return false
}

// migrateOne runs the next step that is missing, or reports that there is none.
func migrateOne(ctx context.Context, db *sql.DB, d Dialect, steps []string) (done bool, err error) {
	if d == PostgreSQL {
		// Each committed at once: a row that is to be locked must be there for others as well.
		for _, statement := range []string{createVersion, insertVersion} {
			if err := patiently(ctx, db, statement); err != nil {
				return false, err
			}
		}
	}
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
	if _, err := raw.ExecContext(ctx, updateVersion, version+1, version); err != nil {
		return false, err
	}
	return false, raw.Commit()
}

// patiently runs one statement in a transaction of its own, and lets it wait for others.
func patiently(ctx context.Context, db *sql.DB, statement string) (err error) {
	raw, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if rollback := raw.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, rollback)
		}
	}()
	for _, one := range []string{noTimeout, statement} {
		if _, err := raw.ExecContext(ctx, one); err != nil {
			return err
		}
	}
	return raw.Commit()
}

// lockSchema keeps every other migration out until the transaction ends, and reads the version.
func lockSchema(ctx context.Context, raw *sql.Tx, d Dialect) (version int, err error) {
	statements := []string{createVersion, insertVersion, lockVersion}
	if d == PostgreSQL {
		statements = []string{noTimeout, lockVersion}
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
