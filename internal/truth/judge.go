package truth

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
)

// Verdict is what the judge looks at in a verdict; the tags are those of the
// verdict's JSON.
type Verdict struct {
	ID
	Revision int       `json:"revision"`
	OpenedAt time.Time `json:"opened_at"`
	Status   string    `json:"status"`
	Missing  []string  `json:"missing"`
	Stalled  []string  `json:"stalled"`
	Diffs    []Diff    `json:"diffs"`
}

// Hop is one stage that events pass, with numbers that are each counted where
// they arise; none may be computed from the others.
type Hop struct {
	Name         string `json:"name"`
	Received     int64  `json:"received"`
	Logged       int64  `json:"logged"`
	Duplicates   int64  `json:"duplicates"`
	DeadLettered int64  `json:"dead_lettered"`
	InFlight     int64  `json:"in_flight"`
}

// Counts are the numbers of a run beside its verdicts.
type Counts struct {
	// Hops in the order in which events pass them. The first one must have
	// received what the ledger says was sent.
	Hops []Hop
	// Sent is what the simulator handed out for the first time, malformed
	// events included, by participant.
	Sent map[string]int64
	// Redelivered is how often it, or a queue behind it, handed an event out
	// again: the first hop received at most that many more than were sent.
	Redelivered int64
	// Replayed dead letters became events after all.
	Replayed int64
	// DeadLetters found, by stage. Their sum without those that were replayed must
	// be the ledger's malformed events.
	DeadLetters map[string]int64
}

// noVerdict stands in tables for a fact that has none.
const noVerdict = "none"

// maxWrong is how many wrong facts a report lists.
const maxWrong = 20

// Judge compares the last revision of every fact's verdict with the ledger, and
// the counts with the conservation law. Several verdicts of one fact may come in
// any order: the greatest (opened_at, revision) counts. The error is that of the
// verdicts' iterator; what is wrong with the run is in the report.
func Judge(l *Ledger, verdicts iter.Seq2[Verdict, error], counts Counts) (*Report, error) {
	final := make(map[ID]Verdict, len(l.Facts))
	for v, err := range verdicts {
		if err != nil {
			return nil, fmt.Errorf("reading verdicts: %w", err)
		}
		if old, ok := final[v.ID]; !ok || newer(&v, &old) {
			final[v.ID] = v
		}
	}
	r := newReport(l)
	r.Verdicts = int64(len(final))
	for i := range l.Facts {
		f := &l.Facts[i]
		v, ok := final[f.ID]
		if !ok {
			v.Status = noVerdict
		}
		delete(final, f.ID)
		r.fact(f, &v)
	}
	for _, id := range slices.SortedFunc(maps.Keys(final), compareID) {
		v := final[id]
		r.stranger(&v)
	}
	r.score()
	r.conserve(l, counts)
	r.conclude(l)
	return r, nil
}

func newer(a, b *Verdict) bool {
	if c := a.OpenedAt.Compare(b.OpenedAt); c != 0 {
		return c > 0
	}
	return a.Revision > b.Revision
}

func compareID(a, b ID) int {
	return slices.Compare([]string{a.Tenant, a.Type, a.Key}, []string{b.Tenant, b.Type, b.Key})
}

// faults says how a verdict differs from the truth: nothing, or one phrase each.
func (f *Fact) faults(v *Verdict) (out []string) {
	if f.Status != v.Status {
		return []string{fmt.Sprintf("status is %s, not %s", v.Status, f.Status)}
	}
	if !sameSet(f.Missing, v.Missing) {
		out = append(out, fmt.Sprintf("missing is %v, not %v", v.Missing, f.Missing))
	}
	if len(v.Stalled) > 0 {
		out = append(out, fmt.Sprintf("stalled is %v, not empty", v.Stalled))
	}
	got, want := byField(v.Diffs), byField(f.Diffs)
	for _, field := range slices.Sorted(maps.Keys(want)) {
		outliers, ok := got[field]
		switch {
		case !ok:
			out = append(out, fmt.Sprintf("no difference in %s", field))
		case !sameSet(outliers, want[field]):
			out = append(out, fmt.Sprintf("outliers of %s are %v, not %v", field, outliers, want[field]))
		}
	}
	for _, field := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[field]; !ok {
			out = append(out, fmt.Sprintf("a difference in %s that is none", field))
		}
	}
	return out
}

func byField(diffs []Diff) map[string][]string {
	out := make(map[string][]string, len(diffs))
	for _, d := range diffs {
		out[d.Field] = d.Outliers
	}
	return out
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
