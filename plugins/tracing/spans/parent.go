package spans

import (
	"encoding/hex"

	"go.opentelemetry.io/otel/trace"

	"github.com/helios-connect/helios/plugins/event"
)

// ParseParent reads a W3C traceparent; what is none is not ok.
func ParseParent[T string | []byte](text T) (parent trace.SpanContext, ok bool) {
	p, ok := event.ParseTraceParent(text)
	if !ok {
		return parent, false
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: p.TraceID, SpanID: p.SpanID, TraceFlags: trace.TraceFlags(0).WithSampled(p.Sampled), Remote: true,
	}), true
}

// FormatParent writes a span's context as a W3C traceparent.
func FormatParent(sc trace.SpanContext) string {
	b := make([]byte, 0, 64)
	id, span := sc.TraceID(), sc.SpanID()
	b = hex.AppendEncode(append(b, "00-"...), id[:])
	b = hex.AppendEncode(append(b, '-'), span[:])
	if sc.IsSampled() {
		return string(append(b, "-01"...))
	}
	return string(append(b, "-00"...))
}
