package aaguid

import (
	_ "embed"
	"encoding/hex"
	"strings"
)

// names has a line for each model: 32 hexadecimal digits, a tab, the name.
//
//go:embed names.tsv
var names string

// Name is the model's name. Nothing is known of the zero AAGUID, which means "no model named".
func Name(aaguid [16]byte) (string, bool) {
	_, found, ok := strings.Cut(names, "\n"+hex.EncodeToString(aaguid[:])+"\t")
	if !ok {
		return "", false
	}
	name, _, _ := strings.Cut(found, "\n")
	return name, true
}
