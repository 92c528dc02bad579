package password

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// commonGzip is the list described in common/README.md: lower case, sorted, one a line.
//
//go:embed common/passwords.txt.gz
var commonGzip []byte

// commonList unpacks it once, when first asked.
var commonList = sync.OnceValues(func() ([]string, error) {
	z, err := gzip.NewReader(bytes.NewReader(commonGzip))
	if err != nil {
		return nil, fmt.Errorf("password: the embedded list: %w", err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("password: the embedded list: %w", err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), nil
})

func isCommon(folded string) (bool, error) {
	list, err := commonList()
	if err != nil {
		return false, err
	}
	_, found := slices.BinarySearch(list, folded)
	return found, nil
}
