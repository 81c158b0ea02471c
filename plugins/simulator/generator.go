package simulator

import (
	"math/rand/v2"
	"time"
)

// bucket is the grain of virtual time: events that arrive in the same bucket can
// share an Event Grid array, and what is decided between two buckets (faults
// stop, facts stop) holds from the next one on.
const bucket = int64(10 * time.Millisecond)

// Generator makes facts and their events in virtual time. It has no clock: Step
// advances it. It is not safe for concurrent use; what Render reads of it never
// changes.
type Generator struct {
	opts     Options
	renderer *Renderer
	rng      *rand.Rand
	shop     shop
	schedule schedule
	seq      uint64
	silence  silence

	now      int64 // end of the last bucket, nanoseconds of virtual time
	nextFact int64
	facts    uint64
	// draw is the mix, scaled up to the facts that all clouds get: only those
	// can be faulty.
	draw        Mix
	returnShare float64
	arrivalSkew time.Duration
	opening     []Class
	faults      bool
	making      bool
	faultyOpen  int
	lastFaulty  int64

	onFact func(*fact)
	out    [cloudCount][]delivery
	group  int // events in the Event Grid array that is open
	limit  int
}

// openingStep is the distance in facts of the first faults: one of each enabled
// class, so that even a short run shows them all.
const openingStep = 3

// NewGenerator returns a generator at virtual time 0. onFact is called with each
// fact before any of its events comes out of Step.
func NewGenerator(opts Options, onFact func(*fact)) (*Generator, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	// The two halves of a PCG's state must differ between seeds; the constant
	// is the 64-bit golden ratio.
	rng := rand.New(rand.NewPCG(opts.Seed, opts.Seed^0x9e3779b97f4a7c15))
	g := &Generator{
		opts: opts, rng: rng, onFact: onFact,
		renderer:    NewRenderer(opts.Seed, opts.Start, opts.Tenants),
		shop:        shop{rng: rng, tenants: len(opts.Tenants)},
		arrivalSkew: min(maxArrivalSkew, opts.AllowedLateness/8),
		opening:     opts.Mix.enabled(),
		faults:      true, making: true,
	}
	shared := 1 - opts.SingleCloud
	for c := range g.draw {
		g.draw[c] = opts.Mix[c] / shared
	}
	g.returnShare, g.silence = newSilence(&opts)
	g.draw[Stalled] = 0 // silences decide
	return g, nil
}

// Step advances virtual time by one bucket and returns the events that arrive in
// it, by cloud, in order. The slices are the caller's.
func (g *Generator) Step() [cloudCount][]delivery {
	g.now += bucket
	until := g.now
	g.silence.step(g, until)
	for {
		if g.making && g.nextFact < until && (len(g.schedule) == 0 || g.nextFact <= g.schedule[0].at) {
			g.makeFact()
			continue
		}
		if len(g.schedule) == 0 || g.schedule[0].at >= until {
			break
		}
		d := g.schedule.pop()
		if !g.silence.hold(d) {
			g.emit(d)
		}
	}
	g.silence.release(g)
	out := g.out
	g.out = [cloudCount][]delivery{}
	g.group = 0
	return out
}

// makeFact makes the next fact and schedules its events.
func (g *Generator) makeFact() {
	at := g.nextFact
	f := &fact{at: at, clouds: everyCloud}
	forced := g.openingClass()
	switch {
	case forced == Stalled:
		g.silence.begin(g, at)
		f.order, f.typ = g.shop.returnStep()
	case forced != Healthy:
		f.class = forced
		f.order, f.typ = g.shop.orderStep()
	case g.rng.Float64() < g.opts.SingleCloud:
		c := g.singleCloud()
		f.order, f.typ, f.clouds = g.shop.newOrder(), singleTypes[c], setOf(c)
	default:
		if f.class = g.drawClass(); f.class == Healthy && g.rng.Float64() < g.returnShare {
			f.order, f.typ = g.shop.returnStep()
		} else {
			f.order, f.typ = g.shop.orderStep()
		}
	}
	g.spell(f)
	if f.class == Healthy && g.silence.touches(f) {
		f.class = Stalled
	}
	g.commit(f)

	// Intervals of one half to one and a half of the mean keep the rate and
	// still make no two seconds alike.
	mean := float64(f.total()) * float64(time.Second) / g.opts.Rate
	g.nextFact = at + 1 + int64(mean*(0.5+g.rng.Float64()))
	if g.opts.Count > 0 && g.facts >= g.opts.Count || g.opts.Duration > 0 && g.nextFact >= int64(g.opts.Duration) {
		g.making = false
	}
}

