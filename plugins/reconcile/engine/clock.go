package engine

import (
	"math"
	"time"
)

const (
	maxInstant = math.MaxInt64
	noInstant  = math.MinInt64
	maxTick    = time.Second
)

// addInstant adds a span to an instant without wrapping around.
func addInstant(at int64, span time.Duration) int64 {
	sum := at + int64(span)
	switch {
	case span > 0 && sum < at:
		return maxInstant
	case span < 0 && sum > at:
		return noInstant
	}
	return sum
}

// Arrivals knows when each participant was last heard of, in wall time during
// which input could be taken. The engines of one process share one, so that a
// participant that speaks on any partition is stalled on none.
type Arrivals struct {
	run     time.Duration // counted time since the start
	idle    time.Duration
	entries map[arrivalKey]*arrival
	engines []*Engine
}

type arrivalKey struct{ clock, participant string }

type arrival struct {
	last    time.Duration // run when last heard of, or when first expected
	mark    int64         // highest event time seen by any engine
	stalled bool
}

// NewArrivals returns an empty Arrivals; idleTimeout of zero is 30 s.
func NewArrivals(idleTimeout time.Duration) *Arrivals {
	if idleTimeout == 0 {
		idleTimeout = defaultIdleTimeout
	}
	return &Arrivals{idle: idleTimeout, entries: make(map[arrivalKey]*arrival)}
}

// Tick says that elapsed time passed in which input could be taken; at most one
// second of it counts, so that a suspended process or a stepped clock stalls
// nobody. A host with several engines calls it once for all of them.
func (a *Arrivals) Tick(elapsed time.Duration) {
	if elapsed <= 0 {
		return
	}
	a.run += min(elapsed, maxTick)
	for _, e := range a.entries {
		e.stalled = a.run-e.last >= a.idle
	}
	for _, e := range a.engines {
		e.ticked()
	}
}

func (a *Arrivals) entry(clock, participant string) *arrival {
	k := arrivalKey{clock, participant}
	e := a.entries[k]
	if e == nil {
		e = &arrival{last: a.run, mark: noInstant}
		a.entries[k] = e
	}
	return e
}

// settle makes every engine carry out what the state before a change of the
// clock has decided.
func (a *Arrivals) settle(clock string, wall int64) {
	for _, e := range a.engines {
		if c := e.clockNamed[clock]; c != nil {
			e.settle(c, wall)
		}
	}
}

// clock is what the expectations of one clock name share, in one engine.
type clock struct {
	name      string
	hands     []hand
	index     map[string]int // participant → hand
	highest   int64          // highest event time of any participant
	reached   time.Duration  // run when highest was reached
	forgotten int64          // the latest end forgotten
	rules     []*rule
	changed   bool // something may have come due since the last complete sweep
	watching  int  // watched facts of all its rules
	moved     int  // the hand whose mark rose since the last settling, or noHand, or manyHands
}

const (
	noHand    = -1
	manyHands = -2
)

// hand is one participant of a clock.
type hand struct {
	participant string
	mark        int64
	arrival     *arrival
	expected    bool
}

// frontier is the highest mark plus the time since it was reached.
func (c *clock) frontier(run time.Duration) int64 {
	if c.highest == noInstant {
		return noInstant
	}
	return addInstant(c.highest, run-c.reached)
}

func (c *clock) anyStalled() bool {
	for i := range c.hands {
		if c.hands[i].arrival.stalled {
			return true
		}
	}
	return false
}

// beforeArrival settles what the clock's present state has decided, if the
// event that is about to be applied would change the answer: it ends a stall,
// puts the frontier back while somebody is stalled, or moves one of several
// participants whose passing corrects the same facts.
func (e *Engine) beforeArrival(c *clock, hand int, at, wall int64) {
	if hand >= 0 && c.hands[hand].arrival.stalled {
		e.arrivals.settle(c.name, wall)
		e.arrivals.unstall(c.name, c.hands[hand].arrival)
		return
	}
	if at > c.highest && at < c.frontier(e.arrivals.run) && c.anyStalled() {
		e.settle(c, wall)
		return
	}
	if c.watching == 0 || hand < 0 || c.moved == noHand || c.moved == hand {
		return
	}
	for _, r := range c.rules {
		place := r.placeOf[hand]
		if place >= 0 && r.watchMask&(1<<place) != 0 && r.watchMask&(r.watchMask-1) != 0 {
			e.sweepWatched(r, unlimited(), wall)
		}
	}
}

