package demo

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/telemetry"
)

func TestMetricsAreAddedUpOverStreams(t *testing.T) {
	registry := prometheus.NewRegistry()
	all := promauto.With(registry)
	all.NewCounter(prometheus.CounterOpts{Name: "input_received", Help: "Of Redpanda Connect, and not asked for."}).Inc()
	count := all.NewCounterVec(prometheus.CounterOpts{Name: "helios_seen_total"}, []string{"participant", "stream"})
	count.WithLabelValues("aws", "a").Add(3)
	count.WithLabelValues("aws", "b").Add(4)
	count.WithLabelValues("gcp", "b").Add(10)
	took := all.NewHistogram(prometheus.HistogramOpts{Name: "helios_wait_seconds", Buckets: []float64{1, 2, 4}})
	for seconds, n := range map[float64]int{0.5: 50, 1.5: 40, 3: 9, 5: 1} {
		for range n {
			took.Observe(seconds)
		}
	}
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()
	seen, wait := telemetry.Metric{Name: "helios_seen_total"}, telemetry.Metric{Name: "helios_wait_seconds"}
	m, err := scrape(context.Background(), strings.TrimPrefix(server.URL, "http://"), []telemetry.Metric{seen, wait})
	require.NoError(t, err)
	require.Len(t, m, 2, "only what was asked for")

	require.EqualValues(t, 17, m.sum(seen))
	require.EqualValues(t, 7, m.sum(seen, "participant", "aws"))
	require.EqualValues(t, 4, m.sum(seen, "participant", "aws", "stream", "b"))
	require.Equal(t, map[string]int64{"aws": 7, "gcp": 10}, m.by(seen, "participant"))
	require.Zero(t, m.sum(telemetry.Metric{Name: "helios_unknown"}))

	require.InDelta(t, 1, m.quantile(wait, 0.5), 1e-9)
	require.InDelta(t, 1.5, m.quantile(wait, 0.7), 1e-9)
	require.InDelta(t, 4, m.quantile(wait, 0.999), 1e-9, "beyond the last bound only the bound is known")
}
