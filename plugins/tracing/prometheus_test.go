package tracing

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/telemetry"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

// The real Prometheus, with the flag that docker-compose.yml gives it, keeps the
// exemplars and answers with them what Grafana asks.
func TestPrometheusKeepsTheExemplars(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil && os.Getenv("HELIOS_REQUIRE_SERVERS") == "1" {
		t.Fatal("prometheus is not installed, and HELIOS_REQUIRE_SERVERS=1 asks for it")
	}
	if err != nil {
		t.Skip("prometheus is not installed: skipped; HELIOS_REQUIRE_SERVERS=1 makes this a failure")
	}
	p := providerFrom(t, "{endpoint: 'http://127.0.0.1:1', sampler: always_on, exemplars_address: '127.0.0.1:0'}").(*provider)
	t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	began := time.Now()
	p.tracer.Receive([]byte(parent), spans.Event{Cloud: []byte("aws"), Key: []byte("k")}, began).Settled(true, began.Add(3*time.Millisecond))

	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "scrape_configs: [{job_name: helios, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{targets: [%q]}]}]", p.exemplars.at), 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	cmd := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--enable-feature=exemplar-storage", "--log.level=error")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	var answer struct {
		Data []struct {
			SeriesLabels map[string]string
			Exemplars    []struct{ Labels map[string]string }
		}
	}
	ask := "http://" + address + "/api/v1/query_exemplars?" + url.Values{
		"query": {telemetry.TraceStageTime.Name + `_bucket{stage="log"}`},
		"start": {began.Add(-time.Hour).Format(time.RFC3339)}, "end": {began.Add(time.Hour).Format(time.RFC3339)},
	}.Encode()
	client := http.Client{Timeout: 5 * time.Second}
	require.Eventually(t, func() bool {
		resp, err := client.Get(ask)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return json.NewDecoder(resp.Body).Decode(&answer) == nil && len(answer.Data) > 0
	}, 60*time.Second, 50*time.Millisecond)
	require.Equal(t, "aws", answer.Data[0].SeriesLabels["participant"])
	require.Equal(t, map[string]string{"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}, answer.Data[0].Exemplars[0].Labels)
}
