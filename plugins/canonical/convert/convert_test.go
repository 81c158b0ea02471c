package convert_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/canonical/convert"
	"github.com/helios-connect/helios/plugins/event"
)

// received is when every test receives its documents.
var received = time.Date(2026, 11, 23, 18, 28, 2, 456000000, time.UTC)

// headers is metadata for tests.
type headers map[string]string

func (h headers) Walk(visit func(name, value string)) {
	for name, value := range h {
		visit(name, value)
	}
}

func converter(t testing.TB, opt convert.Options) *convert.Converter {
	t.Helper()
	c, err := convert.New(opt)
	require.NoError(t, err)
	return c
}

// attributes checks that an event is canonical, by encoding/json alone, and
// returns its members.
func attributes(t testing.TB, doc []byte) map[string]any {
	t.Helper()
	require.NotContains(t, string(doc), "\n", "an event is one line")
	seen := map[string]bool{}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	token, err := d.Token()
	require.NoError(t, err)
	require.Equal(t, json.Delim('{'), token)
	members := map[string]any{}
	for d.More() {
		name, err := d.Token()
		require.NoError(t, err)
		var v any
		require.NoError(t, d.Decode(&v), "%s", doc)
		require.False(t, seen[name.(string)], "member %q stands twice in %s", name, doc)
		seen[name.(string)] = true
		members[name.(string)] = v
	}
	_, err = d.Token()
	require.NoError(t, err)
	for _, name := range []string{"id", "source", "type", "time", "cloud", "tenant", "correlationid", "ingesttime"} {
		s, ok := members[name].(string)
		require.True(t, ok && s != "", "%s of %s", name, doc)
	}
	require.Equal(t, "1.0", members["specversion"])
	require.IsType(t, map[string]any{}, members["data"], "%s", doc)
	for _, name := range []string{"time", "ingesttime"} {
		_, err := time.Parse(time.RFC3339Nano, members[name].(string))
		require.NoError(t, err)
	}
	for name, v := range members {
		require.Regexp(t, "^[a-z0-9]+$", name)
		if name != "data" {
			require.IsNotType(t, map[string]any{}, v, "%s of %s", name, doc)
			require.IsNotType(t, []any{}, v, "%s of %s", name, doc)
			require.NotNil(t, v, "%s of %s", name, doc)
		}
	}
	if text, ok := members[convert.AttrEnvelope].(string); ok {
		require.True(t, json.Valid([]byte(text)), text)
	}
	return members
}

// one converts a document that holds one event.
func one(t testing.TB, opt convert.Options, in convert.Input) map[string]any {
	t.Helper()
	in.Now = received.UnixNano()
	results := converter(t, opt).Convert(in)
	require.Len(t, results, 1)
	require.NoError(t, results[0].Err)
	require.Equal(t, convert.Converted, results[0].Reason)
	members := attributes(t, results[0].Event)
	require.Equal(t, members["tenant"], string(results[0].Tenant), "raw metadata is spelled like the attribute where nothing is escaped")
	require.Equal(t, members["cloud"], string(results[0].Cloud))
	require.Equal(t, members["type"], string(results[0].Type))
	require.Equal(t, members["correlationid"], string(results[0].Key))
	return members
}

// order is the same order event in every envelope.
const (
	payload     = `{"order_id":"ord-1","amount":10.50,"currency":"EUR"}`
	eventBridge = `{"version":"0","id":"e-1","detail-type":"com.example.order.paid","source":"shop.orders","account":"123456789012","time":"2026-11-23T18:28:01Z","region":"eu-west-1","resources":["arn:aws:x"],"detail":` + payload + `}`
	cloudEvent  = `{"specversion":"1.0","id":"e-1","source":"/shop/orders","type":"com.example.order.paid","time":"2026-11-23T18:28:01Z","subject":"ord-1","datacontenttype":"application/json","data":` + payload + `}`
	eventGrid   = `{"id":"e-1","topic":"/subscriptions/1/topics/orders","subject":"ord-1","eventType":"com.example.order.paid","eventTime":"2026-11-23T18:28:01.1234567Z","data":` + payload + `,"dataVersion":"1.0","metadataVersion":"1"}`
	pubSub      = `{"message":{"data":"eyJvcmRlcl9pZCI6Im9yZC0xIiwiYW1vdW50IjoxMC41MCwiY3VycmVuY3kiOiJFVVIifQ==","messageId":"m-1","publishTime":"2026-11-23T18:28:01.5Z","orderingKey":"k","attributes":{"ce-specversion":"1.0","ce-id":"e-1","ce-source":"/shop/orders","ce-type":"com.example.order.paid","ce-time":"2026-11-23T18:28:01Z","ce-subject":"ord-1","team":"a"}},"subscription":"projects/p/subscriptions/s"}`
)

