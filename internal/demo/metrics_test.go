package demo

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/telemetry"
)

const exposition = `
# HELP input_received Of Redpanda Connect, and not looked at.
# TYPE input_received counter
input_received{label="x"} 1
# TYPE helios_seen_total counter
helios_seen_total{participant="aws",stream="a"} 3
helios_seen_total{participant="aws",stream="b"} 4
helios_seen_total{participant="gcp",stream="b"} 10
# TYPE helios_wait_seconds histogram
helios_wait_seconds_bucket{stream="a",le="1"} 50
helios_wait_seconds_bucket{stream="a",le="2"} 90
helios_wait_seconds_bucket{stream="a",le="4"} 99
helios_wait_seconds_bucket{stream="a",le="+Inf"} 100
helios_wait_seconds_sum{stream="a"} 120
helios_wait_seconds_count{stream="a"} 100
`

func TestMetricsAreAddedUpOverStreams(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write([]byte(exposition))
		require.NoError(t, err)
	}))
	defer server.Close()
	seen, wait := telemetry.Metric{Name: "helios_seen_total"}, telemetry.Metric{Name: "helios_wait_seconds"}
	m, err := scrape(context.Background(), strings.TrimPrefix(server.URL, "http://"), []telemetry.Metric{seen, wait})
	require.NoError(t, err)
	require.Len(t, m, 2)

	require.EqualValues(t, 17, m.sum(seen))
	require.EqualValues(t, 7, m.sum(seen, "participant", "aws"))
	require.EqualValues(t, 4, m.sum(seen, "participant", "aws", "stream", "b"))
	require.Equal(t, map[string]int64{"aws": 7, "gcp": 10}, m.by(seen, "participant"))
	require.Zero(t, m.sum(telemetry.Metric{Name: "helios_unknown"}))

	require.InDelta(t, 1, m.quantile(wait, 0.5), 1e-9)
	require.InDelta(t, 1.5, m.quantile(wait, 0.7), 1e-9)
	require.InDelta(t, 4, m.quantile(wait, 0.999), 1e-9, "beyond the last bound only the bound is known")
}
