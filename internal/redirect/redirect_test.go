package redirect_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/redirect"
)

// accepted are paths that people really come from.
var accepted = []string{
	"/", "/account", "/a/b/c", "/a/b/c/", "/wan-register", "/login?next=%2Faccount", "/?a=b", "/?", "/#", "/#top", "/a#b?c",
	"/search?q=a%20b&page=2", "/search?q=a+b", "/a?next=https://evil.example/", "/a?next=//evil.example", "/a?u=https%3A%2F%2Fevil.example%2F",
	"/a#//evil.example", "/a?x=%0d%0aSet-Cookie:%20a=b", "/a?x=%5c", "/a?q=100%", "/a%20b", "/a%2Fb", "/a%252Fb", "/caf%C3%A9", "/café", "/鍵",
	"/@alice", "/alice@example.test", "/a:b", "/a;b=c/d", "/a,b", "/a/./b", "/a/../b", "/..", "/../a", "/.well-known/change-password", "/~alice",
	"/a=b&c=d", "/a%25", "/100%25", "/javascript:alert(1)", "/http:/evil.example", "/index.html", "/(a)", "/a'b", "/a!b", "/a*b", "/a$b", "/%41",
	"/\"", "/<a>", "/a|b", "/a^b", "/a`b", "/{a}", "/a?b#c", "/%E3%81%82", "/a?é=鍵",
	"/" + strings.Repeat("a", redirect.MaxLength-1),
}

// refused would lead elsewhere in some browser, proxy or server, or nowhere.
var refused = []string{
	"", " ", "a", "account", "./account", "../account", "?a=b", "#a", ".", "..", "@evil.example", ":80/", "evil.example", "evil.example/path",
	// another scheme
	"https://evil.example", "http://evil.example/", "HTTPS://evil.example", "https:evil.example", "https:/evil.example", "https:///evil.example",
	"http:\\\\evil.example", "javascript:alert(1)", "JavaScript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "mailto:a@b.c", "ftp://evil.example",
	"file:///etc/passwd", "vbscript:x", "://evil.example", "https://good.example@evil.example", "https://good.example.evil.example", "x:/a",
	// another host
	"//evil.example", "//evil.example/%2f..", "///evil.example", "////evil.example", "//", "///", "//good.example", "//user@evil.example",
	"//good.example@evil.example", "//evil.example:80", "//[::1]/", "//127.0.0.1", "//2130706433", "//evil%2eexample", "//?a", "//#a", "//\tevil.example",
	// backslashes
	"\\", "\\\\evil.example", "/\\evil.example", "/\\/evil.example", "\\/evil.example", "/\\\\evil.example", "//\\evil.example", "/a\\b", "/a?b\\c",
	"/a#b\\c", "/\\", "\\/\\/evil.example", "/.\\evil.example", "/..\\evil.example",
	// encoded
	"/%2f/evil.example", "/%2fevil.example", "/%2Fevil.example", "/%2f%2fevil.example", "%2f%2fevil.example", "%2fevil.example", "/%5cevil.example",
	"/%5Cevil.example", "/%5c/evil.example", "/%252fevil.example", "/%25252fevil.example", "/%255cevil.example", "/%%32fevil.example",
	"/%2525252525252fevil.example", "/%252f%25", "/%25%32%66evil.example", "/a/%2fb", "/a%2f/b", "/a%2f%2fb", "/a%5cb", "/.%2f/evil.example",
	"/%2e%2e//evil.example", "/%2e//evil.example", "/%c0%af/evil.example", "/%ff", "/%e0%80%af", "/%u002fevil.example", "/%", "/%2", "/%zz", "/%2g", "/a%",
	// empty segments
	"/..//evil.example", "/.//evil.example", "/a/..//evil.example", "/;//evil.example", "/a//b", "/a//", "/a/..///b", "/.//", "/foo/..//../evil.example",
	// controls and white space
	"/\tevil.example", "/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "/\r\n/evil.example", "/\x00/evil.example", "/\x00", "\t//evil.example",
	"\n//evil.example", " //evil.example", " /a", "/a ", "/a b", "/a\n", "/a\tb", "/a\x7fb", "/a\x1fb", "/a?b\r\nSet-Cookie: c=d", "/a#b\n", "/\v/evil.example",
	"/\f/evil.example", "/%09/evil.example", "/%0a/evil.example", "/%0d%0aLocation:%20https://evil.example", "/%00", "/a%00b", "/%7f", "/a%0d%0a",
	"/%2509/evil.example", "/\u0085/evil.example", "/\u00a0/evil.example", "/\u2028a", "/\u3000/evil.example", "/%E2%80%A8a", "/%C2%85",
	// invisible, and slashes in disguise
	"/\u200b/evil.example", "/\ufeff/evil.example", "/\u202e/elpmaxe.live", "/%E2%80%8B/evil.example", "/\u00ad/evil.example", "\ufeff//evil.example",
	"/／evil.example", "／／evil.example", "/＼evil.example", "/%EF%BC%8Fevil.example", "/%EF%BC%BCevil.example", "/％2fevil.example", "/﹨evil.example",
	// not UTF-8, too long
	"/\xff", "/a?\xc0\xaf", "/" + strings.Repeat("a", redirect.MaxLength), "/?" + strings.Repeat("a", 1<<16),
}

