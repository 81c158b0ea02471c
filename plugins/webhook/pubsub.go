package webhook

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/helios-connect/helios/plugins/event"
)

const (
	headerPubSubSubscription = "X-Goog-Pubsub-Subscription-Name"
	headerPubSubMessageID    = "X-Goog-Pubsub-Message-Id"
	headerPubSubPublishTime  = "X-Goog-Pubsub-Publish-Time"
	headerPubSubOrderingKey  = "X-Goog-Pubsub-Ordering-Key"
)

var pubSubMembers = event.MustCompilePaths("subscription")

// pubSub receives pushes of Google Pub/Sub
// (https://cloud.google.com/pubsub/docs/push), wrapped in an envelope or, with
// the payload as the body and the rest in headers
// (https://cloud.google.com/pubsub/docs/payload-unwrapping), unwrapped.
type pubSub struct {
	subscriptions allowList // empty: all; the token says who sends
}

func (p *pubSub) receive(_ context.Context, r *http.Request, body []byte) (received, error) {
	if r.Header.Get(headerPubSubMessageID) != "" {
		return p.unwrapped(r)
	}
	members, err := texts(body, pubSubMembers)
	if err != nil {
		return received{}, refuse(http.StatusBadRequest, malformed,
			"no body of a push request (%v), and no header %s, which unwrapped ones have when metadata is written", err, headerPubSubMessageID)
	}
	return received{}, p.check(members[0])
}

// unwrapped passes on what helios_canonical reads of a pulled message, which has
// the same parts.
func (p *pubSub) unwrapped(r *http.Request) (received, error) {
	if err := p.check(r.Header.Get(headerPubSubSubscription)); err != nil {
		return received{}, err
	}
	out := received{metadata: append(ceHeaders(r.Header), metadata{"gcp_pubsub_message_id", r.Header.Get(headerPubSubMessageID)})}
	if at, err := time.Parse(time.RFC3339Nano, r.Header.Get(headerPubSubPublishTime)); err == nil {
		out.metadata = append(out.metadata, metadata{"gcp_pubsub_publish_time_unix", strconv.FormatInt(at.Unix(), 10)})
	}
	if key := r.Header.Get(headerPubSubOrderingKey); key != "" {
		out.metadata = append(out.metadata, metadata{"gcp_pubsub_ordering_key", key})
	}
	return out, nil
}

func (p *pubSub) check(subscription string) error {
	if p.subscriptions.empty() || p.subscriptions.holds(subscription) {
		return nil
	}
	return refuse(http.StatusForbidden, notAllowed, "the subscription is %s, which %s does not list", shorten(subscription), psFieldSubscriptions)
}
