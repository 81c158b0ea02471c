package truth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/helios-connect/helios/internal/terminal"
)

// Report is the result of judging a run.
type Report struct {
	World string `json:"world"`
	Seed  uint64 `json:"seed"`
	// OK: nothing failed.
	OK bool `json:"ok"`
	// Failures say what did, one sentence each.
	Failures []string `json:"failures"`
	Facts    int64    `json:"facts"`
	Verdicts int64    `json:"verdicts"` // facts that have one
	Right    int64    `json:"right"`
	Wrong    int64    `json:"wrong"`
	// Confusion counts facts by true status, then by the verdict's status;
	// "none" where one of them is lacking.
	Confusion map[string]map[string]int64 `json:"confusion"`
	// Classes in the order of the ledger's header, "healthy" first.
	Classes []*ClassScore `json:"classes"`
	// WrongFacts are the first twenty.
	WrongFacts []WrongFact `json:"wrong_facts"`
	// Conservation is the law at every hop.
	Conservation []Balance `json:"conservation"`
	// Sent, by the ledger: good events by participant.
	Sent map[string]int64 `json:"sent"`
	// Malformed events, by the ledger.
	Malformed int64 `json:"malformed"`
	// DeadLetters found, by stage.
	DeadLetters map[string]int64 `json:"dead_letters"`

	wrongByStatus map[string]int64
}

// ClassScore is how one fault class was judged.
type ClassScore struct {
	Class string `json:"class"`
	Facts int64  `json:"facts"`
	Right int64  `json:"right"`
	// Verdicts counts the class's facts by the verdict's status.
	Verdicts map[string]int64 `json:"verdicts"`
	// Precision is right ÷ (right + wrong verdicts, of any class, with a status
	// that is true of this class). 0 when nothing was judged.
	Precision float64 `json:"precision"`
	// Recall is right ÷ facts of the class. 0 without a fact.
	Recall float64 `json:"recall"`

	statuses map[string]bool
}

// WrongFact is a fact whose verdict is not the truth.
type WrongFact struct {
	ID
	Class  string   `json:"class"`
	Truth  string   `json:"truth"`
	Got    string   `json:"got"`
	Faults []string `json:"faults"`
}

// Balance is the conservation law at one hop: received = logged + duplicates +
// dead-lettered + in flight.
type Balance struct {
	Hop
	Holds bool `json:"holds"`
}

const healthy = "healthy"

func newReport(l *Ledger) *Report {
	r := &Report{
		World: l.World, Seed: l.Seed,
		Failures: []string{}, WrongFacts: []WrongFact{}, Conservation: []Balance{},
		Confusion: map[string]map[string]int64{}, wrongByStatus: map[string]int64{},
	}
	for _, c := range append([]string{healthy}, l.Classes...) {
		r.class(c)
	}
	return r
}

func (r *Report) class(name string) *ClassScore {
	for _, c := range r.Classes {
		if c.Class == name {
			return c
		}
	}
	c := &ClassScore{Class: name, Verdicts: map[string]int64{}, statuses: map[string]bool{}}
	r.Classes = append(r.Classes, c)
	return c
}

func (r *Report) confuse(truth, got string) {
	row := r.Confusion[truth]
	if row == nil {
		row = map[string]int64{}
		r.Confusion[truth] = row
	}
	row[got]++
}

// fact enters a fact of the ledger and its verdict.
func (r *Report) fact(f *Fact, v *Verdict) {
	c := r.class(f.Class)
	r.Facts++
	c.Facts++
	c.Verdicts[v.Status]++
	c.statuses[f.Status] = true
	r.confuse(f.Status, v.Status)
	if faults := f.faults(v); len(faults) > 0 {
		r.wrong(WrongFact{ID: f.ID, Class: f.Class, Truth: f.Status, Got: v.Status, Faults: faults})
		return
	}
	r.Right++
	c.Right++
}

