package kafka_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/plugins/reconcile/kafka"
)

// BenchmarkInput reads a backlog of b.N events, three to a fact, from six
// partitions of an in-process broker, and writes a verdict for each fact. The
// broker's own work is in the figure. Measured on 2 shared cores with -benchtime
// 600000x: see the report in events/s.
func BenchmarkInput(b *testing.B) {
	const partitions = 6
	k, err := embedded.StartKafka(b.Context(), embedded.KafkaConfig{Dir: b.TempDir(), Partitions: partitions, Retention: 24 * time.Hour})
	require.NoError(b, err)
	b.Cleanup(k.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Addrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(b, err)
	b.Cleanup(client.Close)
	clouds := []string{"aws", "azure", "gcp"}
	for i := range b.N {
		fact := i / 3
		e := fact3(fact, clouds[i%3])
		client.Produce(b.Context(), &kgo.Record{Topic: embedded.TopicEvents, Partition: int32(fact % partitions), Value: e}, nil)
	}
	require.NoError(b, client.Flush(b.Context()))

	rule := orders
	rule.Expect = clouds
	rule.Window = time.Minute
	in, err := kafka.New(kafka.Config{
		Client: []kgo.Opt{kgo.SeedBrokers(k.Addrs()...)},
		Topic:  embedded.TopicEvents, VerdictTopic: embedded.TopicVerdicts, DLQTopic: embedded.TopicDLQ, Group: "bench",
		Engine: engineWith(rule),
	})
	require.NoError(b, err)
	b.ResetTimer()
	require.NoError(b, in.Start(b.Context()))
	for verdicts := 0; verdicts < b.N/3; {
		batch, err := in.Deliveries(b.Context())
		require.NoError(b, err)
		verdicts += len(batch)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	require.NoError(b, in.Close(b.Context()))
}

func fact3(fact int, cloud string) []byte {
	at := time.Unix(epoch+int64(fact/1000), 0).UTC().Format(time.RFC3339)
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"%d-%s","source":"/%s","type":"order","time":%q,"cloud":%q,"tenant":"acme",`+
		`"correlationid":"order-%d","ingesttime":%q,"data":{"amount":10.25,"currency":"EUR","customer":"c-%d"}}`,
		fact, cloud, cloud, at, cloud, fact, at, fact%1000)
}
