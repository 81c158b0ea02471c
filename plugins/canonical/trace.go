package canonical

import (
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/canonical/convert"
	"github.com/helios-connect/helios/plugins/event"
	"github.com/helios-connect/helios/plugins/tracing"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

// judgeParent is about the header traceparent that came with a message. On goes
// what is one, and only while tracing is off: else the header says whether
// Helios traces the event. Anything else, of any size, would go to the log.
func (p *processor) judgeParent(msg *service.Message, parent string) {
	if _, ok := event.ParseTraceParent(parent); !ok || p.tracer != nil {
		msg.MetaDelete(tracing.MetaParent)
	}
}

// trace begins the passage of an event that is to be traced: this is where it is
// known whose it is. began is when its batch was taken on.
func (p *processor) trace(msg *service.Message, r *convert.Result, parent string, began time.Time) {
	if r.Event == nil {
		if passage := p.tracer.Receive([]byte(parent), spans.Event{}, began); passage != nil {
			passage.Refused(spans.Canonicalise, r.Reason.String(), began, p.now())
			tracing.Set(msg, passage)
		}
		return
	}
	passage := p.tracer.Receive(r.TraceParent, spans.Event{Cloud: r.Cloud, Tenant: r.Tenant, Type: r.Type, Key: r.Key}, began)
	if passage == nil {
		return
	}
	passage.Stage(spans.Canonicalise, spans.OK, began, p.now())
	tracing.Set(msg, passage)
	if r.TraceParent == nil {
		msg.SetBytes(withTraceParent(r.Event, passage.Origin()))
	}
}

// withTraceParent adds the attribute to an event that has none.
func withTraceParent(doc []byte, parent string) []byte {
	out := make([]byte, 0, len(doc)+len(parent)+20)
	out = append(append(out, doc[:len(doc)-1]...), `,"traceparent":"`...)
	return append(append(out, parent...), `"}`...)
}
