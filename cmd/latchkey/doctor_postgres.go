package main

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/store/postgres"
)

// postgres looks at the server of the database, and reports whether to open it.
func (d *doctor) postgres(ctx context.Context, about string) bool {
	server, err := postgres.Inspect(ctx, d.s.Database)
	if err != nil {
		d.hinted(bad, postgresHint(err, d.s.DatabaseName()))
		return false
	}
	d.say(good, about, "PostgreSQL "+server.Version+" answers", "")
	switch {
	case server.Local:
	case !server.Encrypted:
		d.say(odd, about, "the connection is not encrypted", "let the server use TLS, and put sslmode=verify-full into the URI")
	case !server.Verified:
		d.say(odd, about, "the connection is encrypted, but anybody could be its other end", "put sslmode=verify-full into the URI, and sslrootcert=FILE where the server's authority is not one of the system's")
	}
	if server.SynchronousCommit == "off" {
		d.say(bad, about, "the server has synchronous_commit=off: a crash would lose what people were told is done", "turn it on for this user or database")
	}
	if !server.MayCreate {
		d.say(odd, about, "this user may not make tables", "grant it CREATE on the schema, or run latchkey db migrate as a user that may, before each new version")
	}
	if apart := server.Now.Sub(d.now).Abs(); apart > clockSlack {
		d.say(bad, "clock", fmt.Sprintf("the database server's clock and this one are %s apart", apart.Round(time.Second)),
			"set the clocks, and let a time service such as chrony or systemd-timesyncd keep them right")
	}
	return true
}
