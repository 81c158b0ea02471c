//go:build unix

package ingest

import (
	"fmt"
	"testing"
	"time"

	"github.com/helios-connect/helios/internal/embedded"
)

// PubSub is a subscription of Google's Pub/Sub.
type PubSub struct{ *embedded.PubSub }

const project = "shop"

// StartPubSub starts a topic with a subscription for the time of a test, both
// called orders.
func StartPubSub(t testing.TB, options ...embedded.PubSubOption) *PubSub {
	t.Helper()
	p, err := embedded.StartPubSub(project, "orders", "orders", options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return &PubSub{p}
}

// Name is gcp.
func (*PubSub) Name() string { return "gcp" }

// Env are HELIOS_GCP_… and the variable by which Google's client finds emulators.
func (*PubSub) Env(addr string) []string {
	return []string{
		"HELIOS_GCP_PROJECT=" + project, "HELIOS_GCP_SUBSCRIPTION=orders", "HELIOS_GCP_ENDPOINT=", "HELIOS_GCP_CREDENTIALS_JSON=",
		"PUBSUB_EMULATOR_HOST=" + addr,
	}
}

// Held counts the messages that were not acknowledged.
func (p *PubSub) Held(testing.TB) int64 { return p.PubSub.Held() }

// Expire lets the deadlines pass of all that was handed out: Google's client asks
// for a minute.
func (p *PubSub) Expire() { p.Advance(61 * time.Second) }

// Event is a CloudEvent in structured mode.
func (*PubSub) Event(id string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/shop/orders","type":"com.example.order.paid","time":"2026-11-27T10:00:00Z","subject":"ord-%s","data":{"order_id":"ord-%s","amount":10.50}}`, id, id, id)
}

// Send publishes messages without attributes and without an ordering key.
func (p *PubSub) Send(t testing.TB, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		p.SendOrdered(t, "", body)
	}
}

// SendOrdered publishes messages with an ordering key, one after the other.
func (p *PubSub) SendOrdered(t testing.TB, key string, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := p.Publish(t.Context(), []byte(body), key); err != nil {
			t.Fatal(err)
		}
	}
}
