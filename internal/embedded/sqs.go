package embedded

import (
	"context"
	"crypto/md5" //nolint:gosec // SQS has its clients compare MD5 digests
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of the service, as its API reference gives them
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/).
const (
	sqsMaxEntries    = 10
	sqsMaxBatchBytes = 1 << 20
	sqsMaxWait       = 20 * time.Second
	sqsAccount       = "000000000000"
	sqsTarget        = "AmazonSQS."
)

// SQS is one standard queue that speaks the JSON protocol of Amazon SQS over
// HTTP, as far as senders and receivers of events use it. Messages live in
// memory. Signatures are not checked.
type SQS struct {
	queue  *queue[sqsMessage]
	name   string
	server *http.Server
	addr   string
	stop   context.CancelFunc

	mu    sync.Mutex
	calls map[string]int64
}

// sqsMessage is what a message holds.
type sqsMessage struct {
	body, digest string
	attributes   json.RawMessage
}

// sqsReceived is a message as ReceiveMessage answers it.
type sqsReceived struct {
	MessageId     string //nolint:revive // the protocol's name
	ReceiptHandle string
	Body          string
	MD5OfBody     string
	Attributes    struct {
		ApproximateReceiveCount string
		SentTimestamp           string // Unix milliseconds
	}
	MessageAttributes json.RawMessage `json:",omitempty"`
}

// StartSQS starts a queue of that name on a free port of 127.0.0.1.
func StartSQS(name string) (*SQS, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the SQS endpoint: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &SQS{queue: newQueue[sqsMessage](time.Now), name: name, addr: l.Addr().String(), stop: stop, calls: map[string]int64{}}
	s.server = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	go s.server.Serve(l) //nolint:errcheck // it ends with Close
	return s, nil
}

// Endpoint is the base URL of the service.
func (s *SQS) Endpoint() string { return "http://" + s.addr }

// URL is the queue's URL.
func (s *SQS) URL() string { return s.Endpoint() + "/" + sqsAccount + "/" + s.name }

// Held counts the messages that were sent and not deleted yet.
func (s *SQS) Held() int64 { return s.queue.held() }

// Redelivered counts the deliveries of a message after its first.
func (s *SQS) Redelivered() int64 { return s.queue.deliveredAgain() }

// Calls counts the requests by their action. AWS bills each of them.
func (s *SQS) Calls() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Close ends the service and forgets its messages.
func (s *SQS) Close() {
	s.stop() // long polls end
	_ = s.server.Close()
}

// sqsError is an error of the protocol.
type sqsError struct{ kind, text string }

func (e *sqsError) Error() string { return e.kind + ": " + e.text }

// sqsRequest holds what any of the actions may be given.
type sqsRequest struct {
	QueueName           string
	QueueUrl            string //nolint:revive // the protocol's name
	MaxNumberOfMessages *int
	VisibilityTimeout   *int
	WaitTimeSeconds     int
	Entries             []sqsEntry
}

// sqsEntry is one entry of a batch.
type sqsEntry struct {
	Id                string //nolint:revive // the protocol's name
	MessageBody       string
	MessageAttributes json.RawMessage `json:",omitempty"`
	ReceiptHandle     string
	VisibilityTimeout int
}

// ServeHTTP answers one action.
func (s *SQS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := s.act(r)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if err != nil {
		failure := &sqsError{kind: "InvalidParameterValue", text: err.Error()}
		errors.As(err, &failure)
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"__type": "com.amazonaws.sqs#" + failure.kind, "message": failure.text}
	}
	_ = json.NewEncoder(w).Encode(answer) // a client that is gone will ask again
}

func (s *SQS) act(r *http.Request) (any, error) {
	action, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), sqsTarget)
	if !ok {
		return nil, &sqsError{"InvalidAction", "the header X-Amz-Target names no action of AmazonSQS; the JSON protocol is spoken here"}
	}
	s.mu.Lock()
	s.calls[action]++
	s.mu.Unlock()
	var req sqsRequest
	body, err := readBody(r)
	if err == nil {
		err = json.Unmarshal(body, &req)
	}
	if err != nil {
		return nil, &sqsError{"InvalidParameterValue", "reading the request: " + err.Error()}
	}
	if action == "GetQueueUrl" {
		req.QueueUrl = req.QueueName
	}
	if name := req.QueueUrl[strings.LastIndexByte(req.QueueUrl, '/')+1:]; name != s.name {
		return nil, &sqsError{"QueueDoesNotExist", fmt.Sprintf("there is no queue %q, only %q", name, s.name)}
	}
	switch action {
	case "GetQueueUrl":
		return map[string]string{"QueueUrl": s.URL()}, nil
	case "GetQueueAttributes":
		return map[string]any{"Attributes": s.attributes()}, nil
	case "SendMessageBatch":
		defer s.queue.announce()
		return s.batch(&req, s.send)
	case "DeleteMessageBatch":
		return s.batch(&req, func(e *sqsEntry) (any, *sqsError) { return s.settle(e, s.queue.remove) })
	case "ChangeMessageVisibilityBatch":
		return s.batch(&req, func(e *sqsEntry) (any, *sqsError) {
			return s.settle(e, func(handle string) bool {
				return s.queue.hide(handle, time.Duration(e.VisibilityTimeout)*time.Second)
			})
		})
	case "ReceiveMessage":
		return s.receive(r.Context(), &req)
	}
	return nil, &sqsError{"InvalidAction", action + " is not offered"}
}

