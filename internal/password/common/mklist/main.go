// Command mklist makes passwords.txt.gz out of lists of common passwords, one a line, that it reads from the files
// named. It keeps those of eight characters and more, folded to NFKC and lower case, each once, in order.
package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const shortest = 8

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: mklist OUT IN")
	}
	set := map[string]bool{}
	for _, name := range args[1:] {
		if err := read(name, set); err != nil {
			return err
		}
	}
	out, err := os.Create(args[0])
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	for _, p := range slices.Sorted(maps.Keys(set)) {
		if _, err := fmt.Fprintln(z, p); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return out.Close()
}

func read(name string, into map[string]bool) error {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		p := norm.NFKC.String(strings.ToLower(norm.NFKC.String(lines.Text())))
		if utf8.ValidString(p) && utf8.RuneCountInString(p) >= shortest {
			into[p] = true
		}
	}
	return lines.Err()
}
