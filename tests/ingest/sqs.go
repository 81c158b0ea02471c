//go:build unix

package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/helios-connect/helios/internal/embedded"
)

// SQS is a queue to which a rule of EventBridge delivers.
type SQS struct{ *embedded.SQS }

// StartSQS starts a queue for the time of a test.
func StartSQS(t testing.TB) *SQS {
	t.Helper()
	s, err := embedded.StartSQS("orders")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &SQS{s}
}

// Name is aws.
func (*SQS) Name() string { return "aws" }

// Addr is the service's address.
func (s *SQS) Addr() string { return strings.TrimPrefix(s.Endpoint(), "http://") }

// Env are HELIOS_AWS_…
func (s *SQS) Env(addr string) []string {
	return []string{
		"HELIOS_AWS_SQS_URL=" + strings.Replace(s.URL(), s.Addr(), addr, 1), "HELIOS_AWS_ENDPOINT=http://" + addr,
		"HELIOS_AWS_ACCESS_KEY_ID=test", "HELIOS_AWS_SECRET_ACCESS_KEY=test", "HELIOS_AWS_KINESIS_STREAM=",
		"AWS_REGION=eu-central-1", "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	}
}

// Held counts the messages that were not deleted.
func (s *SQS) Held(testing.TB) int64 { return s.SQS.Held() }

// Event is the envelope of EventBridge
// (https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html).
func (*SQS) Event(id string) string {
	return fmt.Sprintf(`{"version":"0","id":%q,"detail-type":"com.example.order.paid","source":"com.example.shop","account":"123456789012","time":"2026-11-27T10:00:00Z","region":"eu-central-1","resources":[],"detail":{"order_id":"ord-%s","amount":10.50}}`, id, id)
}

// Send sends messages without attributes.
func (s *SQS) Send(t testing.TB, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		s.SendWith(t, body, nil)
	}
}

// SendWith sends a message with attributes of the type String.
func (s *SQS) SendWith(t testing.TB, body string, attributes map[string]string) {
	t.Helper()
	entry := map[string]any{"Id": "0", "MessageBody": body}
	typed := map[string]any{}
	for name, value := range attributes {
		typed[name] = map[string]string{"DataType": "String", "StringValue": value}
	}
	if len(typed) > 0 {
		entry["MessageAttributes"] = typed
	}
	request, err := json.Marshal(map[string]any{"QueueUrl": s.URL(), "Entries": []any{entry}})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, s.Endpoint(), bytes.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "AmazonSQS.SendMessageBatch")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("sending to SQS: %v", err)
	}
	defer resp.Body.Close()
	var answer struct{ Successful []any }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Successful) != 1 {
		t.Fatalf("sending to SQS: status %s, %v", resp.Status, err)
	}
}
