package password

import (
	"slices"
	"testing"
	"unicode/utf8"
)

func TestCommonListIsInOrder(t *testing.T) {
	list, err := commonList()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 10_000 || len(list) > 25_000 {
		t.Errorf("%d entries", len(list))
	}
	if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
		t.Error("the list is not sorted, or not each once")
	}
	for _, p := range list {
		if utf8.RuneCountInString(p) < 8 || fold(p) != p {
			t.Errorf("%q is not as the search expects it", p)
		}
		if found, err := isCommon(p); !found || err != nil {
			t.Errorf("%q is not found: %v", p, err)
		}
	}
	if len(commonGzip) > 100_000 {
		t.Errorf("%d bytes are embedded", len(commonGzip))
	}
}

func TestIsRow(t *testing.T) {
	for s, want := range map[string]bool{
		"": false, "a": false, "aa": true, "ab": true, "ba": true, "ac": false, "abc": true, "abd": false, "aab": false, "cba": true, "aba": false,
		"98765432": true, "00000000": true, "abcabc": false, "あぃい": true,
	} {
		if got := isRow(s); got != want {
			t.Errorf("isRow(%q) = %v", s, got)
		}
	}
}