// stranger enters a verdict about a fact that is not in the ledger.
func (r *Report) stranger(v *Verdict) {
	r.confuse(noVerdict, v.Status)
	r.wrong(WrongFact{ID: v.ID, Class: noVerdict, Truth: noVerdict, Got: v.Status, Faults: []string{"the ledger knows no such fact"}})
}

func (r *Report) wrong(w WrongFact) {
	r.Wrong++
	r.wrongByStatus[w.Got]++
	if len(r.WrongFacts) < maxWrong {
		r.WrongFacts = append(r.WrongFacts, w)
	}
}

// score computes precision and recall.
func (r *Report) score() {
	for _, c := range r.Classes {
		taken := c.Right
		for status := range c.statuses {
			taken += r.wrongByStatus[status]
		}
		c.Precision, c.Recall = ratio(c.Right, taken), ratio(c.Right, c.Facts)
	}
}

func ratio(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// conserve checks the numbers: what the ledger says was sent is what was sent,
// received, and accounted for at every hop.
func (r *Report) conserve(l *Ledger, c Counts) {
	r.Sent, r.Malformed = l.Totals()
	r.DeadLetters = c.DeadLetters
	decided := sum(r.Sent) + r.Malformed
	if got := sum(c.Sent); got != decided {
		r.failf("the simulator sent %s, the ledger says %d", terminal.Count(got, "event", "events"), decided)
	}
	perCloud := map[string]int64{}
	for cloud, n := range r.Sent {
		perCloud[cloud] = n
	}
	for i := range l.Facts {
		for _, d := range l.Facts[i].Malformed {
			perCloud[d.Cloud]++
		}
	}
	for _, cloud := range l.Clouds {
		if c.Sent[cloud] != perCloud[cloud] {
			r.failf("the simulator sent %s to %s, the ledger says %d", terminal.Count(c.Sent[cloud], "event", "events"), cloud, perCloud[cloud])
		}
	}
	if got := sum(c.DeadLetters) - c.Replayed; got != r.Malformed {
		r.failf("%s found that were not replayed, the ledger says %d", terminal.Count(got, "dead letter was", "dead letters were"), r.Malformed)
	}
	if len(c.Hops) == 0 {
		r.failf("no hop was counted")
	}
	for i, h := range c.Hops {
		b := Balance{Hop: h, Holds: h.Received == h.Logged+h.Duplicates+h.DeadLettered+h.InFlight}
		if !b.Holds {
			r.failf("%s received %s but accounts for %d", h.Name, terminal.Count(h.Received, "event", "events"), h.Logged+h.Duplicates+h.DeadLettered+h.InFlight)
		}
		// What is handed out again was perhaps not received the first time: a queue
		// can't know.
		if i == 0 && (h.Received < decided || h.Received > decided+c.Redelivered) {
			r.failf("%s received %s of %d sent and at most %d sent again", h.Name, terminal.Count(h.Received, "event", "events"), decided, c.Redelivered)
		}
		r.Conservation = append(r.Conservation, b)
	}
}

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// conclude turns what was found into failures.
func (r *Report) conclude(l *Ledger) {
	if !l.Complete {
		r.failf("the ledger has no end: the run was cut off")
	}
	if r.Facts == 0 {
		r.failf("the ledger holds no fact")
	}
	for _, c := range r.Classes {
		if c.Facts == 0 && c.Class != healthy {
			r.failf("the fault class %s is enabled but no fact is of it: let the run take longer, or leave the class out of --faults", c.Class)
		}
		if c.Class != healthy && !slices.Contains(l.Classes, c.Class) {
			r.failf("%s of the class %s, which is not enabled", terminal.Count(c.Facts, "fact is", "facts are"), c.Class)
		}
	}
	if r.Wrong > 0 {
		r.failf("%s of %d", terminal.Count(r.Wrong, "wrong verdict", "wrong verdicts"), r.Facts)
	}
	r.OK = len(r.Failures) == 0
}

func (r *Report) failf(format string, args ...any) {
	r.Failures = append(r.Failures, strings.TrimSpace(fmt.Sprintf(format, args...)))
}
