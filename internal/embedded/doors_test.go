package embedded_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
)

// sqsCall calls an action of the JSON protocol and returns status and answer.
func sqsCall(t *testing.T, s *embedded.SQS, action, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoint(), strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	return resp.StatusCode, answer
}

func TestTheQueueSpeaksTheProtocolOfSQS(t *testing.T) {
	s, err := embedded.StartSQS("orders")
	require.NoError(t, err)
	t.Cleanup(s.Close)
	url := `"QueueUrl":"` + s.URL() + `"`

	_, answer := sqsCall(t, s, "GetQueueUrl", `{"QueueName":"orders"}`)
	require.Equal(t, s.URL(), answer["QueueUrl"])
	_, answer = sqsCall(t, s, "SendMessageBatch", `{`+url+`,"Entries":[{"Id":"x","MessageBody":"hello"},{"Id":"y"}]}`)
	sent := answer["Successful"].([]any)[0].(map[string]any)
	require.Equal(t, "5d41402abc4b2a76b9719d911017c592", sent["MD5OfMessageBody"])
	require.Equal(t, "MissingParameter", answer["Failed"].([]any)[0].(map[string]any)["Code"])

	_, answer = sqsCall(t, s, "ReceiveMessage", `{`+url+`,"MaxNumberOfMessages":10,"WaitTimeSeconds":20}`)
	message := answer["Messages"].([]any)[0].(map[string]any)
	require.Equal(t, "hello", message["Body"])
	_, answer = sqsCall(t, s, "GetQueueAttributes", `{`+url+`}`)
	require.Equal(t, "1", answer["Attributes"].(map[string]any)["ApproximateNumberOfMessagesNotVisible"])
	handle, err := json.Marshal(message["ReceiptHandle"])
	require.NoError(t, err)
	_, answer = sqsCall(t, s, "DeleteMessageBatch", `{`+url+`,"Entries":[{"Id":"1","ReceiptHandle":`+string(handle)+`}]}`)
	require.Len(t, answer["Successful"], 1)
	require.Zero(t, s.Held())
}

func TestTheQueueRefusesWhatSQSRefuses(t *testing.T) {
	s, err := embedded.StartSQS("orders")
	require.NoError(t, err)
	t.Cleanup(s.Close)
	for kind, call := range map[string][2]string{
		"QueueDoesNotExist":            {"ReceiveMessage", `{"QueueUrl":"http://x/0/other"}`},
		"InvalidAction":                {"CreateQueue", `{"QueueUrl":"orders"}`},
		"EmptyBatchRequest":            {"SendMessageBatch", `{"QueueUrl":"orders"}`},
		"BatchEntryIdsNotDistinct":     {"SendMessageBatch", `{"QueueUrl":"orders","Entries":[{"Id":"1"},{"Id":"1"}]}`},
		"TooManyEntriesInBatchRequest": {"DeleteMessageBatch", `{"QueueUrl":"orders","Entries":[` + strings.Repeat(`{},`, 10) + `{}]}`},
		"InvalidParameterValue":        {"ReceiveMessage", `{"QueueUrl":"orders","MaxNumberOfMessages":11}`},
	} {
		status, answer := sqsCall(t, s, call[0], call[1])
		require.Equal(t, http.StatusBadRequest, status, kind)
		require.Equal(t, "com.amazonaws.sqs#"+kind, answer["__type"])
	}
}

func publish(t *testing.T, g *embedded.EventGrid) int {
	t.Helper()
	resp, err := http.Post(g.URL(), "application/json", strings.NewReader(`[{"id":"1"}]`)) //nolint:noctx // a test
	require.NoError(t, err)
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestEventGridDeliversOnlyToAWebhookThatAnswersItsCode(t *testing.T) {
	var right, busy atomic.Bool
	var delivered atomic.Int64
	webhook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Aeg-Event-Type") == "Notification" {
			if busy.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			delivered.Add(1)
			return
		}
		var events []struct {
			Data struct{ ValidationCode string }
		}
		if err := json.NewDecoder(r.Body).Decode(&events); err != nil || !right.Load() {
			return
		}
		_, _ = io.WriteString(w, `{"validationResponse":"`+events[0].Data.ValidationCode+`"}`)
	}))
	t.Cleanup(webhook.Close)
	g, err := embedded.StartEventGrid("orders", webhook.URL)
	require.NoError(t, err)
	t.Cleanup(g.Close)

	require.Equal(t, http.StatusServiceUnavailable, publish(t, g))
	require.Zero(t, delivered.Load())
	right.Store(true)
	require.Equal(t, http.StatusOK, publish(t, g))
	require.Equal(t, http.StatusOK, publish(t, g))
	require.EqualValues(t, 2, delivered.Load())
	require.True(t, g.Validated())
	require.Zero(t, g.Redelivered())

	busy.Store(true)
	require.Equal(t, http.StatusServiceUnavailable, publish(t, g))
	require.EqualValues(t, 1, g.Redelivered(), "what was not confirmed comes again, taken or not")
}
