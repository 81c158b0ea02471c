package spans

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/helios-connect/helios/plugins/event"
)

// Config of a Tracer.
type Config struct {
	// Spans records every span that it starts; the decision is made before.
	Spans   trace.Tracer
	Sampler Sampler
	// MaxPerSecond bounds the events that are traced anew, whoever asked for
	// them; 0 is no bound.
	MaxPerSecond float64
	// Limited is told of each event that was not traced because of the bound.
	Limited func()
	// Observe is told how long a stage of a traced event took.
	Observe func(stage, cloud string, took time.Duration, of trace.TraceID)
}

// Tracer makes the spans of the events that are traced. It is safe for
// concurrent use.
type Tracer struct {
	conf  Config
	limit *rate.Limiter
}

// New returns a Tracer.
func New(conf Config) *Tracer {
	limit := rate.Inf
	if conf.MaxPerSecond > 0 {
		limit = rate.Limit(conf.MaxPerSecond)
	}
	// A second's events may come in one batch.
	return &Tracer{conf: conf, limit: rate.NewLimiter(limit, max(1, int(conf.MaxPerSecond)))}
}

// Event is what is said about a received event; the views are not kept. Without
// a key it is no canonical event.
type Event struct {
	Cloud, Tenant, Type, Key []byte
}

// Receive begins the passage of an event that was received at a time, or returns
// nil when it is not traced. parent is the traceparent that it came with, whether
// or not it is one. It allocates nothing for what is not traced.
func (t *Tracer) Receive(parent []byte, e Event, at time.Time) *Passage {
	if t == nil {
		return nil
	}
	from, known := ParseParent(parent)
	if !known && e.Key == nil || !t.conf.Sampler.sample(from, known, e.Tenant, e.Type, e.Key) {
		return nil
	}
	if !t.limit.AllowN(time.Now(), 1) {
		if t.conf.Limited != nil {
			t.conf.Limited()
		}
		return nil
	}
	return t.begin(from, known, e, at)
}

func (t *Tracer) begin(from trace.SpanContext, known bool, e Event, at time.Time) *Passage {
	ctx := context.Background()
	attributes := []attribute.KeyValue{AttrCloud.String(string(e.Cloud)), AttrTenant.String(string(e.Tenant)), AttrType.String(string(e.Type))}
	var fact trace.TraceID
	if e.Key != nil {
		fact = event.FactID(e.Tenant, e.Type, e.Key)
		attributes = append(attributes, AttrFact.String(fact.String()))
	}
	if known {
		ctx = trace.ContextWithRemoteSpanContext(ctx, from)
	} else {
		// Named after its fact: all clouds' events of a fact share the trace.
		ctx = context.WithValue(ctx, traceIDKey{}, fact)
	}
	_, span := t.conf.Spans.Start(ctx, Receive, trace.WithTimestamp(at), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attributes...))
	return &Passage{
		tracer: t, receive: span, cloud: string(e.Cloud), began: at, since: at,
		log: span.SpanContext().WithSpanID(newSpanID()),
	}
}

// child records a span of which everything is known.
func (t *Tracer) child(parent, self trace.SpanContext, s stage) {
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), parent)
	if self.IsValid() {
		ctx = context.WithValue(ctx, spanIDKey{}, self.SpanID())
	}
	_, span := t.conf.Spans.Start(ctx, s.name, trace.WithTimestamp(s.from), trace.WithSpanKind(s.kind),
		trace.WithAttributes(append(s.attributes, AttrOutcome.String(s.outcome))...), trace.WithLinks(s.links...))
	if s.failed {
		span.SetStatus(codes.Error, s.outcome)
	}
	span.End(trace.WithTimestamp(s.to))
	t.observe(s.name, s.cloud, s.to.Sub(s.from), parent.TraceID())
}

func (t *Tracer) observe(stage, cloud string, took time.Duration, of trace.TraceID) {
	if t.conf.Observe != nil {
		t.conf.Observe(stage, cloud, took, of)
	}
}

// stage is a span that is over.
type stage struct {
	name, cloud, outcome string
	failed               bool // the outcome is a failure
	kind                 trace.SpanKind
	from, to             time.Time
	attributes           []attribute.KeyValue
	links                []trace.Link
}

// Stored records that a batch with a message was written to a table. parent is
// the header that the message came with; what is none, or not sampled, is left.
func (t *Tracer) Stored(parent, table string, batch int, from, to time.Time, refused bool) {
	sc, ok := ParseParent(parent)
	if t == nil || !ok || !sc.IsSampled() {
		return
	}
	s := stage{
		name: Store, outcome: OK, kind: trace.SpanKindClient, from: from, to: to,
		attributes: []attribute.KeyValue{AttrTable.String(table), AttrBatch.Int(batch)},
	}
	if refused {
		s.outcome, s.failed = "not_storable", true
	}
	t.child(sc, trace.SpanContext{}, s)
}
