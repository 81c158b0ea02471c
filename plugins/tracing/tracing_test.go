package tracing

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/otlptest"
	"github.com/helios-connect/helios/plugins/telemetry"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func providerFrom(t *testing.T, yaml string) trace.TracerProvider {
	t.Helper()
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "500")
	conf, err := tracerSpec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	p, err := newTracerFromConfig(conf)
	require.NoError(t, err)
	return p
}

func TestWithoutAnEndpointOrSwitchedOffThereIsNoTracer(t *testing.T) {
	for name, env := range map[string][2]string{"no endpoint": {"", ""}, "disabled": {envDisabled, "true"}, "no exporter": {envExporter, "none"}} {
		t.Run(name, func(t *testing.T) {
			yaml := "{}"
			if env[0] != "" {
				t.Setenv(env[0], env[1])
				yaml = "endpoint: http://127.0.0.1:1"
			}
			_, ours := providerFrom(t, yaml).(*provider)
			require.False(t, ours)
		})
	}
}

func TestWrongSettingsAreNamedAndKeysAreNotShown(t *testing.T) {
	for yaml, says := range map[string]string{
		"endpoint: 'user:key-of-mine@host:4317'":                             "endpoint is no URL",
		"endpoint: 'ftp://user:key-of-mine@host'":                            "http://host:4317",
		"{endpoint: 'http://h:1', protocol: thrift}":                         "grpc and http/protobuf are allowed",
		"{endpoint: 'http://h:1', sampler: never}":                           "parentbased_traceidratio",
		"{sampler_argument: '2'}":                                            "from 0 to 1",
		"{endpoint: 'http://h:1', max_per_second: -1}":                       "max_per_second is -1",
		"{endpoint: 'http://127.0.0.1:1', exemplars_address: '127.0.0.1:x'}": "exemplars_address",
	} {
		conf, err := tracerSpec().ParseYAML(yaml, nil)
		if err == nil {
			_, err = newTracerFromConfig(conf)
		}
		require.ErrorContains(t, err, says, yaml)
		require.NotContains(t, err.Error(), "key-of-mine")
	}
}

// Connect's components: their spans stand below those of sampled events, without
// what could quote a payload, and what Connect ends is not ours.
func TestSpansOfConnectsComponentsAreChildrenWithoutTexts(t *testing.T) {
	for protocol, c := range map[string]*otlptest.Collector{protocolGRPC: otlptest.StartGRPC(t), protocolHTTP: otlptest.StartHTTP(t)} {
		p := providerFrom(t, "{endpoint: '"+c.URL+"', protocol: "+protocol+", sampler: always_on, service_name: shop}").(*provider)
		passage := p.tracer.Receive([]byte(parent), spans.Event{Cloud: []byte("aws"), Key: []byte("k")}, time.Now())
		msg := service.NewMessage([]byte("payload"))
		require.Nil(t, Of(msg))
		Set(msg, passage)
		require.Equal(t, passage, Of(msg))
		header, _ := msg.MetaGet(MetaParent)
		require.Equal(t, passage.Header(), header)
		msg = Within(msg, passage)

		connect := p.Tracer("redpanda-connect")
		ctx, span := connect.Start(msg.Context(), "mapping")
		span.SetAttributes(attribute.String("error", "true"), attribute.String("note", "told in confidence"))
		span.AddEvent("event", trace.WithAttributes(attribute.String("type", "told in confidence")))
		span.RecordError(io.ErrUnexpectedEOF)
		_, inner := connect.Start(ctx, "log")
		inner.End()
		span.End()
		_, own := connect.Start(msg.Context(), "helios_schema")
		require.False(t, own.IsRecording())
		own.End()
		trace.SpanFromContext(msg.Context()).End() // as Connect does with what it finds
		passage.Settled(true, time.Now())
		require.NoError(t, p.Shutdown(context.Background()))

		require.Len(t, c.Spans(), 4)
		receive, mapping := c.Named("receive", "")[0], c.Named("mapping", "")[0]
		require.Equal(t, receive.ID, mapping.Parent)
		parents := map[string]bool{}
		for _, s := range c.Named("log", "") {
			parents[s.Parent] = true
		}
		require.Equal(t, map[string]bool{mapping.ID: true, receive.ID: true}, parents, "the component's, and ours")
		require.Equal(t, "failed", mapping.Status.Message)
		require.Empty(t, mapping.Attributes)
		require.Zero(t, mapping.Events)
		for _, s := range c.Spans() {
			require.NotEmpty(t, s.Status.Message, s.Name)
			require.Equal(t, "shop", s.Service)
		}
	}
}

func TestWhatIsNotSampledCostsConnectsComponentsNothing(t *testing.T) {
	p := providerFrom(t, "{endpoint: 'http://127.0.0.1:1'}").(*provider)
	tracer, ctx := p.Tracer("redpanda-connect"), context.Background()
	require.Zero(t, testing.AllocsPerRun(100, func() { tracer.Start(ctx, "mapping") }))
	require.NoError(t, p.Shutdown(ctx))
}

// A stop is not held up by a collector that is down, nor is anything else, and
// every span is counted.
func TestACollectorThatIsDownCostsItsSpansAndNothingElse(t *testing.T) {
	p := providerFrom(t, "{endpoint: 'http://127.0.0.1:1', sampler: always_on, max_per_second: 0}").(*provider)
	const events = maxWaiting // of two spans each: more than there is room for
	began := time.Now()
	for range events {
		p.tracer.Receive([]byte(parent), spans.Event{Key: []byte("k")}, began).Settled(true, began)
	}
	require.Less(t, time.Since(began), 20*time.Second)
	counted := func() uint64 { return p.counters.full.count.Load() + p.counters.failed.count.Load() }
	require.Eventually(t, func() bool { return counted() == 2*events }, 60*time.Second, 10*time.Millisecond, "every span is counted as dropped")
	require.Positive(t, p.counters.full.count.Load())
	require.Zero(t, p.counters.exported.count.Load())
	began = time.Now()
	_ = p.Shutdown(context.Background())
	require.Less(t, time.Since(began), 2*shutdownTime)
}

// Connect's exporter has no exemplars; ours has, in OpenMetrics.
func TestAnExemplarNamesTheTraceOfAStage(t *testing.T) {
	p := providerFrom(t, "{endpoint: 'http://127.0.0.1:1', sampler: always_on, exemplars_address: '127.0.0.1:0'}").(*provider)
	now := time.Now()
	p.tracer.Receive([]byte(parent), spans.Event{Cloud: []byte("aws"), Key: []byte("k")}, now).Settled(true, now.Add(3*time.Millisecond))
	req, err := http.NewRequest(http.MethodGet, "http://"+p.exemplars.at+"/metrics", nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	found := ""
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, telemetry.TraceStageTime.Name+`_bucket{participant="aws",stage="log",le="0.005"}`) {
			found = line
		}
	}
	require.Contains(t, found, `# {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.003`, string(body))
	_ = p.Shutdown(context.Background())
	_, err = http.Get("http://" + p.exemplars.at + "/metrics")
	require.Error(t, err, "it is closed")
}
