package telemetry

// LabelOperation says what the backend of helios_dedupe was asked to do: claim,
// confirm, release or renew.
const LabelOperation = "operation"

// Metrics of the input helios_dedupe.
var (
	// DedupeReceived counts what the wrapped input delivered, redeliveries too.
	DedupeReceived = Metric{
		Name: "helios_dedupe_received_total", Kind: Counter,
		Help:   "Events that the wrapped input delivered, its redeliveries included; participant is \"unknown\" for what has no key.",
		Labels: []string{LabelParticipant},
	}
	// DedupeDuplicates counts events that were acknowledged because an earlier
	// delivery of theirs is confirmed, or stands before them in their batch.
	DedupeDuplicates = Metric{
		Name: "helios_dedupe_duplicates_total", Kind: Counter,
		Help:   "Events found to be duplicates.",
		Labels: []string{LabelParticipant},
	}
	// DedupeWaits counts events that met another delivery's live claim.
	DedupeWaits = Metric{
		Name: "helios_dedupe_waits_total", Kind: Counter,
		Help:   "Events that met the live claim of another delivery and waited for its end.",
		Labels: []string{LabelParticipant},
	}
	// DedupeWaiting is how many events wait now.
	DedupeWaiting = Metric{
		Name: "helios_dedupe_waiting_events", Kind: Gauge,
		Help: "Events that wait for another delivery's claim to be confirmed or to expire.",
	}
	// DedupeUnprotected counts events that passed without a claim.
	DedupeUnprotected = Metric{
		Name: "helios_dedupe_unprotected_total", Kind: Counter,
		Help:   "Events passed on without a claim, by reason: no_key (no source and id to be known by), backend_down.",
		Labels: []string{LabelReason},
	}
	// DedupeBackendErrors counts calls that the backend did not answer.
	DedupeBackendErrors = Metric{
		Name: "helios_dedupe_backend_errors_total", Kind: Counter,
		Help:   "Calls to the backend that failed, one for a whole batch.",
		Labels: []string{LabelOperation},
	}
	// DedupeBackendTime is how long one call for a batch takes.
	DedupeBackendTime = Metric{
		Name: "helios_dedupe_backend_seconds", Kind: Histogram,
		Help:   "Time of a call to the backend, one for a whole batch.",
		Labels: []string{LabelOperation},
	}
)

// Dedupe lists the metrics of the input helios_dedupe.
func Dedupe() []Metric {
	return []Metric{
		DedupeReceived, DedupeDuplicates, DedupeWaits, DedupeWaiting,
		DedupeUnprotected, DedupeBackendErrors, DedupeBackendTime,
	}
}
