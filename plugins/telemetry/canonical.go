package telemetry

// Metrics of the processor helios_canonical. Every document counts as one, or as
// many as the batch in it has parts: received = converted + refused.
var (
	// CanonicalReceived counts what came in, whatever became of it.
	CanonicalReceived = Metric{
		Name:   "helios_canonical_received_total",
		Kind:   Counter,
		Help:   "Events and other documents received for conversion; participant and tenant are \"unknown\" for what could not be read.",
		Labels: []string{LabelParticipant, LabelTenant},
	}
	// CanonicalConverted counts canonical events.
	CanonicalConverted = Metric{
		Name:   "helios_canonical_converted_total",
		Kind:   Counter,
		Help:   "Canonical events made of received documents.",
		Labels: []string{LabelParticipant, LabelTenant},
	}
	// CanonicalRefused counts what was passed on unchanged, flagged as an error.
	CanonicalRefused = Metric{
		Name:   "helios_canonical_refused_total",
		Kind:   Counter,
		Help:   "Documents that are no events or could not be converted, by reason; participant and tenant are \"unknown\" for what could not be read.",
		Labels: []string{LabelParticipant, LabelTenant, LabelReason},
	}
)

// Canonical lists the metrics of the processor helios_canonical.
func Canonical() []Metric {
	return []Metric{CanonicalReceived, CanonicalConverted, CanonicalRefused}
}
