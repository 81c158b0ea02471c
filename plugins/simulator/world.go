package simulator

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Settings of a world. Inputs that name the same world must agree on them.
type Settings struct {
	// Options of the generator. A zero Start is the moment the world begins.
	Options
	// Ledger is the path of the file for the truth; empty: none is kept.
	Ledger string
	// Drain makes the world end with facts that close all earlier ones.
	Drain bool
	// MaxQueued is how many events may wait for the reader of one cloud before
	// the world stands still.
	MaxQueued int
}

// phase of a world's life, in order.
type phase uint8

const (
	waiting  phase = iota // for an input for every cloud
	running               // facts and faults
	settling              // healthy facts only, until no faulty one is open
	emptying              // no new facts
	moving                // facts that move the clocks are on their way
	over                  // every event was made
)

var phaseNames = [...]string{"waiting", "running", "settling", "emptying", "moving", "over"}

// World is one simulated business on three clouds. The inputs that name it read
// their clouds' share of the same facts. It is safe for concurrent use.
type World struct {
	name     string
	settings Settings
	events   Events
	lanes    [cloudCount]*lane
	readers  int // guarded by the registry

	mu       sync.Mutex
	phase    phase
	gen      *Generator
	ledger   *ledger
	file     *os.File
	err      error
	begun    time.Time
	base     time.Time // wall time of the virtual time 0, moved by what was lost
	lost     time.Duration
	classes  [classCount]int64
	statuses map[string]int64
	single   [cloudCount]int64
	made     int64 // events
	pace     pace
	rested   time.Time // when the last fact's events were out
	finish   bool
	noFaults bool
	rate     float64 // of facts to come, events per second

	begin sync.Once
	stop  chan struct{}
	done  chan struct{} // the pacing goroutine has ended, or never began
}

// Events is what a world tells its host as it goes.
type Events interface {
	// Facts says how many facts of a class were decided.
	Facts(c Class, n int64)
	// Lost says by how much the world has fallen behind its rate for good, and
	// what rate it reaches.
	Lost(d time.Duration, wanted, reached float64)
}

func newWorld(name string, s Settings, events Events) *World {
	w := &World{name: name, settings: s, events: events, rate: s.Rate, statuses: map[string]int64{}, stop: make(chan struct{}), done: make(chan struct{})}
	for c := range w.lanes {
		w.lanes[c] = newLane(Cloud(c))
	}
	return w
}

// Name of the world.
func (w *World) Name() string { return w.name }

// Ledger is the path of the file that holds the truth, empty when none is kept.
func (w *World) Ledger() string { return w.settings.Ledger }

// attach gives the lanes of the clouds to the reader behind wake, and begins
// the world when every cloud has one.
func (w *World) attach(clouds []Cloud, wake chan struct{}) error {
	for i, c := range clouds {
		if !w.lanes[c].attach(wake) {
			w.detach(clouds[:i], wake)
			return fmt.Errorf("clouds: %s of the world %q is read by another input; each cloud has one reader", c, w.name)
		}
	}
	for _, l := range w.lanes {
		if !l.attached() {
			return nil
		}
	}
	w.begin.Do(func() { go w.run() })
	return nil
}

func (w *World) detach(clouds []Cloud, wake chan struct{}) {
	for _, c := range clouds {
		w.lanes[c].detach(wake)
	}
}

// unread lists the clouds without a reader.
func (w *World) unread() (s cloudSet) {
	for c, l := range w.lanes {
		if !l.attached() {
			s |= setOf(Cloud(c))
		}
	}
	return s
}

// open makes generator and ledger.
func (w *World) open(now time.Time) error {
	opts := w.settings.Options
	if opts.Start.IsZero() {
		opts.Start = now
	}
	gen, err := NewGenerator(opts, w.decided)
	if err != nil {
		return err
	}
	if path := w.settings.Ledger; path != "" {
		if w.file, err = os.Create(path); err != nil {
			return fmt.Errorf("creating the ledger: %w", err)
		}
		if w.ledger, err = newLedger(w.file, w.name, &opts, gen.renderer); err != nil {
			return err
		}
	}
	w.gen, w.begun, w.base, w.phase = gen, now, now, running
	return nil
}

// decided takes a new fact into the ledger and the counts.
func (w *World) decided(f *fact) {
	w.classes[f.class]++
	w.statuses[f.status()]++
	w.made += int64(f.total())
	if factTypes[f.typ].channel == singles {
		for c := AWS; c < cloudCount; c++ {
			if f.clouds.has(c) {
				w.single[c]++
			}
		}
	}
	if w.ledger != nil {
		w.ledger.record(f)
	}
}

// close stops the world and closes its ledger. A ledger without its end says
// that the world was stopped in the middle.
func (w *World) close() error {
	close(w.stop)
	w.begin.Do(func() { close(w.done) })
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.ledger.flush(), w.file.Close())
	w.file, w.ledger = nil, nil
	return err
}

// failure is what keeps the world from going on.
func (w *World) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *World) isOver() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.phase == over
}
