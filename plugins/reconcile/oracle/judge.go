package oracle

import (
	"encoding/json"
	"sort"
)

// Statuses as verdicts spell them.
const (
	Matched       = "matched"
	Mismatched    = "mismatched"
	Partial       = "partial"
	Missing       = "missing"
	Indeterminate = "indeterminate"
)

// Diff is one field that differs.
type Diff struct {
	Field string `json:"field"`
	// Values of the participants that carry the field, as raw JSON.
	Values   map[string]json.RawMessage `json:"values"`
	Outliers []string                   `json:"outliers"`
}

// Judgement is the part of a verdict that the order of arrival must not
// change. Lists are sorted and never nil.
type Judgement struct {
	Status     string   `json:"status"`
	Expected   []string `json:"expected"`
	Present    []string `json:"present"`
	Missing    []string `json:"missing"`
	Stalled    []string `json:"stalled"`
	Unexpected []string `json:"unexpected"`
	Diffs      []Diff   `json:"diffs"`
}

// Judge returns the final judgement of every fact of a run in which no bound
// was hit, once every participant has passed it: at the end of a bounded
// input, or with nobody stalled and every clock beyond. Absent expected
// participants are missing. Events that cannot be judged by themselves are
// left out.
func Judge(cfg Config, docs [][]byte) map[FactKey]Judgement {
	cfg = cfg.WithDefaults()
	all := map[FactKey][]event{}
	for _, doc := range docs {
		if e, reason := cfg.read(doc); reason == "" {
			all[e.fact] = append(all[e.fact], e)
		}
	}
	judged := map[FactKey]Judgement{}
	for key, events := range all {
		reps := map[string]event{}
		for _, e := range events {
			if r, seen := reps[e.cloud]; !seen || r.before(e) {
				reps[e.cloud] = e
			}
		}
		everyone := func(string) bool { return true }
		judged[key] = cfg.Expectations[events[0].rule].judge(reps, everyone)
	}
	return judged
}

// judge decides by the representatives of all participants and by which absent
// participants have passed.
func (x Expectation) judge(reps map[string]event, passed func(participant string) bool) Judgement {
	j := Judgement{Expected: sorted(x.Expect), Present: []string{}, Missing: []string{}, Stalled: []string{},
		Unexpected: []string{}, Diffs: []Diff{}}
	expectedPresent := 0
	for p := range reps {
		switch {
		case contains(x.Expect, p):
			expectedPresent++
			j.Present = append(j.Present, p)
		case contains(x.Optional, p):
			j.Present = append(j.Present, p)
		default:
			j.Unexpected = append(j.Unexpected, p)
		}
	}
	for _, p := range j.Expected {
		if _, present := reps[p]; present {
			continue
		}
		if passed(p) {
			j.Missing = append(j.Missing, p)
		} else {
			j.Stalled = append(j.Stalled, p)
		}
	}
	sort.Strings(j.Present)
	sort.Strings(j.Unexpected)
	for i := range x.Compare {
		if d, differs := x.diff(i, j.Present, reps); differs {
			j.Diffs = append(j.Diffs, d)
		}
	}
	switch {
	case expectedPresent == len(x.Expect) && len(j.Diffs) > 0:
		j.Status = Mismatched
	case expectedPresent == len(x.Expect):
		j.Status = Matched
	case x.Quorum > 0 && expectedPresent >= x.Quorum:
		j.Status = Partial
	case len(j.Missing) > 0:
		j.Status = Missing
	default:
		j.Status = Indeterminate
	}
	return j
}

// diff compares one field of every pair of present participants.
func (x Expectation) diff(field int, present []string, reps map[string]event) (Diff, bool) {
	cmp := x.Compare[field]
	at := func(p string) value { return reps[p].fields[field] }
	differs := false
	d := Diff{Field: cmp.Field, Values: map[string]json.RawMessage{}, Outliers: []string{}}
	for _, p := range present {
		if at(p).present {
			d.Values[p] = at(p).raw
		}
		for _, q := range present {
			differs = differs || !cmp.agree(at(p), at(q))
		}
	}
	if !differs {
		return d, false
	}
	if group, unique := largestGroup(cmp, present, at); unique {
		for _, p := range present {
			if !contains(group, p) {
				d.Outliers = append(d.Outliers, p)
			}
		}
		return d, true
	}
	if contains(present, x.Primary) {
		for _, p := range present {
			if !cmp.agree(at(p), at(x.Primary)) {
				d.Outliers = append(d.Outliers, p)
			}
		}
	}
	return d, true
}

// largestGroup returns the largest set of participants that agree with one
// value of theirs, and whether no other set is as large.
func largestGroup(cmp Compare, present []string, at func(string) value) (largest []string, unique bool) {
	for _, p := range present {
		if !at(p).present {
			continue
		}
		var group []string
		for _, q := range present {
			if cmp.agree(at(p), at(q)) {
				group = append(group, q)
			}
		}
		switch {
		case len(group) > len(largest):
			largest, unique = group, true
		case len(group) == len(largest):
			unique = unique && equal(group, largest)
		}
	}
	return largest, unique
}

func sorted(list []string) []string {
	out := append([]string{}, list...)
	sort.Strings(out)
	return out
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
