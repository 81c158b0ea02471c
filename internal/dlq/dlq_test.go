package dlq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/kafkaconn"
	_ "github.com/helios-connect/helios/plugins/reconcile"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
)

func canonical(key, cloud string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"%s-%s","source":"/s","type":"order","time":"2026-11-23T10:00:00Z","cloud":%q,"tenant":"acme","correlationid":%q,"ingesttime":"2026-11-23T10:00:00Z","data":{"amount":1.50}}`, key, cloud, cloud, key)
}

const raw = `{"version":"0","id":"1","detail-type":"order","source":"shop","account":"123456789012","time":"2026-11-23T10:00:00Z","region":"eu","resources":[],"detail":{"order_id":"o-9"}}`

func letter(value, reason, stage, origin, attempt string) *kgo.Record {
	r := &kgo.Record{Topic: embedded.TopicDLQ, Partition: 0, Value: []byte(value)}
	for _, h := range [][2]string{{"reason", reason}, {"stage", stage}, {"detail", "why"}, {"origin", origin}, {"attempt", attempt}} {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "helios-" + h[0], Value: []byte(h[1])})
	}
	return r
}

func start(t *testing.T, letters ...*kgo.Record) kafkaconn.Connection {
	t.Helper()
	broker, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Partitions: 2, Retention: 24 * time.Hour})
	require.NoError(t, err)
	t.Cleanup(broker.Close)
	conn, err := kafkaconn.FromEnvironment(func(name string) string {
		return map[string]string{"HELIOS_KAFKA_BROKERS": broker.Addrs()[0]}[name]
	})
	require.NoError(t, err)
	produce(t, conn, letters...)
	return conn
}

func produce(t *testing.T, conn kafkaconn.Connection, records ...*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(append(conn.Options, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.ProduceSync(t.Context(), records...).FirstErr())
}

// sent is what lies in the events topic.
func sent(t *testing.T, conn kafkaconn.Connection) (values []string) {
	t.Helper()
	conn.Letters = conn.Events
	require.NoError(t, List(t.Context(), conn, Filter{}, func(l Letter) bool {
		values = append(values, string(l.Raw))
		return true
	}))
	return values
}

func replay() Replay {
	return Replay{Group: "g", MaxAttempts: 3, Report: func(Letter, int, error) {}}
}

func mixed() []*kgo.Record {
	return []*kgo.Record{
		letter(canonical("k", "aws"), "no_expectation", "reconcile", "helios.events/0/0", "1"),
		letter(raw, "unkeyed", "ingest", "aws", "2"),
		letter(`{"broken`, "unreadable", "ingest", "gcp", "1"),
		letter(canonical("c", "aws"), "too_late", "reconcile", "helios.events/0/1", "3"),
	}
}

func TestFiltersChooseLetters(t *testing.T) {
	conn := start(t, mixed()...)
	for _, c := range []struct {
		f    Filter
		want int
	}{
		{Filter{}, 4}, {Filter{Reason: "unkeyed"}, 1}, {Filter{Stage: "ingest"}, 2}, {Filter{Type: "order"}, 2},
		{Filter{Tenant: "acme"}, 2}, {Filter{Tenant: "else"}, 0},
		{Filter{Since: time.Now().Add(time.Hour)}, 0}, {Filter{Since: time.Now().Add(-time.Hour)}, 4},
		{Filter{Until: time.Now().Add(-time.Hour)}, 0},
	} {
		n := 0
		require.NoError(t, List(t.Context(), conn, c.f, func(Letter) bool { n++; return true }))
		require.Equal(t, c.want, n, "%+v", c.f)
	}
	l, err := Show(t.Context(), conn, 0, 2)
	require.NoError(t, err)
	require.Equal(t, `{"broken`, string(l.Raw))
	require.Equal(t, []any{"unreadable", "ingest", "why", "gcp", 1}, []any{l.Reason, l.Stage, l.Detail, l.Origin, l.Attempt})
	_, err = Show(t.Context(), conn, 0, 99)
	require.EqualError(t, err, `0:99: topic "helios.dlq" holds offsets 0 to 3 of partition 0`)
	for _, empty := range []int32{1, 7} {
		_, err = Show(t.Context(), conn, empty, 0)
		require.EqualError(t, err, fmt.Sprintf(`%d:0: topic "helios.dlq" holds no letter in partition %d`, empty, empty))
	}
}

