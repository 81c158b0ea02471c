package grafana

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/pgtest"
	"github.com/helios-connect/helios/plugins/telemetry"
	"github.com/helios-connect/helios/tests/program"
)

// surroundings are what a second process of Helios works with, and what goes
// wrong around it: a database that locks up and then ends, a registry that goes
// away, a sender without the key, a service that answers slowly or not at all.
type surroundings struct {
	metrics  *prometheus // of the second process, and what the test exports itself
	database *pgtest.Server
	dsn      string
	registry *embedded.Registry
	webhook  string
}

// streamsOf are the second process's: each meets one fault. Those that write to
// the store do so a few times a second, so that the one batch that meets a lock
// is more than 1 % of all.
const streamsOf = `
store:
  input:
    label: behind
    redpanda:
      seed_brokers: [ %[1]q ]
      topics: [ helios.events ]
      consumer_group: store-that-is-behind
      unordered_processing: { enabled: true, checkpoint_limit: 800, batching: { count: 400, period: 500ms } }
  output:
    helios_store: { dsn: %[2]q, kind: events }
refused:
  input:
    generate: { interval: 1s, mapping: 'root = "no event"' }
  output:
    fallback: [ { helios_store: { dsn: "sqlite://%[3]s/refused.db", kind: events } }, { drop: {} } ]
pressure:
  input:
    generate:
      interval: 10ms
      mapping: 'root = {"specversion": "1.0", "id": uuid_v4(), "source": "test", "type": "pressed", "time": now(), "ingesttime": now(), "tenant": "acme", "participant": "aws", "cloud": "aws", "correlationid": uuid_v4(), "data": {}}'
  buffer:
    helios_reconcile:
      max_open: 5
      hold_acks: false
      idle_timeout: 1m
      expectations: [ { name: pressed, expect: [ aws, gcp ], window: 20s, allowed_lateness: 1s } ]
  output: { drop: {} }
redelivered:
  input:
    helios_dedupe:
      backend: memory
      input:
        generate:
          interval: 20ms
          mapping: 'root = {"specversion": "1.0", "id": "one", "source": "test", "type": "t", "cloud": "aws", "tenant": "acme"}'
  output: { drop: {} }
batched:
  input:
    generate: { interval: 100ms, batch_size: 2000, mapping: 'root = "x"' }
  pipeline:
    processors: [ { mapping: 'root = content().string().number()' } ]
  output: { drop: {} }
made-up:
  input:
    generate:
      interval: 20ms
      mapping: 'root = {"specversion": "1.0", "id": uuid_v4(), "source": "test", "type": "t", "time": now(), "data": {"order_id": "1", "tenant": "\"" + uuid_v4()}}'
  pipeline:
    processors: [ { helios_canonical: { cloud: aws, correlation: [ { paths: [ data.order_id ] } ], tenant: [ { paths: [ data.tenant ] } ] } } ]
  output: { drop: {} }
slow:
  input:
    helios_webhook:
      address: %[4]q
      paths: [ { path: /gcp, name: slow, sender: pubsub_push, auth: { api_key: { query: code, keys: [ right ] } } } ]
  output:
    http_client: { url: %[5]q, verb: POST, retries: 0, max_in_flight: 8, timeout: 20s }
lost:
  input:
    socket: { network: tcp, address: %[6]q }
  output: { drop: {} }
contracts:
  input:
    generate:
      interval: 500ms
      mapping: 'root = {"specversion": "1.0", "id": "1", "source": "test", "type": "t", "tenant": "acme", "data": {}}'
  pipeline:
    processors: [ { helios_schema: { registry: { url: %[7]q, refresh: 1s } } } ]
  output: { drop: {} }
`

// surround starts the second process, on the log of the first.
func surround(t *testing.T, brokers string) *surroundings {
	t.Helper()
	dir := t.TempDir()
	address := program.FreeAddress(t)
	s := &surroundings{database: pgtest.StartServer(t), registry: embedded.StartRegistry(), webhook: program.FreeAddress(t)}
	s.dsn = s.database.Database(t)
	t.Cleanup(func() { s.registry.Close() })
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(6 * time.Second):
			w.WriteHeader(http.StatusInternalServerError)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(slow.Close)
	files := fmt.Sprintf(streamsOf, brokers, s.dsn, dir, s.webhook, slow.URL, hangingUp(t), s.registry.URL())
	args := []string{"streams", "-o", filepath.Join(dir, "service")}
	config := "http: { address: " + address + " }\nmetrics: { prometheus: { use_histogram_timing: true, add_process_metrics: true, add_go_metrics: true, " +
		"histogram_buckets: [ 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 20 ] } }\nlogger: { level: ERROR }\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "service"), []byte(config), 0o600))
	var streams map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(files), &streams))
	for name, stream := range streams {
		text, err := yaml.Marshal(stream)
		require.NoError(t, err)
		path := filepath.Join(dir, name+".yaml")
		require.NoError(t, os.WriteFile(path, text, 0o600))
		args = append(args, path)
	}
	p := &program.Process{Binary: binary, Args: args, Ready: "http://" + address + "/metrics"}
	p.Start(t)
	t.Cleanup(p.Kill)
	s.metrics = startPrometheus(t, address, exported(t))
	return s
}

