package kafka_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/plugins/reconcile/kafka"
	"github.com/helios-connect/helios/plugins/telemetry"
)

func TestFactsThatAllCloudsReportAreMatchedOrMismatched(t *testing.T) {
	b := startBroker(t, 3)
	in := b.start(b.config("g", orders))
	verdicts := b.follow(embedded.TopicVerdicts)

	const n = 300
	for i := range n {
		key := fmt.Sprintf("k%03d", i)
		other := 5
		if i%10 == 0 {
			other = 6
		}
		b.send(
			fact{partition: i % 3, key: key, cloud: "aws", at: i, amount: 5},
			fact{partition: i % 3, key: key, cloud: "gcp", at: i, amount: other},
		)
	}
	for _, v := range verdicts.untilCount(n) {
		var i int
		_, err := fmt.Sscanf(v.Key, "k%03d", &i)
		require.NoError(t, err)
		want := "matched"
		if i%10 == 0 {
			want = "mismatched"
		}
		require.Equal(t, want, v.Status, v.Key)
		require.EqualValues(t, i%3, v.partition, "a verdict lies in the partition of its events")
		require.Equal(t, 1, v.Revision)
	}

	got := 0
	for got < n {
		batch, err := in.Deliveries(t.Context())
		require.NoError(t, err)
		for _, d := range batch {
			require.NotNil(t, d.Verdict)
			got++
		}
	}
	require.Equal(t, n, got)
}

func TestAFactThatACloudHasPassedIsMissing(t *testing.T) {
	b := startBroker(t, 1)
	b.start(b.config("g", orders))
	verdicts := b.follow(embedded.TopicVerdicts)
	b.send(
		fact{key: "lost", cloud: "aws", at: 0},
		fact{key: "later", cloud: "gcp", at: 16},
		fact{key: "lost", cloud: "gcp", at: 1},
	)
	vs := verdicts.untilCount(2)
	require.Equal(t, "lost r1 missing (deadline) missing=[gcp] stalled=[]", vs[0].String())
	require.Equal(t, "lost r2 matched (late_event) missing=[] stalled=[]", vs[1].String())
}

// A dead letter says whose it is, in a name that dashboards can show.
func TestADeadLetterNamesTheEventsOwnCloud(t *testing.T) {
	b := startBroker(t, 1)
	b.start(b.config("g", orders))
	letters := b.follow(embedded.TopicDLQ)
	other := func(cloud string) *kgo.Record {
		return &kgo.Record{
			Topic: embedded.TopicEvents, Value: []byte(strings.Replace(string(fact{key: "k", cloud: cloud}.json()), `"type":"order"`, `"type":"other"`, 1)),
			Headers: []kgo.RecordHeader{{Key: kafka.MetaCloud, Value: []byte("somebody else's")}},
		}
	}
	require.NoError(t, b.producer.ProduceSync(t.Context(), other("gcp"), other(strings.Repeat("x", 2000)), &kgo.Record{Topic: embedded.TopicEvents, Value: []byte(`{"broken`)}).FirstErr())
	letters.untilCount(3)
	var clouds []string
	for _, rec := range letters.records() {
		for _, h := range rec.Headers {
			if h.Key == kafka.MetaCloud {
				clouds = append(clouds, string(h.Value))
			}
		}
	}
	require.Equal(t, []string{"gcp", telemetry.Overflow}, clouds)
}

func TestEventsThatCantBeJudgedGoToTheDeadLettersUnchanged(t *testing.T) {
	b := startBroker(t, 2)
	in := b.start(b.config("g", orders))
	letters := b.follow(embedded.TopicDLQ)
	b.send(
		fact{partition: 1, key: "a", raw: `{"broken`},
		fact{partition: 1, key: "b", raw: string(fact{key: "", cloud: "aws"}.json())},
	)
	letters.untilCount(2)
	headers := func(i int) map[string]string {
		m := map[string]string{}
		for _, h := range letters.records()[i].Headers {
			m[h.Key] = string(h.Value)
		}
		return m
	}
	first := letters.records()[0]
	require.Equal(t, `{"broken`, string(first.Value))
	require.Equal(t, "a", string(first.Key))
	require.Equal(t, "unreadable", headers(0)[kafka.HeaderReason])
	require.Equal(t, "reconcile", headers(0)[kafka.HeaderStage])
	require.Equal(t, "helios.events/1/0", headers(0)[kafka.HeaderOrigin])
	require.Equal(t, "1", headers(0)[kafka.HeaderAttempt])
	require.NotEmpty(t, headers(0)[kafka.HeaderDetail])
	require.Equal(t, "unkeyed", headers(1)[kafka.HeaderReason])

	var flagged []*kafka.Flagged
	for len(flagged) < 2 {
		batch, err := in.Deliveries(t.Context())
		require.NoError(t, err)
		for _, d := range batch {
			flagged = append(flagged, d.Flagged)
		}
	}
	require.Equal(t, "unreadable", flagged[0].Reason.String())
}
