package spans

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/helios-connect/helios/plugins/event"
)

// MaxFacts is how many facts with traced events a Facts remembers, a few hundred
// bytes each; the oldest gives way.
const MaxFacts = 4096

// maxLinks of one verdict.
const maxLinks = 32

// Facts remembers the traced events of the facts that are not decided yet, so
// that a verdict is joined to them. It is not safe for concurrent use. A nil
// *Facts remembers nothing.
type Facts struct {
	tracer  *Tracer
	open    map[[16]byte]*traced
	order   [][16]byte // of arrival, with those that are decided
	scanner event.Scanner
}

// traced are the spans in which a fact's events were written.
type traced struct {
	spans  []trace.SpanContext
	clouds []string
}

// NewFacts returns a Facts; it is nil when the tracer is.
func (t *Tracer) NewFacts() *Facts {
	if t == nil {
		return nil
	}
	return &Facts{tracer: t, open: make(map[[16]byte]*traced)}
}

var factPaths = event.MustCompilePaths(event.AttrTenant, event.AttrType, event.AttrCorrelationID, event.AttrCloud)

// Event takes an event and the header that it came with. What is not sampled
// costs the reading of the header.
func (f *Facts) Event(doc []byte, parent []byte) {
	if f == nil || len(parent) == 0 {
		return
	}
	sc, ok := ParseParent(parent)
	if !ok || !sc.IsSampled() {
		return
	}
	id, cloud, ok := f.identify(doc)
	if !ok {
		return
	}
	fact := f.open[id]
	if fact == nil {
		f.makeRoom()
		fact = &traced{}
		f.open[id] = fact
		f.order = append(f.order, id)
	}
	if len(fact.spans) < maxLinks {
		fact.spans, fact.clouds = append(fact.spans, sc), append(fact.clouds, cloud)
	}
}

// identify reads whose fact an event reports. Without a tenant it is that of
// nobody in particular.
func (f *Facts) identify(doc []byte) (id [16]byte, cloud string, ok bool) {
	var raw [4][]byte
	err := f.scanner.Scan(doc, factPaths, raw[:])
	if err != nil {
		return id, "", false
	}
	var text [4][]byte
	for i := range raw {
		if i == 0 && raw[i] == nil {
			text[i] = []byte(event.DefaultTenant)
		} else if !event.IsString(raw[i]) {
			return id, "", false
		} else if text[i], err = event.Unquote(nil, raw[i]); err != nil {
			return id, "", false
		}
	}
	return event.FactID(text[0], text[1], text[2]), string(text[3]), true
}

func (f *Facts) makeRoom() {
	for len(f.open) >= MaxFacts || len(f.order) >= 2*MaxFacts {
		delete(f.open, f.order[0])
		f.order = f.order[1:]
	}
}

// Flagged records that an event could not be judged, and why; it is no part of
// its fact's verdict.
func (f *Facts) Flagged(doc, parent []byte, reason string, at time.Time) {
	sc, ok := ParseParent(parent)
	if f == nil || !ok || !sc.IsSampled() {
		return
	}
	if id, _, ok := f.identify(doc); ok && f.open[id] != nil {
		fact := f.open[id]
		if i := slices.IndexFunc(fact.spans, sc.Equal); i >= 0 {
			fact.spans, fact.clouds = slices.Delete(fact.spans, i, i+1), slices.Delete(fact.clouds, i, i+1)
		}
		if len(fact.spans) == 0 {
			delete(f.open, id)
		}
	}
	f.tracer.child(sc, trace.SpanContext{}, stage{name: Verdict, outcome: reason, failed: true, kind: trace.SpanKindConsumer, from: at, to: at})
}

// Judged is what a span says about a verdict.
type Judged struct {
	Fact                                        [16]byte
	Tenant, Type, Status, ClosedBy, Expectation string
	Revision                                    uint32
}

// Decided begins the span of a verdict, or returns nil when none of the fact's
// events is traced. Its parent is the first event that is, and it is linked to
// all of them.
func (f *Facts) Decided(j Judged, at time.Time) *Decision {
	if f == nil || len(f.open) == 0 {
		return nil
	}
	fact := f.open[j.Fact]
	if fact == nil {
		return nil
	}
	delete(f.open, j.Fact)
	links := make([]trace.Link, len(fact.spans))
	for i, sc := range fact.spans {
		links[i] = trace.Link{SpanContext: sc, Attributes: []attribute.KeyValue{AttrCloud.String(fact.clouds[i])}}
	}
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), fact.spans[0])
	_, span := f.tracer.conf.Spans.Start(ctx, Verdict, trace.WithTimestamp(at), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...),
		trace.WithAttributes(
			AttrFact.String(trace.TraceID(j.Fact).String()), AttrTenant.String(j.Tenant), AttrType.String(j.Type), AttrOutcome.String(j.Status),
			AttrRevision.Int64(int64(j.Revision)), AttrClosedBy.String(j.ClosedBy), AttrExpectation.String(j.Expectation)))
	return &Decision{tracer: f.tracer, span: span, began: at}
}

// Decision is the span of a verdict until the verdict is committed. A nil
// *Decision is one that is not traced.
type Decision struct {
	tracer *Tracer
	span   trace.Span
	began  time.Time
}

// Header is the traceparent that goes with the verdict.
func (d *Decision) Header() string { return FormatParent(d.span.SpanContext()) }

// Committed ends the span.
func (d *Decision) Committed(at time.Time) {
	if d == nil {
		return
	}
	d.span.End(trace.WithTimestamp(at))
	d.tracer.observe(Verdict, "", at.Sub(d.began), d.span.SpanContext().TraceID())
}
