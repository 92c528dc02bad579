package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// This file is all that knows how the browser is driven.

// patience bounds every single wait.
const patience = 30 * time.Second

// chromium is the browser that all tests share. TestMain sets it.
var chromium context.Context

// startBrowser runs the program at path with a fresh profile, until stop.
func startBrowser(path, profile string) (ctx context.Context, stop func(), err error) {
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.Flag("headless", "new"),
		chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "en-GB"), chromedp.Flag("hide-scrollbars", true),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	stop = func() {
		cancel()
		end()
	}
	if err := chromedp.Do(ctx); err != nil {
		stop()
		return nil, nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return ctx, stop, nil
}

// tab is a tab of a browser, open at one site. What goes wrong ends the test.
type tab struct {
	*testing.T
	ctx     context.Context
	base    string
	profile cdp.BrowserContextID

	mu       sync.Mutex
	faults   []string // what the pages complained of
	expected []string // what they may complain of
}

// newTab opens a tab in a profile of its own, as another person's browser would be.
func newTab(t *testing.T, base string) *tab {
	return openTab(t, base, chromedp.WithNewBrowserContext())
}

// another opens a second tab of the same browser.
func (b *tab) another() *tab {
	return openTab(b.T, b.base, chromedp.WithExistingBrowserContext(b.profile))
}

func openTab(t *testing.T, base string, profile chromedp.ContextOption) *tab {
	t.Helper()
	b := &tab{T: t, base: base}
	ctx, cancel := chromedp.NewContext(chromium, profile, chromedp.WithListener(b.hear))
	b.ctx = ctx
	t.Cleanup(func() {
		if t.Failed() {
			b.Logf("the tab is at %s and shows:\n%s", b.url(), b.reads("body"))
		}
		cancel()
		for _, f := range b.heard() {
			t.Errorf("a page complained: %s", f)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	b.profile = chromedp.FromContext(ctx).BrowserContextID
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	b.look(1280, "light")
	b.onEveryPage(watchOffers)
	return b
}

// call sends one command of the protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	res, err := chromedp.Call(ctx, command, params)
	if err != nil {
		b.Fatalf("%s: %v", command.Method, err)
	}
	return res
}

// run does steps in the tab.
func (b *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// hear is told of every event of the tab. It runs while the tab's messages are read, and must not wait.
func (b *tab) hear(ev any) {
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning || ev.Type == runtime.ConsoleAPICalledTypeAssert {
			var words []string
			for _, a := range ev.Args {
				words = append(words, string(a.Value)+a.Description)
			}
			b.fault("console.%s: %s", ev.Type, strings.Join(words, " "))
		}
	case *runtime.EventExceptionThrown:
		d := ev.ExceptionDetails
		text := d.Text
		if d.Exception != nil {
			text += " " + d.Exception.Description
		}
		b.fault("exception: %s (%s:%d)", text, d.URL, d.LineNumber)
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelError || ev.Entry.Level == log.EntryLevelWarning {
			b.fault("%s %s: %s (%s)", ev.Entry.Source, ev.Entry.Level, ev.Entry.Text, ev.Entry.URL)
		}
	case *network.EventResponseReceived:
		if ev.Response.Status >= 500 {
			b.fault("status %d from %s", ev.Response.Status, ev.Response.URL)
		}
	}
}

func (b *tab) fault(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, fmt.Sprintf(format, args...))
}

// mayComplain names a part of a complaint that this test brings about itself.
func (b *tab) mayComplain(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, part)
}

// heard are the complaints that were not expected.
func (b *tab) heard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.faults), func(f string) bool {
		return slices.ContainsFunc(b.expected, func(part string) bool { return strings.Contains(f, part) })
	})
}

// open goes to a path of the site.
func (b *tab) open(path string) {
	b.Helper()
	b.run(chromedp.Navigate(b.base + path))
}

// eval is the value of an expression in the page; a promise is waited for.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	v, err := tryEval[T](b, expression)
	if err != nil {
		b.Fatalf("%v, evaluating %.200s", err, expression)
	}
	return v
}

