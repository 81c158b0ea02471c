package canonical

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/helios-connect/helios/plugins/tracing"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

const (
	w3c  = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	xray = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
)

func traceParentOf(t *testing.T, m *service.Message) string {
	t.Helper()
	var e struct{ TraceParent string }
	require.NoError(t, json.Unmarshal([]byte(body(t, m)), &e))
	return e.TraceParent
}

func TestTheTraceThatAnEventCameInIsKept(t *testing.T) {
	const fromXRay = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"
	sqs := `{"messageId":"m","receiptHandle":"r","body":` + quoted(eventBridge) + `,"attributes":{"SentTimestamp":"1764181681000","AWSTraceHeader":"` + xray + `"},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:1:q"}`
	for name, c := range map[string]struct {
		doc, header, value, want string
	}{
		"a CloudEvent's attribute":                {doc: strings.Replace(cloudEvent, `"data"`, `"traceparent":"`+w3c+`","data"`, 1), want: w3c},
		"a header":                                {doc: eventBridge, header: "Traceparent", value: w3c, want: w3c},
		"an attribute of a pulled message":        {doc: cloudEvent, header: "googclient_traceparent", value: w3c, want: w3c},
		"an attribute of a pushed message":        {doc: strings.Replace(pubSub, `"ce-id"`, `"googclient_traceparent":"`+w3c+`","ce-id"`, 1), want: w3c},
		"a property of Azure's clients":           {doc: eventGrid, header: "Diagnostic-Id", value: w3c, want: w3c},
		"X-Ray's header of HTTP":                  {doc: eventBridge, header: "X-Amzn-Trace-Id", value: xray, want: fromXRay},
		"X-Ray's header in an attribute of SQS":   {doc: eventBridge, header: "AWSTraceHeader", value: xray, want: fromXRay},
		"X-Ray's system attribute of a record":    {doc: `{"Records":[` + sqs + `]}`, want: fromXRay},
		"a header that is none":                   {doc: eventBridge, header: "traceparent", value: "00-a-b-01"},
		"a header as long as SQS carries":         {doc: eventBridge, header: "traceparent", value: strings.Repeat("x", 256<<10)},
		"the trace of a load balancer, no span's": {doc: eventBridge, header: "X-Amzn-Trace-Id", value: "Root=1-5759e988-bd862e3fe1be46a994272793"},
	} {
		t.Run(name, func(t *testing.T) {
			msg := service.NewMessage([]byte(c.doc))
			if c.header != "" {
				msg.MetaSetMut(c.header, c.value)
			}
			out := process(t, open(t, "{}"), msg)
			require.Len(t, out, 1)
			require.NoError(t, out[0].GetError())
			require.Equal(t, c.want, traceParentOf(t, out[0]))
			if header, ok := out[0].MetaGet(tracing.MetaParent); ok {
				require.Equal(t, w3c, header, "what is none does not go to the log's headers")
			}
		})
	}
}

func quoted(text string) string {
	raw, _ := json.Marshal(text)
	return string(raw)
}

func traced(t testing.TB, sampler, argument string) *processor {
	t.Helper()
	s, err := spans.ParseSampler(sampler, argument)
	require.NoError(t, err)
	p := open(t, "{}")
	p.tracer = spans.New(spans.Config{Spans: sdk.NewTracerProvider(sdk.WithIDGenerator(spans.IDs{})).Tracer("test"), Sampler: s})
	return p
}

func TestWhileTracingIsOnTheHeaderSaysWhatHeliosTraces(t *testing.T) {
	msg := service.NewMessage([]byte(eventBridge))
	msg.MetaSetMut(tracing.MetaParent, w3c)
	out := process(t, traced(t, "always_on", ""), msg.Copy())[0]
	header := meta(t, out, tracing.MetaParent)
	require.Contains(t, header, "4bf92f3577b34da6a3ce929d0e0e4736")
	require.NotEqual(t, w3c, header, "it is the span that writes the event")
	require.Equal(t, w3c, traceParentOf(t, out), "the event keeps its producer's")
	require.NotNil(t, tracing.Of(out))

	out = process(t, traced(t, "always_off", ""), msg)[0]
	_, given := out.MetaGet(tracing.MetaParent)
	require.False(t, given, "what is not traced must not be taken for it")
	require.Nil(t, tracing.Of(out))

	out = process(t, traced(t, "always_on", ""), service.NewMessage([]byte(eventBridge)))[0]
	require.Equal(t, tracing.Of(out).Origin(), traceParentOf(t, out), "an event without a trace gets one")
}

func TestARefusedDocumentIsTracedWhenItsSenderAsks(t *testing.T) {
	msg := service.NewMessage([]byte(`{"no":"event"}`))
	require.Nil(t, tracing.Of(process(t, traced(t, "always_on", ""), msg)[0]))
	msg.MetaSetMut(tracing.MetaParent, w3c)
	out := process(t, traced(t, "always_on", ""), msg)[0]
	require.Error(t, out.GetError())
	require.NotNil(t, tracing.Of(out))
}

// BenchmarkTracing compares batches of 100 with tracing off and with none of them
// sampled; docs/tracing.md has the ratio.
func BenchmarkTracing(b *testing.B) {
	for _, c := range []struct {
		name string
		p    *processor
	}{{"off", open(b, "{}")}, {"none_sampled", traced(b, "parentbased_traceidratio", "0.000000001")}, {"all_sampled", traced(b, "always_on", "")}} {
		b.Run(c.name, func(b *testing.B) {
			batch := make(service.MessageBatch, 100)
			for i := range batch {
				batch[i] = service.NewMessage([]byte(eventBridge))
			}
			b.ReportAllocs()
			for b.Loop() {
				process(b, c.p, batch...)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/event")
		})
	}
}
