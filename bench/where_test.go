package main

import (
	"testing"

	"github.com/google/pprof/profile"
)

// sampled is a sample of that many nanoseconds with those functions on its stack, the innermost first.
func sampled(spent int64, functions ...string) *profile.Sample {
	s := &profile.Sample{Value: []int64{1, spent}}
	for _, name := range functions {
		s.Location = append(s.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name}}}})
	}
	return s
}

func TestEverySampleHasOneRoom(t *testing.T) {
	const handler = "github.com/latchkey-auth/latchkey/web.finishSignin"
	want := map[string]*profile.Sample{
		"the verification itself":                               sampled(1, "p256MulInternal", "crypto/ecdsa.VerifyASN1", "github.com/latchkey-auth/latchkey/passkey.verify", handler),
		"reading the answer, the key and the hash around it":    sampled(2, "encoding/json.Unmarshal", "github.com/latchkey-auth/latchkey/passkey.ParseAuthentication", handler),
		"garbage collection":                                    sampled(4, "runtime.gcDrain", "runtime.gcBgMarkWorker"),
		"checkpoints":                                           sampled(8, "syscall.Syscall6", "modernc.org/sqlite/lib._walCheckpoint", "github.com/latchkey-auth/latchkey/store/sqlite.(*checkpointer).run"),
		"the commit":                                            sampled(16, "modernc.org/sqlite/lib._walFrames", "database/sql.(*Tx).Commit", "github.com/latchkey-auth/latchkey/store/sqlstore.(*group).work"),
		"the transaction: SQLite itself":                        sampled(32, "modernc.org/sqlite/lib._sqlite3VdbeExec", "github.com/latchkey-auth/latchkey/store/sqlstore.(*group).work"),
		"the transaction: driver and store":                     sampled(64, "modernc.org/sqlite.(*conn).bind", "github.com/latchkey-auth/latchkey/store/sqlstore.(*group).work"),
		"the read: SQLite itself":                               sampled(128, "modernc.org/sqlite/lib._sqlite3VdbeExec", "github.com/latchkey-auth/latchkey/store/sqlstore.list[go.shape.struct {}]", handler),
		"the read: driver and store":                            sampled(256, "database/sql.(*Rows).Scan", "github.com/latchkey-auth/latchkey/store/sqlstore.list[go.shape.struct {}]", handler),
		"JSON":                                                  sampled(512, "encoding/json.Marshal", handler),
		"the request log":                                       sampled(1024, "syscall.Write", "log/slog.(*Logger).LogAttrs", "net/http.(*conn).serve"),
		"Latchkey: policy, states, cookies, events":             sampled(2048, "runtime.mallocgc", handler, "net/http.(*conn).serve"),
		"`net/http`, the kernel's part of it and the scheduler": sampled(4096, "syscall.Write", "net/http.(*response).finishRequest", "net/http.(*conn).serve"),
	}
	p, total := &profile.Profile{}, 0.0
	for name, s := range want {
		if got := rooms[roomOf(s)].name; got != name {
			t.Errorf("%v is in %q, not in %q", s.Location[0].Line[0].Function.Name, got, name)
		}
		p.Sample = append(p.Sample, s)
		total += float64(s.Value[1])
	}
	if i := roomOf(sampled(1)); i != len(rooms)-1 {
		t.Errorf("a sample without a stack is in %q", rooms[i].name)
	}
	parts, err := shares(p)
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range parts {
		if s := want[rooms[i].name]; s == nil {
			t.Errorf("nothing here is in %q", rooms[i].name)
		} else if part != float64(s.Value[1])/total {
			t.Errorf("%q has %g of the time", rooms[i].name, part)
		}
	}
	if _, err := shares(&profile.Profile{}); err == nil {
		t.Error("an empty profile is no error")
	}
}
