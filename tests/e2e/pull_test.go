//go:build unix

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/tests/ingest"
)

// pulled runs the pipeline of a cloud until the cloud holds nothing any more, and
// returns what then lies in helios.events and helios.dlq.
func pulled(t *testing.T, cloud ingest.Cloud) (events, letters []*kgo.Record) {
	t.Helper()
	broker := ingest.StartBroker(t)
	process := ingest.New(t, binary, cloud, cloud.Addr(), broker)
	process.Start(t)
	t.Cleanup(process.Kill)
	require.Eventually(t, func() bool { return cloud.Held(t) == 0 }, time.Minute, 20*time.Millisecond, "the cloud still holds messages")
	return broker.Records(t, embedded.TopicEvents), broker.Records(t, embedded.TopicDLQ)
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

func TestEventsOfEventGridComeOutOfAStorageQueue(t *testing.T) {
	queue := ingest.StartStorageQueue(t)
	queue.Send(t, queue.Event("base64"))
	queue.SendText(t, queue.Event("text"))
	queue.Send(t, "["+queue.Event("array-1")+","+queue.Event("array-2")+"]")
	queue.SendText(t, "["+queue.Event("text-array-1")+","+queue.Event("text-array-2")+"]")
	cut := queue.Event("cut")[:100]
	queue.Send(t, cut)
	incomplete := strings.Replace(queue.Event("incomplete"), `"eventTime"`, `"eventTyme"`, 1)
	queue.Send(t, "["+queue.Event("array-3")+","+incomplete+"]")

	records, letters := pulled(t, queue)
	found := map[string]bool{}
	for _, r := range records {
		e := ingest.Parse(t, r)
		found[e.ID] = true
		require.Equal(t, []string{"azure", "com.example.order.paid", "2026-11-27T10:00:00Z", "ord-" + e.ID, "ord-" + e.ID},
			[]string{e.Cloud, e.Type, e.Time, e.CorrelationID, string(r.Key)})
		require.JSONEq(t, `{"order_id":"ord-`+e.ID+`","amount":10.50}`, string(e.Data))
	}
	require.Len(t, records, 7, "each once")
	require.Equal(t, map[string]bool{"base64": true, "text": true, "array-1": true, "array-2": true, "text-array-1": true, "text-array-2": true, "array-3": true}, found)

	details := map[string]string{}
	for _, r := range letters {
		require.Equal(t, []string{"unreadable", "ingest", "azure"}, []string{header(r, "helios-reason"), header(r, "helios-stage"), header(r, "helios-origin")})
		details[string(r.Value)] = header(r, "helios-detail")
	}
	require.Len(t, letters, 2)
	require.Contains(t, details[cut], "found the end of the document")
	require.Contains(t, details[incomplete], "Event Grid member eventTime is absent", "only the part that is wrong is refused")
}

// TestEventBridgeIsUnderstoodInEveryWayThroughSQS sends one event as a rule
// delivers it, through SNS, and as it lies in the dead-letter queue of a rule: the
// event itself, and why it was not delivered in message attributes
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html).
func TestEventBridgeIsUnderstoodInEveryWayThroughSQS(t *testing.T) {
	undelivered := map[string]string{
		"RULE_ARN": "arn:aws:events:eu-central-1:123456789012:rule/orders", "TARGET_ARN": "arn:aws:sqs:eu-central-1:123456789012:helios",
		"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "The rule may not write into the queue.",
		"EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts", "RETRY_ATTEMPTS": "185",
	}
	queue := ingest.StartSQS(t)
	event := queue.Event("e-1")
	text, err := json.Marshal(event)
	require.NoError(t, err)
	sns := `{"Type":"Notification","MessageId":"n-1","TopicArn":"arn:aws:sns:eu-central-1:123456789012:orders","Message":` + string(text) +
		`,"Timestamp":"2026-11-27T10:00:01.250Z","SignatureVersion":"1","Signature":"s","SigningCertURL":"u","UnsubscribeURL":"u"}`
	queue.Send(t, event, sns)
	queue.SendWith(t, event, undelivered)
	queue.SendWith(t, sns, undelivered)

	records, letters := pulled(t, queue)
	require.Empty(t, letters)
	require.Len(t, records, 4)
	for _, r := range records {
		require.Equal(t, "ord-e-1", string(r.Key))
		require.Equal(t, common(t, records[0]), common(t, r), "the same event whatever the way")
	}
	e := ingest.Parse(t, records[0])
	require.Equal(t, ingest.Event{
		ID: "e-1", Source: "com.example.shop", Type: "com.example.order.paid", Time: "2026-11-27T10:00:00Z",
		Cloud: "aws", Tenant: "default", CorrelationID: "ord-e-1", Data: json.RawMessage(`{"order_id":"ord-e-1","amount":10.50}`),
	}, e)
}

// common returns a canonical event without what tells its way and when it came.
func common(t *testing.T, r *kgo.Record) map[string]any {
	t.Helper()
	var members map[string]any
	require.NoError(t, json.Unmarshal(r.Value, &members))
	require.NotEmpty(t, members["heliosformat"])
	for _, name := range []string{"heliosformat", "heliosenvelope", "ingesttime"} {
		delete(members, name)
	}
	return members
}

