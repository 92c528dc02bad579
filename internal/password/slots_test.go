package password

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
)

// With all slots taken, who waits gives up with the context and has computed nothing.
func TestSlotsAreBounded(t *testing.T) {
	h := New(Params{Memory: 64, Time: 1, Threads: 1}, 2, rand.Reader)
	phc, err := h.Hash(context.Background(), "x")
	if err != nil {
		t.Fatal(err)
	}
	h.slots <- struct{}{}
	if ok, _, err := h.Verify(context.Background(), phc, "x"); !ok || err != nil {
		t.Fatalf("with a slot left: %v, %v", ok, err)
	}
	h.slots <- struct{}{}
	if _, err := h.Hash(&impatient{}, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash with no slot left: %v", err)
	}
	if ok, _, err := h.Verify(&impatient{}, phc, "x"); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("Verify with no slot left: %v, %v", ok, err)
	}
	if err := h.VerifyNone(&impatient{}, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("VerifyNone with no slot left: %v", err)
	}
	<-h.slots
	if ok, _, err := h.Verify(context.Background(), phc, "x"); !ok || err != nil {
		t.Errorf("a slot given back: %v, %v", ok, err)
	}
	if len(h.slots) != 1 {
		t.Errorf("%d slots are taken", len(h.slots))
	}
}

// impatient is a context that lives when it is first asked and ends while its holder waits.
type impatient struct{ asked bool }

func (*impatient) Deadline() (time.Time, bool) { return time.Time{}, false }
func (*impatient) Value(any) any               { return nil }

func (*impatient) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func (c *impatient) Err() error {
	if !c.asked {
		c.asked = true
		return nil
	}
	return context.Canceled
}

// VerifyNone does what Verify does for a hash that this hasher made: same parsing, same costs, same sizes.
func TestVerifyNoneDoesTheSameWork(t *testing.T) {
	h := New(Params{Memory: 64, Time: 1, Threads: 1}, 1, rand.Reader)
	phc, err := h.Hash(context.Background(), "x")
	if err != nil {
		t.Fatal(err)
	}
	real, err := parse(phc)
	if err != nil {
		t.Fatal(err)
	}
	none, err := parse(h.nobody.String())
	if err != nil {
		t.Fatal(err)
	}
	if none.params != real.params || len(none.salt) != len(real.salt) || len(none.key) != len(real.key) ||
		len(h.nobody.String()) != len(phc) {
		t.Errorf("none %+v, real %+v", none, real)
	}
}

func TestPHCRoundTrip(t *testing.T) {
	for _, want := range []hash{
		{params: Recommended(), salt: make([]byte, 8), key: make([]byte, 16)},
		{params: Params{Memory: 1 << 20, Time: 4, Threads: 64}, salt: make([]byte, 64), key: make([]byte, 64)},
		{params: Params{Memory: 8, Time: 64, Threads: 1}, salt: make([]byte, 17), key: make([]byte, 33)},
	} {
		got, err := parse(want.String())
		if err != nil || got.String() != want.String() || got.params != want.params {
			t.Errorf("%s: %+v, %v", want, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(hash{params: Recommended(), salt: make([]byte, 16), key: make([]byte, 32)}.String())
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=4294967296,t=-1,p=00$AAAAAAAAAAB\n$")
	f.Fuzz(func(t *testing.T, phc string) {
		h, err := parse(phc)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("parse(%q): %v", phc, err)
			}
			return
		}
		if h.String() != phc {
			t.Errorf("%q has another spelling, %q", phc, h)
		}
		if err := h.params.Validate(); err != nil {
			t.Errorf("%q: %v", phc, err)
		}
	})
}

// The derivation is argon2id of the password itself.
func TestDerive(t *testing.T) {
	h := New(Params{Memory: 64, Time: 1, Threads: 1}, 1, rand.Reader)
	got, err := h.derive(context.Background(), h.nobody, "x", 32)
	if err != nil || string(got) != string(argon2.IDKey([]byte("x"), make([]byte, 16), 1, 64, 1, 32)) {
		t.Errorf("derive = %x, %v", got, err)
	}
}

// Who would have to wait too long is told at once, and takes nobody's place.
func TestHasherRefusesToQueueForever(t *testing.T) {
	h := New(Params{Memory: 64, Time: 1, Threads: 1}, 2, rand.Reader)
	for range cap(h.queue) {
		h.queue <- struct{}{}
	}
	if _, err := h.Hash(t.Context(), "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("with the queue full: %v", err)
	}
	if err := h.VerifyNone(t.Context(), "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("of nobody, with the queue full: %v", err)
	}
	if len(h.queue) != cap(h.queue) || len(h.slots) != 0 {
		t.Errorf("%d of %d in the queue, %d slots taken", len(h.queue), cap(h.queue), len(h.slots))
	}
	<-h.queue
	for range 3 {
		if _, err := h.Hash(t.Context(), "x"); err != nil {
			t.Errorf("with one place in the queue: %v", err)
		}
	}
}
