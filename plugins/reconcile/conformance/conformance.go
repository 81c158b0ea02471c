// Package conformance is the one suite that every host of the reconciliation
// rules must pass: the engine driven directly, the buffer, the Kafka input. It
// knows a host only as something that takes a script of events, ticks and the
// end of input and returns what was emitted, and judges that by package oracle
// and by hand-written scripts.
package conformance

import (
	"fmt"
	"sort"
	"testing"
	"time"

	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// Base is the event time that scripts count from.
var Base = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// FarWall is the wall clock of steps that set none: late enough that no event
// without an ingesttime is of the future.
var FarWall = time.Date(2260, 1, 1, 0, 0, 0, 0, time.UTC)

// Step is one thing that happens to a host: an event, a tick, or the end of
// input.
type Step struct {
	// Event is the document; nil for a tick and for the end.
	Event []byte
	// Tick is how much wall time passed in which input could be taken.
	Tick time.Duration
	// End says that the bounded input ended; nothing comes after it.
	End bool
	// Wall is the wall clock at this step; zero: FarWall.
	Wall time.Time
}

func (s Step) wall() time.Time {
	if s.Wall.IsZero() {
		return FarWall
	}
	return s.Wall
}

// Emission is one emitted verdict.
type Emission struct {
	JSON []byte
	// Accounts are the indexes of the steps whose events this verdict
	// accounts for; only of a host with TracksEvents.
	Accounts []int
}

// Result is everything that a host emitted for a script, without the emission
// being due to an end of input that the script did not have.
type Result struct {
	// Verdicts in the order of emission.
	Verdicts []Emission
	// Flags are the events emitted unchanged, with the reason.
	Flags []oracle.Flag
	// Held are the indexes of the steps whose events were taken in and wait
	// for a verdict or were accounted for by one, Done those that were taken
	// in and are done with; only of a host with TracksEvents.
	Held, Done []int
}

// Host is one life of something that reconciles.
type Host interface {
	// Run takes the steps in order and returns when everything that is due by
	// them has been emitted. It is called once.
	Run(script []Step) (Result, error)
}

// NewHost starts a host with a config. It is called once for every run, so it
// should be cheap; cleaning up is left to t.Cleanup or to the end of Run.
type NewHost func(t testing.TB, cfg oracle.Config) Host

// Traits say what a host can and cannot show.
type Traits struct {
	// NoEnd: the host's input cannot end; scripts with an end are left out.
	NoEnd bool
	// TracksEvents: the host fills Accounts, Held and Done.
	TracksEvents bool
}

// Run runs the whole suite.
func Run(t *testing.T, newHost NewHost, traits Traits) {
	t.Run("scripts", func(t *testing.T) { Scripts(t, newHost, traits) })
	t.Run("scenarios", func(t *testing.T) { Scenarios(t, newHost, traits) })
	t.Run("order law", func(t *testing.T) { OrderLaw(t, newHost, traits) })
	t.Run("repeats law", func(t *testing.T) { RepeatsLaw(t, newHost, traits) })
	t.Run("bounded", func(t *testing.T) { Bounded(t, newHost, traits) })
	t.Run("timeline", func(t *testing.T) { Timelines(t, newHost, traits) })
}

// can reports whether a host with these traits can run the script.
func (x Traits) can(script []Step) bool {
	for _, s := range script {
		if x.NoEnd && s.End {
			return false
		}
	}
	return true
}

// report is a result in a form that can be compared: every fact's revisions in
// order, and the flagged events.
type report struct {
	revisions map[oracle.FactKey][]oracle.Revision
	flags     []string
}

func (r report) final(k oracle.FactKey) (last oracle.Revision, ok bool) {
	if n := len(r.revisions[k]); n > 0 {
		return r.revisions[k][n-1], true
	}
	return last, false
}

func (r report) lines(k oracle.FactKey) []string {
	var lines []string
	for _, rev := range r.revisions[k] {
		lines = append(lines, Line(rev, true))
	}
	return lines
}

// play runs the script on a new host and reads what it emitted.
func play(t testing.TB, newHost NewHost, traits Traits, cfg oracle.Config, script []Step) (report, error) {
	res, err := newHost(t, cfg).Run(script)
	if err != nil {
		return report{}, fmt.Errorf("running the script: %w", err)
	}
	rep := report{revisions: map[oracle.FactKey][]oracle.Revision{}}
	ids := map[string]oracle.FactKey{}
	for _, v := range res.Verdicts {
		r, id, err := parseVerdict(v.JSON, script)
		if err != nil {
			return report{}, fmt.Errorf("reading verdict %.400s: %w", v.JSON, err)
		}
		if known, ok := ids[id]; ok && known != r.Fact {
			return report{}, fmt.Errorf("facts %v and %v share the id %s", known, r.Fact, id)
		}
		ids[id] = r.Fact
		rep.revisions[r.Fact] = append(rep.revisions[r.Fact], r)
	}
	rep.flags = flagLines(res.Flags)
	if traits.TracksEvents {
		return rep, conserved(res, script)
	}
	return rep, nil
}

// judged is the report that the oracle expects.
func judged(cfg oracle.Config, script []Step) (report, *oracle.Timeline) {
	timeline := oracle.NewTimeline(cfg)
	for _, s := range script {
		switch {
		case s.End:
			timeline.End()
		case s.Event != nil:
			timeline.Event(s.Event, s.wall())
		default:
			timeline.Tick(s.Tick)
		}
	}
	rep := report{revisions: map[oracle.FactKey][]oracle.Revision{}}
	for _, r := range timeline.Revisions {
		rep.revisions[r.Fact] = append(rep.revisions[r.Fact], r)
	}
	rep.flags = flagLines(timeline.Flags)
	return rep, timeline
}

// compare says where two reports differ; "" when they don't.
func compare(want, got report) string {
	all := map[oracle.FactKey]bool{}
	for k := range want.revisions {
		all[k] = true
	}
	for k := range got.revisions {
		all[k] = true
	}
	out := ""
	for _, k := range sortedFacts(all) {
		out += difference("fact "+factName(k), want.lines(k), got.lines(k))
	}
	return out + difference("flagged", want.flags, got.flags)
}

func difference(what string, want, got []string) string {
	if fmt.Sprint(want) == fmt.Sprint(got) {
		return ""
	}
	out := what + "\n"
	for i := 0; i < max(len(want), len(got)); i++ {
		w, g := "(nothing)", "(nothing)"
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w == g {
			out += "  both   " + w + "\n"
			continue
		}
		out += "  oracle " + w + "\n  host   " + g + "\n"
	}
	return out
}

func sortedFacts(set map[oracle.FactKey]bool) []oracle.FactKey {
	keys := make([]oracle.FactKey, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, k int) bool { return fmt.Sprint(keys[i]) < fmt.Sprint(keys[k]) })
	return keys
}

func flagLines(flags []oracle.Flag) []string {
	lines := []string{}
	for _, f := range flags {
		lines = append(lines, f.Reason+" "+eventName([]byte(f.Doc)))
	}
	sort.Strings(lines)
	return lines
}
