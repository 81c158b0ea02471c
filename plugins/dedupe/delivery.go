package dedupe

// Answer is what a claim of a key came to.
type Answer uint8

const (
	// Claimed: the event is this delivery's to hand on.
	Claimed Answer = iota
	// Confirmed: an earlier delivery of the event is durable; this one is a
	// duplicate.
	Confirmed
	// Busy: another delivery holds a live claim; nobody knows yet how it ends.
	Busy
)

// String returns the answer's name.
func (a Answer) String() string {
	return [...]string{"claimed", "confirmed", "busy"}[a]
}

// Delivery follows one batch of the wrapped input from its receipt to its
// settlement. It is plain state: it calls nothing, knows no clock, and is not
// safe for concurrent use.
//
// Every event is in one state. Those that wait are claimed again until the answer
// is another one:
//
//	waiting ──claimed──► handed ──acknowledged──► done
//	   │ └────────busy──┘   └────refused────────► failed
//	   └─────confirmed────────────────────────► done
//
// An event whose key stands earlier in the same batch follows that one: it is
// done or has failed with it.
type Delivery struct {
	keys    []Key
	states  []state
	leader  []int32 // of each event: the first in the batch with its key
	pending int     // events that are neither done nor failed
}

type state uint8

const (
	waiting state = iota
	handed
	done
	failed
)

// NewDelivery returns a delivery of events with these keys, all of which wait.
// Events with a zero key are each one of a kind.
func NewDelivery(keys []Key) *Delivery {
	d := &Delivery{keys: keys, states: make([]state, len(keys)), leader: make([]int32, len(keys)), pending: len(keys)}
	first := make(map[Key]int32, len(keys))
	for i, key := range keys {
		d.leader[i] = int32(i)
		if !key.Valid() {
			continue
		}
		if l, ok := first[key]; ok {
			d.leader[i] = l
		} else {
			first[key] = int32(i)
		}
	}
	return d
}

// Waiting appends the indexes of the events whose claims are to be asked for:
// one event of each key.
func (d *Delivery) Waiting(indexes []int) []int {
	for i, s := range d.states {
		if s == waiting && int(d.leader[i]) == i {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// IsRepeat reports whether the event's key stands earlier in its batch.
func (d *Delivery) IsRepeat(i int) bool { return int(d.leader[i]) != i }

// Answer takes the answer to a claim for event i, which waits. A claimed event
// must be handed on, and then be settled by Acknowledge or Refuse.
func (d *Delivery) Answer(i int, a Answer) {
	switch a {
	case Claimed:
		d.move(i, handed)
	case Confirmed:
		d.move(i, done)
	}
}

// Hold has a confirmed duplicate settled by whoever takes it downstream: it is
// handed on without a claim.
func (d *Delivery) Hold(i int) { d.move(i, handed) }

// Acknowledge says that event i, which was handed on, is durable and its key
// confirmed.
func (d *Delivery) Acknowledge(i int) { d.move(i, done) }

// Refuse says that event i, which was handed on, was refused and its claim
// released.
func (d *Delivery) Refuse(i int) { d.move(i, failed) }

// move takes an event and those that follow it to a state.
func (d *Delivery) move(i int, to state) {
	for j := i; j < len(d.states); j++ {
		if int(d.leader[j]) != i {
			continue
		}
		if d.states[j] < done && to >= done {
			d.pending--
		}
		d.states[j] = to
		if !d.keys[i].Valid() {
			return
		}
	}
}

// Settled reports whether nothing of the batch is open any more, and which of
// its events have failed: with none, the batch is to be acknowledged.
func (d *Delivery) Settled() (settled bool, failures []int) {
	if d.pending > 0 {
		return false, nil
	}
	for i, s := range d.states {
		if s == failed {
			failures = append(failures, i)
		}
	}
	return true, failures
}
