package convert_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/canonical/convert"
)

// samplesDir holds payloads that the clouds' vendors publish.
const samplesDir = "../../../../shared/data/cloud-events"

// expectation is what becomes of a sample file.
type expectation struct {
	pattern string // of the path below samplesDir; the first that matches counts
	events  int    // canonical events in it
	cloud   string
	reason  convert.Reason
	detail  string
}

const (
	lambda = "aws-lambda-go/events/testdata/"
	sam    = "aws-sam-cli/samcli/lib/generated_sample_events/events/"
)

var expectations = []expectation{
	// Events of AWS.
	{lambda + "autoscaling-event-*.json", 1, "aws", 0, ""},
	{lambda + "cloudwatch-alarm-sns-payload-*.json", 1, "aws", 0, ""},
	{lambda + "code-commit-event.json", 1, "aws", 0, ""},
	{lambda + "codebuild-*.json", 1, "aws", 0, ""},
	{lambda + "codedeploy-*.json", 1, "aws", 0, ""},
	{lambda + "codepipeline-job-event.json", 0, "", convert.NotAnEvent, "no envelope of"},
	{lambda + "codepipeline-*.json", 1, "aws", 0, ""},
	{lambda + "dynamodb-event-malformed.2.json", 0, "", convert.Unreadable, "',' or ']'"},
	{lambda + "dynamodb-event.json", 2, "aws", 0, ""},
	{lambda + "dynamodb-time-window-event.json", 3, "aws", 0, ""},
	{lambda + "ec[rs]-*.json", 1, "aws", 0, ""},
	{lambda + "kinesis-event.json", 2, "aws", 0, ""},
	{lambda + "kinesis-time-window-event.json", 1, "aws", 0, ""},
	{lambda + "s3-batch-job-*.json", 0, "", convert.NotAnEvent, "no envelope of"},
	{lambda + "s3-object-lambda-*.json", 0, "", convert.NotAnEvent, "no envelope of"},
	{lambda + "s3-*.json", 1, "aws", 0, ""},
	{lambda + "ses-*.json", 1, "aws", 0, ""},
	{lambda + "sns-event.json", 1, "aws", 0, ""},
	{lambda + "sqs-event.json", 1, "aws", 0, ""},
	// Requests, responses and callbacks: Lambda's, and no business facts.
	{lambda + "*.json", 0, "", convert.NotAnEvent, "no envelope of"},
	{sam + "cloudwatch/ScheduledEvent.json", 1, "aws", 0, ""},
	{sam + "kinesis/Kinesis.json", 1, "aws", 0, ""},
	{sam + "s3/S3BatchInvocation.json", 0, "", convert.NotAnEvent, "no envelope of"},
	{sam + "s3/*.json", 1, "aws", 0, ""},
	{sam + "sns/Sns.json", 1, "aws", 0, ""},
	{sam + "sqs/Sqs.json", 1, "aws", 0, ""},
	{sam + "*/*.json", 0, "", convert.NotAnEvent, "no envelope of"},
	// Events of Azure.
	{"azure/arcus-eventgrid/SubscriptionValidationEvent.json", 0, "", convert.NotAnEvent, "SubscriptionValidationEvent"},
	{"azure/functions-eventgrid-extension/multipleEventGridEvents.json", 2, "azure", 0, ""},
	{"azure/functions-eventgrid-extension/stringDataEvents.json", 2, "azure", 0, ""},
	{"azure/*/*.json", 1, "azure", 0, ""},
	// Events of Google. What the examples call binary is the payload alone; it
	// becomes an event with its attributes (TestBinarySamples).
	{"google-cloudevents/examples/structured/*/*.json", 1, "gcp", 0, ""},
	{"google-cloudevents/examples/binary/pubsub/*.json", 1, "gcp", 0, ""},
	{"google-cloudevents/testdata/google/events/cloud/pubsub/v1/*.json", 1, "gcp", 0, ""},
	{"google-cloudevents/examples/binary/*/*.json", 0, "", convert.NotAnEvent, "no envelope of"},
	{"google-cloudevents/testdata/google/events/*/*/*/*.json", 0, "", convert.NotAnEvent, "no envelope of"},
	// Schemas, tests and licences.
	{"google-cloudevents/jsonschema/**", 0, "", convert.NotAnEvent, "no envelope of"},
	{"cloudevents-spec/cloudevents/formats/cloudevents.proto", 0, "", convert.Unreadable, "invalid JSON"},
	{"cloudevents-spec/cloudevents/formats/*", 0, "", convert.NotAnEvent, "no envelope of"},
	{"cloudevents-spec/cesql/**", 0, "", convert.Unreadable, "invalid JSON"},
	{"cloudevents-conformance/**", 0, "", convert.Unreadable, "invalid JSON"},
	{"**LICENSE*", 0, "", convert.Unreadable, "invalid JSON"},
}

