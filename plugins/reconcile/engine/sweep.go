package engine

import "math"

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
	left := budget(limit)
	for range e.rules {
		r := e.rules[e.sweptRule]
		if r.clock.changed || e.edgesDue {
			if !e.sweep(r, e.edgesDue, &left, wall) {
				return true
			}
		}
		e.sweptRule = (e.sweptRule + 1) % len(e.rules)
	}
	e.edgesDue = false
	for _, c := range e.clocks {
		c.changed = false
	}
	return false
}

// settle carries out everything that a clock's state has decided.
func (e *Engine) settle(c *clock, wall int64) {
	for _, r := range c.rules {
		e.sweep(r, true, unlimited(), wall)
		e.forgetEdge(r)
	}
	c.moved = noHand
}

func (e *Engine) sweep(r *rule, edges bool, left *budget, wall int64) bool {
	return e.sweepOpen(r, edges, left, wall) &&
		e.sweepWatched(r, edges, left, wall) &&
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
// a part is reached, are looked through when edges is set. It reports whether
// it came to an end.
func (e *Engine) sweepOpen(r *rule, edges bool, left *budget, wall int64) bool {
	for {
		for r.open.scan != 0 {
			if *left <= 0 {
				return false
			}
			*left--
			ref := r.open.scanNext()
			if ref != 0 && e.due(e.cells.at(ref), r) {
				e.closeFact(ref, r, ByDeadline, wall)
			}
		}
		b := nextBucket(&r.open, r.expect, r.cursors, r.edges, edges, func(place int) int64 { return e.threshold(r, place) })
		if b == 0 {
			return true
		}
		r.open.startScan(b)
	}
}

// sweepWatched corrects closed facts whose stalled participants have passed.
func (e *Engine) sweepWatched(r *rule, edges bool, left *budget, wall int64) bool {
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
		b := nextBucket(&r.watched, r.watchMask, r.seen, r.seenEdges, edges, func(place int) int64 { return e.passThreshold(r, place) })
		if b == 0 {
			return true
		}
		r.watched.startScan(b)
	}
	return true
}

// nextBucket returns the next bucket that one of the participants has reached
// and not swept, or 0.
func nextBucket(w *wheel, who set, cursors, lastEdges []int64, edges bool, threshold func(place int) int64) bucketRef {
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
		if edges && full != maxInstant && lastEdges[place] != at {
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
	case c.end() > at:
		e.unlink(ref, c, r)
		c.state = stateClosed
		r.closed.add(ref, c.end())
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
			if c.end() <= at && e.forgettable(c) {
				e.forget(ref)
			}
			ref = next
		}
	}
}
