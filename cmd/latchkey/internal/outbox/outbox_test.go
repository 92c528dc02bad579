package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey/signin"
)

func read(t *testing.T, dir string) (names []string, messages []map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]string
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatalf("%s is not whole JSON: %v", e.Name(), err)
		}
		names, messages = append(names, e.Name()), append(messages, m)
	}
	return names, messages
}

func TestSendWritesOneFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "outbox")
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Send(t.Context(), signin.Message{
		To: "ann@example.test", Channel: signin.ChannelEmail, Kind: "code", Subject: "Your code",
		Text: "Your code is 123456.\nhttps://example.test/?a=1&b=<2>", Code: "123456",
	})
	if err != nil {
		t.Fatal(err)
	}
	names, messages := read(t, dir)
	want := []map[string]string{{
		"to": "ann@example.test", "channel": "email", "kind": "code", "subject": "Your code",
		"text": "Your code is 123456.\nhttps://example.test/?a=1&b=<2>", "code": "123456",
	}}
	if d := cmp.Diff(want, messages); d != "" {
		t.Error(d)
	}
	if !strings.HasSuffix(names[0], ".json") || strings.HasPrefix(names[0], ".") {
		t.Errorf("the file's name is %q", names[0])
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, names[0]): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", path, got, want)
		}
	}
}

func TestNamesSortAsSent(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	// A clock that stands, goes on, and goes back.
	clock := []time.Duration{0, 0, 1, time.Hour, time.Minute, 0}
	i := 0
	b.now = func() time.Time { i++; return time.Unix(1e9, 0).Add(clock[i-1]) }
	for n := range clock {
		if err := b.Send(t.Context(), signin.Message{Text: fmt.Sprint(n)}); err != nil {
			t.Fatal(err)
		}
	}
	_, messages := read(t, dir) // in the order of the names
	for n, m := range messages {
		if m["text"] != fmt.Sprint(n) {
			t.Errorf("message %s has place %d", m["text"], n)
		}
	}
}

func TestSendersAtOnce(t *testing.T) {
	dir := t.TempDir()
	boxes := make([]*Box, 2) // as two processes would share a folder
	for i := range boxes {
		b, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		b.now = func() time.Time { return time.Unix(1e9, 0) }
		boxes[i] = b
	}
	var wg sync.WaitGroup
	const each = 50
	for g := range 8 {
		wg.Go(func() {
			for n := range each {
				if err := boxes[g%2].Send(t.Context(), signin.Message{Text: fmt.Sprintf("%d/%02d", g, n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	_, messages := read(t, dir)
	if len(messages) != 8*each {
		t.Fatalf("%d messages, want %d", len(messages), 8*each)
	}
	bySender := map[string][]string{}
	for _, m := range messages {
		g, _, _ := strings.Cut(m["text"], "/")
		bySender[g] = append(bySender[g], m["text"])
	}
	for g, texts := range bySender {
		if !slices.IsSorted(texts) {
			t.Errorf("sender %s's messages are out of order: %v", g, texts)
		}
	}
}

func TestSendFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Send(done, signin.Message{}); err == nil {
		t.Error("a message was sent for somebody who had gone")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := b.Send(t.Context(), signin.Message{}); err == nil {
		t.Error("a message was written to a folder that is not there")
	}
}

func TestOpenFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "outbox")); err == nil {
		t.Error("a folder was made below a file")
	}
}
