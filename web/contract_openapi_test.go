package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/latchkey-auth/latchkey"
)

// document is openapi.json, made stricter in one thing: an answer has no member that it does not name. (Clients should take more, so the
// document itself does not say that.)
var document = sync.OnceValues(func() (*openapi3.T, error) {
	raw, err := os.ReadFile("openapi.json")
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	schemas := tree["components"].(map[string]any)["schemas"].(map[string]any)
	for _, name := range []string{"Errors", "Empty", "SignedIn", "ConfirmationRequired", "PendingSelect", "PendingReady", "PendingSetup", "SetupStarted"} {
		schemas[name].(map[string]any)["additionalProperties"] = false
	}
	each(tree["paths"], func(o map[string]any) {
		if p, ok := o["properties"].(map[string]any); ok {
			if r, ok := p["response"].(map[string]any); ok && r["properties"] != nil {
				r["additionalProperties"] = false
			}
		}
	})
	if raw, err = json.Marshal(tree); err != nil {
		return nil, err
	}
	return openapi3.NewLoader().LoadFromData(raw)
})

// each calls do with every object of a tree.
func each(v any, do func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		do(v)
		for _, x := range v {
			each(x, do)
		}
	case []any:
		for _, x := range v {
			each(x, do)
		}
	}
}

// described holds a request that was served, and its answer, against the document.
func (a *answer) described(req *http.Request, body []byte) {
	a.t.Helper()
	doc, err := document()
	if err != nil {
		a.t.Fatal(err)
	}
	path, _ := strings.CutPrefix(req.URL.EscapedPath(), a.s.prefix)
	route := routeOf(doc, req.Method, path)
	if route == nil || a.status == http.StatusMethodNotAllowed {
		return // which is no endpoint: other tests see to it that it is refused
	}
	in := &openapi3filter.RequestValidationInput{
		Request: req, Route: route, PathParams: map[string]string{"state": "x", "file": "x"},
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true},
	}
	if a.status < 400 && strings.HasPrefix(req.Header.Get("Content-Type"), "application/json") && len(body) > 0 {
		req.Body, req.ContentLength = readAgain(body), int64(len(body))
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			a.t.Errorf("%v: openapi.json does not allow what was accepted: %v", a, err)
		}
	}
	response := route.Operation.Responses.Status(a.status)
	if response == nil {
		a.t.Errorf("%v: openapi.json does not know the status %d of %s %s", a, a.status, req.Method, route.Path)
		return
	}
	for name, h := range response.Value.Headers {
		if h.Value.Required && a.header.Get(name) == "" {
			a.t.Errorf("%v: no header %s", a, name)
		}
	}
	if len(a.body) == 0 {
		return
	}
	if response.Value.Content.Get(a.header.Get("Content-Type")) == nil {
		a.t.Errorf("%v: openapi.json does not know an answer %d of type %s of %s %s", a, a.status, a.header.Get("Content-Type"), req.Method, route.Path)
		return
	}
	if !a.isJSON() {
		return
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header, Options: in.Options}
	if err := openapi3filter.ValidateResponse(context.Background(), out.SetBodyBytes(a.body)); err != nil {
		a.t.Errorf("%v: openapi.json describes another answer: %v", a, err)
	}
}

// routeOf is the operation of a path, nil if there is none.
func routeOf(doc *openapi3.T, method, path string) *routers.Route {
	item, name := doc.Paths.Value(path), path
	if item == nil {
		if before, state, ok := cutLast(path); ok && state != "" {
			name = before + "/{state}"
			item = doc.Paths.Value(name)
		}
	}
	if item == nil || item.GetOperation(method) == nil {
		return nil
	}
	return &routers.Route{Spec: doc, Path: name, PathItem: item, Method: method, Operation: item.GetOperation(method)}
}

func cutLast(path string) (before, after string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return path, "", false
	}
	return path[:i], path[i+1:], true
}

func readAgain(body []byte) *bodyReader { return &bodyReader{bytes.NewReader(body)} }

type bodyReader struct{ *bytes.Reader }

func (*bodyReader) Close() error { return nil }

func TestTheDocumentIsOpenAPI31(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("openapi %q", doc.OpenAPI)
	}
	ids := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" || op.Security == nil {
				t.Errorf("%s %s is not wholly described", method, path)
			}
			ids[op.OperationID] = true
		}
	}
}

func TestTheDocumentIsServed(t *testing.T) {
	s := newSite(t, func(c *latchkey.Config) { c.URLPrefix = "/auth" })
	res, err := http.Get(s.server.URL + "/auth/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var doc struct {
		OpenAPI string
		Servers []struct{ URL string }
		Paths   map[string]any
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, %v, %v", res.StatusCode, res.Header, err)
	}
	if doc.OpenAPI != "3.1.0" || len(doc.Servers) != 1 || doc.Servers[0].URL != "/auth" || len(doc.Paths) < 25 {
		t.Errorf("served: %+v", doc)
	}
	s.visitor(t).post("/openapi.json", nil).refuses(http.StatusMethodNotAllowed, "API_ERROR", "")
}
