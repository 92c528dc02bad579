// Package phone reads telephone numbers as people type them, with the knowledge of every country's numbers that the
// library itself leaves to its users because of its size.
package phone