func tryEval[T any](b *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// until waits for an expression to be true; a page that comes or goes meanwhile is no fault.
func (b *tab) until(expression string) {
	b.Helper()
	b.await(func() bool {
		ok, err := tryEval[bool](b, "!!("+expression+")")
		return ok && err == nil
	}, "%s", expression)
}

// await waits until done says so. What is waited for is said where it does not come.
func (b *tab) await(done func() bool, format string, args ...any) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	again := time.NewTicker(15 * time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			b.Fatalf("waited in vain: "+format, args...)
		case <-again.C:
		}
	}
}

// clickAt presses the left button of the mouse at a point of the window.
func (b *tab) clickAt(x, y float64) {
	b.Helper()
	b.run(chromedp.MouseClickXY(x, y))
}

// press types keys; "\t" is Tab and "\r" is Enter.
func (b *tab) press(keys string) {
	b.Helper()
	b.run(chromedp.KeyEvent(keys))
}

// insert puts text into the field that has the focus, as a paste does.
func (b *tab) insert(text string) {
	b.Helper()
	call(b, input.InsertText, input.InsertTextParams{Text: text})
}

// look sets the window's width and the person's colour scheme, "light" or "dark".
func (b *tab) look(width int64, scheme string) {
	b.Helper()
	b.run(chromedp.EmulateViewport(width, 900))
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// speaks sets the language that the person reads.
func (b *tab) speaks(language string) {
	b.Helper()
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": language}})
}

// scripts turns JavaScript on or off, from the next page on.
func (b *tab) scripts(on bool) {
	b.Helper()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// onEveryPage runs a script in each page from now on, before the page's own.
func (b *tab) onEveryPage(script string) {
	b.Helper()
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// picture is the whole page, also what is below the window's edge.
func (b *tab) picture() []byte {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatal(err)
	}
	return png
}

// authenticator is a virtual one, in the tab that it was added to.
type authenticator struct {
	b  *tab
	id webauthn.AuthenticatorID
}

// device says what an authenticator is like. Its zero value is a security key that is touched at once and neither
// keeps passkeys nor checks who touches it.
type device struct {
	resident bool // it keeps discoverable passkeys
	verifies bool // it can verify its user, and does
	internal bool // it is built into the computer
	synced   bool // its passkeys are backed up
	absent   bool // nobody touches it
}

func (b *tab) authenticator(d device) *authenticator {
	b.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	transport := webauthn.AuthenticatorTransportUsb
	if d.internal {
		transport = webauthn.AuthenticatorTransportInternal
	}
	res := call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: transport,
		HasResidentKey: d.resident, HasUserVerification: d.verifies || d.resident, IsUserVerified: d.verifies || d.resident,
		DefaultBackupEligibility: d.synced, DefaultBackupState: d.synced, AutomaticPresenceSimulation: !d.absent,
	}})
	a := &authenticator{b: b, id: res.AuthenticatorID}
	if d.resident && !d.verifies {
		// Chromium makes no discoverable passkey without a PIN or the like. This one has it, and keeps it to itself.
		a.touchOnly()
	}
	return a
}

// touchOnly makes it say from now on that it did not check who touched it.
func (a *authenticator) touchOnly() {
	a.b.Helper()
	call(a.b, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: a.id, IsBadUV: new(true)})
}

// present sets whether somebody touches it when it asks.
func (a *authenticator) present(yes bool) {
	a.b.Helper()
	call(a.b, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: yes})
}

// passkeys are what it holds.
func (a *authenticator) passkeys() []*webauthn.Credential {
	a.b.Helper()
	return call(a.b, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id}).Credentials
}

// forgets takes all passkeys from it.
func (a *authenticator) forgets() {
	a.b.Helper()
	call(a.b, webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: a.id})
}

// forget takes one passkey from it.
func (a *authenticator) forget(id []byte) {
	a.b.Helper()
	call(a.b, webauthn.RemoveCredential, webauthn.RemoveCredentialParams{AuthenticatorID: a.id, CredentialID: id})
}

// unplug takes it away.
func (a *authenticator) unplug() {
	a.b.Helper()
	call(a.b, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: a.id})
}