func TestAccepted(t *testing.T) {
	for _, s := range accepted {
		got, ok := redirect.Next(s)
		if !ok || got != s {
			t.Errorf("Next(%q) = %q, %v", s, got, ok)
			continue
		}
		checkStays(t, got)
	}
}

func TestRefused(t *testing.T) {
	for _, s := range refused {
		if got, ok := redirect.Next(s); ok || got != "" {
			t.Errorf("Next(%q) = %q, %v", s, got, ok)
		}
	}
}

// checkStays holds a target against whoever will read it: net/url, a browser, a server's redirect, and a proxy that decodes.
func checkStays(t *testing.T, target string) {
	t.Helper()
	const host = "good.example"
	base := &url.URL{Scheme: "https", Host: host, Path: "/login"}
	u, err := base.Parse(target)
	if err != nil || u.Scheme != "https" || u.Host != host || u.User != nil {
		t.Errorf("net/url: %q leads to %v, %v", target, u, err)
	}
	for read := target; ; {
		if where := browserHost(read, host); where != host {
			t.Errorf("a browser: %q leads to %q", target, where)
		}
		path, _, _ := strings.Cut(read, "?")
		path, _, _ = strings.Cut(path, "#")
		decoded, err := url.PathUnescape(path)
		if err != nil || decoded == path {
			break
		}
		read = decoded
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "https://"+host+"/a/login", nil)
	http.Redirect(w, r, target, http.StatusFound)
	if where := browserHost(w.Header().Get("Location"), host); where != host {
		t.Errorf("http.Redirect: %q leads to %q", target, where)
	}
	if strings.ContainsAny(w.Header().Get("Location"), "\r\n\x00") {
		t.Errorf("http.Redirect: %q splits the header", target)
	}
}

// browserHost is the host that a reference leads to from https://host/, read as the URL Standard's parser reads it: outer controls and
// spaces trimmed, tabs and line breaks removed, backslashes taken for slashes, and any number of slashes before a host.
func browserHost(ref, host string) string {
	ref = strings.TrimFunc(ref, func(r rune) bool { return r <= ' ' })
	ref = strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(ref)
	if i := strings.IndexAny(ref, ":/?#"); i > 0 && ref[i] == ':' {
		return "another scheme: " + ref[:i]
	}
	if !strings.HasPrefix(ref, "//") {
		return host
	}
	ref = strings.TrimLeft(ref, "/")
	if i := strings.IndexAny(ref, "/?#"); i >= 0 {
		ref = ref[:i]
	}
	if i := strings.LastIndexByte(ref, '@'); i >= 0 {
		ref = ref[i+1:]
	}
	return "another host: " + ref
}

// The judge of the other tests must itself see the tricks that browsers fall for.
func TestBrowserHost(t *testing.T) {
	for _, s := range []string{
		"//evil.example", "\\\\evil.example", "/\\evil.example", "/\t/evil.example", " //evil.example", "\x00//evil.example", "https://evil.example",
		"javascript:alert(1)", "java\nscript:x", "////evil.example", "//good.example@evil.example",
	} {
		if browserHost(s, "good.example") == "good.example" {
			t.Errorf("%q is not seen through", s)
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, s := range accepted {
		f.Add(s)
	}
	for _, s := range refused {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := redirect.Next(s)
		if !ok {
			if got != "" {
				t.Errorf("Next(%q) = %q, false", s, got)
			}
			return
		}
		if got != s || len(got) > redirect.MaxLength {
			t.Errorf("Next(%q) = %q", s, got)
		}
		checkStays(t, got)
	})
}