// hangingUp returns an address at which every call is taken and ended at once.
func hangingUp(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// exported is what no run of Helios can be made to do in a minute, exported by
// the test itself: events that vanish in ingest, and verdicts that take longer
// than five minutes.
func exported(t *testing.T) string {
	labels := func(m telemetry.Metric) []string { return append([]string{telemetry.LabelStream}, m.Labels...) }
	received := client.NewCounterVec(client.CounterOpts{Name: telemetry.CanonicalReceived.Name}, labels(telemetry.CanonicalReceived))
	delay := client.NewHistogramVec(client.HistogramOpts{Name: telemetry.ReconcileDelay.Name, Buckets: []float64{0.5, 300, 1800}}, labels(telemetry.ReconcileDelay))
	registry := client.NewRegistry()
	registry.MustRegister(received, delay)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received.WithLabelValues("ingest-aws", "aws", "acme").Add(10)
		delay.WithLabelValues("reconcile").Observe(900)
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// goWrong makes everything around the second process fail, and a person delete a
// contract of the first. It returns when all of it can be seen.
func (s *surroundings) goWrong(t *testing.T, first *demoRun) {
	t.Helper()
	p := s.metrics
	p.awaitData(t, telemetry.StoreRowsStored.Name+`{stream="store"} > 0`)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.dsn)
	require.NoError(t, err)
	lock, err := conn.Begin(ctx)
	require.NoError(t, err)
	_, err = lock.Exec(ctx, "LOCK TABLE helios_events IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	locked := time.Now()
	s.registry.Close()
	s.knock(t)
	s.idle(t, first.address)
	request, err := http.NewRequest(http.MethodDelete, first.registry+"/subjects/com.example.order.shipped", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s", body)
	// Nothing is read while the table is locked: the rest of the log waits.
	p.awaitData(t, `sum(kafka_lag{stream="store"}) > 500`)
	time.Sleep(time.Until(locked.Add(6 * time.Second))) // the length of the fault
	require.NoError(t, lock.Rollback(ctx))
	_ = conn.Close(ctx)
	p.awaitData(t, `histogram_quantile(1, sum by (le) (`+telemetry.StoreBatchLatency.Name+`_bucket{stream="store"})) > 5`)
	p.awaitData(t, `sum(`+telemetry.ConnectOutputErrors.Name+`{stream="slow"}) > 0`)
	s.database.Kill(t)
	p.awaitData(t, `sum(`+telemetry.StoreUnavailable.Name+`{stream="store"}) > 0`)
}

// recover brings the database back. Meanwhile the other pipelines of the process
// went on, and the one that writes to it waited with its events.
func (s *surroundings) recover(t *testing.T) {
	t.Helper()
	s.metrics.awaitData(t, `sum(rate(`+telemetry.ConnectInputReceived.Name+`{stream="batched"}[5s])) > 0`)
	s.database.Restart(t)
	s.metrics.awaitData(t, `sum(increase(`+telemetry.StoreRowsStored.Name+`{stream="store"}[5s])) > 0`)
}

// knock sends events to the webhook, whose output is slow, and some without the
// key.
func (s *surroundings) knock(t *testing.T) {
	const body = `{"message": {"data": "e30=", "messageId": "1", "publishTime": "2026-01-01T00:00:00Z"}, "subscription": "projects/p/subscriptions/s"}`
	for i := range 80 {
		key := "right"
		if i%8 == 0 {
			key = "wrong"
		}
		go func() {
			resp, err := http.Post("http://"+s.webhook+"/gcp?code="+key, "application/json", strings.NewReader(body))
			if err == nil {
				resp.Body.Close()
			}
		}()
	}
}

// idleConnections are more than a fifth of a demo's goroutines and files.
const idleConnections = 500

// idle opens connections that nobody uses.
func (s *surroundings) idle(t *testing.T, address string) {
	for range idleConnections {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
}
