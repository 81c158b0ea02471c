package conformance

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// Timelines checks that for sequences of events and ticks of any kind the host
// emits exactly the oracle's revisions of every fact, and flags the same
// events for the same reasons.
func Timelines(t *testing.T, newHost NewHost, traits Traits) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := drawConfig(rt)
		script := drawScript(rt, traits)
		if fault := disagreement(t, newHost, traits, cfg, script); fault != "" {
			script = fewest(script, func(s []Step) bool { return disagreement(t, newHost, traits, cfg, s) != "" })
			rt.Fatalf("%s%s", disagreement(t, newHost, traits, cfg, script), describe(cfg, script))
		}
	})
}

// Bounded checks what must hold when max_closed makes a host forget early,
// whichever facts it chooses: revisions count up by one from 1, opened_at and
// deadline stay as revision 1 fixed them, and (of a host with TracksEvents) no
// event is lost.
func Bounded(t *testing.T, newHost NewHost, traits Traits) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg, script := drawConfig(rt), drawScript(rt, traits)
		cfg.MaxClosed = rapid.IntRange(1, 3).Draw(rt, "max closed")
		got, err := play(t, newHost, traits, cfg, script)
		if err == nil {
			err = got.countsUp()
		}
		if err != nil {
			rt.Fatalf("%v\n%s", err, describe(cfg, script))
		}
	})
}

func (r report) countsUp() error {
	for _, revisions := range r.revisions {
		for i, rev := range revisions {
			if rev.Revision == 1 { // the fact's first life, or one after it was forgotten
				continue
			}
			if before := revisions[max(i-1, 0)]; rev.Revision == before.Revision+1 &&
				rev.OpenedAt.Equal(before.OpenedAt) && rev.Deadline.Equal(before.Deadline) {
				continue
			}
			return fmt.Errorf("revision %d of %d is out of order: %s", i, len(revisions), Line(rev, true))
		}
	}
	return nil
}

// disagreement plays a script on a host and on the oracle; "" when they agree.
func disagreement(t testing.TB, newHost NewHost, traits Traits, cfg oracle.Config, script []Step) string {
	want, _ := judged(cfg, script)
	got, err := play(t, newHost, traits, cfg, script)
	if err != nil {
		return err.Error() + "\n"
	}
	return compare(want, got)
}

// fewest leaves steps out of a script for as long as it still fails.
func fewest(script []Step, fails func([]Step) bool) []Step {
	for size := len(script) / 2; size > 0; {
		shorter := false
		for from := 0; from+size <= len(script); {
			without := append(append([]Step{}, script[:from]...), script[from+size:]...)
			if len(without) > 0 && fails(without) {
				script, shorter = without, true
				continue
			}
			from += size
		}
		if !shorter {
			size /= 2
		}
	}
	return script
}

func drawConfig(t *rapid.T) oracle.Config {
	cfg := oracle.Config{
		IdleTimeout:       rapid.SampledFrom([]time.Duration{2 * time.Second, 30 * time.Second}).Draw(t, "idle"),
		CorrectionHorizon: rapid.SampledFrom([]time.Duration{15 * time.Second, time.Minute, time.Hour}).Draw(t, "horizon"),
		MaxAhead:          rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(t, "ahead"),
		MaxOpen:           rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "max open"),
	}
	rules := rapid.IntRange(1, 2).Draw(t, "rules")
	for i := range rules {
		x := oracle.Expectation{Name: "rule" + strconv.Itoa(i), Optional: []string{"edge"},
			Window:          rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute}).Draw(t, "window"),
			AllowedLateness: rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second}).Draw(t, "lateness"),
			Clock:           rapid.SampledFrom([]string{"", "", "other"}).Draw(t, "clock"),
			Primary:         rapid.SampledFrom([]string{"", "aws"}).Draw(t, "primary"),
			Compare:         lawCompare[:rapid.IntRange(0, len(lawCompare)).Draw(t, "compare")]}
		x.Expect = []string{"aws", "gcp", "azure"}[:rapid.SampledFrom([]int{3, 2, 3, 1}).Draw(t, "expected")]
		x.Quorum = rapid.IntRange(0, len(x.Expect)).Draw(t, "quorum")
		if i < rules-1 {
			x.Types = []string{"pay*"}
		}
		cfg.Expectations = append(cfg.Expectations, x)
	}
	return cfg
}

// move is one step of a script before it is written as an event: what it does
// relative to the time that the clouds have reached. A script is a slice of
// moves, so that shrinking can leave any of them out.
type move struct {
	ticks   int // wall time passes instead
	elapsed time.Duration
	years   int
	forward time.Duration // by which the time reached goes on
	astray  time.Duration // by which the event strays from it
	event   Event
	flaw    int
}

