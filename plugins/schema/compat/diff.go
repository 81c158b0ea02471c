package compat

import (
	"cmp"
	"slices"
	"strings"
)

// Change is one difference between two versions of a schema.
type Change struct {
	// Pointer leads to the place in the later version, or in the earlier one
	// for what was removed.
	Pointer string `json:"pointer"`
	// Kind is what changed and how: property_added, minimum_raised,
	// description_changed.
	Kind Kind `json:"kind"`
	// Before and After are JSON, for Protobuf a declaration; empty where there
	// was or is nothing.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Breaks lists the directions the change breaks, with the reasons.
	Breaks  []Direction `json:"breaks,omitempty"`
	Reasons []string    `json:"reasons,omitempty"`

	// Where the place is in either version, for telling which finding is whose.
	old, new string
}

// Diff lists what changed from a to b and which changes break which direction.
// It is empty when the versions say the same in another order or layout.
func Diff(a, b Schema) ([]Change, error) {
	report, err := Check(Full, b, []Schema{a})
	if err != nil {
		return nil, err
	}
	earlier, err := open(a, "earlier")
	if err != nil {
		return nil, err
	}
	next, err := open(b, "next")
	if err != nil {
		return nil, err
	}
	changes := earlier.diff(next)
	for _, finding := range report.Findings {
		changes = blame(changes, finding)
	}
	slices.SortStableFunc(changes, func(x, y Change) int { return cmp.Compare(x.Pointer, y.Pointer) })
	return changes, nil
}

// blame marks the changes a finding comes from: those at its place, else those
// around or below it. A finding no change explains stands for itself.
func blame(changes []Change, finding Finding) []Change {
	pointers := []string{finding.Pointer}
	if finding.Kind == AdditionalPropertiesClosed {
		holder := finding.Pointer[:strings.LastIndex(finding.Pointer, "/")]
		name := finding.Path[strings.LastIndex(finding.Path, "/")+1:]
		pointers = append([]string{holder + "/properties/" + name}, pointers...)
	}
	for _, related := range []func(at, finding string) bool{
		func(at, finding string) bool { return at == finding },
		func(at, finding string) bool {
			return strings.HasPrefix(finding, at+"/") || strings.HasPrefix(at, finding+"/")
		},
	} {
		for _, pointer := range pointers {
			if mark(changes, finding, func(at string) bool { return related(at, pointer) }) {
				return changes
			}
		}
	}
	return append(changes, Change{
		Pointer: finding.Pointer, Kind: finding.Kind, Breaks: []Direction{finding.Direction}, Reasons: []string{finding.Reason},
	})
}

func mark(changes []Change, finding Finding, related func(at string) bool) bool {
	marked := false
	for index := range changes {
		change := &changes[index]
		at := change.new // a BACKWARD finding points into the next version
		if finding.Direction == ReadByEarlier {
			at = change.old
		}
		if change.annotates() || !related(at) {
			continue
		}
		marked = true
		if !slices.Contains(change.Breaks, finding.Direction) {
			change.Breaks = append(change.Breaks, finding.Direction)
		}
		if !slices.Contains(change.Reasons, finding.Reason) {
			change.Reasons = append(change.Reasons, finding.Reason)
		}
	}
	return marked
}

// annotates reports a change of words that no reader acts upon.
func (c Change) annotates() bool {
	return annotations[c.Pointer[strings.LastIndex(c.Pointer, "/")+1:]] && !strings.Contains(c.Pointer, "/properties/default")
}
