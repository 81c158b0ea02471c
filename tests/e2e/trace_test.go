package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/otlptest"
	"github.com/helios-connect/helios/plugins/event"
	"github.com/helios-connect/helios/tests/ingest"
	"github.com/helios-connect/helios/tests/program"
)

// traced is a running Helios with every pipeline that an event passes, a webhook
// for the events, and a collector for the spans.
type traced struct {
	t       *testing.T
	webhook string
	store   string
	broker  *ingest.Broker
	process *program.Process
	log     func() string
}

const tracedExpectations = `
- name: orders
  types: ["com.example.order.*"]
  expect: [aws, gcp, azure]
  window: 60s
  compare: [ {field: data.amount} ]
`

const tracedContract = `{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"amount": {"type": "number"}}}`

func startTraced(t *testing.T, env ...string) *traced {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	at := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
	dir := t.TempDir()
	expectations := filepath.Join(dir, "orders.yaml")
	require.NoError(t, os.WriteFile(expectations, []byte(tracedExpectations), 0o600))
	contracts := filepath.Join(dir, "contracts")
	require.NoError(t, os.Mkdir(contracts, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(contracts, "com.example.order.cancelled.json"), []byte(tracedContract), 0o600))
	admin := program.FreeAddress(t)
	tr := &traced{t: t, webhook: "http://" + program.FreeAddress(t) + "/events?code=secret-of-the-sender", store: filepath.Join(dir, "store.db"), broker: ingest.StartBroker(t)}
	address := strings.TrimPrefix(strings.SplitN(tr.webhook, "/events", 2)[0], "http://")
	tr.process = &program.Process{
		Binary: binary, Ready: "http://" + admin + "/ready",
		Args: []string{"streams", "-o", at("config/service.yaml"), "-r", at("config/log.yaml"), "-r", at("config/contracts.yaml"), "-r", at("config/production.yaml"),
			at("pipelines/ingest-webhook.yaml"), at("pipelines/reconcile.yaml"), at("pipelines/store-events.yaml"), at("pipelines/store-verdicts.yaml")},
		Env: append([]string{
			"HELIOS_HTTP_ADDRESS=" + admin, "HELIOS_KAFKA_BROKERS=" + tr.broker.Addrs()[0], "HELIOS_LOG_FILE=", "HELIOS_EXPECTATIONS=" + expectations,
			"HELIOS_STORE_DSN=sqlite://" + tr.store, "HELIOS_SCHEMA_FOLDER=" + contracts, "HELIOS_DEDUPE=memory",
			"HELIOS_WEBHOOK_ADDRESS=" + address,
			"HELIOS_WEBHOOK_PATHS=[{path: /events, name: shop, sender: cloudevents, cloudevents: {origins: [example.com]}, auth: {api_key: {query: code, keys: [secret-of-the-sender]}}}]",
			"OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_EXPORTER_OTLP_TIMEOUT=1000",
		}, env...),
	}
	tr.process.Start(t)
	t.Cleanup(tr.process.Kill)
	tr.log = tr.process.Log
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(tr.log())
		}
	})
	require.Eventually(t, func() bool { // a wrapped input listens only when it is read
		conn, err := net.Dial("tcp", address)
		if err == nil {
			err = conn.Close()
		}
		return err == nil
	}, 30*time.Second, 20*time.Millisecond, "the webhook does not listen")
	return tr
}

// send posts an order's event and demands the answer.
func (tr *traced) send(cloud, order, amount string, status int, header map[string]string, attributes string) {
	tr.t.Helper()
	body := fmt.Sprintf(`{"specversion":"1.0","id":"%s-%s","source":"/shop/%s","type":"com.example.order.cancelled","time":%q,"subject":%q,"cloud":%q,%s"data":%s}`,
		cloud, order, cloud, time.Now().UTC().Format(time.RFC3339Nano), order, cloud, attributes, orderData(tr.t, order, amount))
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, tr.webhook, bytes.NewReader([]byte(body)))
	require.NoError(tr.t, err)
	req.Header.Set("Content-Type", "application/cloudevents+json")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(tr.t, err)
	require.NoError(tr.t, resp.Body.Close())
	require.Equal(tr.t, status, resp.StatusCode)
}

// orderData is a payload that keeps its contract, with something in it that must
// show in no span.
func orderData(t *testing.T, order, amount string) string {
	t.Helper()
	return fmt.Sprintf(`{"order_id":%q,"amount":%s,"currency":"EUR","status":"cancelled","reason":"%s"}`, order, amount, confidential)
}

const confidential = "told in confidence"

