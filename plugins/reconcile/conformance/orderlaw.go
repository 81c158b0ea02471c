package conformance

import (
	"fmt"
	"sort"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// What the order law's facts are made of. Values repeat on purpose: equal
// times, sources and ids with different values are where an order of arrival
// could leak into a verdict.
var (
	lawAmounts    = []string{"10", "10.00", "10.01", "10.02", "10.005", `"10.01"`, "1e1", "12.5", `"ten"`, "null"}
	lawCurrencies = []string{`"EUR"`, `"eur"`, `"USD"`, `{"code":"Eur"}`, `{"code":"eUR"}`}
	lawNotes      = []string{`"x"`, `"y"`, "null", ""}
	lawItems      = []string{`[1,2]`, `[2,1]`, `[1,2,2]`, `[2,1.0,2]`, `[[2,1]]`, `[[1,2]]`, ""}
	lawWeights    = []string{"1000", "1001", "1001.001", "-1000", "0"}
	lawOffsets    = []time.Duration{0, 0, time.Second, 2 * time.Second, 2500 * time.Millisecond, 30 * time.Second,
		59 * time.Second, 60 * time.Second, 61 * time.Second, 75 * time.Second, 110 * time.Second}
	lawCompare = []oracle.Compare{
		{Field: "data.amount", Tolerance: "0.01"},
		{Field: "data.currency", IgnoreCase: true},
		{Field: "data.note", NullIsAbsent: true},
		{Field: "data.items", Unordered: true},
		{Field: "data.weight", Relative: "0.001"},
		{Field: "time", Within: 2 * time.Second},
	}
)

const (
	lawWindow   = 60 * time.Second
	lawLateness = 10 * time.Second
	lawHorizon  = 5 * time.Minute
)

// LawCase is a set of events for which the order law holds in every
// interleaving of its streams.
type LawCase struct {
	Config oracle.Config
	// Streams holds each participant's events in the order in which it sends
	// them: out of order by less than the allowed lateness.
	Streams map[string][]LawEvent
}

// LawEvent is an event of a stream.
type LawEvent struct {
	Doc []byte
	At  time.Time
}

// drawLawCase draws facts with up to five events per participant.
func drawLawCase(t *rapid.T) LawCase {
	c := LawCase{Config: drawLawConfig(t), Streams: map[string][]LawEvent{}}
	// Participants for whom nobody waits may lag for ever; then nothing but the
	// horizon keeps a fact from being forgotten before they report. With facts
	// far apart only expected participants take part.
	spread := rapid.Bool().Draw(t, "spread")
	clouds := append([]string{}, c.Config.Expectations[0].Expect...)
	if !spread {
		clouds = append(clouds, "edge", "stranger")
	}
	arrival := map[string][]time.Time{}
	facts := rapid.IntRange(1, 4).Draw(t, "facts")
	for f := range facts {
		start := Base.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "start")) * 10 * time.Second)
		if spread {
			start = start.Add(time.Duration(f) * time.Hour)
		}
		for _, cloud := range clouds {
			var last Event
			for i := range rapid.IntRange(0, 5).Draw(t, "events") {
				next := drawLawEvent(t, cloud, "f"+strconv.Itoa(f), start)
				if i > 0 && rapid.IntRange(0, 2).Draw(t, "twin") == 0 {
					next.Time, next.Source, next.ID = last.Time, last.Source, last.ID
				}
				last = next
				e := LawEvent{Doc: next.JSON(), At: instant(next.Time)}
				c.Streams[cloud] = append(c.Streams[cloud], e)
				jitter := time.Duration(rapid.IntRange(0, int(lawLateness/time.Second)-1).Draw(t, "jitter")) * time.Second
				arrival[cloud] = append(arrival[cloud], e.At.Add(jitter))
			}
		}
	}
	for cloud, stream := range c.Streams {
		sort.Stable(byArrival{stream, arrival[cloud]})
	}
	return c
}

func drawLawConfig(t *rapid.T) oracle.Config {
	x := oracle.Expectation{Name: "law", Expect: []string{"aws", "gcp", "azure"}, Optional: []string{"edge"},
		Window: lawWindow, AllowedLateness: lawLateness}
	x.Expect = x.Expect[:rapid.IntRange(1, 3).Draw(t, "expected")]
	x.Quorum = rapid.IntRange(0, len(x.Expect)).Draw(t, "quorum")
	x.Primary = rapid.SampledFrom([]string{"", "aws", "edge"}).Draw(t, "primary")
	for _, cmp := range lawCompare {
		if rapid.Bool().Draw(t, cmp.Field) {
			x.Compare = append(x.Compare, cmp)
		}
	}
	return oracle.Config{Expectations: []oracle.Expectation{x}, CorrectionHorizon: lawHorizon}
}

