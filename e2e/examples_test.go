package e2e

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// exampleApp builds and runs one of the examples, and returns where it is.
func exampleApp(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, name)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../examples/"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	app := exec.CommandContext(context.WithoutCancel(t.Context()), binary)
	app.Dir, app.Env = dir, append(os.Environ(), "PORT="+port, "SECRET="+strings.Repeat("secret", 6))
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = app.Wait() }()    // it is killed, which Wait calls an error
	t.Cleanup(func() { _ = app.Process.Kill(); <-ended }) // it may have ended by itself
	again, late := time.NewTicker(15*time.Millisecond), time.After(patience)
	defer again.Stop()
	for {
		select {
		case <-ended:
			t.Fatalf("%s ended", name)
		case <-late:
			t.Fatalf("%s does not serve", name)
		case <-again.C:
		}
		if res, err := http.Get("http://localhost:" + port + "/auth/healthz"); err == nil {
			res.Body.Close()
			return "http://localhost:" + port
		}
	}
}

// A person uses the single-page app as one would: joins, adds a passkey, comes back with it by the button and by the field.
func TestTheSinglePageApp(t *testing.T) {
	t.Parallel()
	b := newTab(t, exampleApp(t, "spa"))
	b.authenticator(device{resident: true, verifies: true, internal: true, synced: true})
	b.open("/")
	b.until("!document.querySelector('#outside').hidden")
	b.fill("email", ada)
	b.fill("password", phrase)
	b.click("#join button")
	b.until("document.querySelector('#who').textContent === " + quote(ada))
	b.fill("text", "Buy <b>milk</b>")
	b.click("#note button")
	b.until("document.querySelector('#notes').textContent === 'Buy <b>milk</b>'")
	b.click("#passkey")
	b.sees("Next time, sign in with it.")
	// so that it shows when the page has come to know her anew
	eval[bool](b, "(document.querySelector('#who').textContent = 'somebody', true)")
	b.click("#leave")

	// the virtual authenticator answers the field's offer at once, as somebody would who picks the passkey there
	b.until("document.querySelector('#who').textContent === " + quote(ada) + " && !document.querySelector('#inside').hidden")
	b.until("document.querySelector('#notes').textContent.includes('milk')")
	b.click("#clear")
	b.until("document.querySelector('#notes').textContent === ''")
}

// Without an answer in the field, the button does it.
func TestTheSinglePageAppByItsButton(t *testing.T) {
	t.Parallel()
	b := newTab(t, exampleApp(t, "spa"))
	key := b.authenticator(device{resident: true, verifies: true, internal: true, synced: true})
	b.open("/")
	b.until("!document.querySelector('#outside').hidden")
	b.fill("email", ada)
	b.fill("password", phrase)
	b.click("#join button")
	b.until("!document.querySelector('#inside').hidden")
	b.click("#passkey")
	b.sees("Next time, sign in with it.")
	key.present(false)
	b.click("#leave")
	b.offers()
	b.later() // the computer has been asked by now, and was silent
	key.present(true)
	b.click("#enter")
	b.until("!document.querySelector('#inside').hidden")
	if got := b.reads("#said"); got != "" {
		t.Errorf("the page says %q", got)
	}
}
