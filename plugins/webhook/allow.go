package webhook

import "strings"

// allowList holds the names that are let in. The zero value lets nobody in.
type allowList struct {
	names map[string]struct{}
	every bool // "*" was listed
	fold  bool // names are compared without regard to case
}

// exactly lists names that are compared as they are.
func exactly(names []string) allowList { return list(names, false) }

// folded lists names that are compared without regard to case.
func folded(names []string) allowList { return list(names, true) }

func list(names []string, fold bool) allowList {
	l := allowList{names: make(map[string]struct{}, len(names)), fold: fold}
	for _, name := range names {
		name = strings.TrimSpace(name)
		if name == "*" {
			l.every = true
		}
		if name != "" {
			l.names[l.key(name)] = struct{}{}
		}
	}
	return l
}

func (l allowList) key(name string) string {
	if l.fold {
		return strings.ToLower(name)
	}
	return name
}

func (l allowList) empty() bool { return len(l.names) == 0 }

// holds reports whether name is let in. The empty name never is.
func (l allowList) holds(name string) bool {
	if name == "" {
		return false
	}
	_, ok := l.names[l.key(name)]
	return ok || l.every
}