func TestADryRunSendsAndRemembersNothing(t *testing.T) {
	conn := start(t, mixed()...)
	r := replay()
	r.DryRun = true
	total, err := r.Run(t.Context(), conn)
	require.NoError(t, err)
	require.Equal(t, Totals{Sent: 2, Capped: 1, Stayed: 1}, total)
	require.Empty(t, sent(t, conn))
	r.DryRun = false
	total, err = r.Run(t.Context(), conn)
	require.NoError(t, err)
	require.Equal(t, 2, total.Sent)
}

func TestAReplaySendsOnce(t *testing.T) {
	conn := start(t, mixed()...)
	for range 2 {
		_, err := replay().Run(t.Context(), conn)
		require.NoError(t, err)
		got := sent(t, conn)
		require.Len(t, got, 2)
		all := strings.Join(got, "\n")
		require.Contains(t, all, strings.TrimSuffix(canonical("k", "aws"), "}")+`,"heliosattempt":2}`)
		require.Contains(t, all, `"correlationid":"o-9"`)
		require.Contains(t, all, `"heliosattempt":3}`)
	}
}

func TestTheLimitStopsAndTheNextRunGoesOn(t *testing.T) {
	conn := start(t, mixed()...)
	r := replay()
	r.Limit = 1
	for want := 1; want <= 2; want++ {
		_, err := r.Run(t.Context(), conn)
		require.NoError(t, err)
		require.Len(t, sent(t, conn), want)
	}
}

func TestAReplayCutBetweenProduceAndCommitLosesNothing(t *testing.T) {
	conn := start(t, mixed()...)
	ctx, cancel := context.WithCancel(t.Context())
	r := replay()
	r.beforeCommit = func() error { cancel(); return errors.New("cut") }
	_, err := r.Run(ctx, conn)
	require.Error(t, err)
	require.Len(t, sent(t, conn), 2)
	_, err = replay().Run(t.Context(), conn)
	require.NoError(t, err)
	copies := map[string]int{}
	for _, value := range sent(t, conn) {
		var e struct {
			Source, ID string
			Attempt    int `json:"heliosattempt"`
		}
		require.NoError(t, json.Unmarshal([]byte(value), &e))
		copies[fmt.Sprint(e.Source, " ", e.ID, " ", e.Attempt)]++
	}
	require.Equal(t, map[string]int{"/s k-aws 2": 2, "shop 1 3": 2}, copies, "what was not confirmed is sent again, not lost, and is known as the same event")
}

// reconcileOne runs reconciliation with an expectation for one type until
// something comes out.
func reconcileOne(t *testing.T, conn kafkaconn.Connection, kind string) *service.Message {
	t.Helper()
	out := make(chan *service.Message, 10)
	b := service.NewStreamBuilder()
	require.NoError(t, b.SetLoggerYAML("level: none"))
	require.NoError(t, b.AddInputYAML(fmt.Sprintf(`
helios_reconcile:
  seed_brokers: [ %q ]
  consumer_group: r
  commit_interval: 10ms
  max_ahead: 100000h
  expectations:
    - { name: x, types: [ %s ], expect: [ aws ], window: 1s, allowed_lateness: 1s }
`, conn.Brokers[0], kind)))
	require.NoError(t, b.AddConsumerFunc(func(_ context.Context, m *service.Message) error { out <- m; return nil }))
	stream, err := b.Build()
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- stream.Run(context.Background()) }()
	defer func() {
		require.NoError(t, stream.StopWithin(20*time.Second))
		<-done
	}()
	select {
	case m := <-out:
		return m
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came out of reconciliation")
		return nil
	}
}

func TestAnEventWithoutExpectationIsReplayedAndJudged(t *testing.T) {
	conn := start(t)
	produce(t, conn, &kgo.Record{Topic: embedded.TopicEvents, Key: []byte("k"), Value: []byte(canonical("k", "aws"))})
	reason, _ := reconcileOne(t, conn, "other").MetaGet("helios_reason")
	require.Equal(t, "no_expectation", reason)
	r := replay()
	r.Filter.Reason = "no_expectation"
	total, err := r.Run(t.Context(), conn)
	require.NoError(t, err)
	require.Equal(t, 1, total.Sent)
	status, _ := reconcileOne(t, conn, "order").MetaGet("helios_status")
	require.Equal(t, "matched", status)
}
