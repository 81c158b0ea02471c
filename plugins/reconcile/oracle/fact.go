package oracle

import "time"

// fact is everything known of one fact, open or closed.
type fact struct {
	key       FactKey
	rule      Expectation
	number    int // order of opening
	open      bool
	earliest  time.Time
	last      time.Time
	deadline  time.Time
	reps      map[string]event
	latest    map[string]bool // an event that counted came after a verdict
	duplicate map[string]int
	conflict  map[string]int
	revision  int
	verdict   Judgement // as last emitted
}

// take counts the event and lets it represent its participant if it is the
// greatest.
func (f *fact) take(e event) {
	rep, seen := f.reps[e.cloud]
	if !seen {
		f.reps[e.cloud] = e
		return
	}
	if f.differ(rep, e) {
		f.conflict[e.cloud]++
	} else {
		f.duplicate[e.cloud]++
	}
	if rep.before(e) {
		f.reps[e.cloud] = e
	}
}

// differ is false for unexpected participants, who are never compared.
func (f *fact) differ(a, b event) bool {
	if !contains(f.rule.Expect, a.cloud) && !contains(f.rule.Optional, a.cloud) {
		return false
	}
	for i, cmp := range f.rule.Compare {
		if !cmp.agree(a.fields[i], b.fields[i]) {
			return true
		}
	}
	return false
}

func (f *fact) complete() bool {
	for _, p := range f.rule.Expect {
		if _, present := f.reps[p]; !present {
			return false
		}
	}
	return true
}

// end is the later of a fact's deadline and its last event.
func (f *fact) end() time.Time {
	if f.last.After(f.deadline) {
		return f.last
	}
	return f.deadline
}