// undelivered is what EventBridge writes into the dead-letter queue of a custom
// event bus's subscriber
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-retry.html).
const undelivered = `{"version":"1.0","busArn":"arn:aws:events:eu-west-1:123456789012:event-busv2/orders/a1","subscriberArn":"arn:aws:events:eu-west-1:123456789012:subscriber/helios/b2",` +
	`"targetArn":"arn:aws:sqs:eu-west-1:123456789012:helios","errorCode":"ACCESS_DENIED","errorMessage":"not authorized","exhaustedRetryCondition":"MaximumRetryAttempts","retryAttempts":5,` +
	`"failedMessages":[{"eventId":"e-1","eventGroupId":"ord-1","deduplicationId":null,"timestamp":"2026-11-23T18:28:01Z","targetRequestId":""},{"eventId":"e-2","timestamp":"2026-11-23T18:28:02Z"}]}`

func quoted(doc string) string { return string(event.AppendQuoted(nil, doc)) }

func sns(message string) string {
	return `{"Type":"Notification","MessageId":"n-1","TopicArn":"arn:aws:sns:eu:1:orders","Subject":"hello","Message":` + quoted(message) + `,"Timestamp":"2026-11-23T18:28:01.250Z","SignatureVersion":"1","Signature":"s"}`
}

func sqsRecord(body string) string {
	return `{"messageId":"q-1","receiptHandle":"h","body":` + quoted(body) + `,"attributes":{"SentTimestamp":"1795458481750"},"messageAttributes":{},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu:1:orders","awsRegion":"eu-west-1"}`
}

func records(list ...string) string { return `{"Records":[` + strings.Join(list, ",") + `]}` }

