// Package clientip finds out who is calling when proxies stand in between.
//
// An X-Forwarded-For header is a claim. It is believed as far as its entries were appended by proxies that the
// operator trusts, and no further: the client is the nearest address that is no trusted proxy's.
package clientip
