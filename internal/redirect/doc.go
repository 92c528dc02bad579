// Package redirect decides where a browser may be sent after a sign-in: to a path of this site, and nowhere else.
//
// A target comes from outside, in a link that anybody can write. One that leads away makes a sign-in page an
// accomplice (CWE-601, open redirect). Browsers, proxies and servers disagree about what is a path, so what any of
// them might read as another host is refused, at the cost of a few paths that nobody uses.
package redirect