func TestTheSameFactInEveryEnvelope(t *testing.T) {
	for _, c := range []struct {
		name, body    string
		meta          headers
		cloud, source string
		format        any
	}{
		{"EventBridge", eventBridge, nil, "aws", "shop.orders", "eventbridge"},
		{"EventBridge in SQS", records(sqsRecord(eventBridge)), nil, "aws", "shop.orders", "sqs/eventbridge"},
		{"EventBridge in SNS", sns(eventBridge), nil, "aws", "shop.orders", "sns/eventbridge"},
		{"EventBridge in SNS in SQS", records(sqsRecord(sns(eventBridge))), nil, "aws", "shop.orders", "sqs/sns/eventbridge"},
		{"EventBridge in one SQS message", sqsRecord(eventBridge), nil, "aws", "shop.orders", "sqs/eventbridge"},
		{"EventBridge in ReceiveMessage's answer", `{"Messages":[{"MessageId":"q","ReceiptHandle":"h","Body":` + quoted(eventBridge) + `}]}`, nil, "aws", "shop.orders", "sqs/eventbridge"},
		{"a CloudEvent in SNS", sns(cloudEvent), nil, "aws", "/shop/orders", "sns/cloudevents"},
		{"a CloudEvent", cloudEvent, nil, "unknown", "/shop/orders", nil},
		{"CloudEvents in a batch", `[` + cloudEvent + `]`, nil, "unknown", "/shop/orders", nil},
		{"binary CloudEvents over Kafka", payload, headers{"ce_specversion": "1.0", "ce_id": "e-1", "ce_source": "/shop/orders", "ce_type": "com.example.order.paid", "ce_time": "2026-11-23T18:28:01Z", "ce_subject": "ord-1", "content-type": "application/json"}, "unknown", "/shop/orders", nil},
		{"binary CloudEvents over HTTP", payload, headers{"Ce-Specversion": "1.0", "Ce-Id": "e-1", "Ce-Source": "%2Fshop/orders", "Ce-Type": "com.example.order.paid", "Ce-Time": "2026-11-23T18:28:01Z", "Ce-Subject": "ord-1", "Content-Type": "application/json; charset=utf-8"}, "unknown", "/shop/orders", nil},
		{"structured CloudEvents over HTTP", cloudEvent, headers{"Ce-Id": "not this", "Content-Type": "application/cloudevents+json"}, "unknown", "/shop/orders", nil},
		{"Event Grid", `[` + eventGrid + `]`, nil, "azure", "/subscriptions/1/topics/orders", "eventgrid"},
		{"Event Grid, one", eventGrid, nil, "azure", "/subscriptions/1/topics/orders", "eventgrid"},
		{"Pub/Sub push", pubSub, nil, "gcp", "/shop/orders", "pubsub"},
		{"Pub/Sub pull", payload, headers{"gcp_pubsub_message_id": "m", "gcp_pubsub_publish_time_unix": "1795458481", "ce-id": "e-1", "ce-source": "/shop/orders", "ce-type": "com.example.order.paid", "ce-time": "2026-11-23T18:28:01Z", "ce-subject": "ord-1"}, "gcp", "/shop/orders", "pubsub"},
		{"a CloudEvent in a pulled message", cloudEvent, headers{"gcp_pubsub_message_id": "m", "gcp_pubsub_publish_time_unix": "1795458481"}, "gcp", "/shop/orders", "pubsub/cloudevents"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := convert.Input{Body: []byte(c.body)}
			if c.meta != nil {
				in.Metadata = c.meta
			}
			e := one(t, convert.Options{}, in)
			require.Equal(t, "e-1", e["id"])
			require.Equal(t, c.source, e["source"])
			require.Equal(t, "com.example.order.paid", e["type"])
			require.True(t, strings.HasPrefix(e["time"].(string), "2026-11-23T18:28:01"), e["time"])
			require.Equal(t, c.cloud, e["cloud"])
			require.Equal(t, "default", e["tenant"])
			require.Equal(t, "ord-1", e["correlationid"])
			require.Equal(t, "2026-11-23T18:28:02.456Z", e["ingesttime"])
			require.Equal(t, c.format, e[convert.AttrFormat])
			require.Equal(t, map[string]any{"order_id": "ord-1", "amount": json.Number("10.50"), "currency": "EUR"}, e["data"])
		})
	}
}

func TestUnknownMembersSurvive(t *testing.T) {
	e := one(t, convert.Options{}, convert.Input{Body: []byte(records(sqsRecord(strings.Replace(eventBridge, `"account"`, `"replay-name":"r","flag":true,"ratio":1.5,"tenant":{"x":1},"account"`, 1))))})
	require.Equal(t, "0", e["version"])
	require.Equal(t, "123456789012", e["account"])
	require.Equal(t, true, e["flag"])
	var envelope map[string]map[string]any
	require.NoError(t, json.Unmarshal([]byte(e[convert.AttrEnvelope].(string)), &envelope))
	require.Equal(t, map[string]any{"replay-name": "r", "ratio": 1.5, "tenant": map[string]any{"x": 1.0}, "resources": []any{"arn:aws:x"}}, envelope["sqs/eventbridge"])
	require.Equal(t, "h", envelope["sqs"]["receiptHandle"])
	require.Equal(t, "default", e["tenant"], "a member that only happens to be called so is no tenant")

	e = one(t, convert.Options{}, convert.Input{Body: []byte(pubSub)})
	require.NoError(t, json.Unmarshal([]byte(e[convert.AttrEnvelope].(string)), &envelope))
	require.Equal(t, map[string]any{"team": "a"}, envelope["pubsub.attributes"])
	require.Equal(t, "k", envelope["pubsub.message"]["orderingKey"])
	require.Equal(t, "projects/p/subscriptions/s", envelope["pubsub"]["subscription"])
}

