package postgres_test

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/store/postgres"
)

// FuzzURI: whatever a URI holds, it is taken or refused, and neither the refusal nor the name that people are shown repeats its password.
func FuzzURI(f *testing.F) {
	for _, uri := range []string{
		"postgres://ann:sesame@db/latchkey", "postgres://ann:sesame@h1:5432,h2:5433/latchkey?target_session_attrs=read-write", "postgresql://ann@[::1]:5432/?sslmode=disable", "postgres://", "postgres://db?password=sesame",
		"postgres://ann:sesame@db:port/x", "postgres:///x?host=/run/postgresql", "postgres://a:sesame@db/x?pool_max_conns=-1", "postgres://%zz", "host=db password=sesame", "postgres://a:sesame@db/x?sslrootcert=/nowhere", "\x00",
	} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		err := postgres.Check(uri)
		// only where it stands as a password does it have to stay unsaid
		if strings.Count(uri, "sesame") != 1 || !strings.Contains(uri, "://ann:sesame@") || strings.ContainsAny(uri, "\\#?") {
			return
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q: the error repeats the password: %v", uri, err)
		}
		if name := postgres.Name(uri); strings.Contains(name, "sesame") {
			t.Errorf("%q is called %q", uri, name)
		}
	})
}
