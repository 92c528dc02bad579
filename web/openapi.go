package web

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-auth/latchkey/message"
)

// contract is the OpenAPI 3.1 document of the endpoints, kept by hand: what an endpoint takes and answers is described there, and the tests
// hold every answer against it.
//
//go:embed openapi.json
var contract []byte

// describe is the document of a handler that is mounted at a prefix.
func describe(prefix string) ([]byte, error) {
	at, err := json.Marshal(cmp.Or(prefix, "/"))
	if err != nil {
		return nil, fmt.Errorf("web: openapi.json: %w", err)
	}
	return bytes.Replace(contract, []byte(`[{"url": "/"}]`), []byte(`[{"url": `+string(at)+`}]`), 1), nil
}

// openapi serves the document. It is the same for everybody.
func (h *Handler) openapi(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if c := h.begin(w, r); c != nil {
			w.Header().Set("Allow", "GET, HEAD")
			c.fail(http.StatusMethodNotAllowed, message.APIError)
		}
		return
	}
	protect(w.Header())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(h.described))
}
