package dedupe

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/tracing"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

// batch is one batch of the wrapped input on its way. Its events leave in one
// part, or in several when some have to wait.
type batch struct {
	reader   *reader
	messages service.MessageBatch
	ack      service.AckFunc
	keys     []Key
	names    []string // participants
	owner    string
	accepted time.Time

	mu       sync.Mutex
	delivery *Delivery
	held     []bool // a claim of ours, or perhaps one, that is neither confirmed nor released
	known    []bool // confirmed before: handed on as evidence
	renewed  time.Time
	reason   error // of the latest refusal
}

// claim is a request for what waits in a batch, and its outcome.
type claim struct {
	batch   *batch
	indexes []int // of the events that wait
	of      []int // those of them that have a key
	answers []Answer
	err     error
	done    chan struct{} // closed when the answers are there
}

func (b *batch) newClaim() *claim { return &claim{batch: b, done: make(chan struct{})} }

// ask asks for what waits in the batch.
func (c *claim) ask() {
	defer close(c.done)
	b, r := c.batch, c.batch.reader
	b.mu.Lock()
	c.indexes = b.delivery.Waiting(nil)
	b.mu.Unlock()
	keys := make([]Key, 0, len(c.indexes))
	for _, i := range c.indexes {
		if b.keys[i].Valid() {
			keys, c.of = append(keys, b.keys[i]), append(c.of, i)
		}
	}
	c.answers = make([]Answer, len(keys))
	if len(keys) > 0 {
		c.err = r.call(r.stopped, "claim", func(ctx context.Context) error {
			return r.backend.Claim(ctx, b.owner, keys, c.answers)
		})
	}
	// From here on, not from being handed on: that may take long. Also after an
	// error: the claim may have been made and its answer lost.
	b.mu.Lock()
	defer b.mu.Unlock()
	for n, i := range c.of {
		b.held[i] = c.err != nil || c.answers[n] == Claimed
	}
}

// advance hands on what the claim got. It reports whether events still wait.
func (c *claim) advance() (more bool) {
	b, r := c.batch, c.batch.reader
	if c.err != nil {
		if r.stopped.Err() != nil {
			return false
		}
		r.meter.unprotected.Incr(int64(len(c.of)), "backend_down")
		clear(c.answers) // pass them on
	}
	parts, more := b.take(c.indexes, c.of, c.answers)
	b.send(parts)
	b.settle(r.stopped)
	return more
}

// take applies the answers and returns the indexes of what is to be handed on,
// in the batch's order.
func (b *batch) take(indexes, of []int, answers []Answer) (part []int, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	verdict := make(map[int]Answer, len(of))
	for n, i := range of {
		verdict[i] = answers[n]
	}
	for _, i := range indexes {
		a := verdict[i]
		switch {
		case a == Busy:
			more = true
			continue
		case a == Confirmed && b.reader.set.forward:
			b.delivery.Hold(i)
			b.known[i] = true
		default:
			b.delivery.Answer(i, a)
		}
		for j := i; j < len(b.keys); j++ {
			if j != i && (!b.keys[i].Valid() || int(b.delivery.leader[j]) != i) {
				continue
			}
			if repeat := a == Confirmed || j != i; repeat {
				b.reader.meter.duplicates.Incr(1, b.names[j])
				b.trace(j, spans.Duplicate, !b.reader.set.forward)
				if !b.reader.set.forward {
					continue
				}
				m := b.messages[j].Copy()
				m.MetaSetMut(metaReason, reasonDuplicate)
				b.messages[j] = m
			} else {
				b.trace(j, spans.OK, false)
			}
			part = append(part, j)
		}
	}
	return part, more
}

// trace records what became of a traced event.
func (b *batch) trace(i int, outcome string, dropped bool) {
	if !b.reader.traced {
		return
	}
	if passage := tracing.Of(b.messages[i]); passage != nil {
		now := time.Now()
		passage.Stage(spans.Dedupe, outcome, b.accepted, now)
		if dropped {
			passage.Dropped(outcome, now)
		}
	}
}

// send hands a part on.
func (b *batch) send(part []int) {
	if len(part) == 0 {
		return
	}
	messages := make(service.MessageBatch, len(part))
	for n, i := range part {
		messages[n] = b.messages[i].Copy()
	}
	index := messages.Index()
	ack := func(ctx context.Context, err error) error { return b.end(ctx, part, index, err) }
	select {
	case b.reader.out <- outgoing{messages: messages, ack: ack}:
	case <-b.reader.stopped.Done():
	}
}

