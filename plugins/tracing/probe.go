package tracing

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
)

// Probe asks a collector once, with a request without spans, whether it takes
// them, in the way that the tracer would send them.
func Probe(ctx context.Context, endpoint, protocol string) error {
	u, err := parseEndpoint(endpoint)
	if err != nil {
		return err
	}
	var client otlptrace.Client
	if protocol == protocolHTTP {
		client = otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(u.JoinPath("v1", "traces").String()),
			otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	} else {
		client = otlptracegrpc.NewClient(otlptracegrpc.WithEndpointURL(u.String()), otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}))
	}
	if err := client.Start(ctx); err != nil {
		return err
	}
	return errors.Join(client.UploadTraces(ctx, nil), client.Stop(ctx))
}
