// Command bench measures Latchkey from outside: software authenticators sign in over loopback HTTP to the latchkey binary, as
// browsers would, and the server's own CPU time is read from the kernel.
//
// What a machine's speed would decide is given as a multiple of one bare P-256 verification, measured on the server's core in
// the same run: that is the least that a sign-in can cost. Run it with `make bench`, on a machine that does nothing else; the
// tables go to RESULTS.md.
package main
