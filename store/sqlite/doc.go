// Package sqlite opens a store in one SQLite file, with the pure Go driver modernc.org/sqlite.
//
// The file is in write-ahead mode with synchronous=FULL: what a method has returned nil for is on the disk, also when
// the machine loses power. One connection writes, a pool of others reads beside it, and one copies the write-ahead file
// into the database now and then, so that no commit waits for that. Other processes on the same machine, such as the command line, may use the file at the same time; a network file system may not hold it. Nothing
// in this process should open the file by other means: closing it again would drop SQLite's locks.
//
// Beside the file lie two more while it is open, with -wal and -shm at the end of their names. A backup is taken with
// SQLite's own means, not by copying the one file.
package sqlite
