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
	e.dequeue(c)
	e.closedFacts++
	e.emit(c, r, by, wall)
	e.linkClosed(ref, c, r)
}

// trim keeps the number of closed facts within MaxClosed, after all that the
// clocks have decided of the facts concerned.
func (e *Engine) trim(wall int64) {
	for e.closedFacts > e.cfg.MaxClosed && e.forgetOldest(wall) {
	}
}

// linkClosed puts a closed fact onto the wheel that it belongs to.
func (e *Engine) linkClosed(ref factRef, c *cell, r *rule) {
	if c.stalled == 0 {
		c.state = stateClosed
		r.closed.add(ref, e.end(c))
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

// park moves a watched fact to where its end belongs: its deadline is behind the
// horizon, so the wheel by deadlines would let it go too early.
func (e *Engine) park(ref factRef, c *cell, r *rule) {
	if c.stalled == 0 {
		return
	}
	e.unlink(ref, c, r)
	c.state = stateParked
	r.closed.add(ref, e.end(c))
	c.older, c.newer = 0, r.parked
	if r.parked != 0 {
		e.cells.at(r.parked).older = ref
	}
	r.parked = ref
	r.watchMask |= c.stalled
	r.clock.watching++
}

// unlink takes a closed fact off its wheel.
func (e *Engine) unlink(ref factRef, c *cell, r *rule) {
	switch c.state {
	case stateWatched:
		r.watched.remove(ref)
	case stateParked:
		r.closed.remove(ref)
		if c.older != 0 {
			e.cells.at(c.older).newer = c.newer
		} else {
			r.parked = c.newer
		}
		if c.newer != 0 {
			e.cells.at(c.newer).older = c.older
		}
		c.older, c.newer = 0, 0
	default:
		if c.bucket != 0 { // 0: set aside
			r.closed.remove(ref)
		}
		return
	}
	r.clock.watching--
	if r.watched.count == 0 && r.parked == 0 {
		r.watchMask = 0
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
	r.clock.forgotten = max(r.clock.forgotten, e.end(c))
	e.unlink(ref, c, r)
	e.drop(ref, c)
	e.closedFacts--
	e.forgottenFacts++
}

// drop frees what a fact holds.
func (e *Engine) drop(ref factRef, c *cell) {
	e.table.remove(c.hash1, ref)
	e.routes.release(c.route)
	e.blocks.release(c.records)
	e.blocks.release(c.sample)
	e.dropTimes(c)
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

// forgetOldest forgets the closed fact with the earliest end, as closely as the
// width of a bucket tells, because there are too many. False: none can be
// forgotten.
func (e *Engine) forgetOldest(wall int64) bool {
	for {
		var oldest factRef
		var owner *rule
		for _, r := range e.rules {
			for _, w := range [...]*wheel{&r.closed, &r.watched} {
				ref := w.oldest()
				if ref != 0 && (oldest == 0 || e.endsBefore(e.cells.at(ref), e.cells.at(oldest))) {
					oldest, owner = ref, r
				}
			}
		}
		if oldest == 0 {
			return false
		}
		e.correctPassed(oldest, owner, wall)
		if e.forgettable(e.cells.at(oldest)) {
			e.forget(oldest)
			return true
		}
		e.setAside(oldest, owner)
	}
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

// CloseOldest closes the open fact that was opened first as pressure: a bound of
// the host was hit. False: none is open.
func (e *Engine) CloseOldest(wall int64) bool {
	for _, c := range e.clocks {
		e.settle(c, wall)
	}
	return e.closeOldest(wall)
}

func (e *Engine) closeOldest(wall int64) bool {
	if e.oldest == 0 {
		return false
	}
	e.pressure++
	e.closeFact(e.oldest, e.routes.list[e.cells.at(e.oldest).route].rule, ByPressure, wall)
	return true
}

// OldestToken returns the token of the event that opened the oldest open fact.
// False: none is open.
func (e *Engine) OldestToken() (token uint64, ok bool) {
	if e.oldest == 0 {
		return 0, false
	}
	return e.cells.at(e.oldest).firstToken, true
}

// Remembers reports whether the fact is closed and remembered, and revision is
// its latest.
func (e *Engine) Remembers(id Identity, revision uint32) bool {
	ref := e.table.find(&e.cells, id[0], id[1])
	if ref == 0 {
		return false
	}
	c := e.cells.at(ref)
	return c.state != stateOpen && c.revision == revision
}

// enqueue puts an open fact behind the others.
func (e *Engine) enqueue(ref factRef, c *cell) {
	c.older = e.newest
	if e.newest != 0 {
		e.cells.at(e.newest).newer = ref
	} else {
		e.oldest = ref
	}
	e.newest = ref
	e.open++
}

// dequeue takes a fact that is no longer open out of the order.
func (e *Engine) dequeue(c *cell) {
	if c.older != 0 {
		e.cells.at(c.older).newer = c.newer
	} else {
		e.oldest = c.newer
	}
	if c.newer != 0 {
		e.cells.at(c.newer).older = c.older
	} else {
		e.newest = c.older
	}
	c.older, c.newer = 0, 0
	e.open--
}
