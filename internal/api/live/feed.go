package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/kafkaconn"
)

// ErrFull is returned when there are as many subscribers as are allowed.
var ErrFull = errors.New("too many subscribers")

// MaxSubscribers of both streams together.
const MaxSubscribers = 64

// linger is how long the log is still read after the last subscriber has gone,
// so that a page that is loaded again misses nothing.
const linger = 5 * time.Second

// retryAfter a client of the log could not be made.
const retryAfter = time.Second

// Counter counts what became of items.
type Counter interface {
	// Dropped, Sampled and Unreadable count one item of the stream.
	Dropped(Stream)
	Sampled(Stream)
	Unreadable(Stream)
	// Clients says how many subscribers there are.
	Clients(stream Stream, n int)
}

// Feed reads the log while there are subscribers.
type Feed struct {
	conn    kafkaconn.Connection
	count   Counter
	now     func() time.Time
	changed chan struct{}

	mu   sync.RWMutex
	subs [streams]map[*Subscription]struct{}
}

// NewFeed returns a feed that reads once Run runs.
func NewFeed(conn kafkaconn.Connection, count Counter) *Feed {
	f := &Feed{conn: conn, count: count, now: time.Now, changed: make(chan struct{}, 1)}
	for i := range f.subs {
		f.subs[i] = map[*Subscription]struct{}{}
	}
	return f
}

// Subscribe adds a subscriber, which gets what comes from now on, at most
// perSecond items of it (0: all). Leave ends the subscription.
func (f *Feed) Subscribe(stream Stream, filter Filter, perSecond float64) (s *Subscription, leave func(), err error) {
	s = newSubscription(filter, perSecond, f.now())
	f.mu.Lock()
	if len(f.subs[Events])+len(f.subs[Verdicts]) >= MaxSubscribers {
		f.mu.Unlock()
		return nil, nil, ErrFull
	}
	f.subs[stream][s] = struct{}{}
	f.count.Clients(stream, len(f.subs[stream]))
	f.mu.Unlock()
	select {
	case f.changed <- struct{}{}:
	default:
	}
	var once sync.Once
	return s, func() {
		once.Do(func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.subs[stream], s)
			f.count.Clients(stream, len(f.subs[stream]))
		})
	}, nil
}

// Subscribers counts those of a stream.
func (f *Feed) Subscribers(stream Stream) int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.subs[stream])
}

func (f *Feed) watched() bool { return f.Subscribers(Events)+f.Subscribers(Verdicts) > 0 }

// publish hands an item to all subscribers of a stream.
func (f *Feed) publish(stream Stream, item *Item) {
	now := f.now()
	f.mu.RLock()
	defer f.mu.RUnlock()
	for s := range f.subs[stream] {
		switch s.offer(item, now) {
		case sampled:
			f.count.Sampled(stream)
		case dropped:
			f.count.Dropped(stream)
		}
	}
}

// Run reads the log whenever there are subscribers, until the context ends.
func (f *Feed) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.changed:
		}
		for f.watched() && ctx.Err() == nil {
			if err := f.follow(ctx); err != nil {
				// What is wrong with the log is the subject of the health
				// checks; here it is enough to come back.
				select {
				case <-ctx.Done():
				case <-time.After(retryAfter):
				}
			}
		}
	}
}

// follow reads from the end of both topics until nobody looks any more.
func (f *Feed) follow(ctx context.Context) error {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.ConsumeTopics(f.conn.Events, f.conn.Verdicts),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Small answers at once: an event is to be on a screen within half a
		// second. What a slow process has not read is bounded.
		kgo.FetchMinBytes(1), kgo.FetchMaxWait(250 * time.Millisecond), kgo.FetchMaxBytes(8 << 20),
	}, f.conn.Options...)...)
	if err != nil {
		return fmt.Errorf("connecting to the log: %w", err)
	}
	defer client.Close()
	readers := map[string]*reader{f.conn.Events: {stream: Events}, f.conn.Verdicts: {stream: Verdicts}}
	last := f.now()
	for {
		if f.watched() {
			last = f.now()
		} else if f.now().Sub(last) > linger {
			return nil
		}
		polling, cancel := context.WithTimeout(ctx, time.Second)
		fetches := client.PollFetches(polling)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		fetches.EachRecord(func(record *kgo.Record) {
			r := readers[record.Topic]
			item, err := r.read(record.Value)
			if err != nil {
				f.count.Unreadable(r.stream)
				return
			}
			f.publish(r.stream, item)
		})
	}
}
