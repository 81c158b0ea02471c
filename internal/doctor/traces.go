package doctor

import (
	"context"
	"net/url"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/helios-connect/helios/plugins/tracing"
)

// checkTraces sends the collector a request without spans.
func checkTraces(ctx context.Context, r *run) {
	endpoint, protocol := r.get("OTEL_EXPORTER_OTLP_ENDPOINT"), r.get("OTEL_EXPORTER_OTLP_PROTOCOL")
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		r.fail("settings", "the form is http://localhost:4317, or https:// with TLS", "OTEL_EXPORTER_OTLP_ENDPOINT is no URL")
		return
	}
	if err := tracing.Probe(ctx, endpoint, protocol); err != nil {
		r.failWith("reach and sign-in", tracesDiagnosis(u.Host, protocol, err))
		return
	}
	r.ok("reach and sign-in", "the collector at %s takes spans by %s", u.Host, protocol)
}

func tracesDiagnosis(at, protocol string, err error) diagnosis {
	if d, ok := network(at, err); ok {
		return d
	}
	text := err.Error()
	code := status.Code(err)
	switch {
	case code == codes.Unauthenticated || code == codes.PermissionDenied || strings.Contains(text, "401") || strings.Contains(text, "403"):
		return diagnosis{at + " does not let Helios in", "correct the key in OTEL_EXPORTER_OTLP_HEADERS; spaces in it are %20"}
	case strings.Contains(text, "connection refused"):
		return diagnosis{"nothing listens at " + at, "start the collector, or correct the port: 4317 for grpc, 4318 for http/protobuf. Events pass without it, untraced"}
	case strings.Contains(text, "404") || code == codes.Unimplemented || strings.Contains(text, "malformed HTTP"):
		return diagnosis{at + " takes no traces by " + protocol + ": " + text, "see whether the port is that of OTEL_EXPORTER_OTLP_PROTOCOL: 4317 for grpc, 4318 for http/protobuf"}
	}
	return diagnosis{text, "see the collector's log. Events pass without it, untraced"}
}