// await polls until the collector has as many spans of a name in a trace.
func (tr *traced) await(c *otlptest.Collector, name, id string, count int) []otlptest.Span {
	tr.t.Helper()
	require.Eventually(tr.t, func() bool { return len(c.Named(name, id)) >= count }, 30*time.Second, 20*time.Millisecond, "%d spans %s; there are: %v\n%s", count, name, names(c), tr.log())
	found := c.Named(name, id)
	require.Len(tr.t, found, count, name)
	return found
}

func names(c *otlptest.Collector) (all []string) {
	for _, s := range c.Spans() {
		all = append(all, s.Name+" "+s.TraceID)
	}
	return all
}

func (tr *traced) query(text string, into ...any) {
	tr.t.Helper()
	db, err := sql.Open("sqlite", "file:"+tr.store+"?mode=ro")
	require.NoError(tr.t, err)
	defer db.Close()
	require.NoError(tr.t, db.QueryRow(text).Scan(into...))
}

var clouds = []string{"aws", "gcp", "azure"}

// One trace runs from the producer's traceparent through every stage.
func TestATraceLeadsFromTheProducerThroughEveryStageIntoTheStore(t *testing.T) {
	t.Parallel()
	collector := otlptest.StartGRPC(t)
	tr := startTraced(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_EXPORTER_OTLP_HEADERS=x-key=key-of-the-backend", "OTEL_SERVICE_NAME=helios-e2e", "OTEL_TRACES_SAMPLER_ARG=0")
	producer := map[string]string{"aws": "0af7651916cd43dd8448eb211c80319a", "gcp": "0af7651916cd43dd8448eb211c80319b", "azure": "0af7651916cd43dd8448eb211c80319c"}
	// The clouds' producers say it in two ways: as a header, and in the event.
	tr.send("aws", "ord-1", "10", 200, map[string]string{"Traceparent": "00-" + producer["aws"] + "-b7ad6b7169203331-01"}, "")
	tr.send("gcp", "ord-1", "10", 200, nil, `"traceparent":"00-`+producer["gcp"]+`-b7ad6b7169203331-01",`)
	tr.send("azure", "ord-1", "11", 200, map[string]string{"Traceparent": "00-" + producer["azure"] + "-b7ad6b7169203331-01"}, "")

	logged := map[string]otlptest.Span{}
	for _, cloud := range clouds {
		id := producer[cloud]
		receive := tr.await(collector, "receive", id, 1)[0]
		require.Equal(t, "b7ad6b7169203331", receive.Parent, "the producer's span")
		for _, stage := range []string{"canonicalise", "dedupe", "validate", "log"} {
			s := tr.await(collector, stage, id, 1)[0]
			require.Equal(t, receive.ID, s.Parent, stage)
			require.GreaterOrEqual(t, s.Start, receive.Start, stage)
			require.LessOrEqual(t, s.End, receive.End, stage)
			logged[cloud] = s
		}
		require.Equal(t, cloud, receive.Attributes["helios.cloud"])
		require.Equal(t, "com.example.order.cancelled", receive.Attributes["helios.type"])
		stored := func() bool {
			for _, s := range collector.Named("store", id) {
				if s.Parent == logged[cloud].ID && s.Attributes["helios.table"] == "helios_events" {
					return true
				}
			}
			return false
		}
		require.Eventually(t, stored, 30*time.Second, 20*time.Millisecond, cloud)
	}

	verdict := tr.await(collector, "verdict", producer["aws"], 1)[0]
	require.Equal(t, logged["aws"].ID, verdict.Parent, "the first event")
	linked := map[string]string{}
	for _, l := range verdict.Links {
		linked[l.Attributes["helios.cloud"]] = l.TraceID + "/" + l.ID
	}
	want := map[string]string{}
	for _, cloud := range clouds {
		want[cloud] = producer[cloud] + "/" + logged[cloud].ID
	}
	require.Equal(t, want, linked)
	require.Equal(t, "mismatched", verdict.Attributes["helios.outcome"])
	require.Eventually(t, func() bool {
		for _, s := range collector.Named("store", producer["aws"]) {
			if s.Parent == verdict.ID && s.Attributes["helios.table"] == "helios_verdict_history" {
				return true
			}
		}
		return false
	}, 30*time.Second, 20*time.Millisecond)

	var raw string
	tr.query(`SELECT verdict FROM helios_verdicts`, &raw)
	var doc struct{ ID, TraceParent string }
	require.NoError(t, json.Unmarshal([]byte(raw), &doc))
	require.Equal(t, "00-"+producer["aws"]+"-"+verdict.ID+"-01", doc.TraceParent)
	require.Equal(t, doc.ID, verdict.Attributes["helios.fact"])
	checkSpans(t, collector)
	require.NotContains(t, tr.log(), "key-of-the-backend")
	for _, h := range collector.Headers() {
		require.Equal(t, []string{"key-of-the-backend"}, h["x-key"])
	}
}

// checkSpans checks what holds for every span.
func checkSpans(t *testing.T, c *otlptest.Collector) {
	t.Helper()
	for _, s := range c.Spans() {
		require.NotEmpty(t, s.Status.Message, s.Name)
		require.Equal(t, "helios-e2e", s.Service)
		for name, value := range s.Attributes {
			for _, secret := range []string{confidential, "secret-of-the-sender", "key-of-the-backend", "ord-1"} {
				require.NotContains(t, value, secret, "%s of %s", name, s.Name)
			}
		}
		require.Zero(t, s.Events)
	}
}

// Events without a trace get that of their fact, so that all clouds' are in one,
// whose id is the verdict's.
func TestTheEventsOfAFactThatBringNoTraceShareOne(t *testing.T) {
	t.Parallel()
	collector := otlptest.StartHTTP(t)
	tr := startTraced(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_SERVICE_NAME=helios-e2e", "OTEL_TRACES_SAMPLER_ARG=1")
	fact := event.FactID("default", "com.example.order.cancelled", "ord-1")
	id := fmt.Sprintf("%x", fact)
	hostile := map[string]string{
		"aws": "00-00000000000000000000000000000000-b7ad6b7169203331-01", "gcp": strings.Repeat("x", 2_000), "azure": `00-"><script>' OR 1=1;--`,
	}
	for _, cloud := range clouds {
		tr.send(cloud, "ord-1", "10", 200, map[string]string{"Traceparent": hostile[cloud]}, "")
	}
	tr.send("aws", "ord-1", "10", 200, nil, "") // again: a duplicate
	verdict := tr.await(collector, "verdict", id, 1)[0]
	require.Equal(t, "matched", verdict.Attributes["helios.outcome"])
	require.Len(t, verdict.Links, 3)
	received := tr.await(collector, "receive", id, 4)
	outcomes := map[string]int{}
	for _, s := range received {
		require.Empty(t, s.Parent)
		outcomes[s.Attributes["helios.outcome"]]++
	}
	require.Equal(t, map[string]int{"ok": 3, "duplicate": 1}, outcomes)
	checkSpans(t, collector)
	for _, r := range tr.broker.Records(t, embedded.TopicEvents) {
		var e struct{ TraceParent string }
		require.NoError(t, json.Unmarshal(r.Value, &e))
		require.True(t, strings.HasPrefix(e.TraceParent, "00-"+id+"-"), e.TraceParent)
		require.True(t, strings.HasPrefix(header(r, "traceparent"), "00-"+id+"-"), header(r, "traceparent"))
	}
}

// What breaks its contract is a dead letter in its trace, and says no more of
// itself than the reason.
func TestTheTraceOfARefusedEventEndsAtTheDeadLetters(t *testing.T) {
	t.Parallel()
	collector := otlptest.StartGRPC(t)
	tr := startTraced(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_SERVICE_NAME=helios-e2e")
	const id = "0af7651916cd43dd8448eb211c80319a"
	tr.send("aws", "ord-1", `"much"`, 200, map[string]string{"Traceparent": "00-" + id + "-b7ad6b7169203331-01"}, "")
	letter := tr.await(collector, "dead-letter", id, 1)[0]
	require.Equal(t, "contract", letter.Status.Message)
	require.Equal(t, "contract", tr.await(collector, "receive", id, 1)[0].Attributes["helios.outcome"])
	letters := tr.broker.Records(t, embedded.TopicDLQ)
	require.Len(t, letters, 1)
	require.Equal(t, "00-"+id+"-"+letter.ID+"-01", header(letters[0], "traceparent"))
	checkSpans(t, collector)
}

// A collector that is not there is nobody's business but the counter's.
func TestEventsPassWhileTheCollectorIsDown(t *testing.T) {
	t.Parallel()
	tr := startTraced(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+program.FreeAddress(t), "OTEL_TRACES_SAMPLER=always_on")
	for _, cloud := range clouds {
		tr.send(cloud, "ord-1", "10", 200, nil, "")
	}
	admin := strings.TrimSuffix(strings.TrimPrefix(tr.process.Ready, "http://"), "/ready")
	require.Eventually(t, func() bool {
		for _, line := range scraped(admin) {
			if strings.HasPrefix(line, "helios_trace_spans_dropped_total{") && strings.Contains(line, `reason="export_failed"`) && !strings.HasSuffix(line, " 0") {
				return true
			}
		}
		return false
	}, 60*time.Second, 50*time.Millisecond)
	require.Len(t, tr.broker.Records(t, embedded.TopicEvents), 3)
	require.Equal(t, 1, strings.Count(tr.log(), "thrown away"), "said once")
}
