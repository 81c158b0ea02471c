package contracts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/event"
	"github.com/helios-connect/helios/plugins/schema/contract"
)

// Trial judges events by one contract, as if it were registered.
type Trial struct {
	Contract *contract.Contract
	// Types are globs of the events that the contract is for.
	Types []string

	judge   contract.Judge
	scanner event.Scanner
	values  [3][]byte

	// Events of those types, and how many of them it would refuse.
	Events, Refused int
	// Unreadable counts what is no canonical event.
	Unreadable int
	// Reasons by rule and place, and producers by name, with how many events each
	// has spoiled.
	Reasons   map[Reason]*Tally
	Producers map[string]int
	// Samples are payloads that were refused, at most maxSamples.
	Samples [][]byte
}

// Reason is a rule that was broken at a place.
type Reason struct{ Rule, Pointer string }

// Tally counts a reason.
type Tally struct {
	Events int
	// Example is the sentence for the first of them.
	Example string
	// Producers that broke it.
	Producers map[string]int
}

// Bounds of what a trial remembers.
const (
	maxSamples = 1000
	maxReasons = 500
)

var trialPaths = event.MustCompilePaths(event.AttrType, event.AttrSource, event.AttrData)

// NewTrial returns a trial without events.
func NewTrial(c *contract.Contract, types ...string) *Trial {
	return &Trial{Contract: c, Types: types, Reasons: map[Reason]*Tally{}, Producers: map[string]int{}}
}

// Add judges one event.
func (t *Trial) Add(doc []byte) {
	if err := t.scanner.Scan(doc, trialPaths, t.values[:]); err != nil || t.values[0] == nil || t.values[2] == nil {
		t.Unreadable++
		return
	}
	if !event.MatchesAny(t.Types, textOf(t.values[0])) {
		return
	}
	t.Events++
	failures := t.judge.FailuresOfValid(t.Contract, t.values[2])
	if len(failures) == 0 {
		return
	}
	source := textOf(t.values[1])
	t.Refused++
	t.Producers[source]++
	if len(t.Samples) < maxSamples {
		t.Samples = append(t.Samples, slices.Clone(t.values[2]))
	}
	for _, f := range failures {
		r := Reason{f.Rule, elementless(f.Pointer)}
		tally := t.Reasons[r]
		if tally == nil {
			if len(t.Reasons) >= maxReasons {
				continue
			}
			tally = &Tally{Example: f.Text, Producers: map[string]int{}}
			t.Reasons[r] = tally
		}
		tally.Events++
		tally.Producers[source]++
	}
}

// elementless writes a pointer with * for the indexes of arrays, so that the same
// breach in every element is one reason.
func elementless(pointer string) string {
	tokens := strings.Split(pointer, "/")
	for i, token := range tokens {
		if i > 0 && token != "" && strings.Trim(token, "0123456789") == "" {
			tokens[i] = "*"
		}
	}
	return strings.Join(tokens, "/")
}

func textOf(raw []byte) string {
	text, err := event.Unquote(nil, raw)
	if err != nil {
		return ""
	}
	return string(text)
}

// Sentence says in one line what the trial found.
func (t *Trial) Sentence() string {
	if t.Refused == 0 {
		return fmt.Sprintf("would have accepted all of %s", terminal.Count(t.Events, "event", "events"))
	}
	return fmt.Sprintf("would have rejected %d of %s, from %s, for these reasons", t.Refused,
		terminal.Count(t.Events, "event", "events"), terminal.Count(len(t.Producers), "producer", "producers"))
}

// Sorted lists the reasons, the commonest first.
func (t *Trial) Sorted() (list []Reason) {
	for r := range t.Reasons {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Reason) int {
		if d := t.Reasons[b].Events - t.Reasons[a].Events; d != 0 {
			return d
		}
		return strings.Compare(a.Pointer+a.Rule, b.Pointer+b.Rule)
	})
	return list
}
