package embedded

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// PubSub is Google's in-process Pub/Sub (pstest) with one topic and one
// subscription to it. It carries about 1,000 messages a second.
type PubSub struct {
	server *pstest.Server
	topic  string
	gate   *gate
	stop   context.CancelFunc
	done   chan struct{}
	mu     sync.Mutex   // pstest writes into messages that it has given out
	again  atomic.Int64 // deliveries after the first of what was forgotten
	ahead  atomic.Int64 // of the wall clock, in nanoseconds
}

// trimEvery is how often what was acknowledged is forgotten; pstest itself keeps
// every message for ever.
const (
	trimEvery = 5 * time.Second
	trimPoll  = 10 * time.Millisecond
)

// PubSubOption changes the subscription.
type PubSubOption func(*pubsubpb.Subscription)

// Ordered has messages with one ordering key delivered in their order, each when
// the one before it is acknowledged.
func Ordered(s *pubsubpb.Subscription) { s.EnableMessageOrdering = true }

// StartPubSub starts the service on a free port of 127.0.0.1.
func StartPubSub(project, topic, subscription string, options ...PubSubOption) (*PubSub, error) {
	g := &gate{}
	p := &PubSub{
		server: pstest.NewServer(
			pstest.ServerReactorOption{FuncName: "Publish", Reactor: g},
			pstest.ServerReactorOption{FuncName: "ModifyAckDeadline", Reactor: g},
		),
		gate: g, done: make(chan struct{}),
		topic: "projects/" + project + "/topics/" + topic,
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	if _, err := p.server.GServer.CreateTopic(ctx, &pubsubpb.Topic{Name: p.topic}); err != nil {
		stop()
		return nil, fmt.Errorf("creating the topic %s: %w", p.topic, err)
	}
	conf := &pubsubpb.Subscription{
		Name: "projects/" + project + "/subscriptions/" + subscription, Topic: p.topic, AckDeadlineSeconds: 60,
	}
	for _, option := range options {
		option(conf)
	}
	if _, err := p.server.GServer.CreateSubscription(ctx, conf); err != nil {
		stop()
		return nil, fmt.Errorf("creating the subscription %s: %w", subscription, err)
	}
	go p.trimUntil(ctx)
	return p, nil
}

// Addr is the address of the service, for PUBSUB_EMULATOR_HOST.
func (p *PubSub) Addr() string { return p.server.Addr }

// Publish publishes one message with an ordering key, or none, and waits while
// the service makes room.
func (p *PubSub) Publish(ctx context.Context, data []byte, orderingKey string) error {
	for {
		_, err := p.server.GServer.Publish(ctx, &pubsubpb.PublishRequest{
			Topic: p.topic, Messages: []*pubsubpb.PubsubMessage{{Data: data, OrderingKey: orderingKey}},
		})
		if status.Code(err) != codes.Unavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(trimPoll):
		}
	}
}

// Advance moves the service's clock on, for tests that wait for deadlines of
// acknowledgement to pass.
func (p *PubSub) Advance(d time.Duration) {
	ahead := p.ahead.Add(int64(d))
	p.server.SetTimeNowFunc(func() time.Time { return time.Now().Add(time.Duration(ahead)) })
}

// Held counts the messages that were published and not acknowledged yet.
func (p *PubSub) Held() (n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.server.Messages() {
		if m.Acks == 0 {
			n++
		}
	}
	return n
}

// Redelivered counts the deliveries of a message after its first.
func (p *PubSub) Redelivered() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.deliveredAgain()
}

func (p *PubSub) deliveredAgain() int64 {
	n := p.again.Load()
	for _, m := range p.server.Messages() {
		n += int64(max(0, m.Deliveries-1))
	}
	return n
}

// Close ends the service and forgets its messages.
func (p *PubSub) Close() {
	p.stop()
	<-p.done
	_ = p.server.Close()
}

func (p *PubSub) trimUntil(ctx context.Context) {
	defer close(p.done)
	ticker := time.NewTicker(trimEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.trim(ctx)
		}
	}
}

// trim forgets all messages in a moment in which every one is acknowledged. To
// clear while one is not would lose it, so publishers are held off meanwhile.
func (p *PubSub) trim(ctx context.Context) {
	p.gate.closed.Store(true)
	defer p.gate.closed.Store(false)
	patience, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	poll := time.NewTicker(trimPoll)
	defer poll.Stop()
	for p.Held() > 0 {
		select {
		case <-patience.Done():
			return
		case <-poll.C:
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.again.Store(p.deliveredAgain())
	if all := p.server.Messages(); len(all) > 0 {
		p.gate.forgotten.Store(number(all[len(all)-1].ID))
	}
	p.server.ClearMessages()
}

// gate answers publishers, while it is closed, to try again, and takes out of
// requests what was forgotten: pstest dies of an unknown message. The server
// calls it under its own lock.
type gate struct {
	closed    atomic.Bool
	forgotten atomic.Int64 // number of the last message that is
}

// React implements pstest.Reactor.
func (g *gate) React(request any) (handled bool, answer any, err error) {
	if late, ok := request.(*pubsubpb.ModifyAckDeadlineRequest); ok {
		late.AckIds = slices.DeleteFunc(late.AckIds, func(id string) bool { return number(id) <= g.forgotten.Load() })
		return false, nil, nil
	}
	if g.closed.Load() {
		return true, &pubsubpb.PublishResponse{}, status.Error(codes.Unavailable, "making room; try again")
	}
	return false, nil, nil
}

// number of a message; pstest calls them m0, m1, and so on, and the ids by which
// they are acknowledged alike. What is no such id is 0 or below, and forgotten.
func number(id string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(id, "m"), 10, 64)
	if err != nil {
		return -1
	}
	return n + 1
}
