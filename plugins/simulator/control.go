package simulator

import (
	"context"
	"fmt"
	"time"
)

// Snapshot is what a world has done so far.
type Snapshot struct {
	World string `json:"world"`
	Phase string `json:"phase"`
	// Begun is when the first event was made; zero before.
	Begun time.Time `json:"begun"`
	// Facts decided, by fault class and by final status.
	Facts    int64            `json:"facts"`
	Classes  map[string]int64 `json:"classes"`
	Statuses map[string]int64 `json:"statuses"`
	// Single counts the facts that live on one cloud only, by cloud.
	Single map[string]int64 `json:"single"`
	// Clouds holds each cloud's way out.
	Clouds map[string]LaneCounts `json:"clouds"`
	// WantedRate and ReachedRate (over the last second) in events per second.
	WantedRate  float64 `json:"wanted_rate"`
	ReachedRate float64 `json:"reached_rate"`
	// Behind is by how much the world lags now; it will catch up. Lost is by
	// how much it has fallen behind for good.
	Behind time.Duration `json:"behind"`
	Lost   time.Duration `json:"lost"`
	// Faults: new facts can be faulty.
	Faults bool `json:"faults"`
	// Err is what stopped the world, empty when nothing did.
	Err string `json:"error,omitempty"`
}

// Sent returns the events handed out for the first time, malformed ones
// included, by participant.
func (s *Snapshot) Sent() map[string]int64 {
	out := make(map[string]int64, len(s.Clouds))
	for cloud, c := range s.Clouds {
		out[cloud] = c.Events
	}
	return out
}

// Redelivered returns how many events were handed out again.
func (s *Snapshot) Redelivered() (n int64) {
	for _, c := range s.Clouds {
		n += c.RedeliveredEvents
	}
	return n
}

// Snapshot returns what the world has done so far.
func (w *World) Snapshot() Snapshot {
	w.mu.Lock()
	s := Snapshot{
		World: w.name, Phase: phaseNames[w.phase], Begun: w.begun,
		Classes: map[string]int64{}, Statuses: map[string]int64{}, Single: map[string]int64{}, Clouds: map[string]LaneCounts{},
		WantedRate: w.settings.Rate, ReachedRate: w.pace.rate, Lost: w.lost,
	}
	for c, n := range w.classes {
		s.Facts += n
		if n > 0 || w.settings.Mix[c] > 0 {
			s.Classes[Class(c).String()] = n
		}
	}
	for status, n := range w.statuses {
		s.Statuses[status] = n
	}
	for c, n := range w.single {
		s.Single[Cloud(c).String()] = n
	}
	if w.gen != nil {
		s.Faults = w.gen.faults && w.gen.making
		if w.phase != over {
			s.Behind = max(0, time.Since(w.base)-time.Duration(w.gen.now+bucket)-tick)
		}
	}
	if w.err != nil {
		s.Err = w.err.Error()
	}
	w.mu.Unlock()
	for c, l := range w.lanes {
		s.Clouds[Cloud(c).String()] = l.snapshot()
	}
	return s
}

// StopFaults makes all further facts healthy and ends a silence. What was
// decided before still happens.
func (w *World) StopFaults() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noFaults = true
}

// SetRate makes all further facts at another rate (events per second, above 0) than
// that of the settings. Settings alone then no longer give the same bytes.
func (w *World) SetRate(rate float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rate = rate
}

// Finish stops the faults, goes on with healthy facts until no faulty one can be
// open, sends facts that move every clock past all deadlines, ends the ledger,
// and returns when every event was acknowledged. Without drain it only stops the
// facts and lets what is on its way arrive. The inputs of the world then end.
func (w *World) Finish(ctx context.Context) error {
	w.mu.Lock()
	w.finish = true
	w.mu.Unlock()
	ticker := time.NewTicker(2 * tick)
	defer ticker.Stop()
	for {
		if err := w.failure(); err != nil {
			return err
		}
		if w.isOver() && w.acked() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("finishing the world %q: %w", w.name, context.Cause(ctx))
		case <-w.stop:
			if w.isOver() && w.acked() {
				return nil
			}
			return fmt.Errorf("finishing the world %q: its inputs were closed before it was over", w.name)
		case <-ticker.C:
		}
	}
}
