// Package web is the HTTP contract over package signin: one set of endpoints that serves browsers with pages and forms, and
// programs with JSON. Both are renderings of one answer; no endpoint is written twice.
//
// An endpoint is a row of the table in routes.go: who may come in, what GET and POST do, and where a browser goes when
// something is refused. Handlers return a reply or an error; a [signin.Refusal] becomes the contract's envelope or the form
// again with the text at its field, anything else a 500 (or 503 where the store cannot be reached) without details.
package web
