package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// PubSub is Google's Pub/Sub, as far as publishers and receivers of events use it:
// one topic and one subscription to it, over gRPC. Messages live in memory.
//
// A subscriber's client keeps ten streams open, each of which confirms what it got
// ten times a second, in requests of its own. So messages go to the stream that was
// served last as long as that one takes them, a hundred at a time: the others stay
// silent.
type PubSub struct {
	server       *grpc.Server
	addr         string
	topic        string
	subscription *pubsubpb.Subscription
	queue        *queue[*pubsubpb.PubsubMessage]
	stop         context.CancelFunc
	done         chan struct{}
	ahead        atomic.Int64 // of the wall clock, in nanoseconds

	mu   sync.Mutex
	idle []*puller // wait for messages; the last one is served first
}

const (
	// pubsubBatch is how many messages a stream gets at a time at most, and
	// pubsubHeld how many it may hold that asked for no bound.
	pubsubBatch, pubsubHeld = 100, 1000
	// pubsubMaxBytes is what a request may have: that of the service, and headers.
	pubsubMaxBytes = 11 << 20
	// pubsubExpiry is how often deadlines are looked at.
	pubsubExpiry = time.Second
)

// PubSubOption changes the subscription.
type PubSubOption func(*pubsubpb.Subscription)

// Ordered has messages with one ordering key delivered in their order, each when
// the one before it is acknowledged.
func Ordered(s *pubsubpb.Subscription) { s.EnableMessageOrdering = true }

// StartPubSub starts the service on a free port of 127.0.0.1.
func StartPubSub(project, topic, subscription string, options ...PubSubOption) (*PubSub, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting Pub/Sub: %w", err)
	}
	p := &PubSub{
		server: grpc.NewServer(grpc.MaxRecvMsgSize(pubsubMaxBytes)), addr: l.Addr().String(), done: make(chan struct{}),
		topic: "projects/" + project + "/topics/" + topic,
	}
	p.subscription = &pubsubpb.Subscription{
		Name: "projects/" + project + "/subscriptions/" + subscription, Topic: p.topic, AckDeadlineSeconds: 60,
	}
	for _, option := range options {
		option(p.subscription)
	}
	p.queue = newQueue[*pubsubpb.PubsubMessage](p.now)
	pubsubpb.RegisterPublisherServer(p.server, &publisherService{pubsub: p})
	pubsubpb.RegisterSubscriberServer(p.server, &subscriberService{pubsub: p})
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go p.server.Serve(l) //nolint:errcheck // it ends with Close
	go p.expireUntil(ctx)
	return p, nil
}

// Addr is the address of the service, for PUBSUB_EMULATOR_HOST.
func (p *PubSub) Addr() string { return p.addr }

// Publish publishes one message with an ordering key, or none.
func (p *PubSub) Publish(_ context.Context, data []byte, orderingKey string) error {
	p.publish([]*pubsubpb.PubsubMessage{{Data: data, OrderingKey: orderingKey}})
	return nil
}

// publish returns the ids of the messages.
func (p *PubSub) publish(messages []*pubsubpb.PubsubMessage) []string {
	ids, now := make([]string, len(messages)), timestamppb.New(p.now())
	for i, m := range messages {
		key := ""
		if p.subscription.EnableMessageOrdering {
			key = m.OrderingKey
		}
		m.PublishTime = now
		ids[i] = p.queue.add(m, key).id
	}
	p.serve()
	return ids
}

// Advance moves the service's clock on, for tests that wait for deadlines of
// acknowledgement to pass.
func (p *PubSub) Advance(d time.Duration) {
	p.ahead.Add(int64(d))
	p.serve()
}

func (p *PubSub) now() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }

// Held counts the messages that were published and not acknowledged yet.
func (p *PubSub) Held() int64 { return p.queue.held() }

// Redelivered counts the deliveries of a message after its first.
func (p *PubSub) Redelivered() int64 { return p.queue.deliveredAgain() }

// Close ends the service and forgets its messages.
func (p *PubSub) Close() {
	p.stop()
	<-p.done
	p.server.Stop()
}

// expireUntil hands out again what was not acknowledged in time.
func (p *PubSub) expireUntil(ctx context.Context) {
	defer close(p.done)
	ticker := time.NewTicker(pubsubExpiry)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.serve()
		}
	}
}

// puller is a stream of messages to a subscriber.
type puller struct {
	taker
	deadline time.Duration // of acknowledgement
	batches  chan []delivery[*pubsubpb.PubsubMessage]
}

func (p *PubSub) newPuller(asked *pubsubpb.StreamingPullRequest) *puller {
	s := &puller{
		taker:    taker{limit: pubsubHeld},
		deadline: time.Duration(p.subscription.AckDeadlineSeconds) * time.Second,
		batches:  make(chan []delivery[*pubsubpb.PubsubMessage], 1), // it is idle only when this is empty
	}
	if most := asked.MaxOutstandingMessages; most > 0 {
		s.limit = int(most)
	}
	if seconds := asked.StreamAckDeadlineSeconds; seconds > 0 {
		s.deadline = time.Duration(seconds) * time.Second
	}
	return s
}

// serve hands what is ready to streams that wait for it.
func (p *PubSub) serve() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.idle) - 1; i >= 0; i-- {
		s := p.idle[i]
		if batch, _, _ := p.queue.take(pubsubBatch, s.deadline, &s.taker); len(batch) > 0 {
			p.idle = slices.Delete(p.idle, i, i+1)
			s.batches <- batch
		}
	}
}

