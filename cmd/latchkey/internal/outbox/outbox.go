package outbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey/signin"
)

// nameTime has a fixed width, so that names sort as times do.
const nameTime = "20060102T150405.000000000Z"

// Box is a folder of messages. It is safe for concurrent use, and several processes may share a folder.
type Box struct {
	dir  string
	now  func() time.Time
	mu   sync.Mutex
	last time.Time
}

// Open makes the folder if it is not there, readable to its owner alone since codes lie in it.
func Open(dir string) (*Box, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return &Box{dir: dir, now: time.Now}, nil
}

// Send writes the message. It fails where the folder has gone or can't be written to.
func (b *Box) Send(ctx context.Context, m signin.Message) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // links are to be read and copied
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	// One at a time, so that the files appear in the order of their names.
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.write(b.name(), text.Bytes()); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return nil
}

// name is later than every name before it, even where the clock stands or goes back. The random end keeps processes apart.
func (b *Box) name() string {
	t := b.now().UTC()
	if !t.After(b.last) {
		t = b.last.Add(time.Nanosecond)
	}
	b.last = t
	var end [4]byte
	rand.Read(end[:])
	return t.Format(nameTime) + "-" + hex.EncodeToString(end[:]) + ".json"
}

func (b *Box) write(name string, text []byte) (err error) {
	f, err := os.CreateTemp(b.dir, ".*.part") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(b.dir, name))
}
