package keys

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Size is the length of a key in bytes.
const Size = 32

// What is wrong with the keys of a database. Test with errors.Is.
var (
	// ErrOpen: others than the owner may read the file.
	ErrOpen = errors.New("others may read it")
	// ErrBroken: the file does not hold keys.
	ErrBroken = errors.New("it does not hold keys")
	// ErrMissing: there is a database, so there were keys, but the file is gone.
	ErrMissing = errors.New("the database is there, but its keys are not")
)

const header = `# The secret keys of the database beside this file, made on the first start. Keep them secret, and keep a copy:
# without them, authenticator apps have to be set up again. One key a line, the first seals, all open.
`

// Path is where the keys of a database are.
func Path(database string) string { return database + ".keys" }

// Ensure returns the keys of the SQLite database with that path. Where there is no database yet, it makes a key and stores it
// durably, before anything can be sealed with it. Processes that start at once end with the same key.
func Ensure(database string) ([][]byte, error) {
	path := Path(database)
	found, err := load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	if info, err := os.Stat(database); err == nil && info.Size() > 0 {
		// Another process may have made both since the look above, the keys first.
		if found, err := load(path); !errors.Is(err, fs.ErrNotExist) {
			return found, err
		}
		return nil, fmt.Errorf("%s: %w", path, ErrMissing)
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("keys: make %s: %w", path, err)
	}
	return load(path)
}

// create writes a new key to a file of another name and links that to path, so that the keys are there whole or not at all
// and are never replaced. Losing the race to another process is no error.
func create(path string) error {
	key := make([]byte, Size)
	rand.Read(key)
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(header + base64.StdEncoding.EncodeToString(key) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // has no such thing
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func load(path string) ([][]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	// Windows has no such bits; there the folder's access list decides.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: %w (mode %04o)", path, ErrOpen, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	found, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return found, nil
}

func parse(text []byte) ([][]byte, error) {
	var found [][]byte
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := Decode(line)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d %w", ErrBroken, n+1, err)
		}
		found = append(found, key)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrBroken)
	}
	return found, nil
}

// Decode reads one key, written in base64 of either alphabet, padded or not. Its errors never repeat the text.
func Decode(text string) ([]byte, error) {
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	key, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil {
		return nil, errors.New("is not base64")
	}
	if len(key) != Size {
		return nil, fmt.Errorf("has %d bytes, not %d", len(key), Size)
	}
	return key, nil
}
