package tracing

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"

	"github.com/helios-connect/helios/plugins/telemetry"
)

// exemplars is the histogram of the traced stages, in a registry and at an
// address of its own: Redpanda Connect's timers take no exemplars, and its
// exporter does not speak OpenMetrics, the one text format that has them.
type exemplars struct {
	stages *prometheus.HistogramVec
	names  *telemetry.Bound // of participants
	server *http.Server
	ended  chan struct{}
	at     string
}

// maxParticipants bounds the series: stages times participants times buckets.
const maxParticipants = 100

func showExemplars(address string) (*exemplars, error) {
	l, err := listen(address)
	if err != nil {
		return nil, err
	}
	m := telemetry.TraceStageTime
	e := &exemplars{
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: m.Name, Help: m.Help,
			// As in config/service.yaml.
			Buckets: []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
		}, m.Labels),
		// What does not pass is counted by the processor that saw it first.
		names: telemetry.NewBound(maxParticipants, func() {}), ended: make(chan struct{}), at: l.Addr().String(),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(e.stages)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	e.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		defer close(e.ended)
		_ = e.server.Serve(l) // ends with close
	}()
	return e, nil
}

func (e *exemplars) observe(stage, cloud string, took time.Duration, of trace.TraceID) {
	if cloud != "" { // verdicts and the store have none
		cloud = e.names.Value(cloud)
	}
	e.stages.WithLabelValues(stage, cloud).(prometheus.ExemplarObserver).
		ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": of.String()})
}

func (e *exemplars) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if e.server.Shutdown(ctx) != nil {
		_ = e.server.Close()
	}
	<-e.ended
}
