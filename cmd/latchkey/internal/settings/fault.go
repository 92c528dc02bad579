package settings

import "strings"

// Fault is one thing that is wrong with the configuration.
type Fault struct {
	// Setting is the name, without prefix.
	Setting string
	// Source is where it was set: the variable, the flag, the key and its file. Empty: nowhere.
	Source string
	// Problem says what is wrong, Hint what to do.
	Problem, Hint string
}

// Where names the setting so that both its name and the place to change it are seen.
func (f Fault) Where() string {
	switch {
	case f.Source == "":
		return f.Setting
	case strings.HasSuffix(f.Source, f.Setting):
		return f.Source
	}
	return f.Setting + " (" + f.Source + ")"
}

// Faults is everything that is wrong with the configuration.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.Where() + ": " + one.Problem
	}
	return strings.Join(lines, "\n")
}

// problem is a fault before it is known whose.
type problem struct{ what, hint string }
