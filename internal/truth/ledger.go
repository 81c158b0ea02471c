// Package truth judges verdicts by what is known to be true: it reads the ledger
// that the simulator writes before it sends an event, and compares every fact's
// final verdict with it.
package truth

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Version of the ledger's format, in its header.
const Version = 1

// Header is the first line of a ledger.
type Header struct {
	Ledger int       `json:"ledger"` // Version
	World  string    `json:"world"`
	Seed   uint64    `json:"seed"`
	Start  time.Time `json:"start"`
	Rate   float64   `json:"rate"` // events per second
	// Classes are the enabled fault classes, beside "healthy".
	Classes []string `json:"classes"`
	// Clouds that the events are sent to.
	Clouds []string `json:"clouds"`
}

// ID identifies a fact.
type ID struct {
	Tenant string `json:"tenant"`
	Type   string `json:"type"`
	Key    string `json:"key"`
}

// String returns the parts, separated by blanks.
func (id ID) String() string { return id.Tenant + " " + id.Type + " " + id.Key }

// Fact is one line of a ledger: what was decided about a fact before any of its
// events was sent.
type Fact struct {
	ID
	// Class of the fault, or "healthy".
	Class string `json:"class"`
	// Status that the last revision of the fact's verdict must have.
	Status string `json:"status"`
	// Missing lists the participants that never get an event that can be
	// judged, sorted.
	Missing []string `json:"missing,omitempty"`
	// Diffs are the fields that differ in the end.
	Diffs []Diff `json:"diffs,omitempty"`
	// Events is how many good events each participant gets, repeats and second
	// events included, malformed ones not.
	Events map[string]int64 `json:"events"`
	// Duplicates counts, among Events, those sent again with the same id.
	Duplicates map[string]int64 `json:"duplicates,omitempty"`
	// Conflicts counts, among Events, those with another id and other values.
	Conflicts map[string]int64 `json:"conflicts,omitempty"`
	// Late lists participants whose first event arrives after the verdict.
	Late []string `json:"late,omitempty"`
	// Malformed lists events that must become dead letters, one each.
	Malformed []Defect `json:"malformed,omitempty"`
}

// Diff is a field in which participants differ.
type Diff struct {
	Field    string   `json:"field"`
	Outliers []string `json:"outliers"`
}

// Defect is an event that cannot be judged.
type Defect struct {
	Cloud string `json:"cloud"`
	Kind  string `json:"kind"`
}

// Trailer is the last line of a complete ledger: its sums.
type Trailer struct {
	End       bool             `json:"end"`
	Facts     int64            `json:"facts"`
	Events    map[string]int64 `json:"events"` // good ones by participant
	Malformed int64            `json:"malformed_events"`
	// Files beside the ledger that hold the events, by name: their SHA-256 in
	// hexadecimal.
	Files map[string]string `json:"files,omitempty"`
}

// Ledger is what a run decided.
type Ledger struct {
	Header
	Facts []Fact
	// Complete: the trailer is there and its sums are those of the facts.
	Complete bool
}

// ErrLedger is wrapped by errors about the ledger's contents.
var ErrLedger = errors.New("bad ledger")

// ReadFile reads the ledger at the path.
func ReadFile(path string) (*Ledger, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the ledger: %w", err)
	}
	defer f.Close()
	l, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("reading the ledger %q: %w", path, err)
	}
	return l, nil
}

// maxLine is far above the longest line that the simulator writes.
const maxLine = 1 << 20

// line has the members of every kind of line; the kind decides which count.
type line struct {
	Fact
	End bool `json:"end"`
}

// Read reads a ledger. A last line that was cut off, by a crash of its writer,
// makes the ledger incomplete; any other bad line is an error.
func Read(r io.Reader) (*Ledger, error) {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), maxLine)
	if !in.Scan() {
		return nil, errors.Join(fmt.Errorf("%w: it is empty", ErrLedger), in.Err())
	}
	l := &Ledger{}
	if err := json.Unmarshal(in.Bytes(), &l.Header); err != nil {
		return nil, fmt.Errorf("%w: line 1 is no header: %w", ErrLedger, err)
	}
	if l.Header.Ledger != Version {
		return nil, fmt.Errorf("%w: line 1 names the format %d, only %d is known", ErrLedger, l.Header.Ledger, Version)
	}
	var bad error
	for n := 2; in.Scan(); n++ {
		if bad != nil {
			return nil, bad
		}
		var ln line
		if err := json.Unmarshal(in.Bytes(), &ln); err != nil {
			bad = fmt.Errorf("%w: line %d: %w", ErrLedger, n, err)
			if syntax := (*json.SyntaxError)(nil); !errors.As(err, &syntax) {
				return nil, bad
			}
			continue // an error unless it is the last line, cut off
		}
		switch {
		case l.Complete:
			return nil, fmt.Errorf("%w: line %d stands behind the end", ErrLedger, n)
		case ln.End:
			var t Trailer
			if err := json.Unmarshal(in.Bytes(), &t); err != nil {
				return nil, fmt.Errorf("%w: line %d: %w", ErrLedger, n, err)
			}
			if err := l.check(&t); err != nil {
				return nil, fmt.Errorf("%w: line %d: %w", ErrLedger, n, err)
			}
			l.Complete = true
		case ln.Key == "" || ln.Status == "" || ln.Class == "":
			return nil, fmt.Errorf("%w: line %d lacks key, class or status", ErrLedger, n)
		default:
			l.Facts = append(l.Facts, ln.Fact)
		}
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	return l, nil
}

// check compares the trailer's sums with the facts read.
func (l *Ledger) check(t *Trailer) error {
	events, malformed := l.Totals()
	if t.Facts != int64(len(l.Facts)) || t.Malformed != malformed {
		return fmt.Errorf("the end counts %d facts and %d malformed events, the lines %d and %d",
			t.Facts, t.Malformed, len(l.Facts), malformed)
	}
	for cloud, n := range t.Events {
		if events[cloud] != n {
			return fmt.Errorf("the end counts %d events of %s, the lines %d", n, cloud, events[cloud])
		}
	}
	return nil
}

// Totals returns the good events by participant and the number of malformed
// ones.
func (l *Ledger) Totals() (events map[string]int64, malformed int64) {
	events = map[string]int64{}
	for i := range l.Facts {
		for cloud, n := range l.Facts[i].Events {
			events[cloud] += n
		}
		malformed += int64(len(l.Facts[i].Malformed))
	}
	return events, malformed
}
