package telemetry

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Overflow is the label value that stands for all values beyond a Bound.
const Overflow = "other"

// maxLabelBytes is how long a label's value may be. The longest that is honest,
// the source of an Azure event, has about 120.
const maxLabelBytes = 256

// LabelNames says which names a LabelOverflow is about.
const LabelNames = "names"

// LabelOverflow counts how often a Bound was full.
var LabelOverflow = Metric{
	Name: "helios_label_overflow_total", Kind: Counter,
	Help:   "Times that something was counted under \"other\", because metrics tell only so many participants, tenants, or combinations of them apart, or because the name is longer than 256 bytes, no UTF-8, or has quotes, backslashes or control characters.",
	Labels: []string{LabelNames},
}

// Label returns a name from the input as a label's value: itself, or Overflow
// when it is too long, no UTF-8 (which Prometheus's client takes for a mistake of
// the program, and panics), or has a character that ends a string of PromQL:
// Grafana 12 puts the value of a variable between double quotes as it is.
func Label(v string) string {
	if len(v) > maxLabelBytes || !utf8.ValidString(v) || strings.ContainsFunc(v, endsString) {
		return Overflow
	}
	return v
}

func endsString(r rune) bool { return r == '"' || r == '\\' || unicode.IsControl(r) }

// Bound keeps the values of a label that comes from the input from growing
// without end: the first max distinct values pass, later ones become Overflow.
// It is safe for concurrent use.
type Bound struct {
	set  bounded[string]
	over func()
}

// NewBound returns a Bound for at most max distinct values, which calls over
// whenever a value does not pass.
func NewBound(max int, over func()) *Bound { return &Bound{newBounded[string](max), over} }

// Value returns v, or Overflow when max other values were seen before it, or
// when it can't be a label.
func (b *Bound) Value(v string) string {
	if b.Passes(v) {
		return v
	}
	b.over()
	return Overflow
}

// Passes reports whether Value returns v itself. It is for what is left out
// otherwise, and not counted as Overflow: over is not called.
func (b *Bound) Passes(v string) bool { return Label(v) == v && b.set.admit(v) }

// Admits reports whether a combination of values, written as one, is among the
// first max. Each of them must have gone through Label.
func (b *Bound) Admits(combination string) bool {
	if b.set.admit(combination) {
		return true
	}
	b.over()
	return false
}

// Pairs bounds two labels and their combinations, of which each pair of values
// would otherwise make a series.
type Pairs struct {
	first, second *Bound
	pairs         bounded[[2]string]
	over          func()
}

// NewPairs returns Pairs of what first and second let pass, at most max of them.
func NewPairs(first, second *Bound, max int, over func()) *Pairs {
	return &Pairs{first, second, newBounded[[2]string](max), over}
}

// Values returns the pair. Beyond the first max pairs, the second value becomes
// Overflow, so that there are never more than max and one for each first value.
func (p *Pairs) Values(first, second string) (string, string) {
	first, second = p.first.Value(first), p.second.Value(second)
	if second == Overflow || p.pairs.admit([2]string{first, second}) {
		return first, second
	}
	p.over()
	return first, Overflow
}

// bounded is a set that takes the first max distinct keys.
type bounded[K comparable] struct {
	mu   *sync.RWMutex
	max  int
	seen map[K]struct{}
}

func newBounded[K comparable](max int) bounded[K] {
	return bounded[K]{mu: new(sync.RWMutex), max: max, seen: make(map[K]struct{})}
}

func (b *bounded[K]) admit(k K) bool {
	b.mu.RLock()
	_, ok := b.seen[k]
	full := len(b.seen) >= b.max
	b.mu.RUnlock()
	if ok || full {
		return ok
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok = b.seen[k]; ok {
		return true
	}
	if len(b.seen) >= b.max {
		return false
	}
	b.seen[k] = struct{}{}
	return true
}
