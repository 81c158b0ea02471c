package reconcile

import (
	"time"

	"github.com/helios-connect/helios/internal/lifecycle"
)

// tickLoop advances the engine's clocks and closes what is due, in portions
// between which intake goes on.
func (b *buffer) tickLoop() {
	defer close(b.done)
	ticker := time.NewTicker(bufferTick)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-b.stop:
			return
		case <-b.wake:
		case now := <-ticker.C:
			if !lifecycle.Stopping() {
				b.tick(now.Sub(last), now)
			}
			last = now
		}
		if lifecycle.Stopping() {
			b.stopped()
			return
		}
		for b.expire() {
		}
	}
}

// stopped notes that no fact is to be closed any more.
func (b *buffer) stopped() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drained = true
	b.changed.Broadcast()
}

// nudge makes closing go on at once.
func (b *buffer) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// tick advances the clocks by the time in which input could be taken.
func (b *buffer) tick(elapsed time.Duration, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting > 0 {
		b.blocked += now.Sub(b.since)
		b.since = now
	}
	b.engine.Tick(max(elapsed-b.blocked, 0))
	b.blocked = 0
	b.metrics.flush(b.engine.Stats())
	b.metrics.held.Set(int64(b.held.inUse))
	b.warnOfStarvation(now)
}

// warnOfStarvation names the likely cause when intake has stopped while batches
// are held: the input waits for acknowledgements that wait for its events.
func (b *buffer) warnOfStarvation(now time.Time) {
	if b.warned || b.held.inUse == 0 || b.waiting > 0 || b.ended || now.Sub(b.lastIn) < b.idle {
		return
	}
	b.warned = true
	b.log.Warnf("nothing has arrived for %s while %d batches are unacknowledged: if the input has more to deliver, its limit on unacknowledged messages is too low for the rate times (window + allowed_lateness); raise that limit, shorten the window, or set hold_acks to false",
		now.Sub(b.lastIn).Round(time.Second), b.held.inUse)
}

// expire closes a portion of what is due and reports whether more may be. While
// the queue is full it does nothing.
func (b *buffer) expire() (more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.due = len(b.queue) >= queueLimit
	if b.closed || b.drained || b.due {
		return false
	}
	before := len(b.queue)
	more = b.engine.Expire(expireChunk, time.Now().UnixNano())
	if b.ended && !more {
		b.drained = true
	}
	if len(b.queue) > before || b.drained {
		b.changed.Broadcast()
	}
	return more
}
