package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/plugins/canonical/convert"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
)

// order is an event with everything that has to survive the way.
const order = `{"specversion":"1.0","id":"e-%d","source":"/shop","type":"order.paid","time":"2026-11-23T10:00:00Z","subject":"ord-%d","tenant":"acme","correlationid":"ord-%d","data":{"order_id":"ord-%d","tenant":"acme","amount":10.00,"note":"a<b & \"c\""}}`

func orders(t *testing.T, n int) (events []*Event) {
	t.Helper()
	for i := range n {
		e, err := ParseEvent(fmt.Appendf(nil, order, i, i, i, i), time.Now())
		require.NoError(t, err)
		e.Place = fmt.Sprintf("line %d", i+1)
		events = append(events, e)
	}
	return events
}

type attributes map[string]string

func (a attributes) Walk(visit func(name, value string)) {
	for name, value := range a {
		visit(name, value)
	}
}

// received is what Helios makes of a message that a cloud delivers.
func received(t *testing.T, cloud, body string, meta attributes) map[string]any {
	t.Helper()
	c, err := convert.New(convert.Options{Tenant: []convert.Rule{{Paths: []string{"data.tenant"}}}})
	require.NoError(t, err)
	results := c.Convert(convert.Input{Body: []byte(body), Metadata: meta, Cloud: cloud, Now: time.Now().UnixNano()})
	require.Len(t, results, 1, body)
	require.NoError(t, results[0].Err, body)
	var e map[string]any
	require.NoError(t, json.Unmarshal(results[0].Event, &e))
	require.Contains(t, string(results[0].Event), `"amount":10.00`, "the bytes of the data are those that were read")
	return e
}

func requireOrder(t *testing.T, e map[string]any, n int, cloud string) {
	t.Helper()
	require.Equal(t, fmt.Sprintf("ord-%d", n), e["correlationid"])
	require.Equal(t, []any{"order.paid", "acme", cloud, "2026-11-23T10:00:00Z"}, []any{e["type"], e["tenant"], e["cloud"], e["time"]})
	require.Equal(t, `a<b & "c"`, e["data"].(map[string]any)["note"])
}

// awsEnvironment keeps this machine's settings of AWS out.
func awsEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": "",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
	} {
		t.Setenv(name, value)
	}
}

// bus answers as EventBridge does.
type bus struct {
	*httptest.Server
	mu       sync.Mutex
	requests [][]map[string]any
	answer   func(request int, entries []map[string]any) (status int, body string)
}

