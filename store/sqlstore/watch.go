package sqlstore

import (
	"database/sql"
	"time"
)

// Watched is one piece of work of the store: What is read or write, Outcome ok, refused (an answer of the contract) or failed.
type Watched struct {
	What    string
	Outcome string
	// Took includes waiting for a connection and, on SQLite, for the commit that is shared.
	Took time.Duration
}

// Watch has a function told of every read and write from now on; for metrics. It must return at once. Call it before the store is used.
func (s *Store) Watch(tell func(Watched)) {
	s.watch, s.reader.watch, s.writer.watch = tell, tell, tell
}

// Pools are the connection pools by what they are for: reader and writer, or both in one.
func (s *Store) Pools() map[string]*sql.DB {
	if s.db.Reader == s.db.Writer {
		return map[string]*sql.DB{"both": s.db.Writer}
	}
	return map[string]*sql.DB{"reader": s.db.Reader, "writer": s.db.Writer}
}

// watched tells of work that began then, if anybody wants to know.
func watched(tell func(Watched), what string, began time.Time, err error) {
	if tell == nil {
		return
	}
	w := Watched{What: what, Outcome: "ok", Took: time.Since(began)}
	switch {
	case err == nil:
	case isRefusal(err):
		w.Outcome = "refused"
	default:
		w.Outcome = "failed"
	}
	tell(w)
}
