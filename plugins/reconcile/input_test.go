package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/tests/program"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
)

const orderExpectation = `
    expectations:
      - name: orders
        expect: [ aws, gcp ]
        window: 10s
        allowed_lateness: 5s
        compare: [ { field: data.amount } ]
`

func orderEvent(key, cloud string, at, amount int) []byte {
	stamp := time.Unix(1_700_000_000+int64(at), 0).UTC().Format(time.RFC3339)
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"%s-%s","source":"/%s","type":"order","time":%q,"cloud":%q,"tenant":"acme","correlationid":%q,"ingesttime":%q,"data":{"amount":%d}}`,
		key, cloud, cloud, stamp, cloud, key, stamp, amount)
}

// runInput builds and runs a stream with the input, and returns what comes out.
func runInput(t *testing.T, config string) <-chan *service.Message {
	t.Helper()
	return runLoggedInput(t, config, slog.New(slog.DiscardHandler))
}

func runLoggedInput(t *testing.T, config string, log *slog.Logger) <-chan *service.Message {
	t.Helper()
	out := make(chan *service.Message, 1000)
	b := service.NewStreamBuilder()
	b.SetLogger(log)
	require.NoError(t, b.AddInputYAML(config))
	require.NoError(t, b.AddConsumerFunc(func(_ context.Context, m *service.Message) error {
		out <- m
		return nil
	}))
	stream, err := b.Build()
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- stream.Run(context.Background()) }()
	t.Cleanup(func() {
		require.NoError(t, stream.StopWithin(20*time.Second))
		<-done
	})
	return out
}

func next(t *testing.T, out <-chan *service.Message) *service.Message {
	t.Helper()
	select {
	case m := <-out:
		return m
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came out")
		return nil
	}
}

func meta(m *service.Message, key string) string {
	v, _ := m.MetaGet(key)
	return v
}

func TestTheInputPassesVerdictsAndFlaggedEventsOn(t *testing.T) {
	broker, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Partitions: 2, Retention: 24 * time.Hour})
	require.NoError(t, err)
	t.Cleanup(broker.Close)
	out := runInput(t, fmt.Sprintf(`
  helios_reconcile:
    seed_brokers: [ %q ]
    consumer_group: g
    commit_interval: 10ms
    max_ahead: 100000h
%s`, broker.Addrs()[0], orderExpectation))

	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.DefaultProduceTopic(embedded.TopicEvents))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	send := func(key string, value []byte) {
		require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Key: []byte(key), Value: value}).FirstErr())
	}
	send("k", orderEvent("k", "aws", 0, 5))
	send("k", orderEvent("k", "gcp", 0, 6))

	verdict := next(t, out)
	require.Equal(t, "mismatched", meta(verdict, "helios_status"))
	require.Equal(t, "acme", meta(verdict, "helios_tenant"))
	require.Equal(t, "order", meta(verdict, "helios_type"))
	require.Equal(t, "k", meta(verdict, "helios_key"))
	require.Equal(t, "1", meta(verdict, "helios_revision"))
	raw, err := verdict.AsBytes()
	require.NoError(t, err)
	require.True(t, json.Valid(raw))

	send("x", []byte(`{"broken`))
	flagged := next(t, out)
	require.Equal(t, "unreadable", meta(flagged, "helios_reason"))
	require.Error(t, flagged.GetError())
	raw, err = flagged.AsBytes()
	require.NoError(t, err)
	require.Equal(t, `{"broken`, string(raw))
}

// Facts of two partitions, whose engines don't know of each other.
func TestTheInputWarnsOnceOfAFieldThatNoEventHas(t *testing.T) {
	broker, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Partitions: 2, Retention: 24 * time.Hour})
	require.NoError(t, err)
	t.Cleanup(broker.Close)
	log := &program.Output{}
	misspelt := strings.Replace(orderExpectation, "field: data.amount", "field: data.amuont", 1)
	out := runLoggedInput(t, fmt.Sprintf(`
  helios_reconcile:
    seed_brokers: [ %q ]
    consumer_group: g
    commit_interval: 10ms
    max_ahead: 100000h
%s`, broker.Addrs()[0], misspelt), slog.New(slog.NewTextHandler(log, nil)))
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.DefaultProduceTopic(embedded.TopicEvents), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	const facts = 1000 // of each partition, as many as it takes
	var records []*kgo.Record
	for i := range 2 * facts {
		key := fmt.Sprint("k", i)
		for _, cloud := range []string{"aws", "gcp"} {
			records = append(records, &kgo.Record{Partition: int32(i % 2), Key: []byte(key), Value: orderEvent(key, cloud, 0, 5)})
		}
	}
	require.NoError(t, client.ProduceSync(t.Context(), records...).FirstErr())
	for range 2 * facts {
		require.Equal(t, "matched", meta(next(t, out), "helios_status"))
	}
	require.Equal(t, 1, strings.Count(log.String(), "data.amuont, which no event had"), log.String())
}

