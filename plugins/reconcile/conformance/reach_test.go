package conformance

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// A property is worth what its generator reaches: every status, every cause,
// every reason that depends on history, and what comes after a verdict.
func TestTheTimelinesReachEveryOutcome(t *testing.T) {
	scripts := rapid.Custom(func(rt *rapid.T) []string {
		cfg := drawConfig(rt)
		script := drawScript(rt, Traits{})
		_, timeline := judged(cfg, script)
		return outcomes(timeline)
	})
	const runs = 300
	reached := map[string]int{}
	for seed := range runs {
		for _, o := range scripts.Example(seed) {
			reached[o]++
		}
	}
	t.Logf("of %d runs: %v", runs, reached)
	for _, o := range []string{oracle.Matched, oracle.Mismatched, oracle.Partial, oracle.Missing, oracle.Indeterminate,
		oracle.ByComplete, oracle.ByDeadline, oracle.ByIdle, oracle.ByPressure, oracle.ByEndOfInput, oracle.ByLateEvent,
		oracle.Unreadable, oracle.Unkeyed, oracle.Future, oracle.TooLate,
		"corrected", "stalled to missing", "missing and stalled", "came back", "late", "duplicates", "conflicts", "diffs", "unexpected"} {
		require.Greater(t, reached[o], 5, o)
	}
}

// outcomes names what a timeline went through, each once.
func outcomes(timeline *oracle.Timeline) []string {
	set := map[string]bool{}
	for _, f := range timeline.Flags {
		set[f.Reason] = true
	}
	last := map[oracle.FactKey]oracle.Revision{}
	for _, r := range timeline.Revisions {
		before, known := last[r.Fact]
		last[r.Fact] = r
		set[r.Status], set[r.ClosedBy] = true, true
		for name, happened := range map[string]bool{
			"corrected":           r.Revision > 1,
			"stalled to missing":  r.Revision > 1 && r.ClosedBy == oracle.ByDeadline,
			"missing and stalled": len(r.Missing) > 0 && len(r.Stalled) > 0,
			"came back":           known && r.OpenedAt.After(before.OpenedAt),
			"late":                len(r.Late) > 0,
			"duplicates":          len(r.Duplicate) > 0,
			"conflicts":           len(r.Conflict) > 0,
			"diffs":               len(r.Diffs) > 0,
			"unexpected":          len(r.Unexpected) > 0,
		} {
			if happened {
				set[name] = true
			}
		}
	}
	var list []string
	for o := range set {
		list = append(list, o)
	}
	return list
}
