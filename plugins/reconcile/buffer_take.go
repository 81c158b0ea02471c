package reconcile

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/lifecycle"
	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// Batches are taken in by two goroutines, as reading an event takes almost as
// long as judging it: WriteBatch reads one while takeLoop applies the one before.
// In a buffer without takeLoop, as some tests have it, WriteBatch does both.

// taking is a batch on its way into the engine.
type taking struct {
	batch service.MessageBatch
	ack   service.AckFunc
	docs  [][]byte
	read  engine.Batch
}

// spareTakings is how many takings are kept to be used again: one is read, one
// waits and one is applied at a time.
const spareTakings = 3

func (b *buffer) newTaking(batch service.MessageBatch, ack service.AckFunc) *taking {
	var t *taking
	select {
	case t = <-b.spare:
	default:
		t = new(taking)
	}
	t.batch, t.ack = batch, ack
	for _, m := range batch {
		doc, err := m.AsBytes()
		if err != nil {
			doc = nil
		}
		t.docs = append(t.docs, doc)
	}
	return t
}

// putTaking puts a taking back whose batch has been applied or refused.
func (b *buffer) putTaking(t *taking) {
	clear(t.docs)
	t.batch, t.ack, t.docs = nil, nil, t.docs[:0]
	select {
	case b.spare <- t:
	default:
	}
}

// WriteBatch takes a batch in. It waits while the output is behind.
func (b *buffer) WriteBatch(ctx context.Context, batch service.MessageBatch, ack service.AckFunc) error {
	b.readMu.Lock()
	defer b.readMu.Unlock()
	if b.writable.Err() != nil {
		return service.ErrEndOfBuffer
	}
	t := b.newTaking(batch, ack)
	b.reader.Read(t.docs, &t.read)
	if b.takings == nil {
		acks, err := b.take(ctx, t)
		b.putTaking(t)
		if err != nil {
			return err
		}
		return callAll(ctx, acks, nil)
	}
	select {
	case b.takings <- t:
		return nil
	case <-b.writable.Done():
		return service.ErrEndOfBuffer
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeLoop applies what WriteBatch has read until the input has ended or the
// buffer is closed.
func (b *buffer) takeLoop() {
	defer close(b.taken)
	for {
		select {
		case t := <-b.takings:
			b.takeOrRefuse(t)
		case <-b.writable.Done():
			b.takeRest()
			if b.closing.Err() == nil {
				b.end(b.stopping)
			}
			return
		}
	}
}

// takeRest applies, or refuses once the buffer is closed, what has been read and
// waits.
func (b *buffer) takeRest() {
	for {
		select {
		case t := <-b.takings:
			b.takeOrRefuse(t)
		default:
			return
		}
	}
}

func (b *buffer) takeOrRefuse(t *taking) {
	ack := t.ack
	if b.closing.Err() == nil {
		if acks, err := b.take(b.closing, t); err == nil {
			b.putTaking(t)
			_ = callAll(b.closing, acks, nil)
			return
		}
	}
	b.putTaking(t)
	_ = ack(context.Background(), errStopped)
}

// take applies a batch that has been read, and returns the acknowledgements that
// fall due. An error means that nothing of it was taken.
func (b *buffer) take(ctx context.Context, t *taking) ([]service.AckFunc, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.awaitRoom(ctx); err != nil {
		return nil, err
	}
	var token uint64
	if b.holdAcks {
		token = b.held.add(t.ack)
	}
	now := b.now()
	b.lastIn, b.warned, b.paused = now, false, false
	before := len(b.queue)
	b.apply(t, token, now.UnixNano())
	if !b.drained && now.Sub(b.expired) >= expireEvery {
		b.expired = now
		b.engine.Expire(expireChunk, now.UnixNano())
	}
	b.queued(before)
	if !b.holdAcks {
		return []service.AckFunc{t.ack}, nil
	}
	if ack := b.held.release(token); ack != nil {
		return []service.AckFunc{ack}, nil
	}
	return nil, nil
}

// apply takes the events of a batch in, which all have one token.
func (b *buffer) apply(t *taking, token uint64, wall int64) {
	b.engine.ApplyRead(&t.read, func(int) uint64 { return token }, wall, func(i int, out *engine.Outcome) {
		b.metrics.outcome(out)
		switch {
		case out.Reason != engine.ReasonNone:
			b.queue = append(b.queue, outgoing{flagged: flaggedMessage(t.batch[i], out), token: token})
		case !out.Held:
			return
		}
		if b.holdAcks {
			b.held.hold(token)
		}
	})
}

// EndOfInput closes every open fact, unless the process or the stream is being
// stopped: Redpanda Connect calls it for both. What WriteBatch has taken is
// applied before.
func (b *buffer) EndOfInput() {
	b.endOnce.Do(func() {
		b.stopping = lifecycle.StreamStopping()
		b.endWriting()
		if b.takings == nil {
			b.end(b.stopping)
		}
	})
}

// end notes that no more input comes.
func (b *buffer) end(stopping bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended, b.paused = true, false
	if stopping {
		b.drained = true
	} else {
		b.engine.EndInput()
		if n := int64(b.engine.Stats().Uncounted); n > 0 {
			b.log.Infof("%s after the verdict of a fact and changed nothing in it: no verdict counts what repeats so late.", terminal.Count(n, "event came", "events came"))
		}
		b.nudge()
	}
	b.changed.Broadcast()
}
