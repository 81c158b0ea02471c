package spans

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Passage is the way of one traced event through a process, from its receipt to
// its acknowledgement. It travels with the message. A nil Passage is that of an
// event that is not traced.
type Passage struct {
	tracer  *Tracer
	receive trace.Span
	log     trace.SpanContext // of the span that writes the event, which comes last
	cloud   string
	began   time.Time

	mu      sync.Mutex
	since   time.Time // the end of the last stage
	refused string    // why the event goes to the dead letters
	settled bool
}

// Origin is the traceparent that the event itself is to carry when its producer
// gave it none.
func (p *Passage) Origin() string { return FormatParent(p.receive.SpanContext()) }

// Header is the traceparent that goes with the event to whoever reads it next.
func (p *Passage) Header() string { return FormatParent(p.log) }

// MarshalJSON is for those who print all that travels with a message.
func (p *Passage) MarshalJSON() ([]byte, error) { return json.Marshal(p.Header()) }

// Context returns ctx with the span that the event was received in, so that
// other components' spans become its children.
func (p *Passage) Context(ctx context.Context) context.Context {
	return trace.ContextWithSpan(ctx, p.receive)
}

// Stage records a stage that ended well.
func (p *Passage) Stage(name, outcome string, from, to time.Time) {
	p.stage(name, outcome, from, to, false)
}

// Refused records a stage after which the event goes to the dead letters.
func (p *Passage) Refused(name, reason string, from, to time.Time) {
	p.stage(name, reason, from, to, true)
}

func (p *Passage) stage(name, outcome string, from, to time.Time, refused bool) {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.since = to
	if refused {
		p.refused = outcome
	}
	p.mu.Unlock()
	p.tracer.child(p.receive.SpanContext(), trace.SpanContext{},
		stage{name: name, cloud: p.cloud, outcome: outcome, failed: refused, kind: trace.SpanKindInternal, from: from, to: to})
}

// Dropped ends the passage of an event that needs no place in the log, such as
// a duplicate.
func (p *Passage) Dropped(outcome string, at time.Time) {
	if p != nil {
		p.end(outcome, false, at)
	}
}

// Settled ends the passage of an event that was written, to the log or to the
// dead letters, or was not. One that comes again is settled again.
func (p *Passage) Settled(durable bool, at time.Time) {
	if p == nil {
		return
	}
	p.mu.Lock()
	s := stage{name: Log, cloud: p.cloud, outcome: OK, failed: !durable, kind: trace.SpanKindProducer, from: p.since, to: at}
	if p.refused != "" {
		s.name, s.outcome = DeadLetter, p.refused
	}
	if !durable {
		s.outcome = notDurable
	}
	self := p.log
	if p.settled {
		self = trace.SpanContext{} // ids are used once
	}
	p.since = at
	p.mu.Unlock()
	p.tracer.child(p.receive.SpanContext(), self, s)
	p.end(s.outcome, !durable || s.name == DeadLetter, at)
}

const notDurable = "not_delivered"

// end ends the span of the receipt, once.
func (p *Passage) end(outcome string, failed bool, at time.Time) {
	p.mu.Lock()
	settled := p.settled
	p.settled = true
	p.mu.Unlock()
	if settled {
		return
	}
	p.receive.SetAttributes(AttrOutcome.String(outcome))
	if failed {
		p.receive.SetStatus(codes.Error, outcome)
	}
	p.receive.End(trace.WithTimestamp(at))
	p.tracer.observe(Receive, p.cloud, at.Sub(p.began), p.receive.SpanContext().TraceID())
}
