package reconcile

import (
	"runtime"
	"time"

	"github.com/helios-connect/helios/internal/lifecycle"
	"github.com/helios-connect/helios/internal/terminal"
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
		case <-b.closing.Done():
			return
		case <-b.wake:
		case now := <-ticker.C:
			b.lookForStop(now)
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
			runtime.Gosched() // intake may be waiting for the lock
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

// lookForStop notes, when nothing arrives, whether some stream of the process is
// being stopped. It may be this one, whose input is told to stop long before
// EndOfInput when it waits for acknowledgements, and the silence that follows is
// nobody's stall. It may be another one: then the clocks go on when that is
// gone. Looking costs a stack dump, hence once a second.
func (b *buffer) lookForStop(now time.Time) {
	b.mu.Lock()
	look := !b.ended && b.held.inUse > 0 && now.Sub(b.lastIn) > bufferTick && now.Sub(b.looked) >= time.Second
	b.mu.Unlock()
	if !look {
		return
	}
	stopping := lifecycle.StreamStopping()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looked, b.paused = now, stopping
}

// nudge makes closing go on at once.
func (b *buffer) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// tick advances the clocks by the time in which input could be taken: not while
// intake waits for the output, nor while input is kept back because of it or of
// a stop.
func (b *buffer) tick(elapsed time.Duration, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting > 0 {
		b.blocked += now.Sub(b.since)
		b.since = now
	}
	if !b.paused && !b.starved(now) {
		b.engine.Tick(max(elapsed-b.blocked, 0))
	}
	b.blocked = 0
	b.metrics.flush(b.engine.Stats())
	b.metrics.held.Set(int64(b.held.inUse))
	b.warnOfStarvation(now)
}

// warnOfStarvation names the likely cause when intake has stopped while batches
// are held: the input waits for acknowledgements that wait for its events.
func (b *buffer) warnOfStarvation(now time.Time) {
	if b.warned || b.held.inUse == 0 || b.waiting > 0 || b.ended || b.paused || b.starved(now) || now.Sub(b.lastIn) < b.idle {
		return
	}
	b.warned = true
	b.log.Warnf("nothing has arrived for %s while %s unacknowledged: if the input has more to deliver, its limit on unacknowledged messages is too low for the rate times (window + allowed_lateness); raise that limit, shorten the window, or set hold_acks to false",
		now.Sub(b.lastIn).Round(time.Second), terminal.Count(b.held.inUse, "batch is", "batches are"))
}

// expire closes a portion of what is due and reports whether more may be. While
// as much waits for the output as may, it does nothing.
func (b *buffer) expire() (more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.due = b.waitingOut() >= expireLimit
	if b.closed || b.drained || b.paused || b.due {
		return false
	}
	before := len(b.queue)
	more = b.engine.Expire(expireChunk, b.now().UnixNano())
	if b.ended && !more {
		b.drained = true
		b.engine.TellUnseen()
	}
	b.queued(before)
	if b.drained {
		b.changed.Broadcast()
	}
	return more
}