var moves = rapid.Custom(func(t *rapid.T) move {
	m := move{event: Event{ID: "a", Source: "/1"}}
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 7, 8:
		m.ticks = 1
	case 9:
		m.ticks = rapid.IntRange(1, 35).Draw(t, "ticks")
	default:
		m.drawEvent(t)
	}
	m.elapsed = rapid.SampledFrom([]time.Duration{time.Second, 500 * time.Millisecond, time.Hour}).Draw(t, "elapsed")
	return m
})

// drawEvent draws an event: mostly near the time reached, sometimes seconds on,
// sometimes years away, rarely unreadable, without a key or of the future.
func (m *move) drawEvent(t *rapid.T) {
	switch rapid.IntRange(0, 19).Draw(t, "time goes") {
	case 1, 2, 3, 4, 5:
		m.forward = time.Duration(rapid.IntRange(1, 30).Draw(t, "forward")) * time.Second
	case 6:
		m.years = rapid.IntRange(-2, 2).Draw(t, "years")
	}
	m.astray = time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 3, -1, -2, -5, -10, -20}).Draw(t, "astray")) * time.Second
	m.event = Event{
		Cloud:  rapid.SampledFrom([]string{"aws", "gcp", "azure", "aws", "gcp", "azure", "edge", "stranger", "alien"}).Draw(t, "cloud"),
		Key:    rapid.SampledFrom([]string{"k0", "k1", "k2", "k3", "k4"}).Draw(t, "key"),
		Type:   rapid.SampledFrom([]string{"", "", "", "payment"}).Draw(t, "type"),
		ID:     rapid.SampledFrom([]string{"a", "b"}).Draw(t, "id"),
		Source: rapid.SampledFrom([]string{"/1", "/2"}).Draw(t, "source"),
		Data:   []Member{{"amount", rapid.SampledFrom(lawAmounts).Draw(t, "amount")}},
	}
	if note := rapid.SampledFrom(lawNotes).Draw(t, "note"); note != "" {
		m.event.Data = append(m.event.Data, Member{"note", note})
	}
	m.flaw = rapid.IntRange(0, 29).Draw(t, "flaw")
}

func drawScript(t *rapid.T, traits Traits) []Step {
	now := Base
	wall := func() time.Time { return now.Add(10 * time.Second) }
	var script []Step
	for _, m := range rapid.SliceOfN(moves, rapid.SampledFrom([]int{1, 20, 40}).Draw(t, "at least"), 60).Draw(t, "moves") {
		now = now.AddDate(m.years, 0, 0).Add(m.forward)
		if m.ticks == 0 {
			script = append(script, Step{Event: m.document(now.Add(m.astray), traits), Wall: wall()})
		}
		for range m.ticks {
			script = append(script, Step{Tick: m.elapsed, Wall: wall()})
		}
	}
	if rapid.Bool().Draw(t, "end") {
		script = append(script, Step{End: true, Wall: wall()})
	}
	return traits.reduce(script)
}

// reduce leaves out of a script what the host cannot run.
func (x Traits) reduce(script []Step) []Step {
	var possible []Step
	for _, s := range script {
		if s.Event != nil || x.can([]Step{s}) {
			possible = append(possible, s)
		}
	}
	return possible
}

func (m move) document(at time.Time, traits Traits) []byte {
	e := m.event
	e.Time = at.Format(time.RFC3339Nano)
	switch m.flaw { // rare: small numbers are drawn more often than great ones
	case 23:
		e.Key = ""
	case 24:
		e.Time = "yesterday"
	case 25:
		e.Time = at.Add(2 * time.Hour).Format(time.RFC3339Nano) // by the wall clock or the ingesttime
	case 26:
		e.Ingest = at.Add(-2 * time.Hour).Format(time.RFC3339Nano)
	}
	return e.JSON()
}

// describe writes a config and a script so that a failure can be read, and
// pasted into a hand-written script.
func describe(cfg oracle.Config, script []Step) string {
	var b strings.Builder
	text, err := yaml.Marshal(cfg)
	if err != nil {
		return err.Error()
	}
	fmt.Fprintf(&b, "config\n%s----\n\nrun\n", text)
	var wall time.Time
	for i := 0; i < len(script); i++ {
		s := script[i]
		if s.Wall != wall && !s.Wall.IsZero() {
			wall = s.Wall
			fmt.Fprintf(&b, "wall %v\n", wall.Sub(Base))
		}
		switch {
		case s.End:
			b.WriteString("end\n")
		case s.Event != nil:
			fmt.Fprintf(&b, "raw %s\n", s.Event)
		default:
			n := 1
			for ; i+1 < len(script) && script[i+1].Event == nil && !script[i+1].End && script[i+1].Tick == s.Tick; i++ {
				n++
			}
			fmt.Fprintf(&b, "tick %v x%d\n", s.Tick, n)
		}
	}
	return b.String() + "----\n"
}
