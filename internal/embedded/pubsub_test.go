package embedded

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// pubsubClient is Google's own.
func pubsubClient(t *testing.T, options ...PubSubOption) (context.Context, *PubSub, *pubsub.Client) {
	t.Helper()
	p, err := StartPubSub("project", "topic", "subscription", options...)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	t.Setenv("PUBSUB_EMULATOR_HOST", p.Addr())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	client, err := pubsub.NewClient(ctx, "project")
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return ctx, p, client
}

// receive hands n messages to do, and returns when the client has stopped, which is
// after it has told the service.
func receive(ctx context.Context, t *testing.T, client *pubsub.Client, n int, do func(*pubsub.Message)) {
	t.Helper()
	receiving, done := context.WithCancel(ctx)
	defer done()
	var mu sync.Mutex
	err := client.Subscriber("subscription").Receive(receiving, func(_ context.Context, m *pubsub.Message) {
		mu.Lock()
		defer mu.Unlock()
		if n--; n < 0 {
			m.Nack()
			return
		}
		do(m)
		if n == 0 {
			done()
		}
	})
	require.NoError(t, err)
	require.NoError(t, ctx.Err())
}

func TestPubSubHoldsAMessageUntilItIsAcknowledged(t *testing.T) {
	ctx, p, client := pubsubClient(t)
	sent := &pubsub.Message{Data: []byte("hello"), Attributes: map[string]string{"a": "b"}}
	id, err := client.Publisher("topic").Publish(ctx, sent).Get(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, p.Held())
	receive(ctx, t, client, 1, func(m *pubsub.Message) {
		require.Equal(t, []any{id, sent.Data, sent.Attributes}, []any{m.ID, m.Data, m.Attributes})
		require.WithinDuration(t, time.Now(), m.PublishTime, time.Minute)
		m.Ack()
	})
	require.Eventually(t, func() bool { return p.Held() == 0 }, time.Minute, time.Millisecond)
	require.Zero(t, p.Redelivered())
	// A client that is late is not to blame.
	require.NoError(t, client.SubscriptionAdminClient.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
		Subscription: "projects/project/subscriptions/subscription", AckIds: []string{"m-1#1", "nonsense"}, AckDeadlineSeconds: 10,
	}))
}

func TestPubSubHandsOutAgainWhatIsGivenBackOrNotAcknowledgedInTime(t *testing.T) {
	ctx, p, client := pubsubClient(t)
	require.NoError(t, p.Publish(ctx, []byte("hello"), ""))
	times := 0
	receive(ctx, t, client, 2, func(m *pubsub.Message) {
		if times++; times == 1 {
			m.Nack()
			return
		}
		m.Ack()
	})
	require.Eventually(t, func() bool { return p.Held() == 0 }, time.Minute, time.Millisecond)
	require.EqualValues(t, 1, p.Redelivered())

	// What a stream gets that its client has left stays hidden until its deadline.
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.idle) == 0
	}, time.Minute, time.Millisecond)
	require.NoError(t, p.Publish(ctx, []byte("hello again"), ""))
	pull, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.SubscriptionAdminClient.StreamingPull(pull)
	require.NoError(t, err)
	require.NoError(t, stream.Send(&pubsubpb.StreamingPullRequest{Subscription: p.subscription.Name, StreamAckDeadlineSeconds: 30}))
	first, err := stream.Recv()
	require.NoError(t, err)
	p.Advance(31 * time.Second)
	second, err := stream.Recv()
	require.NoError(t, err)
	require.NotEqual(t, first.ReceivedMessages[0].AckId, second.ReceivedMessages[0].AckId)
	require.NoError(t, stream.Send(&pubsubpb.StreamingPullRequest{AckIds: []string{first.ReceivedMessages[0].AckId}}))
	require.NoError(t, stream.Send(&pubsubpb.StreamingPullRequest{
		ModifyDeadlineAckIds: []string{second.ReceivedMessages[0].AckId}, ModifyDeadlineSeconds: []int32{0},
	}))
	third, err := stream.Recv()
	require.NoError(t, err)
	require.EqualValues(t, 1, p.Held(), "an old id acknowledges nothing")
	require.NoError(t, stream.Send(&pubsubpb.StreamingPullRequest{AckIds: []string{third.ReceivedMessages[0].AckId}}))
	require.Eventually(t, func() bool { return p.Held() == 0 }, time.Minute, time.Millisecond)
	require.EqualValues(t, 3, p.Redelivered())
}

func TestPubSubDeliversEachMessageOnceToAnyNumberOfStreams(t *testing.T) {
	const n = 5000
	ctx, p, client := pubsubClient(t)
	publisher := client.Publisher("topic")
	for i := range n {
		publisher.Publish(ctx, &pubsub.Message{Data: fmt.Append(nil, i)})
	}
	seen := map[string]int{}
	receive(ctx, t, client, n, func(m *pubsub.Message) { seen[string(m.Data)]++; m.Ack() })
	require.Len(t, seen, n)
	require.Eventually(t, func() bool { return p.Held() == 0 }, time.Minute, time.Millisecond)
	require.Zero(t, p.Redelivered())
	require.Empty(t, p.queue.all)
}

func TestPubSubDeliversInOrderWhatHasOneKey(t *testing.T) {
	const keys, each = 7, 9
	ctx, p, client := pubsubClient(t, Ordered)
	for i := range each {
		for k := range keys {
			require.NoError(t, p.Publish(ctx, fmt.Append(nil, i), fmt.Sprint(k)))
		}
	}
	next := map[string]int{}
	receive(ctx, t, client, keys*each, func(m *pubsub.Message) {
		require.Equal(t, fmt.Sprint(next[m.OrderingKey]), string(m.Data))
		next[m.OrderingKey]++
		m.Ack()
	})
	require.Len(t, next, keys)
}

func TestAStreamHoldsNoMoreThanItAskedFor(t *testing.T) {
	ctx, p, client := pubsubClient(t)
	for i := range 5 {
		require.NoError(t, p.Publish(ctx, fmt.Append(nil, i), ""))
	}
	open := func(most int64) pubsubpb.Subscriber_StreamingPullClient {
		stream, err := client.SubscriptionAdminClient.StreamingPull(ctx)
		require.NoError(t, err)
		require.NoError(t, stream.Send(&pubsubpb.StreamingPullRequest{Subscription: p.subscription.Name, MaxOutstandingMessages: most, StreamAckDeadlineSeconds: 60}))
		return stream
	}
	small := open(2)
	first, err := small.Recv()
	require.NoError(t, err)
	require.Len(t, first.ReceivedMessages, 2)
	require.NoError(t, small.Send(&pubsubpb.StreamingPullRequest{AckIds: []string{first.ReceivedMessages[1].AckId}}))
	next, err := small.Recv()
	require.NoError(t, err)
	require.Len(t, next.ReceivedMessages, 1)
	rest, err := open(10).Recv()
	require.NoError(t, err)
	require.Len(t, rest.ReceivedMessages, 2)
}

func TestPubSubKnowsOneTopicAndOneSubscription(t *testing.T) {
	ctx, _, client := pubsubClient(t)
	_, err := client.Publisher("other").Publish(ctx, &pubsub.Message{Data: []byte("x")}).Get(ctx)
	require.Equal(t, codes.NotFound, status.Code(err))
	err = client.Subscriber("other").Receive(ctx, func(context.Context, *pubsub.Message) {})
	require.Equal(t, codes.NotFound, status.Code(err))
	topic, err := client.TopicAdminClient.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: "projects/project/topics/topic"})
	require.NoError(t, err)
	require.Equal(t, "projects/project/topics/topic", topic.Name)
}