func drawLawEvent(t *rapid.T, cloud, key string, start time.Time) Event {
	at := start.Add(rapid.SampledFrom(lawOffsets).Draw(t, "offset"))
	e := Event{Cloud: cloud, Key: key,
		ID:     rapid.SampledFrom([]string{"a", "b"}).Draw(t, "id"),
		Source: rapid.SampledFrom([]string{"/1", "/2"}).Draw(t, "source"),
		Time:   at.Format(time.RFC3339Nano)}
	for _, m := range []struct {
		name   string
		values []string
	}{{"amount", lawAmounts}, {"currency", lawCurrencies}, {"note", lawNotes}, {"items", lawItems}, {"weight", lawWeights}} {
		if v := rapid.SampledFrom(m.values).Draw(t, m.name); v != "" {
			e.Data = append(e.Data, Member{m.name, v})
		}
	}
	return e
}

func instant(text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic("conformance: reading a time of our own: " + err.Error())
	}
	return at
}

// byArrival sorts a stream by the times of arrival.
type byArrival struct {
	stream  []LawEvent
	arrival []time.Time
}

func (s byArrival) Len() int           { return len(s.stream) }
func (s byArrival) Less(i, k int) bool { return s.arrival[i].Before(s.arrival[k]) }
func (s byArrival) Swap(i, k int) {
	s.stream[i], s.stream[k] = s.stream[k], s.stream[i]
	s.arrival[i], s.arrival[k] = s.arrival[k], s.arrival[i]
}

// drawInterleaving merges the streams: event by event, in runs, or one wholly
// after the other.
func (c LawCase) drawInterleaving(t *rapid.T) []Step {
	left := map[string][]LawEvent{}
	clouds := make([]string, 0, len(c.Streams))
	for cloud, stream := range c.Streams {
		left[cloud] = stream
		clouds = append(clouds, cloud)
	}
	sort.Strings(clouds)
	longest := rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "longest run")
	var script []Step
	for len(clouds) > 0 {
		i := rapid.IntRange(0, len(clouds)-1).Draw(t, "next")
		cloud := clouds[i]
		run := min(len(left[cloud]), longest)
		for _, e := range left[cloud][:run] {
			script = append(script, Step{Event: e.Doc})
		}
		if left[cloud] = left[cloud][run:]; len(left[cloud]) == 0 {
			clouds = append(clouds[:i], clouds[i+1:]...)
		}
	}
	return script
}

// drawEnding makes every expected participant pass: by the end of input, or by
// an event of a later fact from each.
func (c LawCase) drawEnding(t *rapid.T, traits Traits) []Step {
	if !traits.NoEnd && rapid.Bool().Draw(t, "end of input") {
		return []Step{{End: true}}
	}
	last := Base
	for _, stream := range c.Streams {
		for _, e := range stream {
			if e.At.After(last) {
				last = e.At
			}
		}
	}
	var script []Step
	for _, cloud := range c.Config.Expectations[0].Expect {
		e := Event{ID: "mover", Source: "/mover", Cloud: cloud, Key: moverKey, Time: last.Add(time.Hour).Format(time.RFC3339Nano)}
		script = append(script, Step{Event: e.JSON()})
	}
	return script
}

// moverKey is the fact whose only purpose is to move the clocks.
const moverKey = "mover"

// checkLaw compares the final verdicts with those of the oracle that judges
// once at the end.
func checkLaw(c LawCase, script []Step, got report) error {
	var docs [][]byte
	for _, s := range script {
		if s.Event != nil {
			docs = append(docs, s.Event)
		}
	}
	want := oracle.Judge(c.Config, docs)
	if len(got.flags) > 0 {
		return fmt.Errorf("flagged: %v", got.flags)
	}
	for key, j := range want {
		if r, ok := got.final(key); !ok {
			return fmt.Errorf("no verdict of %s; want %s", factName(key), Final(j))
		} else if Final(r.Judgement) != Final(j) {
			return fmt.Errorf("fact %s\n  oracle %s\n  host   %s", factName(key), Final(j), Final(r.Judgement))
		}
	}
	if len(got.revisions) != len(want) {
		return fmt.Errorf("verdicts of %d facts; want %d", len(got.revisions), len(want))
	}
	return nil
}

// OrderLaw checks that every interleaving gives the final verdicts of the
// oracle, and so the same ones.
func OrderLaw(t *testing.T, newHost NewHost, traits Traits) {
	rapid.Check(t, func(rt *rapid.T) {
		c := drawLawCase(rt)
		for range 3 {
			script := append(c.drawInterleaving(rt), c.drawEnding(rt, traits)...)
			got, err := play(t, newHost, traits, c.Config, script)
			if err == nil {
				err = checkLaw(c, script, got)
			}
			if err != nil {
				rt.Fatalf("%v\n%s", err, describe(c.Config, script))
			}
		}
	})
}
