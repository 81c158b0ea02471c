package reconcile

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// held counts, for each batch that was taken in, what is still to be delivered
// before the batch may be acknowledged. Batches are named by their place in a
// table: a count is an increment, not a closure.
type held struct {
	batches []heldBatch
	free    []uint64
	inUse   int
}

type heldBatch struct {
	ack     service.AckFunc
	pending int
}

// add takes a batch in with one pending delivery, which stands for the batch
// itself until it has been applied.
func (h *held) add(ack service.AckFunc) (token uint64) {
	if n := len(h.free); n > 0 {
		token, h.free = h.free[n-1], h.free[:n-1]
	} else {
		token = uint64(len(h.batches))
		h.batches = append(h.batches, heldBatch{})
	}
	h.batches[token] = heldBatch{ack, 1}
	h.inUse++
	return token
}

// hold adds one pending delivery.
func (h *held) hold(token uint64) { h.batches[token].pending++ }

// release takes one pending delivery off and returns what to call when it was
// the last, or nil.
func (h *held) release(token uint64) service.AckFunc {
	b := &h.batches[token]
	b.pending--
	if b.pending > 0 {
		return nil
	}
	ack := b.ack
	*b = heldBatch{}
	h.free = append(h.free, token)
	h.inUse--
	return ack
}

// drain returns what to call for every batch that is still held, and forgets
// them.
func (h *held) drain() (acks []service.AckFunc) {
	for i := range h.batches {
		if h.batches[i].ack != nil {
			acks = append(acks, h.batches[i].ack)
		}
	}
	*h = held{}
	return acks
}

// callAll acknowledges batches and returns the first error.
func callAll(ctx context.Context, acks []service.AckFunc, err error) (first error) {
	for _, ack := range acks {
		if e := ack(ctx, err); e != nil && first == nil {
			first = e
		}
	}
	return first
}
