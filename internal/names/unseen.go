package names

import (
	"unicode"
	"unicode/utf8"
)

// unseen are the characters that leave no mark, or change how their neighbours look: controls, formatting
// (bidirectional overrides, zero-width spaces and joiners, byte-order marks, tags), line and paragraph separators,
// surrogates, private use, variation selectors and the letters that Unicode says may be ignored in display
// (Default_Ignorable_Code_Point, UAX #44).
var unseen = []*unicode.RangeTable{
	unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp,
	unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector,
}

// hasUnseen reports whether s has such a character or is not UTF-8.
func hasUnseen(s string) bool {
	if !utf8.ValidString(s) {
		return true
	}
	for _, r := range s {
		if unicode.In(r, unseen...) {
			return true
		}
	}
	return false
}