func TestTheInputAuthenticates(t *testing.T) {
	broker, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{
		Partitions: 1, Retention: 24 * time.Hour,
		Options: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "helios", "secret")},
	})
	require.NoError(t, err)
	t.Cleanup(broker.Close)
	const auth = `
    seed_brokers: [ %q ]
    consumer_group: g
    commit_interval: 10ms
    max_ahead: 100000h
    sasl: [ { mechanism: SCRAM-SHA-512, username: helios, password: secret } ]
%s`
	out := runInput(t, "helios_reconcile:\n"+fmt.Sprintf(auth, broker.Addrs()[0], orderExpectation))
	conf, err := inputSpec().ParseYAML(fmt.Sprintf(auth, broker.Addrs()[0], orderExpectation), nil)
	require.NoError(t, err)
	opts, err := clientOptions(conf)
	require.NoError(t, err)
	client, err := kgo.NewClient(append(opts, kgo.DefaultProduceTopic(embedded.TopicEvents))...)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	for _, cloud := range []string{"aws", "gcp"} {
		require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Value: orderEvent("k", cloud, 0, 5)}).FirstErr())
	}
	require.Equal(t, "matched", meta(next(t, out), "helios_status"))
}

func TestAConfigThatCantWorkIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ yaml, says string }{
		"no broker":             {"seed_brokers: []" + orderExpectation, "seed_brokers names no broker"},
		"no expectation":        {"seed_brokers: [ x:1 ]", "are both empty"},
		"one topic for both":    {"seed_brokers: [ x:1 ]\nverdict_topic: helios.events" + orderExpectation, "must be three topics"},
		"horizon too short":     {"seed_brokers: [ x:1 ]\ncorrection_horizon: 14s" + orderExpectation, "correction_horizon is 14s"},
		"transaction too long":  {"seed_brokers: [ x:1 ]\ntransaction_timeout: 45s" + orderExpectation, "transaction_timeout is 45s"},
		"commits without pause": {"seed_brokers: [ x:1 ]\ncommit_interval: 0.1ms" + orderExpectation, "commit_interval is"},
		"commits at once":       {"seed_brokers: [ x:1 ]\ncommit_interval: 0s" + orderExpectation, "commit_interval is 0s: it takes a duration above 0"},
		"session without end":   {"seed_brokers: [ x:1 ]\nsession_timeout: 0s" + orderExpectation, "session_timeout is 0s: it takes a duration above 0"},
		"time without unit":     {"seed_brokers: [ x:1 ]\ntransaction_timeout: 10" + orderExpectation, "transaction_timeout takes a duration such as 10s: "},
		"port that is a word":   {"seed_brokers: [ localhost:kafka ]" + orderExpectation, `seed_brokers ["localhost:kafka"]: `},
		"empty group":           {"seed_brokers: [ x:1 ]\nconsumer_group: ''" + orderExpectation, `consumer_group is empty: give it a name, such as "helios-reconcile"`},
		"unknown mechanism":     {"seed_brokers: [ x:1 ]\nsasl: [ { mechanism: GSSAPI } ]" + orderExpectation, "GSSAPI"},
	} {
		t.Run(name, func(t *testing.T) {
			conf, err := inputSpec().ParseYAML(dedent(c.yaml), nil)
			if err == nil {
				_, err = newInput(conf, service.MockResources())
			}
			require.ErrorContains(t, err, c.says)
		})
	}
}

// dedent takes the indentation off the shared expectation.
func dedent(yaml string) string {
	return strings.ReplaceAll(yaml, "\n    ", "\n")
}
