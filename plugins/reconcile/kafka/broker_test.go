package kafka_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/plugins/reconcile/engine"
	"github.com/helios-connect/helios/plugins/reconcile/kafka"
)

// eventually is how long tests wait for what must happen.
const eventually = 30 * time.Second

// broker is an in-process Kafka with the three topics.
type broker struct {
	t          *testing.T
	kafka      *embedded.Kafka
	conf       embedded.KafkaConfig
	partitions int
	producer   *kgo.Client
	admin      *kadm.Client
}

func startBroker(t *testing.T, partitions int) *broker {
	t.Helper()
	return startBrokerIn(t, embedded.KafkaConfig{Partitions: partitions, Retention: 24 * time.Hour})
}

func startBrokerIn(t *testing.T, conf embedded.KafkaConfig) *broker {
	t.Helper()
	b := &broker{t: t, conf: conf, partitions: conf.Partitions}
	k, err := embedded.StartKafka(t.Context(), conf)
	require.NoError(t, err)
	b.kafka = k
	b.producer, err = kgo.NewClient(kgo.SeedBrokers(k.Addrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	b.admin = kadm.NewClient(b.producer)
	t.Cleanup(func() {
		b.producer.Close()
		b.kafka.Close()
	})
	return b
}

// config is that of an input of this broker, quick enough for tests.
func (b *broker) config(group string, expectations ...engine.Expectation) kafka.Config {
	return kafka.Config{
		Client: []kgo.Opt{
			kgo.SeedBrokers(b.kafka.Addrs()...), kgo.MetadataMinAge(20 * time.Millisecond),
			kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
			kgo.FetchMaxWait(200 * time.Millisecond),
		},
		Topic: embedded.TopicEvents, VerdictTopic: embedded.TopicVerdicts, DLQTopic: embedded.TopicDLQ,
		Group: group, CommitInterval: 10 * time.Millisecond, LookInterval: 20 * time.Millisecond,
		SessionTimeout: 6 * time.Second, TransactionTimeout: 2 * time.Second,
		Engine: engineWith(expectations...),
		Log:    testLog(b.t),
	}
}

func testLog(t *testing.T) *slog.Logger {
	if os.Getenv("HELIOS_TEST_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// start runs an input until the test ends or stops it.
func (b *broker) start(conf kafka.Config) *kafka.Input {
	b.t.Helper()
	in, err := kafka.New(conf)
	require.NoError(b.t, err)
	require.NoError(b.t, in.Start(b.t.Context()))
	b.t.Cleanup(func() { stop(b.t, in) })
	return in
}

func stop(t *testing.T, in *kafka.Input) {
	ctx, cancel := context.WithTimeout(context.Background(), eventually)
	defer cancel()
	require.NoError(t, in.Close(ctx))
}

// send produces events and waits for them to be acknowledged.
func (b *broker) send(events ...fact) {
	b.t.Helper()
	recs := make([]*kgo.Record, len(events))
	for i, e := range events {
		recs[i] = &kgo.Record{
			Topic: embedded.TopicEvents, Partition: int32(e.partition), Key: []byte(e.key), Value: e.json(),
		}
	}
	require.NoError(b.t, b.producer.ProduceSync(b.t.Context(), recs...).FirstErr())
}

// fact is one event as one cloud reports it.
type fact struct {
	partition int
	key       string
	cloud     string
	at        int // seconds of event time
	amount    int
	id        string
	raw       string // instead of everything above
}

const epoch = 1_700_000_000

func (f fact) json() []byte {
	if f.raw != "" {
		return []byte(f.raw)
	}
	id := f.id
	if id == "" {
		id = f.key + "/" + f.cloud + "/" + fmt.Sprint(f.at)
	}
	at := time.Unix(epoch+int64(f.at), 0).UTC().Format(time.RFC3339)
	return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"/%s","type":"order","time":%q,"cloud":%q,"tenant":"acme",`+
		`"correlationid":%q,"ingesttime":%q,"data":{"amount":%d}}`, id, f.cloud, at, f.cloud, f.key, at, f.amount)
}

// orders expects two clouds within ten seconds, five late ones included.
var orders = engine.Expectation{
	Name: "orders", Types: []string{"order"}, Expect: []string{"aws", "gcp"},
	Window: 10 * time.Second, AllowedLateness: 5 * time.Second,
	Compare: []engine.Compare{{Field: "data.amount"}},
}

// verdict is what a reader of committed data sees.
type verdict struct {
	ID       string   `json:"id"`
	Revision int      `json:"revision"`
	Key      string   `json:"key"`
	Status   string   `json:"status"`
	Missing  []string `json:"missing"`
	Stalled  []string `json:"stalled"`
	OpenedAt string   `json:"opened_at"`
	ClosedBy string   `json:"closed_by"`

	partition int32
	offset    int64
}

func (v verdict) String() string {
	return fmt.Sprintf("%s r%d %s (%s) missing=%v stalled=%v", v.Key, v.Revision, v.Status, v.ClosedBy, v.Missing, v.Stalled)
}

// reader follows a topic as a reader of committed data.
type reader struct {
	t      *testing.T
	client *kgo.Client
	stop   context.CancelFunc

	mu   sync.Mutex
	recs []*kgo.Record
	more chan struct{}
}

func (b *broker) follow(topic string) *reader {
	b.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.kafka.Addrs()...), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(100*time.Millisecond))
	require.NoError(b.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{t: b.t, client: client, stop: cancel, more: make(chan struct{}, 1)}
	b.t.Cleanup(func() { cancel(); client.Close() })
	go func() {
		for ctx.Err() == nil {
			recs := client.PollFetches(ctx).Records()
			r.mu.Lock()
			r.recs = append(r.recs, recs...)
			r.mu.Unlock()
			select {
			case r.more <- struct{}{}:
			default:
			}
		}
	}()
	return r
}

// verdicts that were committed until now, by partition in their order.
func (r *reader) verdicts() []verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	vs := make([]verdict, len(r.recs))
	for i, rec := range r.recs {
		_ = json.Unmarshal(rec.Value, &vs[i]) // dead letters needn't be JSON
		vs[i].partition, vs[i].offset = rec.Partition, rec.Offset
	}
	return vs
}

func (r *reader) records() []*kgo.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*kgo.Record(nil), r.recs...)
}

// wait waits for the condition, which is asked again after every new record,
// and reports whether it came true.
func (r *reader) wait(done func() bool) bool {
	deadline := time.After(eventually)
	for !done() {
		select {
		case <-r.more:
		case <-deadline:
			return false
		}
	}
	return true
}

// until waits for what must come true.
func (r *reader) until(what string, done func() bool) {
	r.t.Helper()
	if !r.wait(done) {
		r.t.Fatalf("waited in vain for %s; there are %v", what, r.verdicts())
	}
}

// untilCount waits for n records, and returns the verdicts.
func (r *reader) untilCount(n int) []verdict {
	r.t.Helper()
	r.until(fmt.Sprintf("%d records", n), func() bool { return len(r.records()) >= n })
	return r.verdicts()
}

func engineWith(rules ...engine.Expectation) engine.Config {
	return engine.Config{Expectations: rules, IdleTimeout: time.Hour, MaxAhead: 100_000 * time.Hour}
}
