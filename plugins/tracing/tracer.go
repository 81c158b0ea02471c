// Package tracing registers the tracer helios_otlp, which exports the spans of
// sampled events by OTLP through OpenTelemetry's own SDK, and joins the spans
// that the plugins make (sub-package spans) to Redpanda Connect.
package tracing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/tracing/spans"
)

const (
	ttFieldEndpoint  = "endpoint"
	ttFieldProtocol  = "protocol"
	ttFieldService   = "service_name"
	ttFieldSampler   = "sampler"
	ttFieldArgument  = "sampler_argument"
	ttFieldMost      = "max_per_second"
	ttFieldExemplars = "exemplars_address"

	protocolGRPC = "grpc"
	protocolHTTP = "http/protobuf"

	// Variables of OpenTelemetry that the SDK knows and that decide here too.
	// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
	envTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envDisabled       = "OTEL_SDK_DISABLED"
	envExporter       = "OTEL_TRACES_EXPORTER"
)

func tracerSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Categories("Helios").
		Summary("Exports one trace for each sampled event, from its receipt to the store, by OTLP to any OpenTelemetry backend.").
		Description(tracerDescription).
		Fields(
			service.NewStringField(ttFieldEndpoint).
				Description("The collector's base URL: `http://host:4317` for `grpc`, `http://host:4318` for `http/protobuf`, `https://` with TLS. Empty: tracing is off, and costs nothing.").
				Default("").Example("http://localhost:4317").Example("https://otlp.example.com:443"),
			service.NewStringEnumField(ttFieldProtocol, protocolGRPC, protocolHTTP).
				Description("How the collector is spoken to.").Default(protocolGRPC),
			service.NewStringField(ttFieldService).
				Description("The name under which the spans are found.").Default("helios"),
			service.NewStringEnumField(ttFieldSampler, spans.Samplers()...).
				Description("Which events are traced. Those of `parentbased_` follow the producer's decision where an event brings a `traceparent`, and decide themselves about the others.").
				Default("parentbased_traceidratio"),
			service.NewStringField(ttFieldArgument).
				Description("The ratio of a sampler by ratio, from 0 to 1.").Default("0.01").Example("0.001"),
			service.NewFloatField(ttFieldMost).
				Description("How many events are traced anew in a second at most, also when producers ask for more; 0 is no bound.").
				Default(200.0).LintRule(`root = if this < 0 { "max_per_second: 0 or more, for example 200" }`),
			service.NewStringField(ttFieldExemplars).
				Description("Where the durations of the stages are shown as a Prometheus histogram with exemplars that name their traces, at `/metrics` in the format OpenMetrics. Empty: nowhere. Redpanda Connect's own `/metrics` can carry no exemplars.").
				Default("").Example("127.0.0.1:4197").Advanced(),
		).
		Example("A collector beside it", "One event in a hundred, and all that the producers sample.", `
tracer:
  helios_otlp:
    endpoint: http://localhost:4317
`).
		Example("A backend with a key", "The key is in `OTEL_EXPORTER_OTLP_HEADERS`, as in `authorization=Basic%20c2VjcmV0`, and never in a file.", `
tracer:
  helios_otlp:
    endpoint: ${OTEL_EXPORTER_OTLP_ENDPOINT:}
    protocol: http/protobuf
    sampler: parentbased_traceidratio
    sampler_argument: "0.001"
`)
}

const tracerDescription = `
An event that brings a W3C ` + "`traceparent`" + ` goes on in its producer's trace. One without gets a trace whose id is that of its fact, the same as its verdict's ` + "`id`" + `, so that all clouds' events of a fact stand in one. What is no valid ` + "`traceparent`" + ` is as good as none.

The decision to trace an event is made once, when it is received, and goes with it in the Kafka header ` + "`traceparent`" + `. Components of Redpanda Connect in the same pipeline add their spans below, without texts of errors, which may quote payloads.

Whatever else OpenTelemetry's SDK reads from the environment applies: ` + "`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_CERTIFICATE`, `OTEL_EXPORTER_OTLP_TIMEOUT`, `OTEL_EXPORTER_OTLP_COMPRESSION`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_BSP_SCHEDULE_DELAY`" + `; ` + "`OTEL_SDK_DISABLED=true` and `OTEL_TRACES_EXPORTER=none`" + ` switch it off. Headers are never shown.

A collector that is down holds nothing up: spans are thrown away and counted by ` + "`helios_trace_spans_dropped_total`" + `.`

