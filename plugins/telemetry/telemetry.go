// Package telemetry is the one definition of Helios's metrics: plugins emit
// them, dashboards and alerts query them, and the documentation lists them. A
// renamed metric is a compile error and not an empty panel.
//
// The package imports nothing of Redpanda Connect, so that code which only
// needs the names stays light.
package telemetry

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
