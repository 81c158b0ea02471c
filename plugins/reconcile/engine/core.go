package engine

import (
	"fmt"
	"hash/maphash"
	"time"

	"github.com/helios-connect/helios/internal/arena"
	"github.com/helios-connect/helios/plugins/event"
)

const (
	defaultIdleTimeout       = 30 * time.Second
	defaultCorrectionHorizon = 10 * time.Minute
	defaultMaxAhead          = time.Hour
	defaultMaxFacts          = 1_000_000
)

// Engine judges facts. See the package's documentation and New.
type Engine struct {
	cfg      Config
	sink     Sink
	arrivals *Arrivals

	rules      []*rule
	clocks     []*clock
	clockNamed map[string]*clock
	routes     routes

	cells   cells
	blocks  blocks
	table   table
	buckets bucketPool
	apart   map[Identity]times // of the facts whose deadline doesn't tell them
	sources interned
	seed    [2]maphash.Seed
	wall    int64 // the latest that a call brought
	base    int64 // wall clock of the first event, Unix nanoseconds

	open, closedFacts int
	oldest, newest    factRef // open facts in order of opening
	ended             bool
	rebuilding        bool // only half of the state is there: nothing is decided
	repeat            bool // the event in hand is not the first of its participant and fact
	forgetBelow       uint64
	sweptRule         int // where Expire goes on

	uncounted, pressure, forgottenFacts uint64

	// Scratch space, reused from call to call.
	paths         *event.Paths
	reader        *Reader
	one           [1][]byte
	batch         Batch
	records       []byte // of the batch in hand
	outcome       Outcome
	touched       uint64 // keeps prefetch from being optimised away
	loaded        []representative
	old, fresh    representative
	content       []byte
	scratchRecord []byte
	freshRecord   []byte // that of fresh
	verdict       judgement
	before        judgement
	present       int  // how many of loaded are valid
	repeats       bool // their block also has records that hold a token alone
	sorted        []int
	lastJSON      int
	texts         arena.Bytes
	tokens        tokenSlab
	verdicts      verdictPool
	seconds       secondTexts
}

// New returns an engine that judges by cfg and emits to sink. Errors wrap
// ErrConfig and name the expectation, the field, its value and what is allowed;
// all that are found are reported at once.
func New(cfg Config, sink Sink) (*Engine, error) {
	setDefault(&cfg.IdleTimeout, defaultIdleTimeout)
	setDefault(&cfg.CorrectionHorizon, defaultCorrectionHorizon)
	setDefault(&cfg.MaxAhead, defaultMaxAhead)
	setDefault(&cfg.MaxOpen, defaultMaxFacts)
	setDefault(&cfg.MaxClosed, defaultMaxFacts)
	if err := checkConfig(&cfg); err != nil {
		return nil, err
	}
	rules, paths, err := compileRules(cfg.Expectations)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		if r.AllowedLateness > cfg.CorrectionHorizon {
			return nil, fmt.Errorf("%w: correction_horizon is %s: it takes at least the allowed_lateness of every expectation, and that of %q is %s",
				ErrConfig, cfg.CorrectionHorizon, r.Name, r.AllowedLateness)
		}
	}
	e := &Engine{
		cfg: cfg, sink: sink, rules: rules, paths: paths,
		arrivals:    cfg.Arrivals,
		clockNamed:  map[string]*clock{},
		seed:        [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		forgetBelow: maxToken,
	}
	e.reader = e.NewReader()
	if e.arrivals == nil {
		e.arrivals = NewArrivals(cfg.IdleTimeout)
	}
	for _, r := range rules {
		e.attach(r)
	}
	for _, c := range e.clocks {
		for _, r := range c.rules {
			r.linkHands()
		}
	}
	e.arrivals.engines = append(e.arrivals.engines, e)
	return e, nil
}

const maxToken = ^uint64(0)

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func checkConfig(cfg *Config) error {
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"idle_timeout", cfg.IdleTimeout},
		{"correction_horizon", cfg.CorrectionHorizon},
		{"max_ahead", cfg.MaxAhead},
	} {
		if d.value < 0 {
			return fmt.Errorf("%w: %s is %s: it takes a duration above 0, such as 30s", ErrConfig, d.field, d.value)
		}
		if err := checkLength(d.field, d.value); err != nil {
			return err
		}
	}
	for _, n := range []struct {
		field string
		value int
	}{{"max_open", cfg.MaxOpen}, {"max_closed", cfg.MaxClosed}} {
		if n.value < 1 || n.value > 1<<30 {
			return fmt.Errorf("%w: %s is %d: it takes a number of facts from 1 to %d", ErrConfig, n.field, n.value, 1<<30)
		}
	}
	return nil
}

