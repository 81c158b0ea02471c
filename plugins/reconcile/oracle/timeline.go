package oracle

import (
	"reflect"
	"sort"
	"time"
)

// What can make a revision, as verdicts spell it.
const (
	ByComplete   = "complete"
	ByDeadline   = "deadline"
	ByIdle       = "idle"
	ByPressure   = "pressure"
	ByEndOfInput = "end_of_input"
	ByLateEvent  = "late_event"
)

// Reference names the event that represents a participant.
type Reference struct {
	ID, Source string
	Time       time.Time
}

// Revision is one emitted verdict.
type Revision struct {
	Fact     FactKey
	Revision int
	Judgement
	Late      []string
	OpenedAt  time.Time
	Deadline  time.Time
	ClosedBy  string
	Rule      string
	Duplicate map[string]int
	Conflict  map[string]int
	Events    map[string]Reference
}

// Flag is one event that was not taken in.
type Flag struct {
	Doc    string
	Reason string
}

// Timeline emits verdicts for a sequence of events and ticks. After every
// single one of them it looks at every fact; nothing is put off.
type Timeline struct {
	cfg     Config
	now     time.Duration // counted wall time since the start
	ended   bool
	opened  int // facts opened so far
	clocks  map[string]*clock
	facts   map[FactKey]*fact
	strange map[string]map[string]bool // unexpected names, by rule

	// Revisions and Flags in the order of emission.
	Revisions []Revision
	Flags     []Flag
}

// clock is what the expectations of one clock share.
type clock struct {
	marks     map[string]time.Time     // highest event time, by participant
	arrivals  map[string]time.Duration // when its last event came
	highest   time.Time                // highest mark of any participant
	reachedAt time.Duration            // when it was reached
	forgotten time.Time                // greatest end of a forgotten fact
	forgot    bool
}

// NewTimeline returns a Timeline that has seen nothing.
func NewTimeline(cfg Config) *Timeline {
	return &Timeline{cfg: cfg.WithDefaults(), clocks: map[string]*clock{}, facts: map[FactKey]*fact{},
		strange: map[string]map[string]bool{}}
}

// Event takes one event in; wall is the time on the wall clock.
func (t *Timeline) Event(doc []byte, wall time.Time) {
	e, reason := t.cfg.read(doc)
	if reason == "" {
		reason = t.admit(e, wall)
	}
	if reason != "" {
		t.Flags = append(t.Flags, Flag{Doc: string(doc), Reason: reason})
	}
	if _, known := t.facts[e.fact]; reason == "" && !known {
		t.makeRoom()
	}
	if reason == "" || reason == TooLate {
		t.clock(t.cfg.Expectations[e.rule]).arrive(e, t.now)
	}
	if reason == "" {
		t.apply(e)
	}
	t.settle()
}

// Tick lets wall time pass in which input could be taken; at most a second of
// it counts.
func (t *Timeline) Tick(elapsed time.Duration) {
	t.now += max(0, min(elapsed, time.Second))
	t.settle()
}

// End makes every participant pass.
func (t *Timeline) End() {
	t.ended = true
	t.settle()
}

// Open is how many facts are open, Closed how many closed ones are remembered.
func (t *Timeline) Open() int { return t.count(true) }

// Closed is how many closed facts are remembered.
func (t *Timeline) Closed() int { return t.count(false) }

func (t *Timeline) count(open bool) (n int) {
	for _, f := range t.facts {
		if f.open == open {
			n++
		}
	}
	return n
}

// admit decides what depends on more than the event itself.
func (t *Timeline) admit(e event, wall time.Time) string {
	reference := e.ingest
	if reference.IsZero() {
		reference = wall
	}
	if e.at.After(reference.Add(t.cfg.MaxAhead)) {
		return Future
	}
	rule := t.cfg.Expectations[e.rule]
	if !contains(rule.Expect, e.cloud) && !contains(rule.Optional, e.cloud) {
		names := t.strange[rule.Name]
		if names == nil {
			names = map[string]bool{}
			t.strange[rule.Name] = names
		}
		if !names[e.cloud] && len(names) >= maxUnexpectedNames {
			return Unexpected
		}
		names[e.cloud] = true
	}
	c := t.clock(rule)
	if _, known := t.facts[e.fact]; !known && c.forgot && !e.at.After(c.forgotten) {
		return TooLate
	}
	return ""
}

func (t *Timeline) clock(rule Expectation) *clock {
	c := t.clocks[rule.clock()]
	if c == nil {
		c = &clock{marks: map[string]time.Time{}, arrivals: map[string]time.Duration{}}
		t.clocks[rule.clock()] = c
	}
	return c
}

func (c *clock) arrive(e event, now time.Duration) {
	c.arrivals[e.cloud] = now
	if mark, seen := c.marks[e.cloud]; !seen || e.at.After(mark) {
		c.marks[e.cloud] = e.at
	}
	if c.highest.IsZero() || e.at.After(c.highest) {
		c.highest, c.reachedAt = e.at, now
	}
}

// frontier is the highest mark plus the time since it was reached.
func (t *Timeline) frontier(c *clock) time.Time { return c.highest.Add(t.now - c.reachedAt) }

// stalled is true from the idle timeout after the last arrival, or after the
// start for a participant never seen.
func (t *Timeline) stalled(c *clock, participant string) bool {
	return t.now-c.arrivals[participant] >= t.cfg.IdleTimeout
}

// passed is true when the participant's own mark is beyond the fact.
func (t *Timeline) passed(f *fact, participant string) bool {
	mark, seen := t.clock(f.rule).marks[participant]
	return t.ended || seen && !mark.Before(f.deadline.Add(f.rule.AllowedLateness))
}

