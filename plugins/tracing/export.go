package tracing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/telemetry"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

// maxWaiting is how many spans wait for the collector, about 1 KB each.
const maxWaiting = 8192

// gate lets spans into the SDK's queue as long as there is room, and counts what
// becomes of them: the queue would drop without a word.
type gate struct {
	sdk.SpanProcessor
	waiting  atomic.Int64
	counters *counters
	failures *failures
	exporter sdk.SpanExporter
}

// OnEnd implements sdk.SpanProcessor.
func (g *gate) OnEnd(span sdk.ReadOnlySpan) {
	if g.waiting.Add(1) > maxWaiting {
		g.waiting.Add(-1)
		g.counters.full.Add(1)
		return
	}
	g.SpanProcessor.OnEnd(span)
}

// handover takes batches out of the queue to the exporter.
type handover struct{ *gate }

// ExportSpans implements sdk.SpanExporter. What can't be exported is gone.
func (h handover) ExportSpans(ctx context.Context, batch []sdk.ReadOnlySpan) error {
	defer h.waiting.Add(-int64(len(batch)))
	worded := make([]sdk.ReadOnlySpan, len(batch))
	for i, span := range batch {
		worded[i] = withMessage{span}
	}
	if err := h.exporter.ExportSpans(ctx, worded); err != nil {
		h.counters.failed.Add(uint64(len(batch)))
		h.failures.report(err)
		return nil
	}
	h.counters.exported.Add(uint64(len(batch)))
	h.failures.over()
	return nil
}

// Shutdown implements sdk.SpanExporter.
func (h handover) Shutdown(ctx context.Context) error { return h.exporter.Shutdown(ctx) }

// withMessage is a span whose status has a message. The SDK keeps one of errors
// only, and Grafana's table of a trace fails at a span without.
type withMessage struct{ sdk.ReadOnlySpan }

// Status implements sdk.ReadOnlySpan.
func (s withMessage) Status() sdk.Status {
	status := s.ReadOnlySpan.Status()
	if status.Description != "" {
		return status
	}
	if status.Code == codes.Unset {
		status.Code = codes.Ok
	}
	status.Description = spans.OK
	for _, a := range s.Attributes() {
		if a.Key == spans.AttrOutcome {
			status.Description = a.Value.AsString()
		}
	}
	return status
}

// counters count spans; they are copied to metrics once a component has brought
// some.
type counters struct {
	exported, full, failed, limited counter
	once                            sync.Once
}

// counter counts before there is a metric, and with it from then on.
type counter struct {
	count  atomic.Uint64
	metric atomic.Pointer[func(int64)]
}

// Add counts n more.
func (c *counter) Add(n uint64) {
	if incr := c.metric.Load(); incr != nil {
		(*incr)(int64(n))
		return
	}
	c.count.Add(n)
}

func (c *counter) attach(m *service.MetricCounter, labels ...string) {
	incr := func(n int64) { m.Incr(n, labels...) }
	incr(int64(c.count.Swap(0)))
	c.metric.Store(&incr)
}

func (c *counters) attach(metrics *service.Metrics) {
	c.once.Do(func() {
		metric := func(m telemetry.Metric) *service.MetricCounter { return metrics.NewCounter(m.Name, m.Labels...) }
		c.exported.attach(metric(telemetry.TraceSpansExported))
		dropped := metric(telemetry.TraceSpansDropped)
		c.full.attach(dropped, "queue_full")
		c.failed.attach(dropped, "export_failed")
		c.limited.attach(metric(telemetry.TraceEventsLimited))
	})
}

// failures logs the first of a row, and once in a while that it goes on.
type failures struct {
	log  *service.Logger
	mu   sync.Mutex
	last time.Time // zero: it works
}

const quiet = 10 * time.Minute

func (f *failures) report(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); f.last.IsZero() || now.Sub(f.last) > quiet {
		f.last = now
		f.log.Warnf("Spans can't be exported and are thrown away, which is counted only from here on: %v", err)
	}
}

func (f *failures) over() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.last.IsZero() {
		f.last = time.Time{}
		f.log.Info("Spans are exported again.")
	}
}
