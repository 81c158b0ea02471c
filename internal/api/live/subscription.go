package live

import (
	"sync"
	"time"
)

const (
	// maxPending is how many items wait for a subscriber before it loses some,
	// and maxPendingBytes how much they may hold.
	maxPending      = 2000
	maxPendingBytes = 4 << 20
	// maxItemBytes is the largest document that is sent.
	maxItemBytes = 64 << 10
	// maxGroups bounds the names of clouds that a subscriber is told counts of.
	maxGroups = 50
)

// overflow is the group of all beyond maxGroups.
const overflow = "other"

// Batch is what has come since the last one was taken.
type Batch struct {
	// Items to show, oldest first.
	Items []*Item
	// Counts of everything that the filter lets through, also of what is not
	// among the items, by group.
	Counts map[string]int64
	// Sampled were left out, as the subscriber asked or since they are too
	// large; Dropped were lost because it was too slow.
	Sampled, Dropped int64
}

// Empty reports whether nothing has come.
func (b *Batch) Empty() bool { return len(b.Counts) == 0 }

// Subscription collects items for one subscriber.
type Subscription struct {
	filter Filter
	wake   chan struct{}

	mu      sync.Mutex
	pending Batch
	size    int
	budgets [2]budget // of what is ordinary, and of what is not
}

// budget lets a number of items through each second.
type budget struct {
	perSecond float64 // 0: all
	left      float64
	at        time.Time
}

// take reports whether one more item may pass.
func (b *budget) take(now time.Time) bool {
	if b.perSecond <= 0 {
		return true
	}
	// At most a quarter of a second's items at once.
	burst := max(1, b.perSecond/4)
	b.left = min(burst, b.left+now.Sub(b.at).Seconds()*b.perSecond)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

func newSubscription(filter Filter, perSecond float64, now time.Time) *Subscription {
	s := &Subscription{filter: filter, wake: make(chan struct{}, 1)}
	for i := range s.budgets {
		s.budgets[i] = budget{perSecond: perSecond, left: max(1, perSecond/4), at: now}
	}
	return s
}

// Wake receives when something has come. One receipt may stand for many items.
func (s *Subscription) Wake() <-chan struct{} { return s.wake }

// offer hands an item over without ever waiting.
func (s *Subscription) offer(item *Item, now time.Time) (outcome outcome) {
	if !s.filter.matches(item) {
		return unwanted
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending.Counts == nil {
		s.pending.Counts = map[string]int64{}
	}
	group := item.Group
	if _, known := s.pending.Counts[group]; !known && len(s.pending.Counts) >= maxGroups {
		group = overflow
	}
	s.pending.Counts[group]++
	which := &s.budgets[1]
	if item.Ordinary {
		which = &s.budgets[0]
	}
	switch {
	case len(item.JSON) > maxItemBytes || !which.take(now):
		s.pending.Sampled++
		outcome = sampled
	case len(s.pending.Items) >= maxPending || s.size+len(item.JSON) > maxPendingBytes:
		s.pending.Dropped++
		outcome = dropped
	default:
		s.pending.Items = append(s.pending.Items, item)
		s.size += len(item.JSON)
		outcome = kept
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return outcome
}

// Take returns what has come since the last call.
func (s *Subscription) Take() Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.pending
	s.pending, s.size = Batch{}, 0
	return b
}

// outcome is what became of an item.
type outcome uint8

const (
	unwanted outcome = iota
	kept
	sampled
	dropped
)
