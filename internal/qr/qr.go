package qr

import (
	"errors"
	"html/template"
	"strconv"
	"strings"

	"rsc.io/qr"
)

// ErrTooLong is the answer to a text that no QR code holds.
var ErrTooLong = errors.New("qr: the text is too long")

const (
	quiet   = 4    // modules of white around the code (ISO/IEC 18004 §6.3.8)
	module  = 4    // CSS pixels a module, where no style sheet says otherwise
	longest = 2331 // bytes that the largest code holds at level M
)

// SVG returns the text as an svg element, labelled for who can't see it. It is black on white whatever the page's
// colours are, since cameras need it so.
func SVG(text, label string) (template.HTML, error) {
	if len(text) > longest {
		return "", ErrTooLong
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", ErrTooLong
	}
	side := strconv.Itoa(code.Size + 2*quiet)
	pixels := strconv.Itoa((code.Size + 2*quiet) * module)

	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" class="qr" role="img" aria-label="`)
	b.WriteString(template.HTMLEscapeString(label))
	b.WriteString(`" width="` + pixels + `" height="` + pixels + `" viewBox="0 0 ` + side + ` ` + side +
		`" shape-rendering="crispEdges"><rect width="` + side + `" height="` + side + `" fill="#fff"/><path fill="#000" d="`)
	draw(&b, code)
	b.WriteString(`"/></svg>`)
	return template.HTML(b.String()), nil
}

// draw writes one rectangle for each run of black modules in a row.
func draw(b *strings.Builder, code *qr.Code) {
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			if !code.Black(x, y) {
				continue
			}
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			n := strconv.Itoa(x - from)
			b.WriteString("M" + strconv.Itoa(from+quiet) + " " + strconv.Itoa(y+quiet) + "h" + n + "v1h-" + n + "z")
		}
	}
}
