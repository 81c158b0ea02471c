package reconcile

import (
	"context"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// outputSlow is how long the output may take before the time that passes
// without any input is put down to it: then the input may have run into its
// limit on unacknowledged messages.
const outputSlow = 5 * time.Second

// waitingOut is how many messages wait for the output.
func (b *buffer) waitingOut() int { return len(b.queue) + b.returning }

// queued tells the readers of the queue when it has grown. While another batch
// waits to be applied, only of half of what they may read at a time: Redpanda
// Connect takes as long for a few messages as for many. Who applies that batch
// tells of the rest.
func (b *buffer) queued(before int) {
	b.untold = b.untold || len(b.queue) > before
	if before == 0 && len(b.queue) > 0 && b.flying == 0 {
		b.lastOut = b.now()
	}
	if !b.untold || len(b.takings) > 0 && len(b.queue) < readLimit/2 {
		return
	}
	b.untold = false
	b.changed.Broadcast()
}

// starved reports whether nothing arrives, most likely, because the output
// delivers nothing: the input waits for acknowledgements, which wait for
// verdicts, which wait for the output.
func (b *buffer) starved(now time.Time) bool {
	return b.holdAcks && (len(b.queue) > 0 || b.flying > 0) &&
		now.Sub(b.lastOut) >= min(outputSlow, b.idle/2) && b.lastIn.Before(now.Add(-bufferTick))
}

// awaitRoom waits until the queue has room, with the lock held on return.
func (b *buffer) awaitRoom(ctx context.Context) error {
	if b.waitingOut() < queueLimit && !b.closed {
		return nil
	}
	defer b.wakeWith(ctx)()
	b.startWaiting()
	defer b.stopWaiting()
	for b.waitingOut() >= queueLimit && !b.closed && ctx.Err() == nil {
		b.changed.Wait()
	}
	if b.closed {
		return service.ErrEndOfBuffer
	}
	return ctx.Err()
}

// wakeWith wakes those who wait when the context ends, until the function that
// it returns is called. Under the lock: a broadcast between a waiter's look at
// its context and its Wait would be lost.
func (b *buffer) wakeWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.changed.Broadcast()
	})
}

// startWaiting and stopWaiting measure the time in which input could not be
// taken, which must stall nobody.
func (b *buffer) startWaiting() {
	if b.waiting == 0 {
		b.since = b.now()
	}
	b.waiting++
}

func (b *buffer) stopWaiting() {
	b.waiting--
	if b.waiting == 0 {
		b.blocked += b.now().Sub(b.since)
	}
}