// wait has a stream served, before those that wait already.
func (p *PubSub) wait(s *puller) {
	p.mu.Lock()
	p.idle = append(p.idle, s)
	p.mu.Unlock()
	p.serve()
}

// leave gives back what a stream, which waits, was handed meanwhile.
func (p *PubSub) leave(s *puller) {
	p.mu.Lock()
	p.idle = slices.DeleteFunc(p.idle, func(other *puller) bool { return other == s })
	p.mu.Unlock()
	select {
	case batch := <-s.batches:
		for _, d := range batch {
			p.queue.hide(d.handle, 0)
		}
		p.serve()
	default:
	}
}

func (p *PubSub) acknowledge(ids []string) {
	for _, id := range ids {
		p.queue.remove(id)
	}
	p.serve()
}

// prolong sets the deadline of a message; 0 gives it back. What is not held by this
// id any more is left alone, as the service does.
func (p *PubSub) prolong(id string, seconds int32) {
	p.queue.hide(id, time.Duration(seconds)*time.Second)
}

// missing is the answer to what names another topic or subscription.
func missing(asked, there string) error {
	return status.Errorf(codes.NotFound, "there is no %q, only %q", asked, there)
}

// publisherService speaks the protocol of publishers.
type publisherService struct {
	pubsubpb.UnimplementedPublisherServer
	pubsub *PubSub
}

func (s *publisherService) GetTopic(_ context.Context, r *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	if r.Topic != s.pubsub.topic {
		return nil, missing(r.Topic, s.pubsub.topic)
	}
	return &pubsubpb.Topic{Name: r.Topic}, nil
}

func (s *publisherService) Publish(_ context.Context, r *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	if r.Topic != s.pubsub.topic {
		return nil, missing(r.Topic, s.pubsub.topic)
	}
	for _, m := range r.Messages {
		if len(m.Data) == 0 && len(m.Attributes) == 0 {
			return nil, status.Error(codes.InvalidArgument, "a message has neither data nor attributes")
		}
	}
	return &pubsubpb.PublishResponse{MessageIds: s.pubsub.publish(r.Messages)}, nil
}

// subscriberService speaks the protocol of subscribers.
type subscriberService struct {
	pubsubpb.UnimplementedSubscriberServer
	pubsub *PubSub
}

func (s *subscriberService) named(subscription string) error {
	if subscription != s.pubsub.subscription.Name {
		return missing(subscription, s.pubsub.subscription.Name)
	}
	return nil
}

func (s *subscriberService) GetSubscription(_ context.Context, r *pubsubpb.GetSubscriptionRequest) (*pubsubpb.Subscription, error) {
	if err := s.named(r.Subscription); err != nil {
		return nil, err
	}
	return s.pubsub.subscription, nil
}

func (s *subscriberService) Acknowledge(_ context.Context, r *pubsubpb.AcknowledgeRequest) (*emptypb.Empty, error) {
	if err := s.named(r.Subscription); err != nil {
		return nil, err
	}
	s.pubsub.acknowledge(r.AckIds)
	return &emptypb.Empty{}, nil
}

func (s *subscriberService) ModifyAckDeadline(_ context.Context, r *pubsubpb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	if err := s.named(r.Subscription); err != nil {
		return nil, err
	}
	for _, id := range r.AckIds {
		s.pubsub.prolong(id, r.AckDeadlineSeconds)
	}
	if r.AckDeadlineSeconds == 0 {
		s.pubsub.serve()
	}
	return &emptypb.Empty{}, nil
}

// StreamingPull sends messages until the subscriber has enough.
func (s *subscriberService) StreamingPull(stream pubsubpb.Subscriber_StreamingPullServer) error {
	asked, err := stream.Recv()
	if err != nil {
		return err
	}
	if err = s.named(asked.Subscription); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.listen(stream) }()
	puller := s.pubsub.newPuller(asked)
	for {
		s.pubsub.wait(puller)
		select {
		case batch := <-puller.batches:
			if err = stream.Send(s.response(batch)); err != nil {
				return err
			}
		case err = <-ended:
			s.pubsub.leave(puller)
			return err
		}
	}
}

// listen takes what a subscriber says on its stream, until it says no more.
func (s *subscriberService) listen(stream pubsubpb.Subscriber_StreamingPullServer) error {
	for {
		said, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if len(said.ModifyDeadlineSeconds) != len(said.ModifyDeadlineAckIds) {
			return status.Errorf(codes.InvalidArgument, "%d deadlines for %d messages", len(said.ModifyDeadlineSeconds), len(said.ModifyDeadlineAckIds))
		}
		for i, id := range said.ModifyDeadlineAckIds {
			s.pubsub.prolong(id, said.ModifyDeadlineSeconds[i])
		}
		s.pubsub.acknowledge(said.AckIds)
	}
}

func (s *subscriberService) response(batch []delivery[*pubsubpb.PubsubMessage]) *pubsubpb.StreamingPullResponse {
	r := &pubsubpb.StreamingPullResponse{
		ReceivedMessages: make([]*pubsubpb.ReceivedMessage, len(batch)),
		SubscriptionProperties: &pubsubpb.StreamingPullResponse_SubscriptionProperties{
			MessageOrderingEnabled: s.pubsub.subscription.EnableMessageOrdering,
		},
	}
	for i, d := range batch {
		m := d.content
		r.ReceivedMessages[i] = &pubsubpb.ReceivedMessage{AckId: d.handle, Message: &pubsubpb.PubsubMessage{
			Data: m.Data, Attributes: m.Attributes, MessageId: d.id, PublishTime: m.PublishTime, OrderingKey: m.OrderingKey,
		}}
	}
	return r
}
