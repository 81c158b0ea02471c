// Package spans makes the spans of the events that are traced: what happens to
// an event from its receipt to the log, the verdict on its fact, and the store.
// It is plain Go on OpenTelemetry's API, without a Connect import.
//
// A nil *Tracer and a nil *Passage are valid and mean that nothing is traced:
// all that an event costs then is a comparison with nil.
package spans

import "go.opentelemetry.io/otel/attribute"

// Names of spans, which are also the values of the metrics' label stage.
const (
	Receive      = "receive"
	Canonicalise = "canonicalise"
	Dedupe       = "dedupe"
	Validate     = "validate"
	Log          = "log"
	DeadLetter   = "dead-letter"
	Verdict      = "verdict"
	Store        = "store"
)

// Stages lists the names of all spans.
func Stages() []string {
	return []string{Receive, Canonicalise, Dedupe, Validate, Log, DeadLetter, Verdict, Store}
}

// Attributes of spans. None holds anything of a payload, and no key of a fact,
// which may be a person's: a fact is named by its hash.
const (
	// AttrOutcome is how a stage ended, and the message of the span's status.
	AttrOutcome     = attribute.Key("helios.outcome")
	AttrFact        = attribute.Key("helios.fact") // as verdicts carry it in id
	AttrCloud       = attribute.Key("helios.cloud")
	AttrTenant      = attribute.Key("helios.tenant")
	AttrType        = attribute.Key("helios.type")
	AttrRevision    = attribute.Key("helios.revision")
	AttrClosedBy    = attribute.Key("helios.closed_by")
	AttrExpectation = attribute.Key("helios.expectation")
	AttrTable       = attribute.Key("helios.table")
	AttrBatch       = attribute.Key("helios.batch_size") // messages written together
)

// Outcomes that several stages share.
const (
	OK        = "ok"
	Duplicate = "duplicate"
)