func TestPayloadsThatAreNoObjectsAreWrapped(t *testing.T) {
	ce := func(data string) string { return strings.Replace(cloudEvent, `"data":`+payload, data, 1) }
	for _, c := range []struct {
		name, body string
		form, data string
	}{
		{"an array", ce(`"data":[1,2]`), "json", `{"value":[1,2]}`},
		{"a number", ce(`"data":1.50`), "json", `{"value":1.50}`},
		{"null", ce(`"data":null`), "json", `{"value":null}`},
		{"a string", ce(`"data":"x"`), "json", `{"value":"x"}`},
		{"nothing", ce(`"x":"y"`), "none", `{}`},
		{"an object in base64", ce(`"data_base64":"eyJhIjoxfQ=="`), "", `{"a":1}`},
		{"bytes in base64", ce(`"data_base64":"/wA="`), "base64", `{"base64":"/wA="}`},
		{"text in SNS", sns("hello"), "text", `{"value":"hello"}`},
		{"a number in SNS is text", sns("12"), "text", `{"value":"12"}`},
		{"text that begins with a bracket", sns("[INFO] up"), "text", `{"value":"[INFO] up"}`},
		{"an object in SNS", sns(payload), "", payload},
		{"an array in SNS", sns(`[{"a":1}]`), "json", `{"value":[{"a":1}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := one(t, convert.Options{}, convert.Input{Body: []byte(c.body)})
			data, err := json.Marshal(e["data"])
			require.NoError(t, err)
			require.JSONEq(t, c.data, string(data))
			form, _ := e[event.AttrDataForm].(string)
			require.Equal(t, c.form, form)
		})
	}
}

func TestMessagesThatCarryNoEventAreEventsThemselves(t *testing.T) {
	e := one(t, convert.Options{}, convert.Input{Body: []byte(sns("hello"))})
	require.Equal(t, []any{"n-1", "arn:aws:sns:eu:1:orders", "com.amazonaws.sns.notification", "2026-11-23T18:28:01.250Z", "hello"},
		[]any{e["id"], e["source"], e["type"], e["time"], e["subject"]})
	e = one(t, convert.Options{}, convert.Input{Body: []byte(records(sqsRecord(payload)))})
	require.Equal(t, []any{"q-1", "arn:aws:sqs:eu:1:orders", "com.amazonaws.sqs.message", "2026-11-23T18:28:01.75Z", "ord-1"},
		[]any{e["id"], e["source"], e["type"], e["time"], e["correlationid"]})
	e = one(t, convert.Options{}, convert.Input{Body: []byte(`{"message":{"data":"aGk","message_id":"m-1","publish_time":"2026-11-23T18:28:01Z"},"subscription":"projects/p/subscriptions/s"}`)})
	require.Equal(t, []any{"m-1", "//pubsub.googleapis.com/projects/p/subscriptions/s", "google.cloud.pubsub.topic.v1.messagePublished"}, []any{e["id"], e["source"], e["type"]})
}

func TestPubSubMessagesAreNamedTheSamePushedOrPulled(t *testing.T) {
	attributes := func(change headers) headers {
		h := headers{"ce-specversion": "1.0", "ce-id": "e-1", "ce-source": "/shop/orders", "ce-type": "com.example.order.paid", "ce-time": "2026-11-23T18:28:01Z", "ce-subject": "ord-1"}
		for name, value := range change {
			h[name] = value
			if value == "absent" {
				delete(h, name)
			}
		}
		return h
	}
	for _, c := range []struct {
		name   string
		change headers
		id     string // empty: refused
		detail string
	}{
		{"as it is", nil, "e-1", ""},
		{"no id", headers{"ce-id": "absent"}, "m-1", ""},
		{"an empty id", headers{"ce-id": ""}, "", "id is absent"},
		{"an empty id in capitals", headers{"ce-id": "absent", "CE-Id": ""}, "", "id is absent"},
		{"an empty source", headers{"ce-source": ""}, "", "source is absent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := json.Marshal(object{"message": object{"data": []byte(payload), "messageId": "m-1", "publishTime": "2026-11-23T18:28:01.5Z", "attributes": attributes(c.change)}, "subscription": "projects/p/subscriptions/s"})
			require.NoError(t, err)
			pulled := attributes(c.change)
			pulled["gcp_pubsub_message_id"], pulled["gcp_pubsub_publish_time_unix"] = "m-1", "1795458481"
			for _, in := range []convert.Input{{Body: raw}, {Body: []byte(payload), Metadata: pulled}} {
				if c.id != "" {
					require.Equal(t, c.id, one(t, convert.Options{}, in)["id"])
					continue
				}
				in.Now = received.UnixNano()
				results := converter(t, convert.Options{}).Convert(in)
				require.Len(t, results, 1)
				require.Equal(t, convert.Unreadable, results[0].Reason)
				require.ErrorContains(t, results[0].Err, c.detail)
			}
		})
	}
}

type object map[string]any

func TestAnEnvelopesOwnTimeStandsInForAnAbsentOne(t *testing.T) {
	timeless := strings.Replace(eventBridge, `"time":"2026-11-23T18:28:01Z",`, "", 1)
	require.Equal(t, "2026-11-23T18:28:01.75Z", one(t, convert.Options{}, convert.Input{Body: []byte(records(sqsRecord(timeless)))})["time"])
	require.Equal(t, "2026-11-23T18:28:01.250Z", one(t, convert.Options{}, convert.Input{Body: []byte(records(sqsRecord(sns(timeless))))})["time"])
	require.Equal(t, "2026-11-23T18:28:01.5Z", one(t, convert.Options{}, convert.Input{Body: []byte(strings.Replace(pubSub, "ce-time", "x-time", 1))})["time"])
	refused(t, timeless, convert.Unreadable, "EventBridge member time is absent; a non-empty string is required")
}

// refused converts a document of which nothing may be converted.
func refused(t testing.TB, body string, reason convert.Reason, detail string) {
	t.Helper()
	results := converter(t, convert.Options{}).Convert(convert.Input{Body: []byte(body), Now: received.UnixNano()})
	require.Len(t, results, 1)
	require.Nil(t, results[0].Event)
	require.Equal(t, body, string(results[0].Raw), "what is refused is handed back")
	require.Equal(t, reason.String(), results[0].Reason.String(), "%v", results[0].Err)
	require.ErrorContains(t, results[0].Err, detail)
}

func TestRefusalsNameWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name, body string
		reason     convert.Reason
		detail     string
	}{
		{"nothing", ``, convert.Unreadable, "found the end of the document"},
		{"truncated", eventBridge[:len(eventBridge)-3], convert.Unreadable, "found the end of the document"},
		{"truncated in SQS", records(sqsRecord(eventBridge[:200])), convert.Unreadable, "found the end of the document"},
		{"nested to death", strings.Repeat(`{"detail":`, 100000), convert.Unreadable, "nested deeper than 512 levels"},
		{"invalid UTF-8", strings.Replace(eventBridge, "e-1", "\xff", 1), convert.Unreadable, "valid UTF-8"},
		{"a member twice", strings.Replace(eventBridge, `"id":"e-1"`, `"id":"e-1","id":"e-2"`, 1), convert.Unreadable, `duplicate member "id"`},
		{"an unknown member twice", strings.Replace(eventBridge, `"id"`, `"x":1,"\u0078":2,"id"`, 1), convert.Unreadable, `duplicate member "x"`},
		{"the key twice", strings.Replace(eventBridge, `"order_id":"ord-1"`, `"order_id":"ord-1","order_id":"ord-2"`, 1), convert.Unreadable, `duplicate member "order_id"`},
		{"no id", strings.Replace(eventBridge, `"id":"e-1",`, ``, 1), convert.Unreadable, "EventBridge member id is absent"},
		{"an empty id", strings.Replace(eventBridge, `"e-1"`, `""`, 1), convert.Unreadable, `EventBridge member id is ""; a non-empty string is required`},
		{"a number for an id", strings.Replace(eventBridge, `"e-1"`, `7`, 1), convert.Unreadable, `EventBridge member id is 7`},
		{"no detail-type", strings.Replace(eventBridge, `"detail-type":"com.example.order.paid",`, ``, 1), convert.Unreadable, "EventBridge member detail-type is absent"},
		{"no topic", strings.Replace(eventGrid, `"topic":"/subscriptions/1/topics/orders",`, ``, 1), convert.Unreadable, "Event Grid member topic is absent"},
		{"a bad time", strings.Replace(eventBridge, `2026-11-23T`, `2026-11-23 `, 1), convert.Unreadable, "EventBridge member time: not an RFC 3339 time"},
		{"the year 1", strings.Replace(eventBridge, `2026-11-23T`, `0001-01-01T`, 1), convert.Unreadable, "time outside the years 1678 to 2261"},
		{"the year 9999", strings.Replace(eventBridge, `2026-11-23T`, `9999-01-01T`, 1), convert.Unreadable, "time outside the years 1678 to 2261"},
		{"an unknown specversion", strings.Replace(cloudEvent, `"1.0"`, `"7"`, 1), convert.Unreadable, `specversion is "7"`},
		{"data twice over", strings.Replace(cloudEvent, `"data":`, `"data_base64":"","data":`, 1), convert.Unreadable, "data and data_base64 are both there"},
		{"bad base64", strings.Replace(cloudEvent, `"data":`+payload, `"data_base64":"***"`, 1), convert.Unreadable, "base64 (RFC 4648) is required"},
		{"bad base64 in Pub/Sub", strings.Replace(pubSub, `"eyJ`, `"***`, 1), convert.Unreadable, "message.data"},
		{"a key of 1 MB", strings.Replace(eventBridge, `"ord-1"`, `"`+strings.Repeat("k", 1<<20)+`"`, 1), convert.Unreadable, "correlationid has 1048576 bytes; at most 4096 are allowed"},
		{"an empty object", `{}`, convert.NotAnEvent, "no envelope of"},
		{"an empty batch", `[]`, convert.NotAnEvent, "a batch without events"},
		{"no records", `{"Records":[]}`, convert.NotAnEvent, "a batch without events"},
		{"a number", `12`, convert.NotAnEvent, "neither an object nor an array"},
		{"an SNS handshake", strings.Replace(sns("x"), "Notification", "SubscriptionConfirmation", 1), convert.NotAnEvent, "SubscriptionConfirmation"},
		{"an SNS handshake in SQS", records(sqsRecord(strings.Replace(sns("x"), "Notification", "UnsubscribeConfirmation", 1))), convert.NotAnEvent, "UnsubscribeConfirmation"},
		{"an Event Grid handshake", `[` + strings.Replace(eventGrid, "com.example.order.paid", "Microsoft.EventGrid.SubscriptionValidationEvent", 1) + `]`, convert.NotAnEvent, "SubscriptionValidationEvent"},
		{"an Event Grid farewell as a CloudEvent", strings.Replace(cloudEvent, "com.example.order.paid", "Microsoft.EventGrid.SubscriptionDeletedEvent", 1), convert.NotAnEvent, "SubscriptionDeletedEvent"},
		{"S3's test message", `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-23T18:28:01Z","Bucket":"b"}`, convert.NotAnEvent, "test message"},
		{"S3's test message in SQS", records(sqsRecord(`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`)), convert.NotAnEvent, "test message"},
		{"a record of a custom event bus's dead-letter queue", undelivered, convert.NotAnEvent, `2 events that a custom event bus did not deliver (ACCESS_DENIED): it names them ["e-1", "e-2"] and does not hold them`},
		{"the same in SQS", records(sqsRecord(undelivered)), convert.NotAnEvent, `["e-1", "e-2"]`},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, c.body, c.reason, c.detail) })
	}
}

