// Package keys makes the server's secret key on its first start and keeps it in a file beside the database, for operators
// who give none. The database alone signs nobody in; so whoever copies it must copy its keys as well, by another way
// if the copy leaves the machine.
package keys
