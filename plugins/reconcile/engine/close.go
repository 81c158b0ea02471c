package engine

import "math/bits"

// reach is how far a participant has come: its mark, or the frontier while it
// is stalled.
func (e *Engine) reach(r *rule, place int) int64 {
	if e.ended {
		return maxInstant
	}
	h := &r.clock.hands[r.hands[place]]
	if h.arrival.stalled {
		return max(h.mark, r.clock.frontier(e.arrivals.run))
	}
	return h.mark
}

// passed returns those of a set that have passed a fact with that deadline.
func (e *Engine) passed(r *rule, who set, deadline int64) set {
	if e.ended {
		return who
	}
	limit := r.limit(deadline)
	var out set
	for rest := who; rest != 0; rest &= rest - 1 {
		place := bits.TrailingZeros32(uint32(rest))
		if r.clock.hands[r.hands[place]].mark >= limit {
			out |= 1 << place
		}
	}
	return out
}

// due reports whether an open fact's time has come: every absent expected
// participant has passed it or is given up.
func (e *Engine) due(c *cell, r *rule) bool {
	limit := r.limit(c.deadline)
	for rest := r.expect &^ c.present; rest != 0; rest &= rest - 1 {
		if e.reach(r, bits.TrailingZeros32(uint32(rest))) < limit {
			return false
		}
	}
	return true
}

// closeIfDecided closes an open fact that is complete or due.
func (e *Engine) closeIfDecided(ref factRef, r *rule, wall int64) {
	c := e.cells.at(ref)
	switch {
	case r.expect&^c.present == 0:
		e.closeFact(ref, r, ByComplete, wall)
	case e.due(c, r):
		e.closeFact(ref, r, ByDeadline, wall)
	}
}

// closeFact gives an open fact its verdict. ByDeadline stands for any closing by
// the clocks; which one is found out here.
func (e *Engine) closeFact(ref factRef, r *rule, by ClosedBy, wall int64) {
	c := e.cells.at(ref)
	absent := r.expect &^ c.present
	c.stalled = absent &^ e.passed(r, absent, c.deadline)
	switch {
	case absent == 0:
		by = ByComplete
	case by == ByDeadline && e.ended:
		by = ByEndOfInput
	case by == ByDeadline && c.stalled != 0:
		by = ByIdle
	}
	r.open.remove(ref)
	e.open--
	e.closedFacts++
	e.emit(c, r, by, wall)
	e.linkClosed(ref, c, r)
	for e.closedFacts > e.cfg.MaxClosed && e.forgetOldest() {
	}
}

// linkClosed puts a closed fact onto the wheel that it belongs to.
func (e *Engine) linkClosed(ref factRef, c *cell, r *rule) {
	if c.stalled == 0 {
		c.state = stateClosed
		r.closed.add(ref, c.end())
		return
	}
	c.state = stateWatched
	r.watched.add(ref, c.deadline)
	r.watchMask |= c.stalled
	r.clock.watching++
	key := r.watched.keyOf(c.deadline)
	for rest := c.stalled; rest != 0; rest &= rest - 1 {
		place := bits.TrailingZeros32(uint32(rest))
		r.seen[place] = min(r.seen[place], key)
	}
}

// unlink takes a closed fact off its wheel.
func (e *Engine) unlink(ref factRef, c *cell, r *rule) {
	switch {
	case c.bucket == 0: // set aside
	case c.state == stateWatched:
		r.watched.remove(ref)
		if r.clock.watching--; r.watched.count == 0 {
			r.watchMask = 0
		}
	default:
		r.closed.remove(ref)
	}
}

// correctPassed emits the correction of a closed fact whose stalled
// participants have passed since.
func (e *Engine) correctPassed(ref factRef, r *rule, wall int64) {
	c := e.cells.at(ref)
	now := e.passed(r, c.stalled, c.deadline)
	if now == 0 {
		return
	}
	e.unlink(ref, c, r)
	c.stalled &^= now
	by := ByDeadline
	if e.ended {
		by = ByEndOfInput
	}
	e.emit(c, r, by, wall)
	e.linkClosed(ref, c, r)
}

// horizon is the instant up to which a rule's closed facts may be forgotten:
// every expected participant has come correction_horizon further.
func (e *Engine) horizon(r *rule) int64 {
	if e.ended {
		return noInstant
	}
	low := int64(maxInstant)
	for rest := r.expect; rest != 0; rest &= rest - 1 {
		low = min(low, e.reach(r, bits.TrailingZeros32(uint32(rest))))
	}
	return addInstant(low, -e.cfg.CorrectionHorizon)
}

