// Package telemetry is the one definition of Helios's metrics: plugins emit
// them, dashboards and alerts query them, and the documentation lists them. A
// renamed metric is a compile error and not an empty panel.
//
// The package imports nothing of Redpanda Connect, so that code which only
// needs the names stays light.
package telemetry

import "sync"

// Kind says how a metric behaves over time.
type Kind uint8

const (
	// Counter only grows, except that it starts at 0 with the process.
	Counter Kind = iota
	// Gauge takes any value.
	Gauge
	// Histogram counts durations in nanoseconds into buckets; Prometheus
	// exposes them in seconds.
	Histogram
)

// String returns the name that Prometheus uses for the kind.
func (k Kind) String() string {
	switch k {
	case Counter:
		return "counter"
	case Gauge:
		return "gauge"
	default:
		return "histogram"
	}
}

// Metric defines one metric family.
type Metric struct {
	// Name as exposed at /metrics, with its unit as the suffix.
	Name string
	// Kind of the metric.
	Kind Kind
	// Help is one sentence for people.
	Help string
	// Labels in the order in which a plugin gives their values.
	Labels []string
}

// Labels that several metrics share.
const (
	LabelParticipant = "participant"
	LabelTenant      = "tenant"
	LabelStatus      = "verdict_status"
	LabelReason      = "reason"
	LabelClock       = "clock"
	LabelExpectation = "expectation"
	LabelTable       = "table"
)

// Overflow is the label value that stands for all values beyond a Bound.
const Overflow = "other"

// Bound keeps the values of a label that comes from the input from growing
// without end: the first max distinct values pass, later ones become Overflow.
// It is safe for concurrent use.
type Bound struct {
	mu   sync.RWMutex
	max  int
	seen map[string]struct{}
}

// NewBound returns a Bound for at most max distinct values.
func NewBound(max int) *Bound {
	return &Bound{max: max, seen: make(map[string]struct{}, max)}
}

// Value returns v, or Overflow when max other values were seen before it.
func (b *Bound) Value(v string) string {
	b.mu.RLock()
	_, ok := b.seen[v]
	b.mu.RUnlock()
	if ok {
		return v
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok = b.seen[v]; ok {
		return v
	}
	if len(b.seen) >= b.max {
		return Overflow
	}
	b.seen[v] = struct{}{}
	return v
}
