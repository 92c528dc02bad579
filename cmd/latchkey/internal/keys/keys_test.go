package keys

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestEnsureMakesAndKeeps(t *testing.T) {
	db := filepath.Join(t.TempDir(), "latchkey.db")
	first, err := Ensure(db)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 1 || len(first[0]) != Size || bytes.Equal(first[0], make([]byte, Size)) {
		t.Fatalf("a new database has %d keys, of which the first has %d bytes", len(first), len(first[0]))
	}
	info, err := os.Stat(Path(db))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the keys have mode %v", info.Mode().Perm())
	}
	if err := os.WriteFile(db, []byte("a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Ensure(db)
	if err != nil || !bytes.Equal(again[0], first[0]) {
		t.Errorf("the second start has another key (%v)", err)
	}
	other, err := Ensure(filepath.Join(t.TempDir(), "latchkey.db"))
	if err != nil || bytes.Equal(other[0], first[0]) {
		t.Errorf("two databases have one key (%v)", err)
	}
	entries, err := os.ReadDir(filepath.Dir(db))
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v (%v)", entries, err)
	}
}

func TestEnsureAtOnce(t *testing.T) {
	db := filepath.Join(t.TempDir(), "latchkey.db")
	got := make([][][]byte, 16)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range got {
		wg.Go(func() {
			<-start
			k, err := Ensure(db)
			if err != nil {
				t.Error(err)
				return
			}
			// What a server does next: the database comes after its keys.
			if err := os.WriteFile(db, []byte("a database"), 0o600); err != nil {
				t.Error(err)
			}
			got[i] = k
		})
	}
	close(start)
	wg.Wait()
	for i, k := range got {
		if len(k) != 1 || !bytes.Equal(k[0], got[0][0]) {
			t.Errorf("starter %d has another key", i)
		}
	}
}

func TestEnsureRefuses(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, Size))
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       error
	}{
		{"readable to the group", good, 0o640, ErrOpen},
		{"readable to all", good, 0o644, ErrOpen},
		{"empty", "", 0o600, ErrBroken},
		{"only a comment", "# nothing\n", 0o600, ErrBroken},
		{"not base64", "not a key", 0o600, ErrBroken},
		{"too short", "c2hvcnQ=", 0o600, ErrBroken},
		{"second broken", good + "\nc2hvcnQ=\n", 0o600, ErrBroken},
		{"a very long line", strings.Repeat("A", 1<<17), 0o600, ErrBroken},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := filepath.Join(t.TempDir(), "latchkey.db")
			if err := os.WriteFile(Path(db), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(Path(db), c.mode); err != nil { // whatever the umask
				t.Fatal(err)
			}
			_, err := Ensure(db)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if strings.Contains(err.Error(), "c2hv") || strings.Contains(err.Error(), "not a key") {
				t.Errorf("the error repeats what the file holds: %v", err)
			}
		})
	}
}

func TestEnsureMissing(t *testing.T) {
	db := filepath.Join(t.TempDir(), "latchkey.db")
	if err := os.WriteFile(db, []byte("a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Ensure(db); !errors.Is(err, ErrMissing) {
		t.Errorf("got %v, want %v", err, ErrMissing)
	}
	if _, err := os.Stat(Path(db)); !os.IsNotExist(err) {
		t.Errorf("a new key was made for a database that has sealed data (%v)", err)
	}
}

func TestEnsureSeveral(t *testing.T) {
	db := filepath.Join(t.TempDir(), "latchkey.db")
	one, two := bytes.Repeat([]byte{1}, Size), bytes.Repeat([]byte{0xfb}, Size)
	text := "# rotated\n" + base64.RawURLEncoding.EncodeToString(two) + "\n\n" + base64.StdEncoding.EncodeToString(one) + "\n"
	if err := os.WriteFile(Path(db), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Ensure(db)
	if err != nil || len(got) != 2 || !bytes.Equal(got[0], two) || !bytes.Equal(got[1], one) {
		t.Errorf("got %x, %v", got, err)
	}
}

func TestEnsureWithoutFolder(t *testing.T) {
	if _, err := Ensure(filepath.Join(t.TempDir(), "nowhere", "latchkey.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
