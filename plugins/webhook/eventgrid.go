package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

const (
	headerEventGridType         = "Aeg-Event-Type"
	headerEventGridSubscription = "Aeg-Subscription-Name"

	validationEvent = "Microsoft.EventGrid.SubscriptionValidationEvent"
	deletionEvent   = "Microsoft.EventGrid.SubscriptionDeletedEvent"
)

// eventGrid receives the Event Grid schema
// (https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema
// and .../delivery-properties). The validation URL is never fetched: the answer
// to the validation is proof enough, and a URL from a request is not to be
// trusted.
type eventGrid struct {
	subscriptions allowList // folded, since Event Grid writes them in capitals
}

func (g *eventGrid) receive(_ context.Context, r *http.Request, body []byte) (received, error) {
	if !json.Valid(body) {
		return received{}, refuse(http.StatusBadRequest, malformed, "the body is no JSON; Event Grid sends an array of events")
	}
	subscription := r.Header.Get(headerEventGridSubscription)
	kind := eventGridKind(r, body)
	named := subscription != ""
	if (named || kind != noHandshake) && !g.subscriptions.holds(subscription) {
		return received{}, refuse(http.StatusForbidden, notAllowed,
			"%s is %s, which %s does not list", headerEventGridSubscription, shorten(subscription), egFieldSubscriptions)
	}
	switch kind {
	case validation:
		return g.validate(body)
	case ending:
		return received{handshake: ending}, nil
	}
	return received{}, nil
}

// eventGridKind tells a handshake from events by the header, or by the event
// where a proxy has removed it.
func eventGridKind(r *http.Request, body []byte) handshake {
	switch kind := r.Header.Get(headerEventGridType); {
	case strings.EqualFold(kind, "SubscriptionValidation"):
		return validation
	case strings.EqualFold(kind, "SubscriptionDeletion"):
		return ending
	case kind != "":
		return noHandshake
	}
	if !bytes.Contains(body, []byte("Microsoft.EventGrid.Subscription")) {
		return noHandshake
	}
	events, err := eventGridEvents(body)
	switch {
	case err != nil || len(events) != 1:
		return noHandshake
	case strings.EqualFold(events[0].EventType, validationEvent):
		return validation
	case strings.EqualFold(events[0].EventType, deletionEvent):
		return ending
	}
	return noHandshake
}

// eventGridEvent holds what a handshake needs.
type eventGridEvent struct {
	EventType string          `json:"eventType"`
	Data      json.RawMessage `json:"data"`
}

// eventGridEvents reads an array of events, or one that stands alone.
func eventGridEvents(body []byte) (events []eventGridEvent, err error) {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		events = make([]eventGridEvent, 1)
		return events, json.Unmarshal(body, &events[0])
	}
	return events, json.Unmarshal(body, &events)
}

func (g *eventGrid) validate(body []byte) (received, error) {
	events, err := eventGridEvents(body)
	if err != nil || len(events) != 1 || !strings.EqualFold(events[0].EventType, validationEvent) {
		return received{}, refuse(http.StatusBadRequest, malformed, "a validation is one event of the type %s", validationEvent)
	}
	var data struct {
		ValidationCode string `json:"validationCode"`
	}
	if err := json.Unmarshal(events[0].Data, &data); err != nil || data.ValidationCode == "" {
		return received{}, refuse(http.StatusBadRequest, malformed, "a validation has the string data.validationCode")
	}
	answer, err := json.Marshal(map[string]string{"validationResponse": data.ValidationCode})
	if err != nil {
		return received{}, refuse(http.StatusBadRequest, malformed, "writing the validation's answer: %v", err)
	}
	return received{
		handshake: validation, body: answer,
		header: http.Header{"Content-Type": {"application/json"}},
	}, nil
}
