package tracing

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/tracing/spans"
)

// provider is what Redpanda Connect takes its tracers from. Its own components'
// spans are made below those of sampled events only.
type provider struct {
	embedded.TracerProvider
	sdk       *sdk.TracerProvider
	tracer    *spans.Tracer
	counters  counters
	failures  failures
	exemplars *exemplars // nil: not shown
}

// shutdownTime is how long the spans that are still in hand may take at a stop.
const shutdownTime = 2 * time.Second

func newProvider(set settings, exporter sdk.SpanExporter, log *service.Logger) (*provider, error) {
	from, err := origin(set)
	if err != nil {
		return nil, err
	}
	p := &provider{failures: failures{log: log}}
	gate := &gate{counters: &p.counters, failures: &p.failures, exporter: exporter}
	gate.SpanProcessor = sdk.NewBatchSpanProcessor(handover{gate}, sdk.WithMaxQueueSize(maxWaiting))
	p.sdk = sdk.NewTracerProvider(sdk.WithSampler(sdk.AlwaysSample()), sdk.WithIDGenerator(spans.IDs{}), sdk.WithResource(from),
		sdk.WithSpanProcessor(gate), sdk.WithRawSpanLimits(limits()))
	conf := spans.Config{
		Spans: p.sdk.Tracer("helios"), Sampler: set.sampler, MaxPerSecond: set.most,
		Limited: func() { p.counters.limited.Add(1) },
	}
	if set.address != "" {
		if p.exemplars, err = showExemplars(set.address); err != nil {
			return nil, errors.Join(err, p.sdk.Shutdown(context.Background()))
		}
		conf.Observe = p.exemplars.observe
	}
	p.tracer = spans.New(conf)
	return p, nil
}

// limits keep hostile names of types and tenants from filling a backend.
func limits() sdk.SpanLimits {
	l := sdk.NewSpanLimits()
	l.AttributeValueLengthLimit = 256
	return l
}

// Tracer implements trace.TracerProvider.
func (p *provider) Tracer(string, ...trace.TracerOption) trace.Tracer {
	return foreign{spans: p.sdk.Tracer("redpanda-connect")}
}

// Shutdown sends what is in hand, unless the collector is down.
func (p *provider) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownTime)
	defer cancel()
	if p.exemplars != nil {
		p.exemplars.close()
	}
	return p.sdk.Shutdown(ctx)
}

// From returns what makes the spans of a component, or nil when tracing is off
// or another tracer than helios_otlp is configured. The component's metrics are
// where the spans are counted.
func From(res *service.Resources) *spans.Tracer {
	p, ok := res.OtelTracer().(*provider)
	if !ok {
		return nil
	}
	p.counters.attach(res.Metrics())
	return p.tracer
}

// metaPassage is the metadata in which a message carries its passage.
const metaPassage = "helios_trace"

// MetaParent is the metadata, and the Kafka header, of W3C trace contexts.
const MetaParent = "traceparent"

// Set lets a message carry a passage, and the header for whoever reads it next.
func Set(msg *service.Message, p *spans.Passage) {
	msg.MetaSetMut(metaPassage, p)
	msg.MetaSetMut(MetaParent, p.Header())
}

// Of returns the passage that a message carries, or nil.
func Of(msg *service.Message) *spans.Passage {
	v, ok := msg.MetaGetMut(metaPassage)
	if !ok {
		return nil
	}
	p, _ := v.(*spans.Passage)
	return p
}

// Within returns the message with its passage's span in its context, where
// Redpanda Connect's components look for a parent.
func Within(msg *service.Message, p *spans.Passage) *service.Message {
	ctx := p.Context(msg.Context())
	return msg.WithContext(trace.ContextWithSpan(ctx, kept{trace.SpanFromContext(ctx)}))
}

// kept is a span that only its owner ends: Connect ends whatever it finds.
type kept struct{ trace.Span }

func (kept) End(...trace.SpanEndOption)              {}
func (kept) SetAttributes(...attribute.KeyValue)     {}
func (kept) SetStatus(codes.Code, string)            {}
func (kept) SetName(string)                          {}
func (kept) AddEvent(string, ...trace.EventOption)   {}
func (kept) RecordError(error, ...trace.EventOption) {}

// foreign makes the spans of Redpanda Connect's components.
type foreign struct {
	embedded.Tracer
	spans trace.Tracer
}

// Start implements trace.Tracer. It allocates nothing for what is not sampled.
// Helios's components make spans of their own.
func (f foreign) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if !trace.SpanContextFromContext(ctx).IsSampled() || strings.HasPrefix(name, "helios_") {
		return ctx, noop.Span{}
	}
	ctx, span := f.spans.Start(ctx, name, options...)
	span = guarded{span}
	return trace.ContextWithSpan(ctx, span), span
}

// guarded keeps texts out of a span: Connect puts errors there, which quote what
// could not be processed.
type guarded struct{ trace.Span }

// SetAttributes takes the one that says that something failed.
func (g guarded) SetAttributes(attributes ...attribute.KeyValue) {
	for _, a := range attributes {
		if a.Key == "error" {
			g.Span.SetStatus(codes.Error, "failed")
		}
	}
}

func (g guarded) AddEvent(name string, _ ...trace.EventOption) {}
func (g guarded) RecordError(error, ...trace.EventOption)      {}
func (g guarded) SetStatus(code codes.Code, _ string) {
	if code == codes.Error {
		g.Span.SetStatus(code, "failed")
	}
}
