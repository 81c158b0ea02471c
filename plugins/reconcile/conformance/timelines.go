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
		script := drawScript(rt, cfg, traits)
		want, timeline := judged(cfg, script)
		got, err := play(t, newHost, traits, cfg, script)
		if err != nil {
			rt.Fatalf("%v\n%s", err, describe(cfg, script))
		}
		if timeline.Open() > cfg.WithDefaults().MaxOpen || timeline.Closed() > cfg.WithDefaults().MaxClosed {
			rt.Fatalf("the oracle itself is beyond its bounds")
		}
		if diff := compare(want, got); diff != "" {
			rt.Fatalf("%s%s", diff, describe(cfg, script))
		}
	})
}

func drawConfig(t *rapid.T) oracle.Config {
	cfg := oracle.Config{
		IdleTimeout:       rapid.SampledFrom([]time.Duration{2 * time.Second, 30 * time.Second}).Draw(t, "idle"),
		CorrectionHorizon: rapid.SampledFrom([]time.Duration{5 * time.Second, time.Minute, time.Hour}).Draw(t, "horizon"),
		MaxAhead:          rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(t, "ahead"),
		MaxOpen:           rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "max open"),
		MaxClosed:         rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "max closed"),
	}
	rules := rapid.IntRange(1, 2).Draw(t, "rules")
	for i := range rules {
		x := oracle.Expectation{Name: "rule" + strconv.Itoa(i), Optional: []string{"edge"},
			Window:          rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute}).Draw(t, "window"),
			AllowedLateness: rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second}).Draw(t, "lateness"),
			Clock:           rapid.SampledFrom([]string{"", "", "other"}).Draw(t, "clock"),
			Primary:         rapid.SampledFrom([]string{"", "aws"}).Draw(t, "primary"),
			Compare:         lawCompare[:rapid.IntRange(0, len(lawCompare)).Draw(t, "compare")]}
		x.Expect = []string{"aws", "gcp", "azure"}[:rapid.IntRange(1, 3).Draw(t, "expected")]
		x.Quorum = rapid.IntRange(0, len(x.Expect)).Draw(t, "quorum")
		if i < rules-1 {
			x.Types = []string{"pay*"}
		}
		cfg.Expectations = append(cfg.Expectations, x)
	}
	return cfg
}

// drawing is the state of a script while it is drawn: the event time that the
// clouds have reached, from which most events stray little.
type drawing struct {
	now  time.Time
	wall time.Time
}

func drawScript(t *rapid.T, cfg oracle.Config, traits Traits) []Step {
	d := drawing{now: Base, wall: Base}
	var script []Step
	n := rapid.IntRange(1, 60).Draw(t, "steps")
	for len(script) < n {
		kind := rapid.IntRange(0, 9).Draw(t, "kind")
		switch {
		case kind < 7 || traits.NoTicks:
			script = append(script, d.event(t))
		case kind < 9:
			script = append(script, d.ticks(t, 1)...)
		default:
			script = append(script, d.ticks(t, rapid.IntRange(1, 35).Draw(t, "idle for"))...)
		}
	}
	if !traits.NoEnd && rapid.Bool().Draw(t, "end") {
		script = append(script, Step{End: true, Wall: d.wall})
	}
	return script
}

func (d *drawing) ticks(t *rapid.T, count int) []Step {
	elapsed := rapid.SampledFrom([]time.Duration{500 * time.Millisecond, time.Second, time.Hour}).Draw(t, "elapsed")
	var steps []Step
	for range count {
		steps = append(steps, Step{Tick: elapsed, Wall: d.wall})
	}
	return steps
}

// event draws an event: mostly near the time reached, sometimes seconds on,
// sometimes years away, rarely unreadable or without a key.
func (d *drawing) event(t *rapid.T) Step {
	switch rapid.IntRange(0, 19).Draw(t, "time goes") {
	case 0, 1, 2, 3, 4, 5:
		d.now = d.now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "seconds")) * time.Second)
	case 6:
		d.now = d.now.AddDate(rapid.IntRange(-2, 2).Draw(t, "years"), 0, 0)
	}
	at := d.now.Add(time.Duration(rapid.IntRange(-20, 3).Draw(t, "astray")) * time.Second)
	d.wall = d.now.Add(10 * time.Second)
	e := Event{
		Cloud:  rapid.SampledFrom([]string{"aws", "aws", "gcp", "gcp", "azure", "azure", "edge", "stranger", "alien"}).Draw(t, "cloud"),
		Key:    rapid.SampledFrom([]string{"k0", "k1", "k2", "k3", "k4"}).Draw(t, "key"),
		Type:   rapid.SampledFrom([]string{"", "", "", "payment"}).Draw(t, "type"),
		ID:     rapid.SampledFrom([]string{"a", "b"}).Draw(t, "id"),
		Source: rapid.SampledFrom([]string{"/1", "/2"}).Draw(t, "source"),
		Time:   at.Format(time.RFC3339Nano),
		Data:   []Member{{"amount", rapid.SampledFrom(lawAmounts).Draw(t, "amount")}},
	}
	if note := rapid.SampledFrom(lawNotes).Draw(t, "note"); note != "" {
		e.Data = append(e.Data, Member{"note", note})
	}
	switch rapid.IntRange(0, 29).Draw(t, "flaw") {
	case 0:
		e.Key = ""
	case 1:
		e.Time = "yesterday"
	case 2:
		e.Time = at.Add(2 * time.Hour).Format(time.RFC3339Nano)
	case 3:
		e.Ingest = at.Add(-2 * time.Hour).Format(time.RFC3339Nano)
	}
	return Step{Event: e.JSON(), Wall: d.wall}
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
