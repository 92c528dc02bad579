package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// away is a store whose database cannot be reached while it is out.
type away struct {
	*sqlstore.Store
	out atomic.Bool
	// behind: it goes away once the caller is known.
	behind atomic.Bool
}

func (s *away) goneBehind() error {
	if s.behind.Load() {
		return fmt.Errorf("sqlstore: find: %w: dial tcp 10.0.0.9:5432: connection refused", account.ErrUnavailable)
	}
	return s.gone()
}

func (s *away) SecondFactors(ctx context.Context, userID string) (account.SecondFactors, error) {
	if err := s.goneBehind(); err != nil {
		return account.SecondFactors{}, err
	}
	return s.Store.SecondFactors(ctx, userID)
}

func (s *away) DropPending(ctx context.Context, id string, events []account.Event) error {
	if err := s.goneBehind(); err != nil {
		return err
	}
	return s.Store.DropPending(ctx, id, events)
}

func (s *away) gone() error {
	if s.out.Load() {
		return fmt.Errorf("sqlstore: find: %w: dial tcp 10.0.0.9:5432: connection refused", account.ErrUnavailable)
	}
	return nil
}

func (s *away) Session(ctx context.Context, kind account.SessionKind, d account.Digest) (account.Session, *account.User, error) {
	if err := s.gone(); err != nil {
		return account.Session{}, nil, err
	}
	return s.Store.Session(ctx, kind, d)
}

func (s *away) UserByEmail(ctx context.Context, email string) (account.User, error) {
	if err := s.gone(); err != nil {
		return account.User{}, err
	}
	return s.Store.UserByEmail(ctx, email)
}

func (s *away) Sessions(ctx context.Context, userID string) ([]account.Session, error) {
	if err := s.gone(); err != nil {
		return nil, err
	}
	return s.Store.Sessions(ctx, userID)
}

// awaySite is a site whose log says nothing, for there are failures to be logged.
func awaySite(t *testing.T, change ...func(*latchkey.Config)) (*site, *away) {
	t.Helper()
	s := newSite(t, change...)
	store := &away{Store: s.store}
	s.cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	return s.over(t, store), store
}

// TestAnOutageAtTheGate: a gate that cannot find out whether to let somebody pass says so, and asks for no proof.
func TestAnOutageAtTheGate(t *testing.T) {
	t.Parallel()
	s, store := awaySite(t)
	p, q := s.person(t), s.person(t)
	q.setUpEmail()
	w := q.waiting()
	store.behind.Store(true)
	closed := func(paths ...string) {
		t.Helper()
		for _, path := range paths {
			p.get(path).refuses(http.StatusServiceUnavailable, "API_ERROR", "").only("errors", "error_codes", "field_errors")
			p.post(path, fields{"name": "k", "setup": "email"}).refuses(http.StatusServiceUnavailable, "API_ERROR", "")
			p.page(path).want(http.StatusServiceUnavailable).shows("out of reach")
		}
	}
	closed("/wan-register", "/tf-setup", "/mf-recovery-codes", "/change")
	w.post("/tf-setup", fields{"setup": "email"}).refuses(http.StatusServiceUnavailable, "API_ERROR", "") // which it is not the time for
	// Nor is a proof asked for where nobody knows which would do.
	store.behind.Store(false)
	s.clock.pass(11 * time.Hour)
	p.get("/account").want(http.StatusOK)
	s.clock.pass(11 * time.Hour)
	store.behind.Store(true)
	p.post("/sessions/end", fields{"others": true}).want(http.StatusOK) // fresh still, and no more is asked
	s.cfg.Freshness = time.Hour
	late := s.over(t, store)
	p.at(late).post("/sessions/end", fields{"others": true}).refuses(http.StatusServiceUnavailable, "API_ERROR", "")
}