// unstall ends a participant's stall in every engine: what was swept by the
// frontier must be swept again by its own mark.
func (a *Arrivals) unstall(clock string, who *arrival) {
	who.stalled = false
	for _, e := range a.engines {
		if c := e.clockNamed[clock]; c != nil {
			e.rewind(c)
		}
	}
}

// rewind puts the sweeps of a clock's rules back to where its participants are,
// after one's reach has gone back.
func (e *Engine) rewind(c *clock) {
	for _, r := range c.rules {
		for place := range r.names {
			full := int64(noInstant)
			if at := e.threshold(r, place); at != noInstant {
				full = r.open.fullKey(at)
			}
			if full < r.cursors[place] {
				r.cursors[place] = full + 1
			}
			r.edges[place] = noInstant
		}
	}
}

// arrive applies an event's time and arrival to a clock, after beforeArrival
// and after the event itself was applied.
func (e *Engine) arrive(c *clock, hand int, at int64) {
	run := e.arrivals.run
	c.changed = true
	if hand >= 0 {
		h := &c.hands[hand]
		h.arrival.last = run
		if at > h.mark {
			h.mark = at
			h.arrival.mark = max(h.arrival.mark, at)
			if c.moved == noHand {
				c.moved = hand
			} else if c.moved != hand {
				c.moved = manyHands
			}
		}
	}
	if at > c.highest {
		back := at < c.frontier(run)
		c.highest, c.reached = at, run
		if back && c.anyStalled() {
			e.rewind(c)
		}
	}
}

// Marks is a copy of the highest event times that any engine of an Arrivals has
// seen.
type Marks map[arrivalKey]int64

// Marks returns the highest event times seen so far.
func (a *Arrivals) Marks() Marks {
	m := make(Marks, len(a.entries))
	for k, e := range a.entries {
		m[k] = e.mark
	}
	return m
}

// AdoptMarks raises this engine's marks to m, as taken before the host asked
// its broker for the end that the engine's partition has now been read to:
// nothing older can come from a participant that had moved on elsewhere by then.
func (e *Engine) AdoptMarks(m Marks, wall int64) {
	e.rebuilding = false
	for _, c := range e.clocks {
		for i := range c.hands {
			h := &c.hands[i]
			mark, ok := m[arrivalKey{c.name, h.participant}]
			if !ok || mark <= h.mark {
				continue
			}
			e.settle(c, wall)
			h.mark = mark
			c.changed = true
			if mark > c.highest {
				c.highest, c.reached = mark, e.arrivals.run
				e.rewind(c)
			}
		}
	}
}

// RestoreClocks loads what Clocks returned before a restart. Clocks and
// participants that the expectations no longer know are left out.
func (e *Engine) RestoreClocks(states []ClockState) {
	e.rebuilding = true
	for _, s := range states {
		c := e.clockNamed[s.Clock]
		if c == nil {
			continue
		}
		for p, mark := range s.Marks {
			i, ok := c.index[p]
			if !ok || mark <= c.hands[i].mark {
				continue
			}
			h := &c.hands[i]
			h.mark = mark
			h.arrival.mark = max(h.arrival.mark, mark)
			c.highest = max(c.highest, mark)
		}
		c.reached = e.arrivals.run
		if s.Highest != 0 {
			c.highest = max(c.highest, s.Highest)
			c.reached -= time.Duration(max(s.Frontier-s.Highest, 0))
		}
		c.changed = true
		if s.Forgotten != 0 {
			c.forgotten = max(c.forgotten, s.Forgotten)
		}
	}
}

// Clocks returns what RestoreClocks takes. An instant of zero stands for none.
func (e *Engine) Clocks() []ClockState {
	states := make([]ClockState, 0, len(e.clocks))
	for _, c := range e.clocks {
		s := ClockState{Clock: c.name, Marks: make(map[string]int64, len(c.hands))}
		for i := range c.hands {
			if h := &c.hands[i]; h.mark != noInstant {
				s.Marks[h.participant] = h.mark
			}
		}
		if c.highest != noInstant {
			s.Highest, s.Frontier = c.highest, c.frontier(e.arrivals.run)
		}
		if c.forgotten != noInstant {
			s.Forgotten = c.forgotten
		}
		states = append(states, s)
	}
	return states
}
