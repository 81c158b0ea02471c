package main

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/embedded"
)

func runTopics(args ...string) (string, error) {
	var out bytes.Buffer
	app := &cli.App{Writer: &out, ErrWriter: &out, Commands: []*cli.Command{topicsCommand()}}
	err := app.Run(append([]string{"helios-connect", "topics", "create"}, args...))
	return out.String(), err
}

func emptyKafka(t *testing.T) *kadm.Client {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	t.Setenv("HELIOS_KAFKA_BROKERS", strings.Join(cluster.ListenAddrs(), ","))
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

func TestTopicsAreCreatedOnceWithOneNumberOfPartitions(t *testing.T) {
	admin := emptyKafka(t)
	out, err := runTopics("--partitions", "4")
	require.NoError(t, err)
	for _, topic := range []string{"helios.events", "helios.verdicts", "helios.healing", "helios.alerts", "helios.dlq"} {
		require.Contains(t, out, topic+" has 4 partitions now\n")
	}
	found, err := admin.ListTopics(t.Context())
	require.NoError(t, err)
	for _, topic := range found {
		require.Len(t, topic.Partitions, 4, topic.Topic)
	}
	settings, err := admin.DescribeTopicConfigs(t.Context(), embedded.TopicDLQ, embedded.TopicHealing)
	require.NoError(t, err)
	got := map[string]string{}
	for _, topic := range settings {
		for _, c := range topic.Configs {
			got[topic.Name+" "+c.Key] = c.MaybeValue()
		}
	}
	require.Equal(t, "2592000000", got["helios.dlq retention.ms"])
	require.Equal(t, "delete", got["helios.dlq cleanup.policy"])
	require.Equal(t, "compact,delete", got["helios.healing cleanup.policy"])
	require.NotEqual(t, "16777216", got["helios.dlq segment.bytes"], "the broker's own")

	out, err = runTopics("--partitions", "7")
	require.NoError(t, err)
	require.Equal(t, 5, strings.Count(out, " is there already, with 4 partitions\n"), out)
}

// A broker answers for a while that it doesn't know what was just created.
func TestTopicsAreAwaitedUntilTheBrokerKnowsThem(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	t.Setenv("HELIOS_KAFKA_BROKERS", strings.Join(cluster.ListenAddrs(), ","))
	unknown := 3
	cluster.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		request := r.(*kmsg.MetadataRequest)
		if len(request.Topics) != 5 || unknown == 0 {
			return nil, nil, false
		}
		unknown--
		answer := request.ResponseKind().(*kmsg.MetadataResponse)
		for _, topic := range request.Topics {
			missing := kmsg.NewMetadataResponseTopic()
			missing.Topic, missing.ErrorCode = topic.Topic, kerr.UnknownTopicOrPartition.Code
			answer.Topics = append(answer.Topics, missing)
		}
		return answer, nil, true
	})
	out, err := runTopics("--partitions", "4")
	require.NoError(t, err, out)
	require.Zero(t, unknown, "the broker was never asked")

	unknown = math.MaxInt
	_, err = runTopics("--partitions", "4", "--timeout", "1s")
	require.ErrorIs(t, err, kerr.UnknownTopicOrPartition)
}

func TestTopicsCanBeBoundedInBytes(t *testing.T) {
	admin := emptyKafka(t)
	_, err := runTopics("--partitions", "4", "--disk-bytes", "4000000000")
	require.NoError(t, err)
	settings, err := admin.DescribeTopicConfigs(t.Context(), embedded.TopicEvents)
	require.NoError(t, err)
	got := map[string]string{}
	for _, c := range settings[0].Configs {
		got[c.Key] = c.MaybeValue()
	}
	require.Equal(t, "600000000", got["retention.bytes"], "60 % of it, spread over 4 partitions")
	require.Equal(t, "16777216", got["segment.bytes"])
}

func TestTopicsTakeTheNamesOfTheInstallation(t *testing.T) {
	admin := emptyKafka(t)
	t.Setenv("HELIOS_TOPIC_EVENTS", "shop.events")
	t.Setenv("HELIOS_TOPIC_VERDICTS", "shop.verdicts")
	t.Setenv("HELIOS_TOPIC_DLQ", "shop.dead")
	_, err := runTopics("--partitions", "2")
	require.NoError(t, err)
	found, err := admin.ListTopics(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"helios.alerts", "helios.healing", "shop.dead", "shop.events", "shop.verdicts"}, found.Names())
}

func TestTopicsOfUnequalPartitionsAreRefused(t *testing.T) {
	admin := emptyKafka(t)
	_, err := admin.CreateTopic(t.Context(), 3, 1, nil, embedded.TopicVerdicts)
	require.NoError(t, err)
	_, err = runTopics("--partitions", "4")
	require.EqualError(t, err, "helios.events has 4 partitions and helios.verdicts has 3; both need the same number: delete one of them and run this again")
}

func TestTopicsNameTheFlagThatIsWrong(t *testing.T) {
	_, err := runTopics("--partitions", "0")
	require.ErrorContains(t, err, "--partitions 0: it takes 1 to 10000")
	_, err = runTopics("--replicas", "0")
	require.ErrorContains(t, err, "--replicas 0: it takes 1 to 100, or -1")
	_, err = runTopics("--disk-bytes", "5")
	require.ErrorContains(t, err, "--disk-bytes 5: it takes at least 100000000, or 0 for no bound")
	_, err = runTopics("now")
	require.ErrorContains(t, err, `topics create takes no arguments, found "now"`)
}
