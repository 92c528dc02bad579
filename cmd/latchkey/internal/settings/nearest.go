package settings

import (
	"regexp"
	"strings"
)

// unknownHint says what to do about a name that does not exist; nearest may be empty, prefix stands before it.
func unknownHint(name, nearest, prefix string) string {
	switch {
	case prefix != "" && serviceLink(name):
		return "Kubernetes sets such variables for a Service called latchkey: set enableServiceLinks: false in the pod, or rename the Service"
	case nearest != "":
		return "did you mean " + prefix + nearest + "?"
	}
	return "take it out; docs/configuration.md lists every setting"
}

// serviceLink tells the variables that Kubernetes and old Docker links add for other services.
func serviceLink(name string) bool {
	return regexp.MustCompile(`^(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`).MatchString(name)
}

// nearest is the setting whose name is most like that one, or empty where none is much like it.
func (l *loader) nearest(name string) string {
	name = strings.TrimPrefix(strings.ToUpper(name), "SECURITY_") // as other software calls them
	best, least := "", len(name)/3+1
	for _, s := range l.table {
		if d := distance(name, s.name); d < least {
			best, least = s.name, d
		}
	}
	return best
}

// distance is how many characters must be put in, taken out or changed to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
