package simulator

import "time"

const (
	// tick is how often what is due is made: three buckets at a time, since a batch
	// of ten costs its pipeline about as much as one of three.
	tick = 30 * time.Millisecond
	// maxLag is how much the world may fall behind and still catch up. What is
	// beyond it is lost: virtual time then runs later than before.
	maxLag = time.Second
	// ackGrace is how long the clocks are not moved yet because earlier events
	// are in flight. Behind a buffer that holds acks they stay so until the
	// clocks move.
	ackGrace = 2 * time.Second
)

// run lets virtual time follow the wall clock until the world is over or closed.
func (w *World) run() {
	defer close(w.done)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	w.mu.Lock()
	w.err = w.open(time.Now())
	w.mu.Unlock()
	for {
		goOn := w.advance(time.Now())
		if !goOn {
			for _, l := range w.lanes {
				l.notify()
			}
			return
		}
		select {
		case <-w.stop:
			return
		case <-ticker.C:
		}
	}
}

// advance makes all buckets that are due. It reports whether more will come.
func (w *World) advance(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	// Before anything is made: after a standstill of the process it would all come
	// at once.
	w.lose(now)
	before := w.classes
	for w.err == nil && w.phase != over && !w.congested() && w.gen.now+bucket <= int64(now.Sub(w.base)) {
		w.step(now)
	}
	for _, l := range w.lanes {
		l.announce()
	}
	for c := range w.classes {
		if n := w.classes[c] - before[c]; n > 0 {
			w.events.Facts(Class(c), n)
		}
	}
	if w.err != nil || w.phase == over {
		return false
	}
	w.pace.sample(now, w.made)
	return true
}

// lose gives up what the world can't catch up.
func (w *World) lose(now time.Time) {
	if w.err != nil || w.phase == over {
		return
	}
	if lag := now.Sub(w.base) - time.Duration(w.gen.now); lag > maxLag {
		w.base = w.base.Add(lag - maxLag)
		w.lost += lag - maxLag
		w.events.Lost(lag-maxLag, w.settings.Rate, w.pace.rate)
	}
}

// congested reports whether some cloud's reader is so far behind that no more
// must be made.
func (w *World) congested() bool {
	for _, l := range w.lanes {
		if l.full(w.settings.MaxQueued) {
			return true
		}
	}
	return false
}

// step makes one bucket: what was decided in it is in the ledger before any of
// its events can be read.
func (w *World) step(now time.Time) {
	w.turn(now)
	if w.phase == over || w.err != nil {
		return
	}
	out := w.gen.Step()
	if w.ledger != nil {
		if w.err = w.ledger.flush(); w.err != nil {
			return
		}
	}
	for c, events := range out {
		w.lanes[c].put(events)
	}
}

// turn moves the world to its next phase when it is time.
func (w *World) turn(now time.Time) {
	if w.noFaults {
		w.gen.StopFaults()
	}
	w.gen.SetRate(w.rate)
	switch w.phase {
	case running:
		if w.gen.making && !w.finish {
			return
		}
		if !w.settings.Drain {
			w.gen.StopFacts()
			w.phase = emptying
			return
		}
		w.gen.StopFaults()
		w.gen.KeepMaking()
		w.phase = settling
	case settling:
		if w.gen.Settled() {
			w.gen.StopFacts()
			w.phase, w.rested = emptying, time.Time{}
		}
	case emptying:
		w.turnFromEmptying(now)
	case moving:
		if w.gen.Idle() {
			w.complete()
		}
	}
}

func (w *World) turnFromEmptying(now time.Time) {
	if !w.gen.Idle() {
		return
	}
	if !w.settings.Drain {
		w.complete()
		return
	}
	if w.rested.IsZero() {
		w.rested = now
	}
	if !w.acked() && now.Sub(w.rested) < ackGrace {
		return
	}
	w.gen.MoveClocks()
	w.phase = moving
}

// complete ends the ledger: every event is made.
func (w *World) complete() {
	w.phase = over
	if w.ledger != nil {
		w.err = w.ledger.end()
	}
}

// acked reports whether every event made so far was acknowledged.
func (w *World) acked() bool {
	for _, l := range w.lanes {
		if !l.empty() {
			return false
		}
	}
	return true
}

// pace measures the rate reached over the last second.
type pace struct {
	since time.Time
	made  int64
	rate  float64 // events per second
}

func (p *pace) sample(now time.Time, made int64) {
	if p.since.IsZero() {
		p.since, p.made = now, made
		return
	}
	if d := now.Sub(p.since); d >= time.Second {
		p.rate = float64(made-p.made) / d.Seconds()
		p.since, p.made = now, made
	}
}
