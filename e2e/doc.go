// Package e2e walks through Latchkey's pages as people do: in a real Chromium, with a virtual authenticator, over HTTP on
// loopback. It has tests alone.
//
// One browser serves all tests; each test has a profile of its own, and a server of its own with the settings that it is
// about. What a page writes to the console as a warning or an error fails the test, and so does a response of 5xx.
//
// Where no Chromium is found the tests are left out, which is said; with LATCHKEY_REQUIRE_ALL=1 that is a failure. The pictures
// of the pages go to screenshots/, or to the folder that LATCHKEY_SCREENSHOTS names.
package e2e