func (g *Generator) commit(f *fact) {
	g.plan(f)
	g.facts++
	if f.class != Healthy {
		g.lastFaulty = f.at
	}
	g.onFact(f)
}

// openingClass returns the class that the next fact must have because no fact
// had it so far, or Healthy.
func (g *Generator) openingClass() Class {
	if !g.faults || len(g.opening) == 0 || g.facts%openingStep != openingStep-1 {
		return Healthy
	}
	c := g.opening[0]
	g.opening = g.opening[1:]
	return c
}

// drawClass draws the class of a fact that all clouds get.
func (g *Generator) drawClass() Class {
	if !g.faults {
		return Healthy
	}
	u := g.rng.Float64()
	for c := Missing; c < classCount; c++ {
		if u < g.draw[c] {
			return c
		}
		u -= g.draw[c]
	}
	return Healthy
}

func (g *Generator) singleCloud() Cloud {
	u := g.rng.Float64()
	for c := AWS; c < Azure; c++ {
		if u < singleShares[c] {
			return c
		}
		u -= singleShares[c]
	}
	return Azure
}

// spell decides how the clouds write the same values: event times some
// milliseconds apart, other orders of items, an amount as a string.
func (g *Generator) spell(f *fact) {
	bits := g.rng.Uint64()
	f.lower = cloudSet(bits&(bits>>8)&(bits>>16)) & everyCloud
	f.quoted = cloudSet((bits>>24)&(bits>>32)&(bits>>40)) & everyCloud
	if (bits>>48)&0xf == 0 {
		f.rounded = setOf(g.anyCloud())
	}
	for c := AWS; c < cloudCount; c++ {
		f.skew[c] = int32(g.upTo(int64(maxEventSkew)))
		f.turned[c] = uint8(g.rng.IntN(int(f.order.count)))
	}
	if (bits>>52)&1 == 0 {
		f.skew = [cloudCount]int32{}
	}
}

// emit puts an event out. Event Grid gathers events of a moment into one array;
// a defective event travels alone, so that it spoils no other.
func (g *Generator) emit(d delivery) {
	if d.fact.class != Healthy {
		g.faultyOpen--
	}
	if d.cloud == Azure {
		if d.defect == sound && g.group > 0 && g.group < g.limit {
			d.joined = true
			g.group++
		} else {
			g.group, g.limit = 1, 1+int((d.seq*0x9e3779b97f4a7c15)>>61)
			if d.defect != sound {
				g.group = 0
			}
		}
	}
	g.out[d.cloud] = append(g.out[d.cloud], d)
}

// SetRate is that of further facts, in events per second.
func (g *Generator) SetRate(rate float64) { g.opts.Rate = rate }

// StopFaults makes all further facts healthy and ends a silence. What was
// decided before still happens.
func (g *Generator) StopFaults() {
	g.faults = false
	g.silence.end()
}

// KeepMaking goes on making facts beyond Count and Duration.
func (g *Generator) KeepMaking() {
	g.opts.Count, g.opts.Duration = 0, 0
	g.nextFact = max(g.nextFact, g.now)
	g.making = true
}

// StopFacts ends the making of facts.
func (g *Generator) StopFacts() { g.making = false }

// Settled reports whether every event of a faulty fact is out and virtual time
// has passed deadline and lateness of the last of them.
func (g *Generator) Settled() bool {
	margin := 2 * time.Second
	return g.faultyOpen == 0 && g.silence.quiet() &&
		(g.lastFaulty == 0 || g.now >= g.lastFaulty+int64(g.opts.Window+g.opts.AllowedLateness+margin))
}

// Idle reports whether no fact is to come and every event is out.
func (g *Generator) Idle() bool {
	return !g.making && len(g.schedule) == 0 && g.silence.quiet()
}

// moversPerChannel is how many facts move the clocks of a channel: enough that
// every partition of a topic is likely to see some.
const moversPerChannel = 64

// MoveClocks makes healthy facts whose event times lie so far ahead that they
// move every cloud's clock past the deadline of all earlier facts.
func (g *Generator) MoveClocks() {
	ahead := g.opts.Window + g.opts.AllowedLateness + 2*time.Second
	for range moversPerChannel {
		for _, step := range []func() (*order, uint8){g.shop.orderStep, g.shop.returnStep} {
			f := &fact{at: g.now, ahead: int64(ahead), clouds: everyCloud}
			f.order, f.typ = step()
			g.spell(f)
			g.commit(f)
		}
	}
}