func (e *Engine) forgettable(c *cell) bool {
	return e.forgetBelow == maxToken || c.firstToken+uint64(c.lastToken) < e.forgetBelow
}

// forget drops a closed fact for good.
func (e *Engine) forget(ref factRef) {
	c := e.cells.at(ref)
	r := e.routes.list[c.route].rule
	r.clock.forgotten = max(r.clock.forgotten, c.end())
	e.unlink(ref, c, r)
	e.drop(ref, c)
	e.closedFacts--
	e.forgottenFacts++
}

// drop frees what a fact holds.
func (e *Engine) drop(ref factRef, c *cell) {
	e.table.remove(&e.cells, c.hash1, ref)
	e.routes.release(c.route)
	e.blocks.release(c.records)
	e.blocks.release(c.sample)
	e.cells.release(ref)
}

// setAside keeps a fact that its horizon would let go but its token does not;
// ForgetBelow lets it go.
func (e *Engine) setAside(ref factRef, r *rule) {
	c := e.cells.at(ref)
	e.unlink(ref, c, r)
	c.state = stateClosed
	r.blocked = append(r.blocked, ref)
}

// forgetOldest forgets the closed fact with the earliest end, because there are
// too many. False: none can be forgotten.
func (e *Engine) forgetOldest() bool {
	for {
		var oldest factRef
		var owner *rule
		for _, r := range e.rules {
			for _, w := range [...]*wheel{&r.closed, &r.watched} {
				ref := e.earliest(w, (*cell).end)
				if ref != 0 && (oldest == 0 || e.cells.at(ref).end() < e.cells.at(oldest).end()) {
					oldest, owner = ref, r
				}
			}
		}
		switch {
		case oldest == 0:
			return false
		case e.forgettable(e.cells.at(oldest)):
			e.forget(oldest)
			return true
		}
		e.setAside(oldest, owner)
	}
}

// earliest returns the fact of a wheel's first bucket with the smallest instant.
func (e *Engine) earliest(w *wheel, instant func(*cell) int64) factRef {
	best := w.oldest()
	if best == 0 {
		return 0
	}
	for ref := best; ref != 0; ref = e.cells.at(ref).next {
		if instant(e.cells.at(ref)) < instant(e.cells.at(best)) {
			best = ref
		}
	}
	return best
}

// makeRoom keeps the number of open facts within MaxOpen before one is added.
func (e *Engine) makeRoom(wall int64) {
	if e.open < e.cfg.MaxOpen {
		return
	}
	for _, c := range e.clocks {
		e.settle(c, wall)
	}
	for e.open >= e.cfg.MaxOpen && e.closeOldest(wall) {
	}
}

// CloseOldest closes the open fact with the earliest deadline as pressure: a
// bound of the host was hit. False: none is open.
func (e *Engine) CloseOldest(wall int64) bool {
	for _, c := range e.clocks {
		e.settle(c, wall)
	}
	return e.closeOldest(wall)
}

func (e *Engine) closeOldest(wall int64) bool {
	var oldest factRef
	var owner *rule
	for _, r := range e.rules {
		ref := e.earliest(&r.open, func(c *cell) int64 { return c.deadline })
		if ref != 0 && (oldest == 0 || e.cells.at(ref).deadline < e.cells.at(oldest).deadline) {
			oldest, owner = ref, r
		}
	}
	if oldest == 0 {
		return false
	}
	e.pressure++
	e.closeFact(oldest, owner, ByPressure, wall)
	return true
}

// CloseBelow closes as pressure every open fact whose first token is lower than
// token, and returns how many: a host whose log may be read again only so far
// moves its lowest open offset with it. It looks at every open fact.
func (e *Engine) CloseBelow(token uint64, wall int64) (closed int) {
	for _, c := range e.clocks {
		e.settle(c, wall)
	}
	for ref := factRef(1); ref < e.cells.next; ref++ {
		if c := e.cells.at(ref); c.state == stateOpen && c.firstToken < token {
			e.pressure++
			closed++
			e.closeFact(ref, e.routes.list[c.route].rule, ByPressure, wall)
		}
	}
	return closed
}
