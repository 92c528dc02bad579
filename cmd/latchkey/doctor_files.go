package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/keys"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
	"github.com/latchkey-auth/latchkey/web"
)

// clockSlack is how far ahead of this clock an event may be that another server wrote.
const clockSlack = 5 * time.Minute

// keys: whether the secret keys are there and nobody else can read them.
func (d *doctor) keys() {
	const about = "SECRET_KEYS"
	if len(d.s.Library.SecretKeys) > 0 {
		d.say(good, about, count(len(d.s.Library.SecretKeys), "key")+" given", "")
		return
	}
	path := keys.Path(d.s.Database)
	if !exists(path) && !exists(d.s.Database) {
		d.say(good, about, "none given; serve will make "+path, "")
		return
	}
	if err := fillKeys(&d.s); err != nil { // makes none where there is a database
		d.hinted(bad, err)
		return
	}
	d.say(good, about, path+" is this user's alone; keep a copy of it", "")
}

// hinted prints an error with its hint. Its text begins with what it is about.
func (d *doctor) hinted(v web.Verdict, err error) {
	var h hinted
	errors.As(err, &h)
	about, what, ok := strings.Cut(err.Error(), ": ")
	if !ok {
		about, what = "server", err.Error()
	}
	d.say(v, about, strings.ReplaceAll(what, "\n", "; "), h.hint)
}

// database: whether it is there, this user's, and of this program's schema.
func (d *doctor) database(ctx context.Context) {
	const about = "DATABASE"
	if d.s.OnPostgreSQL() {
		if !d.postgres(ctx, about) {
			return
		}
	} else if !d.file(about) {
		return
	}
	store, err := openExisting(ctx, &d.s)
	if errors.Is(err, sqlstore.ErrOlderSchema) {
		what := "its tables are of an older version"
		if d.s.OnPostgreSQL() {
			what = "its tables are not there, or of an older version"
		}
		d.say(odd, about, what+"; serve brings them up to date when it starts", "keep a copy of the database, and run latchkey db migrate or start the server")
		return
	} else if err != nil {
		d.hinted(bad, err)
		return
	}
	newest, err := store.Events(ctx, account.EventFilter{Limit: 1})
	if err = errors.Join(err, store.Close()); err != nil {
		d.hinted(bad, databaseHint(err))
		return
	}
	d.say(good, about, d.s.DatabaseName()+" is there and up to date", "")
	d.clockOf(newest)
}

// file looks at the database file before it is opened, and reports whether to open it.
func (d *doctor) file(about string) bool {
	path := d.s.Database
	if err := writable(filepath.Dir(path)); err != nil {
		d.say(bad, about, err.Error(), "make the folder, and let the user that runs the server write in it: the database has files beside it")
		return false
	}
	switch err := isDatabase(path); {
	case errors.Is(err, fs.ErrNotExist):
		d.say(good, about, "there is no "+path+"; serve will make it", "")
		return false
	case err != nil:
		d.say(bad, about, err.Error(), "check that the path names a database of latchkey, and that this user, who must be the server's, may read and write it")
		return false
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		d.say(odd, about, fmt.Sprintf("others may read %s (mode %04o)", path, info.Mode().Perm()), "make it yours alone: chmod 600 "+path)
	}
	return true
}

// isDatabase looks at the beginning of the file. It must be done before the database is opened: closing a file drops the locks that
// the process holds on it.
func isDatabase(path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	const begins = "SQLite format 3\x00"
	head := make([]byte, len(begins))
	switch n, err := io.ReadFull(f, head); {
	case n == 0 && errors.Is(err, io.EOF): // made, and not written to yet
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case string(head) != begins:
		return errors.New(path + " is no SQLite database")
	}
	return nil
}

// writable tries the folder with a file that is gone at once.
func writable(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("there is no folder %s", dir)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", dir)
	}
	f, err := os.CreateTemp(dir, ".latchkey-doctor-*")
	if err != nil {
		return fmt.Errorf("%s can't be written to: %w", dir, errors.Unwrap(err))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// outbox: where messages are written that have no sender.
func (d *doctor) outbox() {
	const about = "OUTBOX"
	dir := d.s.Outbox
	if dir == "" {
		return
	}
	used := d.s.SMTP == nil || d.s.Texts == nil
	at := dir
	for !exists(at) && filepath.Dir(at) != at {
		at = filepath.Dir(at)
	}
	if err := writable(at); err != nil && used {
		d.say(bad, about, err.Error(), "give a folder that can be made or written to")
		return
	}
	switch {
	case used && !d.s.Local:
		d.nowhere()
	case used:
		d.say(good, about, "messages are written to "+dir, "")
	default:
		d.say(good, about, "it is not used: mails and text messages have senders of their own", "")
	}
}

// nowhere: an outbox on a site for others.
func (d *doctor) nowhere() {
	if d.s.Outbox != "" && !d.s.Local && (d.s.SMTP == nil || d.s.Texts == nil) {
		d.say(odd, "OUTBOX", "messages without a sender of their own are written to "+d.s.Outbox+", where nobody gets them", "set SMTP_URL and SMS_URL, and leave OUTBOX out")
	}
}

// senders: what is enabled must be sent by something. Elsewhere than on localhost that it is not has stopped the settings.
func (d *doctor) senders() {
	lib := d.s.Library
	for _, m := range []struct {
		method  account.Method
		there   bool
		setting string
	}{{account.MethodEmail, d.s.SMTP != nil, "SMTP_URL"}, {account.MethodSMS, d.s.Texts != nil, "SMS_URL"}} {
		enabled := lib.TwoFactor && slices.Contains(lib.TwoFactorMethods, m.method)
		switch {
		case m.there:
			d.say(good, m.setting, "is set", "")
		case enabled && d.s.Outbox == "":
			d.say(odd, "TWO_FACTOR_ENABLED_METHODS", string(m.method)+" is enabled, and there is nothing to send it with", "set "+m.setting+" or OUTBOX, or take it out of the list")
		}
	}
}
