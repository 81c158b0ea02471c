package doctor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/helios-connect/helios/internal/embedded"
)

const day = 24 * time.Hour

func kafka(t *testing.T, conf embedded.KafkaConfig) env {
	t.Helper()
	broker, err := embedded.StartKafka(t.Context(), conf)
	require.NoError(t, err)
	t.Cleanup(broker.Close)
	return env{"HELIOS_KAFKA_BROKERS": broker.Addrs()[0]}
}

func TestAKafkaAsItMustBeIsFoundInOrder(t *testing.T) {
	found := ask(t, kafka(t, embedded.KafkaConfig{Partitions: 3, Retention: 30 * day}), Options{}, "Kafka")
	for _, f := range found {
		require.Equal(t, OK, f.Status, "%+v", f)
	}
	want(t, found, "topic helios.events", OK, "3 partitions")
	want(t, found, "partitions", OK, "both have 3")
	want(t, found, "settings of helios.verdicts", OK, "cleanup.policy delete")
}

func TestEachFaultOfTheTopicsIsNamed(t *testing.T) {
	topic := func(name string, partitions int, kept time.Duration) embedded.Topic {
		return embedded.Topic{Name: name, Partitions: partitions, Retention: kept, SegmentBytes: 1 << 20}
	}
	compacted := topic("helios.verdicts", 4, 7*day)
	compacted.Compacted = true
	e := kafka(t, embedded.KafkaConfig{Retention: 30 * day, Topics: []embedded.Topic{topic("helios.events", 6, time.Hour), compacted}})
	e["HELIOS_MAX_MESSAGE_BYTES"] = "90000000"
	found := ask(t, e, Options{}, "Kafka")
	want(t, found, "topic helios.dlq", Failed, "rpk topic create helios.dlq")
	want(t, found, "partitions", Failed, "helios.events has 6 and helios.verdicts has 4")
	want(t, found, "settings of helios.events", Failed, "kept for 1h0m0s only")
	want(t, found, "settings of helios.verdicts", Failed, "cleanup.policy is compact,delete")
	said := ""
	for _, f := range found {
		said += f.Detail
	}
	require.Contains(t, said, "HELIOS_MAX_MESSAGE_BYTES 90000000")
	require.True(t, AnyFailed(found))
}

func TestAWrongPasswordOfKafkaIsToldFromAMissingOne(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("PLAIN", "helios", "right-password"), kfake.SeedTopics(2, "helios.events"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	e := env{"HELIOS_KAFKA_BROKERS": cluster.ListenAddrs()[0]}

	e["HELIOS_KAFKA_SASL"] = "[{mechanism: PLAIN, username: helios, password: right-password}]"
	want(t, ask(t, e, Options{}, "Kafka"), "reach and sign-in", OK, "answers")

	e["HELIOS_KAFKA_SASL"] = "[{mechanism: PLAIN, username: helios, password: wrong-password}]"
	found := ask(t, e, Options{}, "Kafka")
	want(t, found, "reach and sign-in", Failed, "check user, password and mechanism in HELIOS_KAFKA_SASL")
	require.NotContains(t, found[0].Detail, "wrong-password")

	// The embedded broker hangs up; Kafka says what is wrong first.
	cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return resp, nil, true
	})
	want(t, ask(t, e, Options{}, "Kafka"), "reach and sign-in", Failed, "refuses user or password")

	delete(e, "HELIOS_KAFKA_SASL")
	want(t, ask(t, e, Options{}, "Kafka"), "reach and sign-in", Failed, "HELIOS_KAFKA_SASL")

	e["HELIOS_KAFKA_SASL"] = "[{mechanism: MD5}]"
	want(t, ask(t, e, Options{}, "Kafka"), "settings", Failed, "it takes PLAIN")
}

func TestBrokersThatAreNotThereAreExplained(t *testing.T) {
	want(t, ask(t, env{"HELIOS_KAFKA_BROKERS": nobody}, Options{}, "Kafka"), "reach and sign-in", Failed, "nothing listens at "+nobody)

	e := kafka(t, embedded.KafkaConfig{Partitions: 1})
	e["HELIOS_KAFKA_TLS"] = "true"
	f := finding(t, ask(t, e, Options{}, "Kafka"), "reach and sign-in")
	require.Equal(t, Failed, f.Status)
	require.Contains(t, f.Detail+f.Advice, "TLS")

	e["HELIOS_KAFKA_TLS"] = "perhaps"
	want(t, ask(t, e, Options{}, "Kafka"), "settings", Failed, "true or false")
}
