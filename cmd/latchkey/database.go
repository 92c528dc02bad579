package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/keys"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/settings"
	"github.com/latchkey-auth/latchkey/store/postgres"
	"github.com/latchkey-auth/latchkey/store/sqlite"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

type dbCmd struct {
	Backup  backupCmd  `cmd:"" help:"Copy the database to a file, beside a running server or without."`
	Migrate migrateCmd `cmd:"" help:"Make the database if it is not there, and bring its tables up to date."`
}

type backupCmd struct {
	configured
	File string `arg:"" help:"Where to write the copy. There must be no such file."`
}

// Run copies the database, beside a server or without.
func (c *backupCmd) Run(ctx context.Context, a *app) error {
	s, err := c.load(a, true, nil)
	if err != nil {
		return err
	}
	if s.OnPostgreSQL() {
		return hinted{errors.New("this copies SQLite databases alone"), "pg_dump makes a copy of one moment of a PostgreSQL database"}
	}
	store, err := openExisting(ctx, &s) // for its hints
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	if err := sqlite.Backup(ctx, s.Database, c.File); errors.Is(err, sqlite.ErrExists) {
		return hinted{fmt.Errorf("%s exists", c.File), "name a new file, such as with the date in its name"}
	} else if err != nil {
		return hinted{err, "check that its folder is there, can be written to and has room"}
	}
	_, err = fmt.Fprintf(a.stdout, "%s is a copy of %s; keep a copy of its secret keys elsewhere\n", c.File, s.Database)
	return err
}

type migrateCmd struct{ configured }

// Run migrates and says so.
func (c *migrateCmd) Run(ctx context.Context, a *app) error {
	s, err := c.load(a, true, nil)
	if err != nil {
		return err
	}
	store, err := openOrMake(ctx, &s)
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s is up to date\n", s.DatabaseName())
	return err
}

// openOrMake opens the database and brings it up to date, or makes it. Where no secret keys were given it fills in those beside
// the database, which are made first: nothing must be sealed with a key that could be lost.
func openOrMake(ctx context.Context, s *settings.Settings) (*sqlstore.Store, error) {
	if s.OnPostgreSQL() {
		return openPostgres(ctx, s, postgres.Options{})
	}
	dir := filepath.Dir(s.Database)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, hinted{fmt.Errorf("DATABASE: there is no folder %s", dir), "make it, or give another path with --database or LATCHKEY_DATABASE"}
	}
	if err := fillKeys(s); err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, s.Database, sqlite.Options{Log: s.Library.Log})
	return store, databaseHint(err)
}

// openExisting opens a database that must be there and up to date: a mistyped path makes no new one, and a newer program
// changes no tables below a running server.
func openExisting(ctx context.Context, s *settings.Settings) (*sqlstore.Store, error) {
	if s.OnPostgreSQL() {
		return openPostgres(ctx, s, postgres.Options{NoMigrate: true})
	}
	if _, err := os.Stat(s.Database); errors.Is(err, fs.ErrNotExist) {
		return nil, hinted{fmt.Errorf("DATABASE: there is no database %s", s.Database),
			"say where it is with --database or LATCHKEY_DATABASE; latchkey serve or latchkey db migrate makes a new one"}
	}
	store, err := sqlite.Open(ctx, s.Database, sqlite.Options{NoMigrate: true})
	return store, databaseHint(err)
}

// fillKeys takes the keys beside the database where none were given.
func fillKeys(s *settings.Settings) error {
	if len(s.Library.SecretKeys) > 0 {
		return nil
	}
	if s.OnPostgreSQL() {
		return hinted{errors.New("SECRET_KEYS: they must be set where DATABASE is PostgreSQL"), "set them to those of the servers of this database"}
	}
	found, err := keys.Ensure(s.Database)
	if err != nil {
		return keysHint(err, keys.Path(s.Database))
	}
	s.Library.SecretKeys = found
	return nil
}

func keysHint(err error, path string) error {
	hint := "check that its folder can be written to, or set SECRET_KEYS"
	switch {
	case errors.Is(err, keys.ErrOpen):
		hint = "make it yours alone: chmod 600 " + path
	case errors.Is(err, keys.ErrBroken):
		hint = "put back a copy of the file, or set SECRET_KEYS"
	case errors.Is(err, keys.ErrMissing):
		hint = "put the file back, or set SECRET_KEYS to the keys that the server had; if they are lost for good, set it to a new one (openssl rand -base64 32): authenticator apps must then be set up again"
	}
	return hinted{fmt.Errorf("SECRET_KEYS: %w", err), hint}
}

func databaseHint(err error) error {
	return schemaHint(err, "check that the path names a database of latchkey, that this user may write it and its folder, and that the disk has room")
}

// openPostgres opens a database that must be there. Its tables are made, or brought up to date, unless the options say otherwise.
func openPostgres(ctx context.Context, s *settings.Settings, o postgres.Options) (*sqlstore.Store, error) {
	store, err := postgres.Open(ctx, s.Database, o)
	return store, postgresHint(err, s.DatabaseName())
}

func postgresHint(err error, name string) error {
	if errors.Is(err, account.ErrUnavailable) {
		return schemaHint(err, "check that the server of "+name+" runs, takes writes, and can be reached from here; latchkey doctor looks closer")
	}
	return schemaHint(err, "check that "+name+" is there, that its server takes this user and password, and that the user may make tables in it")
}

// schemaHint adds what to do: the hint, unless the schema is the trouble.
func schemaHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	switch {
	case errors.Is(err, sqlstore.ErrNewerSchema):
		hint = "use the newer latchkey that has migrated the database"
	case errors.Is(err, sqlstore.ErrOlderSchema):
		hint = "run latchkey db migrate, or start the server once"
	}
	return hinted{fmt.Errorf("DATABASE: %w", err), hint}
}
