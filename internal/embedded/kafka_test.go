package embedded_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
)

func start(t *testing.T, conf embedded.KafkaConfig) *embedded.Kafka {
	t.Helper()
	k, err := embedded.StartKafka(context.Background(), conf)
	require.NoError(t, err)
	t.Cleanup(k.Close)
	return k
}

func client(t *testing.T, k *embedded.Kafka, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(k.Addrs()...)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestTheStandardTopicsExistWithTheirSettings(t *testing.T) {
	k := start(t, embedded.KafkaConfig{Dir: t.TempDir(), Partitions: 3, Retention: 2 * time.Hour, DiskBytes: 300 << 20})
	adm := kadm.NewClient(client(t, k))

	topics, err := adm.ListTopics(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []string{
		embedded.TopicEvents, embedded.TopicVerdicts, embedded.TopicHealing, embedded.TopicAlerts, embedded.TopicDLQ,
	}, topics.Names())
	for _, topic := range topics {
		require.Len(t, topic.Partitions, 3, topic.Topic)
	}

	configs, err := adm.DescribeTopicConfigs(t.Context(), embedded.TopicEvents, embedded.TopicHealing)
	require.NoError(t, err)
	value := func(topic, key string) string {
		rc, err := configs.On(topic, nil)
		require.NoError(t, err)
		for _, c := range rc.Configs {
			if c.Key == key {
				return c.MaybeValue()
			}
		}
		return ""
	}
	require.Equal(t, "delete", value(embedded.TopicEvents, "cleanup.policy"))
	require.Equal(t, "7200000", value(embedded.TopicEvents, "retention.ms"))
	require.Equal(t, fmt.Sprint(60<<20), value(embedded.TopicEvents, "retention.bytes"))
	require.Equal(t, "compact,delete", value(embedded.TopicHealing, "cleanup.policy"))
}

func TestRecordsAndCommittedOffsetsSurviveARestart(t *testing.T) {
	conf := embedded.KafkaConfig{Dir: t.TempDir(), Partitions: 2}
	first := start(t, conf)
	c := client(t, first, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for i := range 10 {
		rec := &kgo.Record{Topic: embedded.TopicEvents, Partition: int32(i % 2), Value: fmt.Append(nil, i)}
		require.NoError(t, c.ProduceSync(t.Context(), rec).FirstErr())
	}
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: embedded.TopicEvents, Partition: 1, At: 3, LeaderEpoch: -1, Metadata: "three"})
	require.NoError(t, kadm.NewClient(c).CommitAllOffsets(t.Context(), "group", offsets))
	first.Close()
	first.Close() // a second Close does nothing

	second := start(t, conf)
	adm := kadm.NewClient(client(t, second))
	ends, err := adm.ListEndOffsets(t.Context(), embedded.TopicEvents)
	require.NoError(t, err)
	for p := range int32(2) {
		end, ok := ends.Lookup(embedded.TopicEvents, p)
		require.True(t, ok)
		require.EqualValues(t, 5, end.Offset)
	}
	committed, err := adm.FetchOffsets(t.Context(), "group")
	require.NoError(t, err)
	got, ok := committed.Lookup(embedded.TopicEvents, 1)
	require.True(t, ok)
	require.EqualValues(t, 3, got.At)
	require.Equal(t, "three", got.Metadata)
}

func TestAnotherPartitionCountInTheSameDirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	start(t, embedded.KafkaConfig{Dir: dir, Partitions: 2}).Close()
	_, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Dir: dir, Partitions: 3})
	require.ErrorContains(t, err, "has 2 partitions")
}

func TestRetentionStillCleansALogThatWasLoadedFromDisk(t *testing.T) {
	conf := embedded.KafkaConfig{
		Dir: t.TempDir(), CleanEvery: 20 * time.Millisecond,
		Topics: []embedded.Topic{{Name: "small", Partitions: 1, RetentionBytes: 10_000, SegmentBytes: 2_000}},
	}
	start(t, conf).Close()
	k := start(t, conf)
	c := client(t, k, kgo.ProducerBatchCompression(kgo.NoCompression()))
	value := make([]byte, 1000)
	for range 100 {
		require.NoError(t, c.ProduceSync(t.Context(), &kgo.Record{Topic: "small", Value: value}).FirstErr())
	}
	adm := kadm.NewClient(c)
	require.Eventually(t, func() bool {
		starts, err := adm.ListStartOffsets(t.Context(), "small")
		require.NoError(t, err)
		first, ok := starts.Lookup("small", 0)
		return ok && first.Offset >= 85
	}, 10*time.Second, 10*time.Millisecond, "the log kept more than its retention")
}
