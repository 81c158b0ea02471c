package simulator

import (
	"sync"
	"time"
)

// lane is what a world has for one cloud: events that wait to be read, batches
// that were read and are not acknowledged, and the counters of both. It outlives
// the input that reads it.
type lane struct {
	cloud Cloud

	mu     sync.Mutex
	queue  [][]delivery // each begins a native message
	queued int          // events in queue
	again  []*batch     // refused, due for delivery
	flying map[*batch]struct{}
	// resting batches were refused and wait for their backoff.
	resting int
	wake    chan struct{} // of the input that reads; nil: none
	counts  LaneCounts
}

// LaneCounts are the numbers of one cloud's way out of the simulator. Each is
// counted where it arises.
type LaneCounts struct {
	// Events handed out for the first time, malformed ones included, and the
	// native messages that held them.
	Events   int64 `json:"events"`
	Messages int64 `json:"messages"`
	// Malformed events among Events.
	Malformed int64 `json:"malformed"`
	// AckedEvents and AckedMessages were acknowledged.
	AckedEvents   int64 `json:"acked_events"`
	AckedMessages int64 `json:"acked_messages"`
	// RefusedEvents counts each time an event came back.
	RefusedEvents int64 `json:"refused_events"`
	// RedeliveredEvents counts each time an event was handed out again.
	RedeliveredEvents int64 `json:"redelivered_events"`
	// InFlightEvents is raised when events are handed out and lowered when they
	// are acknowledged or come back.
	InFlightEvents int64 `json:"in_flight_events"`
	// WaitingEvents are made and not handed out, first or again.
	WaitingEvents int64 `json:"waiting_events"`
}

// batch is what one ReadBatch hands out.
type batch struct {
	events   []delivery
	messages int
	attempt  int
}

func newLane(c Cloud) *lane { return &lane{cloud: c, flying: map[*batch]struct{}{}} }

// put queues events that have arrived; announce wakes who waits for them, once for
// all that arrive together.
func (l *lane) put(events []delivery) {
	if len(events) == 0 {
		return
	}
	l.mu.Lock()
	l.queue = append(l.queue, events)
	l.queued += len(events)
	l.mu.Unlock()
}

// announce wakes the input if events wait for it.
func (l *lane) announce() {
	if l.full(1) {
		l.notify()
	}
}

func (l *lane) notify() {
	l.mu.Lock()
	wake := l.wake
	l.mu.Unlock()
	if wake == nil {
		return
	}
	select {
	case wake <- struct{}{}:
	default:
	}
}

// full reports whether limit events wait.
func (l *lane) full(limit int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queued >= limit
}

// take hands out a batch of at most max native messages, or nil. Refused batches
// come first.
func (l *lane) take(max int) *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.again); n > 0 {
		b := l.again[0]
		l.again[0] = nil
		l.again = l.again[1:]
		l.counts.RedeliveredEvents += int64(len(b.events))
		l.launch(b)
		return b
	}
	b := &batch{}
	for b.messages < max && len(l.queue) > 0 {
		events, n := l.queue[0], 0
		for b.messages < max && n < len(events) {
			n += messageLength(events[n:])
			b.messages++
		}
		if b.events == nil {
			b.events = events[:n:n]
		} else {
			b.events = append(b.events, events[:n]...)
		}
		if n < len(events) {
			l.queue[0] = events[n:]
			break
		}
		l.queue[0] = nil
		l.queue = l.queue[1:]
	}
	if b.messages == 0 {
		return nil
	}
	l.queued -= len(b.events)
	l.counts.Events += int64(len(b.events))
	l.counts.Messages += int64(b.messages)
	for i := range b.events {
		if b.events[i].defect != sound {
			l.counts.Malformed++
		}
	}
	l.launch(b)
	return b
}

func (l *lane) launch(b *batch) {
	l.flying[b] = struct{}{}
	l.counts.InFlightEvents += int64(len(b.events))
}

// land takes a batch out of flight. False: its input has closed meanwhile and
// the batch is due again already.
func (l *lane) land(b *batch) bool {
	if _, ok := l.flying[b]; !ok {
		return false
	}
	delete(l.flying, b)
	l.counts.InFlightEvents -= int64(len(b.events))
	return true
}

// settle ends a batch's flight: refused, a part of its events, comes again after
// a backoff; the rest is acknowledged. It reports whether the batch still was in
// flight.
func (l *lane) settle(b, refused *batch) bool {
	l.mu.Lock()
	if !l.land(b) {
		l.mu.Unlock()
		return false
	}
	l.counts.AckedEvents += int64(len(b.events))
	l.counts.AckedMessages += int64(b.messages)
	if refused != nil {
		l.counts.AckedEvents -= int64(len(refused.events))
		l.counts.AckedMessages -= int64(refused.messages)
		l.counts.RefusedEvents += int64(len(refused.events))
		l.resting++
		time.AfterFunc(backoff(refused.attempt), func() { l.due(refused) })
	}
	l.mu.Unlock()
	l.notify()
	return true
}

// backoff before the n-th redelivery.
func backoff(n int) time.Duration {
	const first, last = 10 * time.Millisecond, time.Second
	if n > 7 {
		return last
	}
	return min(last, first<<max(0, n-1))
}

func (l *lane) due(b *batch) {
	l.mu.Lock()
	l.resting--
	l.again = append(l.again, b)
	l.mu.Unlock()
	l.notify()
}

// attach makes wake the channel of the input that reads. False: another one
// does.
func (l *lane) attach(wake chan struct{}) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake != nil && l.wake != wake {
		return false
	}
	l.wake = wake
	return true
}

// detach frees the lane. What its input left in flight is due again; it returns
// how many events that are.
func (l *lane) detach(wake chan struct{}) (left int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake != wake {
		return 0
	}
	l.wake = nil
	for b := range l.flying {
		l.land(b)
		left += int64(len(b.events))
		l.counts.RefusedEvents += int64(len(b.events))
		l.again = append(l.again, &batch{events: b.events, messages: b.messages, attempt: b.attempt + 1})
	}
	return left
}

func (l *lane) attached() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wake != nil
}

// empty reports whether nothing waits, rests or is in flight.
func (l *lane) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queued == 0 && len(l.again) == 0 && len(l.flying) == 0 && l.resting == 0
}

func (l *lane) snapshot() LaneCounts {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counts
	c.WaitingEvents = int64(l.queued)
	for _, b := range l.again {
		c.WaitingEvents += int64(len(b.events))
	}
	return c
}
