package doctor

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/helios-connect/helios/internal/otlptest"
)

func TestTheCollectorOfTracesIsAsked(t *testing.T) {
	const endpoint, protocol = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"
	overHTTP := otlptest.StartHTTP(t)
	want(t, ask(t, env{endpoint: otlptest.StartGRPC(t).URL}, Options{}, "traces"), "reach and sign-in", OK, "takes spans by grpc")
	want(t, ask(t, env{endpoint: overHTTP.URL, protocol: "http/protobuf"}, Options{}, "traces"), "reach and sign-in", OK, "takes spans by http/protobuf")

	locked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(locked.Close)
	want(t, ask(t, env{endpoint: locked.URL, protocol: "http/protobuf"}, Options{}, "traces"), "reach and sign-in", Failed, "OTEL_EXPORTER_OTLP_HEADERS")

	want(t, ask(t, env{endpoint: "http://" + nobody}, Options{}, "traces"), "reach and sign-in", Failed, "nothing listens")
	want(t, ask(t, env{endpoint: "http://" + nobody, protocol: "http/protobuf"}, Options{}, "traces"), "reach and sign-in", Failed, "nothing listens")
	want(t, ask(t, env{endpoint: "localhost"}, Options{}, "traces"), "settings", Failed, "no URL")
}
