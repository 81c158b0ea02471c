package telemetry

// LabelStage is the name of a span.
const LabelStage = "stage"

// Metrics of tracing. Those of spans are exposed only while it is on.
var (
	TraceSpansExported = Metric{
		Name: "helios_trace_spans_exported_total", Kind: Counter,
		Help: "Spans that the collector has taken.",
	}
	TraceSpansDropped = Metric{
		Name: "helios_trace_spans_dropped_total", Kind: Counter, Labels: []string{LabelReason},
		Help: "Spans that were thrown away: queue_full, since the collector is slower than they come, or export_failed, since it is down or refuses them.",
	}
	TraceEventsLimited = Metric{
		Name: "helios_trace_events_limited_total", Kind: Counter,
		Help: "Events that were to be traced and were not, since more came in a second than are allowed.",
	}
	// TraceStageTime is not among Connect's metrics, which can carry no
	// exemplars, but at an address of its own.
	TraceStageTime = Metric{
		Name: "helios_trace_stage_seconds", Kind: Histogram, Labels: []string{LabelStage, LabelParticipant},
		Help: "How long the stages of traced events took, with an exemplar that names the trace.",
	}
)

// Tracing lists the metrics of tracing.
func Tracing() []Metric {
	return []Metric{TraceSpansExported, TraceSpansDropped, TraceEventsLimited, TraceStageTime}
}