// What lies in the dead-letter queue of a custom event bus's subscriber is a
// record about events and none of them
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-retry.html).
func TestTheRecordsOfACustomEventBusBecomeDeadLettersThatSayWhatIsMissing(t *testing.T) {
	const record = `{"version":"1.0","busArn":"arn:aws:events:eu-central-1:123456789012:event-busv2/orders/a1","subscriberArn":"arn:aws:events:eu-central-1:123456789012:subscriber/helios/b2",` +
		`"targetArn":"arn:aws:sqs:eu-central-1:123456789012:helios","errorCode":"ACCESS_DENIED","errorMessage":"not authorized","exhaustedRetryCondition":"MaximumRetryAttempts","retryAttempts":5,` +
		`"failedMessages":[{"eventId":"e-1","eventGroupId":"ord-1","timestamp":"2026-11-27T10:00:00Z","targetRequestId":"r-1"},{"eventId":"e-2","timestamp":"2026-11-27T10:00:01Z"}]}`
	queue := ingest.StartSQS(t)
	queue.SendWith(t, record, map[string]string{
		"BUS_ARN": "arn:aws:events:eu-central-1:123456789012:event-busv2/orders/a1", "SUBSCRIBER_ARN": "arn:aws:events:eu-central-1:123456789012:subscriber/helios/b2",
		"TARGET_ARN": "arn:aws:sqs:eu-central-1:123456789012:helios", "ERROR_CODE": "ACCESS_DENIED", "ERROR_MESSAGE": "not authorized",
		"EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts", "RETRY_ATTEMPTS": "5",
	})
	queue.Send(t, queue.Event("e-3")) // what a subscriber delivers that was put with PutEvents

	records, letters := pulled(t, queue)
	require.Len(t, records, 1)
	require.Equal(t, "e-3", ingest.Parse(t, records[0]).ID)
	require.Len(t, letters, 1)
	require.Equal(t, record, string(letters[0].Value))
	require.Equal(t, []string{"not_an_event", "aws"}, []string{header(letters[0], "helios-reason"), header(letters[0], "helios-origin")})
	require.Contains(t, header(letters[0], "helios-detail"), `["e-1", "e-2"]`)
	require.Contains(t, header(letters[0], "helios-detail"), "ACCESS_DENIED")
}

// TestSQSIsAskedInBatches counts the calls, each of which AWS bills, until most of
// a full queue is deleted: ten messages are received and deleted at once, which
// makes two calls for ten events. A tenth is left for calls that are made again.
func TestSQSIsAskedInBatches(t *testing.T) {
	const n = 2000
	queue := ingest.StartSQS(t)
	for i := range n {
		queue.Send(t, queue.Event(fmt.Sprint(i)))
	}
	process := ingest.New(t, binary, queue, queue.Addr(), ingest.StartBroker(t))
	process.Start(t)
	t.Cleanup(process.Kill)
	require.Eventually(t, func() bool { return queue.Held(t) <= n/10 }, time.Minute, time.Millisecond)
	calls, total := queue.Calls(), int64(0)
	for action, count := range calls {
		if action != "SendMessageBatch" {
			total += count
		}
	}
	t.Logf("%d events, calls: %v", n, calls)
	require.LessOrEqual(t, total, int64(2*n/10*11/10))
	require.GreaterOrEqual(t, calls["DeleteMessageBatch"], int64((n-n/10)/10))
}

// TestEventsWithAnOrderingKeyStayInOrder: Pub/Sub delivers what has one ordering
// key in its order, and so it lies in the log.
func TestEventsWithAnOrderingKeyStayInOrder(t *testing.T) {
	const keys, each = 8, 8
	subscription := ingest.StartPubSub(t, embedded.Ordered)
	for n := range each {
		for k := range keys {
			key := fmt.Sprintf("ord-%d", k)
			subscription.SendOrdered(t, key, fmt.Sprintf(`{"specversion":"1.0","id":"%d-%d","source":"/shop/orders","type":"com.example.order.changed","time":"2026-11-27T10:00:00Z","subject":%q,"data":{"n":%d}}`, k, n, key, n))
		}
	}
	records, letters := pulled(t, subscription)
	require.Empty(t, letters)
	require.Len(t, records, keys*each)
	next := map[string]int{}
	for _, r := range records {
		var e struct{ Data struct{ N int } }
		require.NoError(t, json.Unmarshal(r.Value, &e))
		require.Equal(t, next[string(r.Key)], e.Data.N, "%s", r.Key)
		next[string(r.Key)]++
	}
	require.Len(t, next, keys)
}

// Not every text is Base64 that looks like it: a short word in letters is text,
// and no event either way.
func TestAStorageQueuesMessageThatIsNoJSONIsADeadLetterAsItCame(t *testing.T) {
	queue := ingest.StartStorageQueue(t)
	queue.SendText(t, base64.StdEncoding.EncodeToString([]byte("not JSON")))
	queue.SendText(t, "{not JSON")
	records, letters := pulled(t, queue)
	require.Empty(t, records)
	var values []string
	for _, r := range letters {
		values = append(values, string(r.Value))
		require.NotEmpty(t, header(r, "helios-detail"))
	}
	require.ElementsMatch(t, []string{"not JSON", "{not JSON"}, values)
}
