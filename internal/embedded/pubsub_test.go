package embedded

import (
	"context"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/stretchr/testify/require"
)

func TestPubSubHoldsAMessageUntilItIsAcknowledged(t *testing.T) {
	p, err := StartPubSub("project", "topic", "subscription")
	require.NoError(t, err)
	t.Cleanup(p.Close)
	t.Setenv("PUBSUB_EMULATOR_HOST", p.Addr())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	client, err := pubsub.NewClient(ctx, "project")
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })

	_, err = client.Publisher("topic").Publish(ctx, &pubsub.Message{Data: []byte("hello")}).Get(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, p.Held())
	receiving, done := context.WithCancel(ctx)
	err = client.Subscriber("subscription").Receive(receiving, func(_ context.Context, m *pubsub.Message) {
		m.Ack()
		done()
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return p.Held() == 0 }, time.Minute, time.Millisecond)
	require.Zero(t, p.Redelivered())

	// What is forgotten is harmless to a client that is late.
	p.trim(ctx)
	require.Empty(t, p.server.Messages())
	require.NoError(t, client.SubscriptionAdminClient.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
		Subscription: "projects/project/subscriptions/subscription", AckIds: []string{"m0"}, AckDeadlineSeconds: 10,
	}))
	_, err = client.Publisher("topic").Publish(ctx, &pubsub.Message{Data: []byte("again")}).Get(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, p.Held())
}