// readBody reads a request of a client that says how long it is.
func readBody(r *http.Request) ([]byte, error) {
	const most = 4 * sqsMaxBatchBytes
	if r.ContentLength < 0 || r.ContentLength > most {
		return nil, fmt.Errorf("the length of the body is %d; up to %d bytes are taken", r.ContentLength, most)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	return body, err
}

func (s *SQS) attributes() map[string]string {
	visible, hidden := s.queue.sizes()
	return map[string]string{
		"QueueArn":                              "arn:aws:sqs:us-east-1:" + sqsAccount + ":" + s.name,
		"VisibilityTimeout":                     fmt.Sprint(int(defaultVisibility.Seconds())),
		"ApproximateNumberOfMessages":           fmt.Sprint(visible),
		"ApproximateNumberOfMessagesNotVisible": fmt.Sprint(hidden),
	}
}

// batch does one thing for each entry; entries fail one by one.
func (s *SQS) batch(req *sqsRequest, do func(*sqsEntry) (any, *sqsError)) (any, error) {
	size, ids := 0, map[string]bool{}
	for i := range req.Entries {
		size += len(req.Entries[i].MessageBody)
		ids[req.Entries[i].Id] = true
	}
	switch {
	case len(req.Entries) == 0:
		return nil, &sqsError{"EmptyBatchRequest", "the batch holds no entries"}
	case len(req.Entries) > sqsMaxEntries:
		return nil, &sqsError{"TooManyEntriesInBatchRequest", fmt.Sprintf("the batch holds %d entries; %d are allowed", len(req.Entries), sqsMaxEntries)}
	case len(ids) < len(req.Entries):
		return nil, &sqsError{"BatchEntryIdsNotDistinct", "two entries of the batch have the same Id"}
	case size > sqsMaxBatchBytes:
		return nil, &sqsError{"BatchRequestTooLong", fmt.Sprintf("the batch has %d bytes; %d are allowed", size, sqsMaxBatchBytes)}
	}
	done, failed := []any{}, []any{}
	for i := range req.Entries {
		e := &req.Entries[i]
		if result, err := do(e); err != nil {
			failed = append(failed, map[string]any{"Id": e.Id, "Code": err.kind, "Message": err.text, "SenderFault": true})
		} else {
			done = append(done, result)
		}
	}
	return map[string]any{"Successful": done, "Failed": failed}, nil
}

func (s *SQS) send(e *sqsEntry) (any, *sqsError) {
	if e.MessageBody == "" {
		return nil, &sqsError{"MissingParameter", "MessageBody is empty"}
	}
	sum := digest(e.MessageBody)
	m := s.queue.add(sqsMessage{body: e.MessageBody, digest: sum, attributes: e.MessageAttributes}, "")
	return struct{ Id, MessageId, MD5OfMessageBody string }{e.Id, m.id, sum}, nil
}

func (s *SQS) settle(e *sqsEntry, do func(handle string) bool) (any, *sqsError) {
	if !do(e.ReceiptHandle) {
		return nil, &sqsError{"ReceiptHandleIsInvalid", fmt.Sprintf("the receipt handle %q is not one of this queue", e.ReceiptHandle)}
	}
	return struct{ Id string }{e.Id}, nil
}

func (s *SQS) receive(ctx context.Context, req *sqsRequest) (any, error) {
	most, visibility := 1, defaultVisibility
	if req.MaxNumberOfMessages != nil {
		most = *req.MaxNumberOfMessages
	}
	if req.VisibilityTimeout != nil {
		visibility = time.Duration(*req.VisibilityTimeout) * time.Second
	}
	wait := time.Duration(req.WaitTimeSeconds) * time.Second
	if most < 1 || most > sqsMaxEntries || wait < 0 || wait > sqsMaxWait || visibility < 0 {
		return nil, fmt.Errorf("MaxNumberOfMessages %d, WaitTimeSeconds %v and VisibilityTimeout %v must be 1 to %d, 0 to %v and not negative", most, wait, visibility, sqsMaxEntries, sqsMaxWait)
	}
	deliveries := s.queue.receive(ctx, most, visibility, wait)
	messages := make([]sqsReceived, len(deliveries))
	for i, d := range deliveries {
		m := &messages[i]
		m.MessageId, m.ReceiptHandle, m.Body, m.MD5OfBody = d.id, d.handle, d.content.body, d.content.digest
		m.Attributes.ApproximateReceiveCount = strconv.Itoa(d.count)
		m.Attributes.SentTimestamp = strconv.FormatInt(d.sent.UnixMilli(), 10)
		m.MessageAttributes = d.content.attributes
	}
	return map[string]any{"Messages": messages}, nil
}

func digest(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}