func TestABatchIsConvertedPartByPart(t *testing.T) {
	broken := strings.Replace(eventGrid, `"e-1"`, `""`, 1)
	results := converter(t, convert.Options{}).Convert(convert.Input{Body: []byte("[" + eventGrid + "," + broken + "," + cloudEvent + "]")})
	require.Len(t, results, 3)
	require.NoError(t, results[0].Err)
	require.Equal(t, convert.Unreadable, results[1].Reason)
	require.Equal(t, broken, string(results[1].Raw), "only the part that is wrong is handed back")
	require.NoError(t, results[2].Err)
	require.NotContains(t, attributes(t, results[2].Event), convert.AttrFormat, "nothing of one part reaches the next")

	results = converter(t, convert.Options{}).Convert(convert.Input{Body: []byte(records(sqsRecord(eventBridge), sqsRecord(sns("hi")), sqsRecord(records(sqsRecord(cloudEvent)))))})
	require.Len(t, results, 3)
	require.Equal(t, "sqs/sqs/cloudevents", attributes(t, results[2].Event)[convert.AttrFormat])
}

func TestAnUnreadablePartOfABatchCostsOnlyItself(t *testing.T) {
	deep := strings.Replace(eventGrid, payload, strings.Repeat("[", 600)+strings.Repeat("]", 600), 1)
	for name, broken := range map[string]string{
		"nested too deep":  deep,
		"invalid UTF-8":    strings.Replace(eventGrid, "ord-1", "\xff", 1),
		"a bad number":     strings.Replace(eventGrid, "10.50", "10.5.0", 1),
		"an unknown word":  "nope",
		"a bad escape":     strings.Replace(eventGrid, "ord-1", `\q`, 1),
		"a member no name": strings.Replace(eventGrid, `"id"`, `id`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			results := converter(t, convert.Options{}).Convert(convert.Input{Body: []byte(" [ " + eventGrid + " , " + broken + ",\n" + cloudEvent + "]\n")})
			require.Len(t, results, 3)
			require.NoError(t, results[0].Err)
			require.NotEqual(t, convert.Converted, results[1].Reason)
			require.Equal(t, broken, string(results[1].Raw))
			require.NoError(t, results[2].Err)
		})
	}
	for name, body := range map[string]string{
		"no end":           "[" + eventGrid + "," + cloudEvent,
		"something after":  "[" + eventGrid + "," + cloudEvent + "] x",
		"no comma":         "[" + eventGrid + cloudEvent + "]",
		"a comma too many": "[" + eventGrid + "," + cloudEvent + ",]",
		"half an event":    "[" + eventGrid + "," + cloudEvent[:40] + "]",
	} {
		t.Run("as a whole where the array itself is in doubt: "+name, func(t *testing.T) {
			results := converter(t, convert.Options{}).Convert(convert.Input{Body: []byte(body)})
			require.Len(t, results, 1)
			require.Equal(t, convert.Unreadable, results[0].Reason)
			require.Equal(t, body, string(results[0].Raw))
		})
	}
}

