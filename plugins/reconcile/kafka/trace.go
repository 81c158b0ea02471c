package kafka

import (
	"bytes"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

// HeaderTraceParent of an event is the W3C trace context of the span that wrote
// it, and of a verdict that of the verdict.
const HeaderTraceParent = "traceparent"

// traceParent returns the header, or nil.
func traceParent(rec *kgo.Record) []byte {
	for i := range rec.Headers {
		if rec.Headers[i].Key == HeaderTraceParent {
			return rec.Headers[i].Value
		}
	}
	return nil
}

// decided begins the span of a verdict whose events are traced, and lets the
// verdict name it.
func decided(facts *spans.Facts, v *engine.Verdict) *spans.Decision {
	d := facts.Decided(spans.Judged{
		Fact: v.ID, Tenant: v.Tenant, Type: v.Type, Status: v.Status.String(),
		ClosedBy: v.ClosedBy.String(), Expectation: v.Expectation, Revision: v.Revision,
	}, time.Now())
	if d == nil || !bytes.HasSuffix(v.JSON, []byte("}")) {
		return d
	}
	doc := make([]byte, 0, len(v.JSON)+80)
	doc = append(append(doc, v.JSON[:len(v.JSON)-1]...), `,"traceparent":"`...)
	v.JSON = append(append(doc, d.Header()...), `"}`...)
	return d
}
