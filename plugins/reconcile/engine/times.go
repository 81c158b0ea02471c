package engine

// times are those of a fact that its deadline doesn't tell: it had an event
// after its deadline, or was judged under another window and restored since, or
// its deadline was cut off at the end of time. They are few, and stand in a map
// instead of costing every cell 16 bytes.
type times struct {
	opened int64 // earliest event time, Unix nanoseconds
	last   int64 // latest event time
}

const timesBytes = 32 // with the identity it is found by

// setTimes notes the times of a fact that has its identity.
func (e *Engine) setTimes(c *cell, r *rule, deadline int64, t times) {
	c.deadline = deadline
	if t.opened == deadline-int64(r.Window) && t.last <= deadline {
		e.dropTimes(c)
		return
	}
	if e.apart == nil {
		e.apart = make(map[Identity]times)
	}
	e.apart[c.identity()] = t
	c.apart = true
}

func (e *Engine) dropTimes(c *cell) {
	if c.apart {
		delete(e.apart, c.identity())
		c.apart = false
	}
}

func (c *cell) identity() Identity { return Identity{c.hash1, c.hash2} }

// opened is a fact's earliest event time; a verdict fixes it.
func (e *Engine) opened(c *cell, r *rule) int64 {
	if c.apart {
		return e.apart[c.identity()].opened
	}
	return c.deadline - int64(r.Window)
}

// end is what forgetting goes by: the later of deadline and last event.
func (e *Engine) end(c *cell) int64 {
	if c.apart {
		return max(c.deadline, e.apart[c.identity()].last)
	}
	return c.deadline
}

// endsBefore orders closed facts by end, then by opening.
func (e *Engine) endsBefore(a, b *cell) bool {
	x, y := e.end(a), e.end(b)
	return x < y || x == y && a.firstToken < b.firstToken
}

// extend notes an event of a fact that may be its latest.
func (e *Engine) extend(c *cell, r *rule, at int64) {
	if at > e.end(c) {
		e.setTimes(c, r, c.deadline, times{e.opened(c, r), at})
	}
}

// advance moves the opening of an open fact to an earlier instant, and its
// deadline with it, which may now lie before its latest event.
func (e *Engine) advance(c *cell, r *rule, opened int64) {
	e.setTimes(c, r, addInstant(opened, r.Window), times{opened, e.latest(c)})
}

// latest is the time of a fact's latest event: a participant's representative
// has the greatest time of all its events.
func (e *Engine) latest(c *cell) int64 {
	last := int64(noInstant)
	if c.apart {
		last = e.apart[c.identity()].last
	}
	block := e.block(c)
	for at := recordsAt(block); at < len(block); {
		var rec record
		rec, at = recordAt(block, at)
		if rec.flags()&flagToken == 0 {
			last = max(last, rec.time())
		}
	}
	return last
}
