package embedded

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// EventGrid is a topic of Azure Event Grid with one webhook subscription, in the
// Event Grid schema. The endpoint is validated before the first delivery, as
// https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema
// describes. A publisher is answered when the webhook has answered, so that what
// is refused stays with the publisher, who tries again.
type EventGrid struct {
	subscription string
	webhook      string
	client       *http.Client
	server       *http.Server
	addr         string

	mu        sync.Mutex
	validated atomic.Bool
	again     atomic.Int64
}

// StartEventGrid starts a topic on a free port of 127.0.0.1, whose subscription
// of that name delivers to the webhook.
func StartEventGrid(subscription, webhook string) (*EventGrid, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the Event Grid topic: %w", err)
	}
	g := &EventGrid{
		subscription: subscription, webhook: webhook, addr: l.Addr().String(),
		// Event Grid gives up after 30 s.
		client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	g.server = &http.Server{Handler: g, ReadHeaderTimeout: 10 * time.Second}
	go g.server.Serve(l) //nolint:errcheck // it ends with Close
	return g, nil
}

// URL is where events are published.
func (g *EventGrid) URL() string { return "http://" + g.addr + "/api/events" }

// Validated reports whether the webhook has proved that it wants the events.
func (g *EventGrid) Validated() bool { return g.validated.Load() }

// Redelivered counts the events whose delivery the webhook did not confirm: it may
// have taken them, and the publisher sends them again.
func (g *EventGrid) Redelivered() int64 { return g.again.Load() }

// Close ends the topic.
func (g *EventGrid) Close() {
	_ = g.server.Close()
	g.client.CloseIdleConnections()
}

// ServeHTTP takes published events.
func (g *EventGrid) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	if err := g.validate(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	status, answer, err := g.post(r.Context(), "Notification", body)
	if err == nil && status/100 == 2 {
		w.WriteHeader(http.StatusOK)
		return
	}
	var events []json.RawMessage
	if json.Unmarshal(body, &events) == nil {
		g.again.Add(int64(len(events)))
	}
	if err == nil {
		err = fmt.Errorf("the webhook answered %d: %s", status, answer)
	}
	http.Error(w, err.Error(), http.StatusServiceUnavailable)
}

// validate does the handshake, once.
func (g *EventGrid) validate(ctx context.Context) error {
	if g.validated.Load() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.validated.Load() {
		return nil
	}
	code := rand.Text()
	event, err := json.Marshal([]map[string]any{{
		"id": rand.Text(), "topic": "/subscriptions/demo", "subject": "", "metadataVersion": "1", "dataVersion": "2",
		"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "eventTime": time.Now().UTC().Format(time.RFC3339Nano),
		"data": map[string]string{"validationCode": code},
	}})
	if err != nil {
		return fmt.Errorf("writing the validation: %w", err)
	}
	status, answer, err := g.post(ctx, "SubscriptionValidation", event)
	if err != nil {
		return fmt.Errorf("validating the webhook: %w", err)
	}
	var said struct {
		ValidationResponse string `json:"validationResponse"`
	}
	if err := json.Unmarshal(answer, &said); err != nil || status != http.StatusOK || said.ValidationResponse != code {
		return fmt.Errorf("validating the webhook: it answered %d %s instead of the code", status, answer)
	}
	g.validated.Store(true)
	return nil
}

func (g *EventGrid) post(ctx context.Context, kind string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.webhook, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Aeg-Event-Type", kind)
	req.Header.Set("Aeg-Subscription-Name", strings.ToUpper(g.subscription)) // as Event Grid writes it
	resp, err := g.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, 4096))
	return resp.StatusCode, answer, err
}