// givenUp is true when the participant is stalled and the others are beyond
// the fact.
func (t *Timeline) givenUp(f *fact, participant string) bool {
	c := t.clock(f.rule)
	return t.stalled(c, participant) && !t.frontier(c).Before(f.deadline.Add(f.rule.AllowedLateness))
}

func (t *Timeline) apply(e event) {
	f := t.facts[e.fact]
	if f == nil {
		f = &fact{key: e.fact, rule: t.cfg.Expectations[e.rule], number: t.opened, open: true, earliest: e.at, last: e.at,
			reps: map[string]event{}, latest: map[string]bool{}, duplicate: map[string]int{}, conflict: map[string]int{}}
		t.opened++
		t.facts[e.fact] = f
	}
	if e.at.After(f.last) {
		f.last = e.at
	}
	if f.open {
		if e.at.Before(f.earliest) {
			f.earliest = e.at
		}
		f.deadline = f.earliest.Add(f.rule.Window)
		f.take(e)
		if f.complete() {
			t.emit(f, ByComplete)
		}
		return
	}
	t.correct(f, e)
}

// correct applies an event of a fact that has a verdict.
func (t *Timeline) correct(f *fact, e event) {
	rep, seen := f.reps[e.cloud]
	if seen {
		if !rep.before(e) {
			return
		}
		// The representative changes even when the verdict does not: whether a
		// later event is greater must not depend on the order of arrival.
		f.reps[e.cloud] = e
		j := t.judge(f)
		if j.Status == f.verdict.Status && equal(j.Missing, f.verdict.Missing) && equal(j.Stalled, f.verdict.Stalled) &&
			reflect.DeepEqual(j.Diffs, f.verdict.Diffs) {
			return
		}
		f.reps[e.cloud] = rep
	}
	f.take(e)
	f.latest[e.cloud] = true
	t.emit(f, ByLateEvent)
}

func (t *Timeline) judge(f *fact) Judgement {
	return f.rule.judge(f.reps, func(p string) bool { return t.passed(f, p) })
}

// inOrder returns all facts in the order of opening.
func (t *Timeline) inOrder() []*fact {
	all := make([]*fact, 0, len(t.facts))
	for _, f := range t.facts {
		all = append(all, f)
	}
	sort.Slice(all, func(i, k int) bool { return all[i].number < all[k].number })
	return all
}

// makeRoom closes the facts opened first, so that one more may open.
func (t *Timeline) makeRoom() {
	for _, f := range t.inOrder() {
		if f.open && t.Open() >= t.cfg.MaxOpen {
			t.emit(f, ByPressure)
		}
	}
}

// settle does everything that is due, fact by fact in the order of opening.
func (t *Timeline) settle() {
	all := t.inOrder()
	for _, f := range all {
		if f.open {
			t.closeIfDue(f)
		} else {
			t.correctPassed(f)
		}
	}
	for _, f := range all {
		if !f.open && t.forgettable(f) {
			t.forget(f)
		}
	}
	for t.Closed() > t.cfg.MaxClosed {
		t.forget(t.leastEnd())
	}
}

func (t *Timeline) closeIfDue(f *fact) {
	cause := ByDeadline
	for _, p := range f.rule.Expect {
		if _, present := f.reps[p]; present || t.passed(f, p) {
			continue
		}
		if !t.givenUp(f, p) {
			return
		}
		cause = ByIdle
	}
	if t.ended {
		cause = ByEndOfInput
	}
	t.emit(f, cause)
}

// correctPassed moves the stalled participants that have passed to missing.
func (t *Timeline) correctPassed(f *fact) {
	for _, p := range f.verdict.Stalled {
		if t.passed(f, p) {
			cause := ByDeadline
			if t.ended {
				cause = ByEndOfInput
			}
			t.emit(f, cause)
			return
		}
	}
}

func (t *Timeline) forgettable(f *fact) bool {
	c := t.clock(f.rule)
	until := f.end().Add(t.cfg.CorrectionHorizon)
	for _, p := range f.rule.Expect {
		at, seen := c.marks[p]
		if t.stalled(c, p) {
			at, seen = t.frontier(c), true
		}
		if !seen || at.Before(until) {
			return false
		}
	}
	return true
}

func (t *Timeline) forget(f *fact) {
	c := t.clock(f.rule)
	if !c.forgot || f.end().After(c.forgotten) {
		c.forgotten, c.forgot = f.end(), true
	}
	delete(t.facts, f.key)
}

// leastEnd returns the closed fact with the least end, the first opened of
// several.
func (t *Timeline) leastEnd() *fact {
	var least *fact
	for _, f := range t.facts {
		if f.open {
			continue
		}
		if least == nil || f.end().Before(least.end()) || f.end().Equal(least.end()) && f.number < least.number {
			least = f
		}
	}
	return least
}

func (t *Timeline) emit(f *fact, cause string) {
	f.open = false
	f.revision++
	f.verdict = t.judge(f)
	r := Revision{Fact: f.key, Revision: f.revision, Judgement: f.verdict, Late: []string{}, OpenedAt: f.earliest,
		Deadline: f.deadline, ClosedBy: cause, Rule: f.rule.Name,
		Duplicate: map[string]int{}, Conflict: map[string]int{}, Events: map[string]Reference{}}
	for p, rep := range f.reps {
		if f.latest[p] || rep.at.After(f.deadline) {
			r.Late = append(r.Late, p)
		}
		if n := f.duplicate[p]; n > 0 {
			r.Duplicate[p] = n
		}
		if n := f.conflict[p]; n > 0 {
			r.Conflict[p] = n
		}
		r.Events[p] = Reference{ID: rep.id, Source: rep.source, Time: rep.at}
	}
	sort.Strings(r.Late)
	t.Revisions = append(t.Revisions, r)
}
