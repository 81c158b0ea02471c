// Package otlptest is a collector for tests: it takes spans by OTLP, over gRPC
// or HTTP, and keeps them.
package otlptest

import (
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// Span is what tests look at.
type Span struct {
	Name, TraceID, ID, Parent string
	Scope                     string
	Service                   string
	Attributes                map[string]string
	Links                     []Link
	Status                    *trace.Status
	Events                    int
	Start, End                uint64 // Unix nanoseconds
}

// Link is a link of a span.
type Link struct {
	TraceID, ID string
	Attributes  map[string]string
}

// Collector keeps the spans that it is sent.
type Collector struct {
	collector.UnimplementedTraceServiceServer
	// URL is the endpoint.
	URL string

	mu      sync.Mutex
	spans   []Span
	headers []map[string][]string
}

// StartGRPC starts a collector for the time of a test.
func StartGRPC(t testing.TB) *Collector {
	t.Helper()
	l := listen(t)
	c := &Collector{URL: "http://" + l.Addr().String()}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, c)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-ended
	})
	return c
}

// StartHTTP starts a collector that speaks OTLP over HTTP.
func StartHTTP(t testing.TB) *Collector {
	t.Helper()
	l := listen(t)
	c := &Collector{URL: "http://" + l.Addr().String()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", c.serveHTTP)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return c
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening for spans: %v", err)
	}
	return l
}

// Export implements the service of OTLP.
func (c *Collector) Export(ctx context.Context, req *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	c.take(req, headers)
	return &collector.ExportTraceServiceResponse{}, nil
}

func (c *Collector) serveHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var req collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &req)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.take(&req, r.Header)
	answer, _ := proto.Marshal(&collector.ExportTraceServiceResponse{})
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

func (c *Collector) take(req *collector.ExportTraceServiceRequest, headers map[string][]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = append(c.headers, headers)
	for _, resource := range req.ResourceSpans {
		service := attributes(resource.Resource.Attributes)["service.name"]
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				span := Span{
					Name: s.Name, TraceID: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId),
					Scope: scope.Scope.Name, Service: service, Attributes: attributes(s.Attributes), Status: s.Status, Events: len(s.Events),
					Start: s.StartTimeUnixNano, End: s.EndTimeUnixNano,
				}
				for _, l := range s.Links {
					span.Links = append(span.Links, Link{hex.EncodeToString(l.TraceId), hex.EncodeToString(l.SpanId), attributes(l.Attributes)})
				}
				c.spans = append(c.spans, span)
			}
		}
	}
}

func attributes(list []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range list {
		switch v := kv.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			out[kv.Key] = v.StringValue
		default:
			out[kv.Key] = kv.Value.String()
		}
	}
	return out
}

// Spans returns what came so far, in the order of their beginnings.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	spans := slices.Clone(c.spans)
	slices.SortStableFunc(spans, func(a, b Span) int { return int(int64(a.Start) - int64(b.Start)) })
	return spans
}

// Headers returns the headers of the requests.
func (c *Collector) Headers() []map[string][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.headers)
}

// Named returns the spans of that name, and of the trace unless it is empty.
func (c *Collector) Named(name, traceID string) (found []Span) {
	for _, s := range c.Spans() {
		if s.Name == name && (traceID == "" || s.TraceID == traceID) {
			found = append(found, s)
		}
	}
	return found
}