func TestCanonicalEventsPassUnchanged(t *testing.T) {
	c := converter(t, convert.Options{})
	for _, body := range []string{eventBridge, cloudEvent, eventGrid, pubSub, sns("hi"), records(sqsRecord(sns(cloudEvent))),
		strings.Replace(cloudEvent, `"data"`, `"Odd":1,"tracestate":"a=b","traceparent":"00-x","big":12345678901,"data"`, 1)} {
		first := c.Convert(convert.Input{Body: []byte(body), Now: received.UnixNano()})
		require.NoError(t, first[0].Err)
		again := c.Convert(convert.Input{Body: first[0].Event, Cloud: "elsewhere", Now: received.UnixNano() + 1e9})
		require.NoError(t, again[0].Err)
		require.Equal(t, string(first[0].Event), string(again[0].Event))
	}
}

func TestNobodyReportsForAnotherCloudWhereThatIsAsked(t *testing.T) {
	canonical := one(t, convert.Options{}, convert.Input{Body: []byte(eventBridge)})
	require.Equal(t, "aws", canonical["cloud"])
	body, err := json.Marshal(canonical)
	require.NoError(t, err)
	require.Equal(t, "aws", one(t, convert.Options{}, convert.Input{Body: body, Cloud: "gcp"})["cloud"], "what is canonical keeps its own")
	require.Equal(t, "aws", one(t, convert.Options{StrictCloud: true}, convert.Input{Body: body, Cloud: "aws"})["cloud"])
	require.Equal(t, "aws", one(t, convert.Options{StrictCloud: true}, convert.Input{Body: body})["cloud"], "without a cloud every one may come")
	require.Equal(t, "gcp", one(t, convert.Options{StrictCloud: true}, convert.Input{Body: []byte(cloudEvent), Cloud: "gcp"})["cloud"])
	results := converter(t, convert.Options{StrictCloud: true}).Convert(convert.Input{Body: body, Cloud: "gcp"})
	require.Len(t, results, 1)
	require.Equal(t, convert.Unreadable, results[0].Reason)
	require.EqualError(t, results[0].Err, `cloud is "aws"; what comes this way may report for "gcp" only`)
	require.Equal(t, string(body), string(results[0].Raw))
}

