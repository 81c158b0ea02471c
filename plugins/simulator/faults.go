package simulator

import "time"

// plan decides what happens to a fact of the class and when its events arrive.
// It pushes the deliveries.
func (g *Generator) plan(f *fact) {
	var arrival [cloudCount]int64
	for c := AWS; c < cloudCount; c++ {
		arrival[c] = f.at + int64(f.skew[c]) + g.upTo(int64(g.arrivalSkew))
	}
	switch f.class {
	case Missing:
		f.missing = g.someClouds()
		f.clouds &^= f.missing
	case Mismatched:
		g.alter(f, g.anyCloud(), everyCopy)
		f.mismatched = true
	case Duplicate:
		c := g.anyCloud()
		f.duplicates[c] = uint8(1 + g.rng.IntN(2))
		for range f.duplicates[c] {
			g.send(f, c, 0, arrival[c]+g.between(time.Millisecond, time.Second))
		}
	case Conflicting:
		g.conflict(f, &arrival)
	case Late:
		f.late = g.someClouds()
		for c := AWS; c < cloudCount; c++ {
			if f.late.has(c) {
				arrival[c] += g.lateBy()
			}
		}
	case OutOfOrder:
		g.delay(&arrival)
	case Malformed:
		g.spoil(f, &arrival)
	}
	for c := AWS; c < cloudCount; c++ {
		if f.clouds.has(c) {
			g.send(f, c, 0, arrival[c])
		}
	}
}

// conflict sends a second event of one cloud with another value. Mostly it is
// the newer one and so represents its cloud: the fact is mismatched. Else it is
// an older one that arrives second: the fact stays matched.
//
// EventBridge tells time in whole seconds, so its second event must be a second
// younger, and is never the older one.
func (g *Generator) conflict(f *fact, arrival *[cloudCount]int64) {
	c := g.anyCloud()
	g.alter(f, c, 1)
	f.conflicts[c], f.secondCloud = 1, c
	switch {
	case c == AWS:
		f.secondAfter = g.between(1100*time.Millisecond, 1500*time.Millisecond)
		f.mismatched = true
	case g.rng.Float64() < 0.75:
		f.secondAfter = g.between(100*time.Millisecond, 900*time.Millisecond)
		f.mismatched = true
	default:
		l := g.opts.AllowedLateness
		f.secondAfter = -g.between(l/20, l/8)
		g.send(f, c, 1, arrival[c]+g.between(l/100, l/10))
		return
	}
	g.send(f, c, 1, arrival[c]+f.secondAfter)
}

// delay makes one cloud's event arrive out of order, by less than the allowed
// lateness. What EventBridge makes of times, whole seconds, adds up to one of
// them to the disorder.
func (g *Generator) delay(arrival *[cloudCount]int64) {
	l, c := g.opts.AllowedLateness, g.anyCloud()
	low, high := l*3/10, l*6/10
	if c == AWS {
		if whole := l - time.Second - 2*g.arrivalSkew; whole > l/10 {
			high = min(high, whole)
			low = min(low, high/2)
		} else {
			c = GCP
		}
	}
	arrival[c] += g.between(low, high)
}

// spoil sends one defective event, besides the good one or instead of it.
func (g *Generator) spoil(f *fact, arrival *[cloudCount]int64) {
	c := g.anyCloud()
	d := truncated + defect(g.rng.IntN(int(defectCount-truncated)))
	f.defects[c] = d
	at := arrival[c]
	if g.rng.Float64() < 0.5 {
		f.missing = setOf(c)
		f.clouds &^= f.missing
	} else {
		at += g.between(0, 200*time.Millisecond) - int64(100*time.Millisecond)
		at = max(at, f.at)
	}
	g.schedule.push(delivery{at: at, seq: g.nextSeq(), fact: f, cloud: c, defect: d})
	g.open(f)
}

// alter makes one cloud say otherwise in one compared field.
func (g *Generator) alter(f *fact, c Cloud, copy uint8) {
	f.altered, f.alteredCloud, f.alteredCopy = true, c, copy
	f.alteredField = field(g.rng.IntN(int(fieldCount)))
	f.alteredBy = int32(1 + g.rng.IntN(5000))
}

// lateBy is how much later than the fact a late event arrives: after the other
// clouds' clocks have passed deadline and lateness, with a margin for the whole
// seconds of EventBridge and the skew of arrivals.
func (g *Generator) lateBy() int64 {
	verdict := g.opts.Window + g.opts.AllowedLateness
	return g.between(verdict+1500*time.Millisecond, verdict+2500*time.Millisecond)
}

func (g *Generator) send(f *fact, c Cloud, copy uint8, at int64) {
	g.schedule.push(delivery{at: at, seq: g.nextSeq(), fact: f, cloud: c, copy: copy})
	g.open(f)
}

// open counts the events of faulty facts that are not sent yet.
func (g *Generator) open(f *fact) {
	if f.class != Healthy {
		g.faultyOpen++
	}
}

func (g *Generator) nextSeq() uint64 {
	g.seq++
	return g.seq
}

func (g *Generator) anyCloud() Cloud { return Cloud(g.rng.IntN(cloudCount)) }

// someClouds returns one cloud or, in one case of four, two.
func (g *Generator) someClouds() cloudSet {
	c := g.anyCloud()
	if g.rng.Float64() < 0.25 {
		return everyCloud &^ setOf(c)
	}
	return setOf(c)
}

func (g *Generator) upTo(n int64) int64 {
	if n <= 0 {
		return 0
	}
	return g.rng.Int64N(n)
}

func (g *Generator) between(low, high time.Duration) int64 {
	return int64(low) + g.upTo(int64(high-low))
}