func expected(t *testing.T, name string) expectation {
	for _, e := range expectations {
		if head, tail, deep := strings.Cut(e.pattern, "**"); deep {
			if strings.HasPrefix(name, head) && strings.Contains(name, strings.Trim(tail, "*")) {
				return e
			}
			continue
		}
		if ok, err := filepath.Match(e.pattern, name); ok && err == nil {
			return e
		}
	}
	require.Fail(t, "no expectation for the sample", name)
	return expectation{}
}

// samples calls visit for every sample file.
func samples(t testing.TB, visit func(name string, body []byte)) {
	if _, err := os.Stat(samplesDir); err != nil {
		t.Skipf("the sample events are not there: %v", err)
	}
	samplesOrNone(t, visit)
}

// samplesOrNone is samples for tests that have documents of their own.
func samplesOrNone(t testing.TB, visit func(name string, body []byte)) {
	if _, err := os.Stat(samplesDir); err != nil {
		t.Logf("without the sample events: %v", err)
		return
	}
	require.NoError(t, filepath.WalkDir(samplesDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(samplesDir, path)
		require.NoError(t, err)
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		visit(filepath.ToSlash(name), body)
		return nil
	}))
}

func TestEverySampleConvertsOrIsRefusedWithAReason(t *testing.T) {
	c := converter(t, convert.Options{})
	files := 0
	samples(t, func(name string, body []byte) {
		files++
		want := expected(t, name)
		results := c.Convert(convert.Input{Body: body, Now: received.UnixNano()})
		if want.reason != convert.Converted {
			require.Len(t, results, 1, name)
			require.Equal(t, want.reason.String(), results[0].Reason.String(), "%s: %v", name, results[0].Err)
			require.ErrorContains(t, results[0].Err, want.detail, name)
			require.Equal(t, string(body), string(results[0].Raw), name)
			return
		}
		require.Len(t, results, want.events, name)
		for _, r := range results {
			require.NoError(t, r.Err, name)
			require.Equal(t, want.cloud, attributes(t, r.Event)["cloud"], name)
		}
	})
	require.Greater(t, files, 300)
}

// TestNothingOfASampleIsLost looks for every scalar of a document in what became
// of it.
func TestNothingOfASampleIsLost(t *testing.T) {
	c := converter(t, convert.Options{})
	samples(t, func(name string, body []byte) {
		results := c.Convert(convert.Input{Body: body, Now: received.UnixNano()})
		if results[0].Reason != convert.Converted {
			return
		}
		var all strings.Builder
		for _, r := range results {
			spread(attributes(t, r.Event), &all)
		}
		var document any
		require.NoError(t, json.Unmarshal(body, &document))
		for _, leaf := range leaves(document) {
			require.Contains(t, all.String(), leaf, name)
		}
	})
}

// spread writes out every scalar of v; JSON in strings is opened.
func spread(v any, out *strings.Builder) {
	for _, leaf := range leaves(v) {
		out.WriteString(leaf)
		out.WriteByte('\n')
		var inner any
		if json.Unmarshal([]byte(leaf), &inner) == nil {
			if _, scalar := inner.(string); !scalar && strings.HasPrefix(leaf, "{") {
				spread(inner, out)
			}
		}
	}
}

// leaves lists the scalars of a document, spelled alike wherever they stand.
// What an envelope says about itself only (Type: Notification, cloudEventsVersion)
// is in the format's name, and payloads are decoded.
func leaves(v any) (list []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			switch name {
			case "Type", "cloudEventsVersion", "specversion":
			case "data":
				if _, encoded := member.(string); !encoded {
					list = append(list, leaves(member)...)
				}
			case "SentTimestamp", "eventTime":
			case "Message":
				if text, ok := member.(string); ok && strings.HasPrefix(text, "{\"") {
					var inner any
					if json.Unmarshal([]byte(text), &inner) == nil {
						list = append(list, leaves(inner)...)
						continue
					}
				}
				list = append(list, leaves(member)...)
			default:
				list = append(list, leaves(member)...)
			}
		}
	case []any:
		for _, element := range v {
			list = append(list, leaves(element)...)
		}
	case string:
		list = append(list, v)
	case nil:
	default:
		text, _ := json.Marshal(v)
		list = append(list, string(text))
	}
	return list
}

func TestBinarySamples(t *testing.T) {
	c := converter(t, convert.Options{})
	samples(t, func(name string, body []byte) {
		if !strings.HasPrefix(name, "google-cloudevents/examples/binary/") {
			return
		}
		results := c.Convert(convert.Input{Body: body, Now: received.UnixNano(), Metadata: headers{
			"ce-specversion": "1.0", "ce-id": "1", "ce-type": "google.cloud.x.v1.y", "ce-source": "//x.googleapis.com/projects/p", "ce-time": "2026-11-23T18:28:01Z", "ce-myext": "z", "Content-Type": "application/json"}})
		require.Len(t, results, 1, name)
		require.NoError(t, results[0].Err, name)
		e := attributes(t, results[0].Event)
		require.Equal(t, "gcp", e["cloud"])
		require.Equal(t, "z", e["myext"])
		data, err := json.Marshal(e["data"])
		require.NoError(t, err)
		require.JSONEq(t, string(body), string(data), name)
	})
}
