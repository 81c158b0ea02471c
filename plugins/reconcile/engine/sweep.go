package engine

import (
	"math"
	"math/bits"
)

// budget is how many facts a sweep may still look at.
type budget int

func unlimited() *budget {
	b := budget(math.MaxInt)
	return &b
}

// Expire closes, corrects and forgets what is due. It looks at about limit facts
// at most and reports whether more may be due. wall is the wall clock, for
// decided_at.
func (e *Engine) Expire(limit int, wall int64) (more bool) {
	e.rebuilding = false
	e.wall = wall
	left := budget(limit)
	for range e.rules {
		r := e.rules[e.sweptRule]
		if r.clock.changed && !e.sweep(r, &left, wall) {
			return true
		}
		e.sweptRule = (e.sweptRule + 1) % len(e.rules)
	}
	for _, c := range e.clocks {
		c.changed = false
	}
	return false
}

// settle carries out everything that a clock's state has decided.
func (e *Engine) settle(c *clock, wall int64) {
	if e.rebuilding {
		return
	}
	for _, r := range c.rules {
		e.sweep(r, unlimited(), wall)
		e.forgetEdge(r)
	}
	c.moved = noHand
}

func (e *Engine) sweep(r *rule, left *budget, wall int64) bool {
	return e.sweepOpen(r, left, wall) &&
		e.sweepWatched(r, left, wall) &&
		e.sweepForgotten(r, left, wall)
}

// threshold is the latest deadline that a participant has reached.
func (e *Engine) threshold(r *rule, place int) int64 {
	return addInstant(e.reach(r, place), -r.AllowedLateness)
}

// passThreshold is the latest deadline that a participant has passed.
func (e *Engine) passThreshold(r *rule, place int) int64 {
	if e.ended {
		return maxInstant
	}
	return addInstant(r.clock.hands[r.hands[place]].mark, -r.AllowedLateness)
}

// sweepOpen closes the open facts that are due. Each participant sweeps each
// bucket once, when it has reached the end of it: whoever of a fact's absent
// participants comes last finds it due. The buckets at the edge, of which only
// a part is reached, are looked through whenever the part has grown. It reports
// whether it came to an end.
func (e *Engine) sweepOpen(r *rule, left *budget, wall int64) bool {
	for {
		for r.open.scan != 0 {
			if *left <= 0 {
				return false
			}
			*left--
			ref := r.open.scanNext()
			if ref != 0 && e.due(e.cells.at(ref), r) {
				e.closeFact(ref, r, ByDeadline, wall)
				e.trim(wall)
			}
		}
		b := nextBucket(&r.open, r.expect, r.cursors, r.edges, func(place int) int64 { return e.threshold(r, place) })
		if b == 0 {
			return true
		}
		r.open.startScan(b)
	}
}

// sweepWatched corrects closed facts whose stalled participants have passed.
func (e *Engine) sweepWatched(r *rule, left *budget, wall int64) bool {
	e.sweepParked(r, left, wall)
	for r.watched.count > 0 {
		for r.watched.scan != 0 {
			if *left <= 0 {
				return false
			}
			*left--
			if ref := r.watched.scanNext(); ref != 0 {
				e.correctPassed(ref, r, wall)
			}
		}
		b := nextBucket(&r.watched, r.watchMask, r.seen, r.seenEdges, func(place int) int64 { return e.passThreshold(r, place) })
		if b == 0 {
			return true
		}
		r.watched.startScan(b)
	}
	return true
}

// sweepParked looks through the parked facts when a participant that some of
// them wait for has moved. There are few: each had an event long after its
// deadline, and a participant that has been silent for the whole horizon.
func (e *Engine) sweepParked(r *rule, left *budget, wall int64) {
	if r.parked == 0 {
		return
	}
	moved := false
	for rest := r.watchMask; rest != 0; rest &= rest - 1 {
		place := bits.TrailingZeros32(uint32(rest))
		if at := e.passThreshold(r, place); r.parkedAt[place] != at {
			r.parkedAt[place] = at
			moved = true
		}
	}
	for ref := r.parked; moved && ref != 0; *left-- {
		next := e.cells.at(ref).newer
		e.correctPassed(ref, r, wall)
		ref = next
	}
}

// nextBucket returns the next bucket that one of the participants has reached
// and not swept, or 0.
func nextBucket(w *wheel, who set, cursors, lastEdges []int64, threshold func(place int) int64) bucketRef {
	if w.count == 0 {
		return 0
	}
	for place := range cursors {
		if who&(1<<place) == 0 {
			continue
		}
		at := threshold(place)
		if at == noInstant {
			continue
		}
		full := w.fullKey(at)
		if cursors[place] <= full {
			if b := w.from(cursors[place], full); b != 0 {
				cursors[place] = w.pool.buckets[b].key + 1
				return b
			}
			if full == maxInstant {
				continue
			}
			cursors[place] = full + 1
		}
		if full != maxInstant && lastEdges[place] != at {
			lastEdges[place] = at
			if b := w.exact(full + 1); b != 0 {
				return b
			}
		}
	}
	return 0
}

// sweepForgotten forgets the closed facts that are behind the horizon.
func (e *Engine) sweepForgotten(r *rule, left *budget, wall int64) bool {
	at := e.horizon(r)
	if at == noInstant || at == maxInstant {
		return true
	}
	for _, w := range [...]*wheel{&r.watched, &r.closed} {
		for b := w.first(); b != 0 && w.pool.buckets[b].key <= w.fullKey(at); b = w.first() {
			if *left <= 0 {
				return false
			}
			*left--
			e.expireClosed(w.pool.buckets[b].head, r, at, wall)
		}
	}
	return true
}

// expireClosed takes a closed fact whose bucket is behind the horizon off its
// wheel: it is forgotten, or set aside until its token lets it go, or, when
// only its deadline is behind the horizon, put where its end belongs.
func (e *Engine) expireClosed(ref factRef, r *rule, at, wall int64) {
	c := e.cells.at(ref)
	e.correctPassed(ref, r, wall)
	switch {
	case e.end(c) > at:
		e.park(ref, c, r)
	case e.forgettable(c):
		e.forget(ref)
	default:
		e.setAside(ref, r)
	}
}

// forgetEdge forgets in the buckets of which only a part is behind the horizon.
func (e *Engine) forgetEdge(r *rule) {
	at := e.horizon(r)
	if at == noInstant || at == maxInstant {
		return
	}
	for _, w := range [...]*wheel{&r.watched, &r.closed} {
		b := w.exact(w.fullKey(at) + 1)
		if b == 0 {
			continue
		}
		for ref := w.pool.buckets[b].head; ref != 0; {
			c := e.cells.at(ref)
			next := c.next
			if e.end(c) <= at && e.forgettable(c) {
				e.forget(ref)
			}
			ref = next
		}
	}
}