// attach gives a rule its clock and its wheels.
func (e *Engine) attach(r *rule) {
	c := e.clockNamed[r.Clock]
	if c == nil {
		c = &clock{name: r.Clock, index: map[string]int{}, highest: noInstant, forgotten: noInstant, moved: noHand}
		e.clockNamed[r.Clock] = c
		e.clocks = append(e.clocks, c)
	}
	r.clock = c
	c.rules = append(c.rules, r)
	for i, n := range r.names {
		hand, ok := c.index[n]
		if !ok {
			hand = len(c.hands)
			c.index[n] = hand
			c.hands = append(c.hands, hand0(n, e.arrivals.entry(c.name, n)))
		}
		if r.expect&(1<<i) != 0 {
			c.hands[hand].expected = true
		}
		r.hands = append(r.hands, hand)
		r.cursors = append(r.cursors, noInstant)
		r.edges = append(r.edges, noInstant)
		r.seen = append(r.seen, noInstant)
		r.seenEdges = append(r.seenEdges, noInstant)
		r.parkedAt = append(r.parkedAt, noInstant)
	}
	for _, w := range []*wheel{&r.open, &r.watched, &r.closed} {
		*w = wheel{width: r.width(), cells: &e.cells, pool: &e.buckets}
	}
}

func hand0(participant string, a *arrival) hand {
	return hand{participant: participant, mark: noInstant, arrival: a}
}

// linkHands fills placeOf once the clock has all its hands.
func (r *rule) linkHands() {
	r.placeOf = make([]int, len(r.clock.hands))
	for i := range r.placeOf {
		r.placeOf[i] = -1
	}
	for place, hand := range r.hands {
		r.placeOf[hand] = place
	}
}

// Tick says that elapsed time passed in which input could be taken; the engine
// counts at most one second of it. wall is the wall clock in Unix nanoseconds.
// With a shared Arrivals, call its Tick once for all engines instead.
func (e *Engine) Tick(elapsed time.Duration) { e.arrivals.Tick(elapsed) }

func (e *Engine) ticked() {
	for _, c := range e.clocks {
		c.changed = true
	}
}

// EndInput makes every participant pass. Call Expire until nothing is due.
func (e *Engine) EndInput() {
	for _, c := range e.clocks {
		e.settle(c, e.wall)
	}
	e.ended = true
	e.ticked()
}

// ForgetBelow lets closed facts be forgotten only when their last token is
// lower (a committed offset). Without a call there is no such limit.
func (e *Engine) ForgetBelow(token uint64) {
	e.forgetBelow = token
	for _, r := range e.rules {
		kept := r.blocked[:0]
		for _, ref := range r.blocked {
			c := e.cells.at(ref)
			if c.state != stateClosed || c.bucket != 0 {
				continue
			}
			if e.forgettable(c) {
				e.forget(ref)
			} else {
				kept = append(kept, ref)
			}
		}
		r.blocked = kept
	}
}

// Close detaches the engine from a shared Arrivals. Nothing is emitted.
func (e *Engine) Close() {
	for i, other := range e.arrivals.engines {
		if other == e {
			e.arrivals.engines = append(e.arrivals.engines[:i:i], e.arrivals.engines[i+1:]...)
			return
		}
	}
}

// Stats returns a snapshot for metrics.
func (e *Engine) Stats() Stats {
	s := Stats{
		Open: e.open, Closed: e.closedFacts,
		Uncounted: e.uncounted, Pressure: e.pressure, Forgotten: e.forgottenFacts,
		Bytes: e.blocks.bytes + len(e.cells.pages)*cellsPerPage*cellBytes + e.table.bytes() + cap(e.buckets.buckets)*bucketBytes + len(e.apart)*timesBytes,
	}
	for _, c := range e.clocks {
		for i := range c.hands {
			h := &c.hands[i]
			cs := ClockStats{Clock: c.name, Participant: h.participant, Stalled: h.arrival.stalled, Expected: h.expected}
			if h.mark != noInstant {
				cs.Mark = h.mark
			}
			if c.highest != noInstant {
				cs.Frontier = c.frontier(e.arrivals.run)
			}
			s.Clocks = append(s.Clocks, cs)
		}
	}
	return s
}