// TestAnOutageIsToldInWords: while the database is away a browser gets a page in its language, and a program what it always got.
func TestAnOutageIsToldInWords(t *testing.T) {
	t.Parallel()
	var store *away
	s, store := awaySite(t, func(c *latchkey.Config) {
		c.URLPrefix = "/auth"
		c.TemplateValues = func(*http.Request, string) map[string]any {
			if store.out.Load() {
				t.Error("the app is asked for its values, which may be in the same database")
			}
			return nil
		}
	})
	p := s.person(t)
	note := p.fork()
	note.form("/sessions/end", fields{"id": "nothing"}).goes("/auth/account") // which leaves a note for the next page
	store.out.Store(true)

	told := func(a *answer, lang, title, text string) *answer {
		t.Helper()
		a.want(http.StatusServiceUnavailable).shows(title).shows(text)
		if a.header.Get("Retry-After") != "5" || a.header.Get("Content-Language") != lang {
			t.Errorf("%v: %v", a, a.header)
		}
		return a
	}
	english, later := "This is out of reach for a moment", "Please try again in a few seconds."
	again := `href="/auth/account?tab=1&amp;x=%22"`
	if a := told(p.page("/account?tab=1&x=%22"), "en", english, later); !strings.Contains(string(a.body), again) {
		t.Errorf("no way to try again: %s", a.body)
	}
	german := p.fork()
	german.header.Set("Accept-Language", "de-AT,de;q=0.9")
	told(german.page("/account"), "de", "Das ist gerade nicht zu erreichen", "in ein paar Sekunden")
	// what was sent is not sent again by a link
	if a := told(p.fresh().form("/login", fields{"email": p.email, "password": goodPassword}), "en", english, later); strings.Contains(string(a.body), `href="/auth/login"`) {
		t.Errorf("a link that does something else: %s", a.body)
	}
	told(note.page("/account"), "en", english, later)
	told(p.call(http.MethodGet, "/account", http.Header{}, nil), "en", english, later)

	for _, a := range []*answer{p.get("/sessions"), p.fresh().post("/login", fields{"email": p.email, "password": goodPassword})} {
		a.refuses(http.StatusServiceUnavailable, "API_ERROR", "").only("errors", "error_codes", "field_errors")
		if a.header.Get("Retry-After") != "5" {
			t.Errorf("%v: %v", a, a.header)
		}
	}
	store.out.Store(false)
	if a := note.page("/account").want(http.StatusOK); !strings.Contains(string(a.body), `class="flash bad"`) {
		t.Errorf("the note is gone: %v", a)
	}
	p.signedIn()
}

// TestAnOutageOfAGuardedRoute: the app's own pages are answered for in the same way.
func TestAnOutageOfAGuardedRoute(t *testing.T) {
	t.Parallel()
	s, store := awaySite(t)
	p := s.person(t)
	store.out.Store(true)
	guarded := s.auth.Require(http.NotFoundHandler())
	for _, path := range []string{"/notes?page=2", "//evil.example/x", "/\\evil.example"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.origin+"/", nil)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
		r.Header.Set("Accept", htmlAccept)
		r.AddCookie(p.cookie("latchkey_session"))
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, r)
		body := w.Body.String()
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" || !strings.Contains(body, "<h1>This is out of reach for a moment</h1>") {
			t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), body)
		}
		if strings.Contains(body, "evil.example") || strings.Contains(body, `href="/notes?page=2"`) != (path == "/notes?page=2") {
			t.Errorf("%s: leads elsewhere: %s", path, body)
		}
	}
}

// TestAnOutageWithPagesThatFail: where the app's own page cannot be made either, the plain words are left.
func TestAnOutageWithPagesThatFail(t *testing.T) {
	t.Parallel()
	s, store := awaySite(t, func(c *latchkey.Config) {
		c.Overlay = fstest.MapFS{"templates/error.html": {Data: []byte(`{{define "main"}}{{.Data.Nonsense}}{{end}}`)}}
	})
	p := s.person(t)
	store.out.Store(true)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.origin+"/account", nil)
	r.Header.Set("Accept", htmlAccept)
	r.AddCookie(p.cookie("latchkey_session"))
	w := httptest.NewRecorder()
	s.auth.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" || w.Body.String() != "Service Unavailable\n" ||
		!strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
