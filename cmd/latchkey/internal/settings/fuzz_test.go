package settings

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

// FuzzSetting gives each setting whatever text, from the environment: it is taken, or refused with a fault that names it and helps.
func FuzzSetting(f *testing.F) {
	all := values()
	names := slices.Sorted(maps.Keys(all))
	for i, name := range names {
		for _, v := range append(all[name].good, all[name].bad...) {
			f.Add(uint8(i), v)
		}
	}
	for _, dsn := range []string{"postgres://u:p@h:5432/db?sslmode=disable&target_session_attrs=read-write", "postgres://h1,h2/db", "file::memory:?cache=shared", "x.db?_pragma=foreign_keys(0)", "../../etc/passwd", "\x00.db"} {
		f.Add(uint8(slices.Index(names, "DATABASE")), dsn)
	}
	f.Fuzz(func(t *testing.T, i uint8, text string) {
		name := names[int(i)%len(names)]
		_, err := Load(environ(name+"="+text, "OUTBOX=x"))
		if err == nil {
			return
		}
		var all Faults
		if !errors.As(err, &all) || len(all) == 0 {
			t.Fatalf("%s=%q: %v", name, text, err)
		}
		for _, x := range all {
			if x.Setting == "" || x.Problem == "" || x.Hint == "" {
				t.Errorf("%s=%q: the fault %+v", name, text, x)
			}
		}
	})
}

// FuzzFile gives whatever text as the file of settings.
func FuzzFile(f *testing.F) {
	for _, text := range []string{
		"", "freshness = \"1h\"", "ORIGINS = [\"http://localhost:8080\"]", "two_factor = true\n[table]\nx = 1", "a = \"\"\"", "x = 9223372036854775808", "registerable = \"yes\"\n\x00", "d = 1979-05-27", strings.Repeat("[", 5000),
		"a.b.c = 1", "PASSWORD_LENGTH_MIN = 15", "secret_keys = [1, 2]",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		src := environ("CONFIG=x.toml", "OUTBOX=x")
		src.ReadFile = func(string) ([]byte, error) { return text, nil }
		_, err := Load(src)
		var all Faults
		if err != nil && (!errors.As(err, &all) || len(all) == 0 || all[0].Hint == "") {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
