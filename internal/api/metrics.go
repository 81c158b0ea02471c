package api

import (
	"bufio"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/helios-connect/helios/internal/api/live"
	"github.com/helios-connect/helios/plugins/telemetry"
)

// metrics of one API, in a registry of their own.
type metrics struct {
	registry *prometheus.Registry

	requests                           *prometheus.CounterVec
	latency                            *prometheus.HistogramVec
	clients                            *prometheus.GaugeVec
	up                                 *prometheus.GaugeVec
	sent, dropped, sampled, unreadable *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(metric telemetry.Metric) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: metric.Name, Help: metric.Help}, metric.Labels)
		m.registry.MustRegister(c)
		return c
	}
	gauge := func(metric telemetry.Metric) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: metric.Name, Help: metric.Help}, metric.Labels)
		m.registry.MustRegister(g)
		return g
	}
	m.requests = counter(telemetry.APIRequests)
	m.latency = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: telemetry.APIRequestLatency.Name, Help: telemetry.APIRequestLatency.Help, Buckets: prometheus.DefBuckets,
	}, telemetry.APIRequestLatency.Labels)
	m.registry.MustRegister(m.latency)
	m.clients, m.up = gauge(telemetry.APIClients), gauge(telemetry.APIDependencyUp)
	m.sent, m.dropped = counter(telemetry.APISent), counter(telemetry.APIDropped)
	m.sampled, m.unreadable = counter(telemetry.APISampled), counter(telemetry.APIUnreadable)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// Series exist from the start, so that a rate over them sees the first one.
	for _, stream := range []live.Stream{live.Events, live.Verdicts} {
		m.clients.WithLabelValues(stream.String()).Set(0)
		for _, c := range []*prometheus.CounterVec{m.sent, m.dropped, m.sampled, m.unreadable} {
			c.WithLabelValues(stream.String())
		}
	}
	return m
}

// Dropped implements live.Counter.
func (m *metrics) Dropped(s live.Stream) { m.dropped.WithLabelValues(s.String()).Inc() }

// Sampled implements live.Counter.
func (m *metrics) Sampled(s live.Stream) { m.sampled.WithLabelValues(s.String()).Inc() }

// Unreadable implements live.Counter.
func (m *metrics) Unreadable(s live.Stream) { m.unreadable.WithLabelValues(s.String()).Inc() }

// Clients implements live.Counter.
func (m *metrics) Clients(s live.Stream, n int) {
	m.clients.WithLabelValues(s.String()).Set(float64(n))
}

// answered counts a request. How long a stream was open is no latency.
func (m *metrics) answered(route string, noted *recorder, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(noted.code)).Inc()
	if noted.code != http.StatusSwitchingProtocols {
		m.latency.WithLabelValues(route).Observe(took.Seconds())
	}
}

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	code int
}

// Hijack lets a WebSocket take the connection over.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil {
		r.code = http.StatusSwitchingProtocols
	}
	return conn, buffered, err
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
