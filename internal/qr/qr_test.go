package qr_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	code "rsc.io/qr"

	"github.com/latchkey-auth/latchkey/internal/qr"
)

const uri = "otpauth://totp/Latchkey:alice%40example.test?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Latchkey&algorithm=SHA1&digits=6&period=30"

// svg is what the tests read of a drawing.
type svg struct {
	XMLName xml.Name   `xml:"http://www.w3.org/2000/svg svg"`
	Attrs   []xml.Attr `xml:",any,attr"`
	Rect    []struct {
		Width  int    `xml:"width,attr"`
		Height int    `xml:"height,attr"`
		Fill   string `xml:"fill,attr"`
	} `xml:"rect"`
	Path []struct {
		D    string `xml:"d,attr"`
		Fill string `xml:"fill,attr"`
	} `xml:"path"`
	Other []struct{ XMLName xml.Name } `xml:",any"`
}

func (s svg) attr(name string) string {
	for _, a := range s.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func draw(t *testing.T, text, label string) svg {
	t.Helper()
	html, err := qr.SVG(text, label)
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(string(html)))
	var s svg
	if err := d.Decode(&s); err != nil {
		t.Fatalf("%v in %s", err, html)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		t.Errorf("something follows the svg: %s", html)
	}
	return s
}

// pixels paints a path of "M x y h n v1 h -n z" runs.
func pixels(t *testing.T, d string, side int) [][]bool {
	t.Helper()
	grid := make([][]bool, side)
	for y := range grid {
		grid[y] = make([]bool, side)
	}
	run := regexp.MustCompile(`^M(\d+) (\d+)h(\d+)v1h-(\d+)z`)
	for d != "" {
		m := run.FindStringSubmatch(d)
		if m == nil || m[3] != m[4] {
			t.Fatalf("path goes on as %.40q", d)
		}
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		n, _ := strconv.Atoi(m[3])
		for i := range n {
			grid[y][x+i] = true
		}
		d = d[len(m[0]):]
	}
	return grid
}

func TestSVGIsTheCode(t *testing.T) {
	for _, text := range []string{uri, "", "1", "HELLO", "12345", "žluťoučký", strings.Repeat("x", 2000)} {
		want, err := code.Encode(text, code.M)
		if err != nil {
			t.Fatal(err)
		}
		s := draw(t, text, "QR code")
		side := want.Size + 8
		if got := s.attr("viewBox"); got != fmt.Sprintf("0 0 %d %d", side, side) {
			t.Errorf("viewBox %q, side %d", got, side)
		}
		if len(s.Rect) != 1 || s.Rect[0].Width != side || s.Rect[0].Height != side || s.Rect[0].Fill != "#fff" {
			t.Errorf("background %+v", s.Rect)
		}
		if len(s.Path) != 1 || s.Path[0].Fill != "#000" || len(s.Other) != 0 {
			t.Fatalf("%d paths, others %v", len(s.Path), s.Other)
		}
		grid := pixels(t, s.Path[0].D, side)
		for y := range side {
			for x := range side {
				// Black is false outside the code, as the quiet zone must be.
				if grid[y][x] != want.Black(x-4, y-4) {
					t.Fatalf("%.20q: module %d,%d", text, x, y)
				}
			}
		}
	}
}

func TestSVGForPeopleAndPolicies(t *testing.T) {
	const label = `Alice's "code" <b>&amp;`
	s := draw(t, uri, label)
	if s.attr("role") != "img" || s.attr("aria-label") != label || s.attr("shape-rendering") != "crispEdges" {
		t.Errorf("attributes %+v", s.Attrs)
	}
	if s.attr("width") == "" || s.attr("width") != s.attr("height") {
		t.Errorf("size %q × %q", s.attr("width"), s.attr("height"))
	}
	html, err := qr.SVG(uri, label)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"style", "script", "href", "url(", "<b>", "secret", "JBSWY3DP", " on"} {
		if strings.Contains(string(html), word) {
			t.Errorf("%q stands in %s", word, html)
		}
	}
	if len(html) > 20_000 {
		t.Errorf("%d bytes", len(html))
	}
}

func TestTooLong(t *testing.T) {
	for _, text := range []string{strings.Repeat("x", 2332), strings.Repeat("x", 1<<20), strings.Repeat("1", 1<<16)} {
		if html, err := qr.SVG(text, ""); !errors.Is(err, qr.ErrTooLong) || html != "" {
			t.Errorf("%d bytes: %d, %v", len(text), len(html), err)
		}
	}
	if _, err := qr.SVG(strings.Repeat("x", 2331), ""); err != nil {
		t.Errorf("the longest: %v", err)
	}
}

func FuzzSVG(f *testing.F) {
	f.Add(uri, "QR code")
	f.Add("\x00\xff", "<>&\"'\x00\xff")
	f.Add("0123456789", "")
	f.Add("ABC $%*+-./:", "")
	f.Fuzz(func(t *testing.T, text, label string) {
		html, err := qr.SVG(text, label)
		if err != nil {
			if !errors.Is(err, qr.ErrTooLong) || len(text) < 2000 {
				t.Errorf("SVG(%q): %v", text, err)
			}
			return
		}
		if strings.Count(string(html), "<") != 4 || strings.Count(string(html), ">") != 4 || strings.Count(string(html), `"`)%2 != 0 {
			t.Errorf("SVG(%q, %q) = %s", text, label, html)
		}
	})
}
