package simulator

import "time"

// silence makes a cloud stall: from time to time one cloud sends nothing for a
// while, then returns and delivers what it held back, in order.
type silence struct {
	scope   StallScope
	enabled bool
	length  int64 // of one silence, nanoseconds
	pause   int64 // between two
	next    int64 // begin of the next; 0: not before the opening
	until   int64 // end of the current one; 0: none
	cloud   Cloud
	held    []delivery
	// perStep is how many held events come out in one bucket.
	perStep int
}

// newSilence returns the share of returns among the facts that all clouds get,
// and the silences that make the wanted fraction of facts stalled.
//
// A silence lasts idle_timeout + window + allowed_lateness, so that its first
// facts do close without the cloud. With the scope channel, half of all returns
// are caught in one, and the share of returns is set accordingly.
func newSilence(o *Options) (returnShare float64, s silence) {
	const usualReturns, duty = 0.01, 0.5
	returnShare = usualReturns
	s = silence{scope: o.StallScope, length: int64(o.IdleTimeout + o.Window + o.AllowedLateness)}
	fraction := o.Mix[Stalled]
	if fraction == 0 {
		return returnShare, s
	}
	s.enabled = true
	shared := 1 - o.SingleCloud
	part := fraction / shared
	if s.scope == StallChannel {
		// Only healthy facts become returns.
		healthy := 1.0
		for c := Missing; c < classCount; c++ {
			if c != Stalled {
				healthy -= o.Mix[c] / shared
			}
		}
		returnShare = min(1, max(usualReturns, part/duty/max(healthy, part)))
		part /= returnShare * max(healthy, part)
	}
	s.pause = int64(float64(s.length) * (1/min(part, 0.99) - 1))
	s.perStep = max(20, int(o.Rate*float64(bucket)/float64(time.Second)))
	return returnShare, s
}

// begin starts a silence.
func (s *silence) begin(g *Generator, at int64) {
	s.cloud, s.until, s.next = g.anyCloud(), at+s.length, at+s.length+s.pause
}

// step ends and begins silences whose time has come.
func (s *silence) step(g *Generator, now int64) {
	if s.until > 0 && now >= s.until {
		s.until = 0
	}
	if s.enabled && g.faults && g.making && s.until == 0 && s.next > 0 && now >= s.next && len(s.held) == 0 {
		s.begin(g, now)
	}
}

func (s *silence) covers(f *fact) bool {
	return s.scope == StallCloud || factTypes[f.typ].channel == returns
}

// touches reports whether the fact happens in a silence that keeps it from one
// of its clouds.
func (s *silence) touches(f *fact) bool {
	return f.at < s.until && f.clouds.has(s.cloud) && s.covers(f)
}

// hold keeps an event back while its cloud is silent, and behind those that are
// still held when it is back.
func (s *silence) hold(d delivery) bool {
	if d.cloud != s.cloud || !s.covers(d.fact) || s.until == 0 && len(s.held) == 0 {
		return false
	}
	s.held = append(s.held, d)
	return true
}

// release lets held events out when the cloud is back, in portions.
func (s *silence) release(g *Generator) {
	if s.until > 0 || len(s.held) == 0 {
		return
	}
	n := min(s.perStep, len(s.held))
	for _, d := range s.held[:n] {
		g.emit(d)
	}
	clear(s.held[:n])
	if s.held = s.held[n:]; len(s.held) == 0 {
		s.held = nil
	}
}

// end ends a silence at once.
func (s *silence) end() { s.until, s.next = 0, 0 }

func (s *silence) quiet() bool { return s.until == 0 && len(s.held) == 0 }
