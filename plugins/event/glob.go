package event

import "strings"

// MatchesAny reports whether one of the globs matches s, as rules pick events by
// their types and tenants: * is any run of characters, dots too. An empty list
// matches everything.
func MatchesAny(globs []string, s string) bool {
	for _, g := range globs {
		if matchesGlob(g, s) {
			return true
		}
	}
	return len(globs) == 0
}

func matchesGlob(glob, s string) bool {
	before, rest, starred := strings.Cut(glob, "*")
	if !starred {
		return glob == s
	}
	s, ok := strings.CutPrefix(s, before)
	for ok {
		if before, rest, starred = strings.Cut(rest, "*"); !starred {
			return strings.HasSuffix(s, before)
		}
		_, s, ok = strings.Cut(s, before)
	}
	return false
}