func TestTheConfiguredCloudComesFirst(t *testing.T) {
	require.Equal(t, "edge", one(t, convert.Options{}, convert.Input{Body: []byte(eventBridge), Cloud: "edge"})["cloud"])
	claimed := strings.Replace(cloudEvent, `"subject"`, `"cloud":"gcp","subject"`, 1)
	require.Equal(t, "gcp", one(t, convert.Options{}, convert.Input{Body: []byte(claimed)})["cloud"])
	e := one(t, convert.Options{}, convert.Input{Body: []byte(claimed), Cloud: "azure"})
	require.Equal(t, "azure", e["cloud"])
	require.Equal(t, `{"cloudevents":{"cloud":"gcp"}}`, e[convert.AttrEnvelope], "what it claimed is kept")
}

func TestRulesFindKeysAndTenants(t *testing.T) {
	opt := convert.Options{
		Correlation: []convert.Rule{
			{Types: []string{"com.example.invoice.*"}, Paths: []string{"data.invoice.no"}},
			{Types: []string{"*.paid"}, Paths: []string{"data.missing", "data.order_id"}},
		},
		Tenant:        []convert.Rule{{Paths: []string{"shop", "data.customer~1tenant"}}},
		DefaultTenant: "everyone",
	}
	e := one(t, opt, convert.Input{Body: []byte(strings.Replace(eventBridge, `"order_id":"ord-1"`, `"order_id":4711,"customer.tenant":"acme"`, 1))})
	require.Equal(t, "4711", e["correlationid"], "whole numbers are names too")
	require.Equal(t, "acme", e["tenant"])
	e = one(t, opt, convert.Input{Body: []byte(strings.Replace(cloudEvent, `"subject"`, `"shop":"s-1","subject"`, 1))})
	require.Equal(t, "s-1", e["tenant"])
	e = one(t, opt, convert.Input{Body: []byte(pubSub)})
	require.Equal(t, "everyone", e["tenant"])
	require.Equal(t, "ord-1", e["correlationid"])

	for _, kind := range []string{"com.example.invoice.sent", "com.example.other"} {
		body := strings.Replace(eventBridge, "com.example.order.paid", kind, 1)
		results := converter(t, opt).Convert(convert.Input{Body: []byte(body)})
		require.Equal(t, convert.Unkeyed, results[0].Reason)
		require.Equal(t, body, string(results[0].Raw))
		require.ErrorContains(t, results[0].Err, kind)
	}
}

