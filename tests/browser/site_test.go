package browser

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/api"
	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/kafkaconn"
	"github.com/helios-connect/helios/internal/storetest"
	"github.com/helios-connect/helios/plugins/store/query"
	"github.com/helios-connect/helios/tests/program"
)

// site is an API with its pages, over a log and a store of its own.
type site struct {
	t       testing.TB
	conf    api.Config
	rows    *query.DB
	server  *api.Server
	address string
	dsn     string
	kafka   *embedded.Kafka
	client  *kgo.Client
	made    int
}

// serve starts a site over a store; token is what it demands, if not empty.
func serve(t testing.TB, dsn, token string) *site {
	t.Helper()
	kafka, err := embedded.StartKafka(context.Background(), embedded.KafkaConfig{Dir: t.TempDir(), Retention: time.Minute, DiskBytes: 64 << 20})
	require.NoError(t, err)
	t.Cleanup(kafka.Close)
	conn, err := kafkaconn.FromEnvironment(func(name string) string {
		return map[string]string{"HELIOS_KAFKA_BROKERS": kafka.Addrs()[0]}[name]
	})
	require.NoError(t, err)
	s := &site{t: t, dsn: dsn, kafka: kafka, address: program.FreeAddress(t)}
	s.rows, err = query.New(dsn)
	require.NoError(t, err)
	s.client, err = kgo.NewClient(kgo.SeedBrokers(kafka.Addrs()...), kgo.ProducerLinger(0))
	require.NoError(t, err)
	s.conf = api.Config{Access: api.Access{Address: s.address, Token: token}, Store: s.rows, Log: conn, Version: "test"}
	s.start()
	t.Cleanup(func() {
		s.stop()
		s.client.Close()
		require.NoError(t, s.rows.Close())
	})
	return s
}

func (s *site) start() {
	s.t.Helper()
	var err error
	s.server, err = api.New(s.conf)
	require.NoError(s.t, err)
	_, err = s.server.Start()
	require.NoError(s.t, err)
}

func (s *site) stop() {
	s.t.Helper()
	require.NoError(s.t, s.server.Close())
}

func (s *site) url(path string) string { return "http://" + s.address + path }

// get is what a path is answered with.
func (s *site) get(path string) string {
	s.t.Helper()
	resp, err := http.Get(s.url(path))
	require.NoError(s.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return string(body)
}

// log writes documents to a topic.
func (s *site) log(topic string, documents ...string) {
	s.t.Helper()
	records := make([]*kgo.Record, len(documents))
	for i, d := range documents {
		records[i] = &kgo.Record{Topic: topic, Value: []byte(d)}
	}
	require.NoError(s.t, s.client.ProduceSync(context.Background(), records...).FirstErr())
}

// event is one that was received now; members replace its own.
func (s *site) event(members map[string]any) string {
	s.made++
	now := time.Now().UTC().Format(time.RFC3339Nano)
	all := map[string]any{
		"id": fmt.Sprint("e-", s.made), "time": now, "ingesttime": now, "cloud": []string{"aws", "gcp", "azure"}[s.made%3],
		"correlationid": fmt.Sprint("ord-", s.made/3), "data": map[string]any{"amount": s.made, "currency": "EUR"},
	}
	for name, v := range members {
		all[name] = v
	}
	return storetest.Event(all)
}

// verdict is one that was decided now, about the fact with a number.
func verdict(fact int, members map[string]any) string {
	all := map[string]any{"decided_at": time.Now().UTC().Format(time.RFC3339Nano)}
	for name, v := range members {
		all[name] = v
	}
	return storetest.Verdict(fact, 1, 0, all)
}

// filled is a store with a fact whose clouds disagree, and others.
func filled(t testing.TB) (dsn string) {
	t.Helper()
	dsn = storetest.SQLite(t)
	now := time.Now().UTC()
	at := func(ago time.Duration) string { return now.Add(-ago).Format(time.RFC3339Nano) }
	storetest.Write(t, dsn, "events",
		storetest.Event(map[string]any{"id": "a", "time": at(time.Minute), "ingesttime": at(time.Minute), "data": map[string]any{"amount": 10, "currency": "EUR", "note": "same"}}),
		storetest.Event(map[string]any{"id": "g", "time": at(time.Minute), "ingesttime": at(time.Minute), "cloud": "gcp", "data": map[string]any{"amount": 12, "currency": "EUR", "note": "same"}}))
	storetest.Write(t, dsn, "verdicts",
		storetest.Verdict(1, 1, 0, map[string]any{"status": "missing", "missing": []string{"gcp"}, "present": []string{"aws"}, "diffs": []any{}, "decided_at": at(50 * time.Second)}),
		storetest.Verdict(1, 2, 0, map[string]any{"closed_by": "late_event", "decided_at": at(40 * time.Second)}),
		storetest.Verdict(2, 1, 0, map[string]any{"status": "missing", "missing": []string{"gcp"}, "present": []string{"aws"}, "diffs": []any{}, "decided_at": at(30 * time.Second)}),
		storetest.Verdict(3, 1, 0, map[string]any{"status": "matched", "diffs": []any{}, "decided_at": at(20 * time.Second)}))
	return dsn
}