func startBus(t *testing.T) *bus {
	t.Helper()
	awsEnvironment(t)
	b := &bus{}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *bus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	var in struct{ Entries []map[string]any }
	_ = json.NewDecoder(r.Body).Decode(&in)
	switch r.Header.Get("X-Amz-Target") {
	case "AWSEvents.DescribeEventBus":
		_, _ = io.WriteString(w, `{"Name":"orders"}`)
		return
	case "AWSEvents.PutEvents":
	default:
		w.WriteHeader(http.StatusNotImplemented)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests = append(b.requests, in.Entries)
	status, body := b.answer(len(b.requests), in.Entries)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// entriesJSON is an answer with a code for each entry, empty for taken ones.
func entriesJSON(codes ...string) string {
	var out []string
	failed := 0
	for _, c := range codes {
		if c == "" {
			out = append(out, `{"EventId":"x"}`)
			continue
		}
		failed++
		out = append(out, fmt.Sprintf(`{"ErrorCode":%q,"ErrorMessage":"says why"}`, c))
	}
	return fmt.Sprintf(`{"FailedEntryCount":%d,"Entries":[%s]}`, failed, strings.Join(out, ","))
}

func openOne(t *testing.T, o Options) *Publisher {
	t.Helper()
	p, err := Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	p.Wait = func(context.Context, time.Duration) error { return nil }
	return p
}

func TestEventBridgeGetsTenEntriesARequestAndFailedOnesAgain(t *testing.T) {
	b := startBus(t)
	b.answer = func(request int, entries []map[string]any) (int, string) {
		codes := make([]string, len(entries))
		if request == 1 {
			codes[3], codes[7], codes[8] = "ThrottlingException", "InternalFailure", "NotAuthorizedForSourceException"
		}
		return 200, entriesJSON(codes...)
	}
	p := openOne(t, Options{Bus: "orders", Endpoint: b.URL})
	require.NoError(t, p.Publish(t.Context(), orders(t, 12)))
	require.Len(t, b.requests, 3)
	require.Len(t, b.requests[0], 10)
	require.Len(t, b.requests[1], 2, "only those that may be taken later")
	require.Contains(t, b.requests[1][0]["Detail"], "ord-3")
	require.Len(t, b.requests[2], 2)
	c := p.Summary().Targets[0]
	require.Equal(t, []int{11, 1, 2}, []int{c.Sent, c.Refused.Count, c.Retried})
	require.Contains(t, c.Refused.Reasons[0].Why, "sources that begin with aws.")
	require.Equal(t, []string{"line 9"}, c.Refused.Reasons[0].Places)

	put := b.requests[0][0]
	require.Equal(t, []any{"/shop", "order.paid", "orders"}, []any{put["Source"], put["DetailType"], put["EventBusName"]})
	require.Equal(t, `{"order_id":"ord-0","tenant":"acme","amount":10.00,"note":"a<b & \"c\""}`, put["Detail"])
}

func TestEventBridgeBatchesKeepItsSize(t *testing.T) {
	b := startBus(t)
	b.answer = func(_ int, entries []map[string]any) (int, string) {
		return 200, entriesJSON(make([]string, len(entries))...)
	}
	p := openOne(t, Options{Bus: "orders", Endpoint: b.URL})
	events := orders(t, 4)
	for i, size := range []int{120 << 10, 120 << 10, 300 << 10, 2 << 20} {
		events[i].Data = []byte(`{"order_id":"1","x":"` + strings.Repeat("x", size) + `"}`)
	}
	require.NoError(t, p.Publish(t.Context(), events))
	require.Len(t, b.requests, 2)
	require.Len(t, b.requests[0], 2)
	require.Len(t, b.requests[1], 1, "above 256 KB an event goes alone")
	require.Contains(t, p.Summary().Targets[0].Refused.Reasons[0].Why, "TooLarge")
}

func TestEventBridgeWithoutPermissionOrBusIsExplained(t *testing.T) {
	b := startBus(t)
	b.answer = func(int, []map[string]any) (int, string) {
		return 400, `{"__type":"AccessDeniedException","Message":"User: arn:aws:iam::123456789012:user/a is not authorized to perform: events:PutEvents"}`
	}
	p := openOne(t, Options{Bus: "orders", Endpoint: b.URL})
	require.ErrorIs(t, p.Publish(t.Context(), orders(t, 25)), ErrStopped)
	require.Len(t, b.requests, 1, "nothing more is sent")
	c := p.Summary().Targets[0]
	require.Equal(t, 25, c.Refused.Count)
	require.Contains(t, c.Refused.Reasons[0].Why, "allow events:PutEvents")

	missing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"__type":"ResourceNotFoundException","Message":"Event bus nowhere does not exist."}`)
	}))
	t.Cleanup(missing.Close)
	_, err := Open(t.Context(), Options{Bus: "nowhere", Endpoint: missing.URL})
	require.ErrorContains(t, err, `there is no event bus "nowhere" in eu-central-1`)
}

func TestEventsWithoutAnOrderAreCountedSinceEventBridgeCarriesNoSubject(t *testing.T) {
	b := startBus(t)
	b.answer = func(_ int, entries []map[string]any) (int, string) {
		return 200, entriesJSON(make([]string, len(entries))...)
	}
	p := openOne(t, Options{Bus: "orders", Endpoint: b.URL})
	events := orders(t, 2)
	events[0].Data = []byte(`{"amount":1}`)
	require.NoError(t, p.Publish(t.Context(), events))
	require.Equal(t, 1, p.Summary().Targets[0].Unkeyed)
}

func TestAQueueGetsWhatARuleOfEventBridgeDelivers(t *testing.T) {
	awsEnvironment(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "") // an emulator needs none
	server, err := embedded.StartSQS("helios")
	require.NoError(t, err)
	t.Cleanup(server.Close)
	p := openOne(t, Options{Queue: server.URL(), Endpoint: server.Endpoint()})
	require.NoError(t, p.Publish(t.Context(), orders(t, 23)))
	require.True(t, p.Summary().Complete())
	require.Equal(t, 3, p.Summary().Targets[0].Requests)
	require.EqualValues(t, 23, server.Held())

	conf, err := loadAWS(t.Context(), "eu-central-1", server.Endpoint())
	require.NoError(t, err)
	client := sqs.NewFromConfig(conf, func(o *sqs.Options) { o.BaseEndpoint = aws.String(server.Endpoint()) })
	got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(server.URL()), MaxNumberOfMessages: 1})
	require.NoError(t, err)
	e := received(t, "aws", *got.Messages[0].Body, nil)
	requireOrder(t, e, 0, "aws")
	require.Equal(t, "e-0", e["id"])

	p = openOne(t, Options{Queue: server.Endpoint() + "/000000000000/other", Endpoint: server.Endpoint()})
	require.ErrorIs(t, p.Publish(t.Context(), orders(t, 1)), ErrStopped)
	require.Contains(t, p.Summary().Targets[0].Refused.Reasons[0].Why, "there is no such queue")
}

func TestEntriesThatSQSCouldNotTakeAreSentAgain(t *testing.T) {
	awsEnvironment(t)
	var mu sync.Mutex
	var sizes []int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Entries []struct{ Id, MessageBody string }
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(in.Entries))
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if len(sizes) == 1 {
			_, _ = io.WriteString(w, `{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"x"}],"Failed":[{"Id":"1","Code":"InternalError","SenderFault":false,"Message":"try again"},{"Id":"2","Code":"InvalidMessageContents","SenderFault":true,"Message":"bad"}]}`)
			return
		}
		_, _ = io.WriteString(w, `{"Successful":[],"Failed":[]}`)
	}))
	t.Cleanup(server.Close)
	q, err := newQueue(t.Context(), server.URL+"/1/q", "", server.URL)
	require.NoError(t, err)
	// The digests of this server are no digests.
	q.client = sqs.New(q.client.Options(), func(o *sqs.Options) { o.DisableMessageChecksumValidation = true })
	p, _ := publisher(q)
	require.NoError(t, p.Publish(t.Context(), orders(t, 3)))
	require.Equal(t, []int{3, 1}, sizes)
	c := p.Summary().Targets[0]
	require.Equal(t, []int{2, 1, 1}, []int{c.Sent, c.Refused.Count, c.Retried})
}

func TestWithoutRegionOrCredentialsAWSIsExplained(t *testing.T) {
	awsEnvironment(t)
	t.Setenv("AWS_REGION", "")
	_, err := Open(t.Context(), Options{Bus: "orders"})
	require.ErrorContains(t, err, "no region is set")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	_, err = Open(t.Context(), Options{Bus: "orders", Region: "eu-central-1"})
	require.ErrorContains(t, err, "no credentials of AWS were found")
}

func TestPubSubGetsCloudEventsInBinaryMode(t *testing.T) {
	server := pstest.NewServer()
	t.Cleanup(func() { _ = server.Close() })
	const path = "projects/shop/topics/orders"
	_, err := server.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: path})
	require.NoError(t, err)
	p := openOne(t, Options{Topic: path, Endpoint: server.Addr})
	require.NoError(t, p.Publish(t.Context(), orders(t, 1500)))
	require.True(t, p.Summary().Complete())
	require.Equal(t, 2, p.Summary().Targets[0].Requests, "1,000 messages a request")
	messages := server.Messages()
	require.Len(t, messages, 1500)
	e := received(t, "gcp", string(messages[0].Data), messages[0].Attributes)
	requireOrder(t, e, 0, "gcp")
	require.Equal(t, []any{"e-0", "/shop", "ord-0"}, []any{e["id"], e["source"], e["subject"]})

	long := orders(t, 1)
	long[0].Subject = strings.Repeat("s", 2000)
	require.NoError(t, p.Publish(t.Context(), long))
	require.Contains(t, p.Summary().Targets[0].Refused.Reasons[0].Why, "attribute ce-subject has 2000 bytes")
}

func TestErrorsOfPubSubAreExplained(t *testing.T) {
	for code, c := range map[codes.Code]struct {
		says     string
		requests int
		end      error
	}{
		codes.PermissionDenied: {"roles/pubsub.publisher", 1, ErrStopped},
		codes.Unauthenticated:  {"sign in again", 1, ErrStopped},
		codes.Unavailable:      {"Unavailable", 5, nil},
		codes.InvalidArgument:  {"InvalidArgument", 3, nil}, // the pair, then each
	} {
		server := pstest.NewServer(pstest.WithErrorInjection("Publish", code, "says why"))
		t.Cleanup(func() { _ = server.Close() })
		p := openOne(t, Options{Topic: "projects/shop/topics/orders", Endpoint: server.Addr})
		require.ErrorIs(t, p.Publish(t.Context(), orders(t, 2)), c.end, "%s", code)
		counts := p.Summary().Targets[0]
		require.Equal(t, []int{2, c.requests}, []int{counts.Refused.Count, counts.Requests}, "%s", code)
		require.Contains(t, counts.Refused.Reasons[0].Why, c.says)
	}
	server := pstest.NewServer()
	t.Cleanup(func() { _ = server.Close() })
	p := openOne(t, Options{Topic: "projects/shop/topics/nowhere", Endpoint: server.Addr})
	require.ErrorIs(t, p.Publish(t.Context(), orders(t, 1)), ErrStopped)
	require.Contains(t, p.Summary().Targets[0].Refused.Reasons[0].Why, "check --topic")
}

func TestTargetsThatCannotBeAreExplained(t *testing.T) {
	for says, o := range map[string]Options{
		"no target":                      {},
		"projects/PROJECT/topics/TOPIC":  {Topic: "orders"},
		"it takes the topic's endpoint":  {Grid: "orders", GridSchema: SchemaEventGrid},
		"--grid-schema \"json\"":         {Grid: "https://x/api/events", GridSchema: "json"},
		"and 2 are given":                {Bus: "a", Topic: "b", Endpoint: "c"},
		"a topic of Event Grid is a URL": {Grid: "https://x", Endpoint: "c"},
	} {
		_, err := Open(t.Context(), o)
		require.ErrorContains(t, err, says)
	}
}

func TestASimulatedBusinessPublishesToAllItsClouds(t *testing.T) {
	awsEnvironment(t)
	queue, err := embedded.StartSQS("helios")
	require.NoError(t, err)
	t.Cleanup(queue.Close)
	server := pstest.NewServer()
	t.Cleanup(func() { _ = server.Close() })
	const path = "projects/shop/topics/orders"
	_, err = server.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: path})
	require.NoError(t, err)
	g := startGrid(t)
	q, err := newQueue(t.Context(), queue.URL(), "", queue.Endpoint())
	require.NoError(t, err)
	topic, err := newTopic(t.Context(), path, server.Addr)
	require.NoError(t, err)
	gt, err := newGridTopic(g.URL, SchemaEventGrid, gridKey)
	require.NoError(t, err)
	p, _ := publisher(q, topic, gt)
	t.Cleanup(p.Close)

	ledger := t.TempDir() + "/truth.jsonl"
	require.NoError(t, Simulation{Facts: 40, Rate: 2000, Seed: 7, Faults: 0.2, Ledger: ledger}.Run(t.Context(), p))
	s := p.Summary()
	require.True(t, s.Complete(), "%+v", s)
	total := 0
	for _, c := range s.Targets {
		require.Greater(t, c.Sent, 20, c.Target)
		require.Zero(t, c.Unkeyed)
		total += c.Sent
	}
	require.Equal(t, s.Events, total, "each event went to its own cloud, once")
	require.EqualValues(t, s.Targets[0].Sent, queue.Held())
	require.Len(t, server.Messages(), s.Targets[1].Sent)
	require.FileExists(t, ledger)
}

func TestASimulationEndsWhenNoTargetTakesAnything(t *testing.T) {
	p, _ := publisher(&scripted{limit: wide, answer: func(int, []entry) ([]*refusal, error) {
		return nil, &refusal{code: "AccessDenied", text: "no", remedy: stop}
	}})
	p.Everywhere = true
	within, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.ErrorIs(t, Simulation{Facts: 1000, Rate: 1000, Seed: 1}.Run(within, p), ErrStopped)
}

// The simulator's input tries again what it can't open, and says so to nobody here.
func TestASimulationWhoseLedgerCantBeWrittenEnds(t *testing.T) {
	p, _ := publisher(&scripted{limit: wide, answer: func(int, []entry) ([]*refusal, error) { return nil, nil }})
	within, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := Simulation{Facts: 10, Rate: 1000, Seed: 1, Ledger: t.TempDir() + "/absent/truth.jsonl"}.Run(within, p)
	require.ErrorContains(t, err, "--ledger: open ")
	require.ErrorIs(t, err, os.ErrNotExist)
}
