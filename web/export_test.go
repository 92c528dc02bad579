package web

import "net/http"

// Route is a row of the table of endpoints, for tests that must leave none out.
type Route struct {
	Path      string // under the prefix, with its first slash; "/{$}" is the front page
	Get, Post bool
}

// Routes are all endpoints of a handler.
func Routes(h http.Handler) []Route {
	var all []Route
	for _, e := range h.(*Handler).endpoints() {
		all = append(all, Route{Path: "/" + e.path, Get: e.get != nil, Post: e.post != nil})
	}
	return all
}