func TestTransportsMayNameAttributesTheirOwnWay(t *testing.T) {
	opt := convert.Options{Attributes: map[string]string{"eventType": "type", "order": "subject"}}
	body := `{"message":{"data":"eyJhIjoxfQ==","messageId":"m-1","publishTime":"2026-11-23T18:28:01Z","attributes":{"eventType":"com.example.order.paid","order":"ord-1"}},"subscription":"projects/p/subscriptions/s"}`
	e := one(t, opt, convert.Input{Body: []byte(body)})
	require.Equal(t, []any{"m-1", "com.example.order.paid", "ord-1", "//pubsub.googleapis.com/projects/p/subscriptions/s"}, []any{e["id"], e["type"], e["correlationid"], e["source"]})
}

func TestOptionsAreChecked(t *testing.T) {
	for want, opt := range map[string]convert.Options{
		`a rule without paths`:      {Correlation: []convert.Rule{{Types: []string{"*"}}}},
		`types takes globs`:         {Tenant: []convert.Rule{{Types: []string{"a", ""}, Paths: []string{"tenant"}}}},
		`path "Order"`:              {Correlation: []convert.Rule{{Paths: []string{"Order"}}}},
		`path "data"`:               {Tenant: []convert.Rule{{Paths: []string{"data"}}}},
		`a segment is empty`:        {Tenant: []convert.Rule{{Paths: []string{"data.a..b"}}}},
		`attributes "x": "Not-One"`: {Attributes: map[string]string{"x": "Not-One"}},
	} {
		_, err := convert.New(opt)
		require.ErrorIs(t, err, convert.ErrOption)
		require.ErrorContains(t, err, want)
	}
	_, err := convert.ParseFormat("xml")
	require.ErrorContains(t, err, fmt.Sprint(convert.Formats()))
}