// settings are the parsed fields.
type settings struct {
	endpoint *url.URL // nil: what the SDK finds in the environment
	protocol string
	service  string
	version  string
	sampler  spans.Sampler
	most     float64
	address  string // of the exemplars
}

func newTracerFromConfig(conf *service.ParsedConfig) (trace.TracerProvider, error) {
	set, on, err := parseSettings(conf)
	if err != nil {
		return nil, fmt.Errorf("helios_otlp: %w", err)
	}
	if !on {
		return noop.NewTracerProvider(), nil
	}
	exporter, err := newExporter(context.Background(), set)
	if err != nil {
		return nil, fmt.Errorf("helios_otlp: making the exporter: %w", err)
	}
	p, err := newProvider(set, exporter, conf.Resources().Logger())
	if err != nil {
		return nil, fmt.Errorf("helios_otlp: %w", err)
	}
	otel.SetTextMapPropagator(propagation.TraceContext{})
	otel.SetErrorHandler(otel.ErrorHandlerFunc(p.failures.report))
	return p, nil
}

func parseSettings(conf *service.ParsedConfig) (s settings, on bool, err error) {
	var name, argument, endpoint string
	for field, text := range map[string]*string{
		ttFieldEndpoint: &endpoint, ttFieldProtocol: &s.protocol, ttFieldService: &s.service,
		ttFieldSampler: &name, ttFieldArgument: &argument, ttFieldExemplars: &s.address,
	} {
		if *text, err = conf.FieldString(field); err != nil {
			return s, false, err
		}
	}
	if s.sampler, err = spans.ParseSampler(name, argument); err != nil {
		return s, false, err
	}
	if s.most, err = conf.FieldFloat(ttFieldMost); err != nil {
		return s, false, err
	}
	if s.most < 0 {
		return s, false, fmt.Errorf("%s is %v; 0 or more is allowed, for example 200", ttFieldMost, s.most)
	}
	if s.protocol != protocolGRPC && s.protocol != protocolHTTP {
		return s, false, fmt.Errorf("%s is %q; %s and %s are allowed", ttFieldProtocol, s.protocol, protocolGRPC, protocolHTTP)
	}
	s.version = conf.EngineVersion()
	if strings.EqualFold(os.Getenv(envDisabled), "true") || os.Getenv(envExporter) == "none" {
		return s, false, nil
	}
	if os.Getenv(envTracesEndpoint) != "" {
		return s, true, nil
	}
	if endpoint == "" {
		return s, false, nil
	}
	s.endpoint, err = parseEndpoint(endpoint)
	return s, true, err
}

// parseEndpoint checks the URL. Errors don't show it: some carry a key.
func parseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s is no URL; http://host:4317 or https://host:4317 is required", ttFieldEndpoint)
	}
	return u, nil
}

func newExporter(ctx context.Context, set settings) (sdk.SpanExporter, error) {
	if set.protocol == protocolHTTP {
		var options []otlptracehttp.Option
		if set.endpoint != nil {
			options = append(options, otlptracehttp.WithEndpointURL(set.endpoint.JoinPath("v1", "traces").String()))
		}
		return otlptrace.New(ctx, otlptracehttp.NewClient(options...))
	}
	var options []otlptracegrpc.Option
	if set.endpoint != nil {
		options = append(options, otlptracegrpc.WithEndpointURL(set.endpoint.String()))
	}
	return otlptrace.New(ctx, otlptracegrpc.NewClient(options...))
}

// origin describes the process. What the environment says about it counts less
// than the name in the config, which has its default from there.
func origin(set settings) (*resource.Resource, error) {
	r, err := resource.New(context.Background(), resource.WithTelemetrySDK(), resource.WithFromEnv(), resource.WithAttributes(
		attribute.String("service.name", cmp.Or(set.service, "helios")), attribute.String("service.version", set.version)))
	if errors.Is(err, resource.ErrPartialResource) {
		return r, nil
	}
	return r, err
}

func init() {
	service.MustRegisterOtelTracerProvider("helios_otlp", tracerSpec(), newTracerFromConfig)
}

// listen opens the address of the exemplars, which only this machine reaches
// unless it says otherwise.
func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", ttFieldExemplars, address, err)
	}
	return l, nil
}
