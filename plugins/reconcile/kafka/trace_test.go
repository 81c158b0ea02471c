package kafka

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

// The contexts of an open fact's events are as durable as its events: they are
// read again with them.
func TestAVerdictAfterACrashIsLinkedToTheEventsBeforeIt(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	sampler, err := spans.ParseSampler("always_off", "")
	require.NoError(t, err)
	tracer := spans.New(spans.Config{Sampler: sampler, Spans: sdk.NewTracerProvider(sdk.WithSyncer(kept), sdk.WithIDGenerator(spans.IDs{})).Tracer("test")})
	expectations := []engine.Expectation{{Name: "orders", Expect: []string{"aws", "gcp", "azure"}, Window: time.Minute}}
	shape, err := shapeOf(expectations)
	require.NoError(t, err)
	l := &life{
		t: t, shape: shape, reread: 1000, wall: func(offset int64) int64 { return (1000 + offset) * second },
		conf: engine.Config{Expectations: expectations, CorrectionHorizon: 10 * time.Minute, IdleTimeout: 30 * time.Second, MaxOpen: 100, MaxClosed: 100, State: true},
	}
	for i, cloud := range []string{"aws", "gcp", "azure"} {
		l.events = append(l.events, &kgo.Record{
			Offset: int64(i), Headers: []kgo.RecordHeader{{Key: HeaderTraceParent, Value: fmt.Appendf(nil, "00-%032x-%016x-01", i+1, i+1)}},
			Value: fmt.Appendf(nil, `{"id":"%d","source":"/x","type":"order","time":%q,"cloud":%q,"correlationid":"k","data":{}}`,
				i, time.Unix(0, (1000+int64(i))*second).UTC().Format(time.RFC3339Nano), cloud),
		})
	}
	l.begin()
	l.part.traces = tracer.NewFacts()
	l.part.take(l.events[0], l.wall(0))
	l.part.take(l.events[1], l.wall(1))
	l.commit(l.wall(1))
	require.Empty(t, l.log)
	l.part.drop()
	l.begin() // with nothing but what was committed
	l.part.traces = tracer.NewFacts()
	for _, rec := range l.events[l.low:] {
		l.part.take(rec, l.wall(rec.Offset))
	}
	require.Empty(t, kept.GetSpans(), "it is not committed yet")
	l.commit(l.wall(3))

	require.Len(t, l.log, 1)
	require.Len(t, kept.GetSpans(), 1)
	verdict := kept.GetSpans()[0]
	require.Equal(t, "0000000000000001", verdict.Parent.SpanID().String())
	require.Len(t, verdict.Links, 3)
	header := string(traceParent(l.log[0]))
	require.Equal(t, spans.FormatParent(verdict.SpanContext), header)
	var doc struct{ Status, TraceParent string }
	require.NoError(t, json.Unmarshal(l.log[0].Value, &doc))
	require.Equal(t, "matched", doc.Status)
	require.Equal(t, header, doc.TraceParent)

	l.part.drop()
	l.begin() // what is restored from the record is the same fact
	require.Equal(t, 1, l.part.engine.Stats().Closed)
}