// wait polls until no event of the batch waits any more.
func (b *batch) wait() {
	r := b.reader
	b.mu.Lock()
	count := len(b.delivery.Waiting(nil))
	for _, i := range b.delivery.Waiting(nil) {
		r.meter.waits.Incr(1, b.names[i])
	}
	b.mu.Unlock()
	r.meter.waiting.Set(r.waiting.Add(int64(count)))
	defer func() {
		r.meter.waiting.Set(r.waiting.Add(-int64(count)))
		select {
		case r.room <- struct{}{}:
		default:
		}
	}()
	for poll := firstPoll; r.pause(r.stopped, poll); poll = min(2*poll, lastPoll) {
		c := b.newClaim()
		if c.ask(); !c.advance() {
			return
		}
	}
}

// end settles a part: what is durable is confirmed before it counts as done, and
// the claims of what was refused are released.
func (b *batch) end(ctx context.Context, part []int, index *service.Indexer, err error) error {
	r := b.reader
	refused := failures(part, index, err)
	var durable, lost []Key
	b.mu.Lock()
	for n, i := range part {
		switch {
		case !b.keys[i].Valid() || b.delivery.IsRepeat(i) || b.known[i]:
		case !refused[n]:
			durable = append(durable, b.keys[i])
		case b.held[i]:
			lost = append(lost, b.keys[i])
		}
	}
	b.mu.Unlock()
	if len(durable) > 0 {
		confirmed := r.call(ctx, "confirm", func(ctx context.Context) error { return r.backend.Confirm(ctx, durable) })
		if confirmed != nil && !errors.Is(confirmed, errDown) {
			return confirmed // unacknowledged: it comes again
		}
	}
	if len(lost) > 0 {
		_ = r.call(ctx, "release", func(ctx context.Context) error { return r.backend.Release(ctx, b.owner, lost) })
	}
	b.mu.Lock()
	for n, i := range part {
		b.held[i] = false
		if refused[n] {
			// With evidence that is not durable its event comes again.
			b.delivery.Refuse(int(b.delivery.leader[i]))
			b.reason = err
		} else if !b.delivery.IsRepeat(i) {
			b.delivery.Acknowledge(i)
		}
	}
	b.mu.Unlock()
	return b.settle(ctx)
}

// failures says which events of a part an error refuses: all, unless it names
// those that went through.
func failures(part []int, index *service.Indexer, err error) []bool {
	refused := make([]bool, len(part))
	if err == nil {
		return refused
	}
	for n := range refused {
		refused[n] = true
	}
	var each *service.BatchError
	if !errors.As(err, &each) || each.IndexedErrors() == 0 {
		return refused
	}
	fine := make([]bool, len(part))
	failed := make([]bool, len(part))
	each.WalkMessagesIndexedBy(index, func(n int, _ *service.Message, err error) bool {
		if n >= 0 && n < len(part) {
			fine[n], failed[n] = true, failed[n] || err != nil
		}
		return true
	})
	for n := range refused {
		refused[n] = !fine[n] || failed[n]
	}
	return refused
}

// settle answers the wrapped input when nothing of the batch is open.
func (b *batch) settle(ctx context.Context) error {
	r := b.reader
	b.mu.Lock()
	settled, failed := b.delivery.Settled()
	reason := b.reason
	b.mu.Unlock()
	if !settled {
		return nil
	}
	r.mu.Lock()
	_, first := r.open[b]
	delete(r.open, b)
	r.mu.Unlock()
	if !first {
		return nil
	}
	if len(failed) == 0 {
		return b.ack(ctx, nil)
	}
	partial := service.NewBatchError(b.messages, errors.New(reason.Error()))
	for _, i := range failed {
		partial.Failed(i, reason)
	}
	return b.ack(ctx, partial)
}

// claims returns the keys of claims last renewed before a time, as renewed now.
func (b *batch) claims(before time.Time) (keys []Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.renewed.After(before) {
		return nil
	}
	b.renewed = time.Now()
	for i, held := range b.held {
		if held {
			keys = append(keys, b.keys[i])
		}
	}
	return keys
}
