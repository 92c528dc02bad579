// Package loopback knows which hosts are this machine, where plain text is safe.
package loopback
