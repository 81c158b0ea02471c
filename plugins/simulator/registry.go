package simulator

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// worlds of this process by name, so that inputs of different streams see their
// clouds' share of the same facts.
var worlds = struct {
	sync.Mutex
	byName map[string]*World
}{byName: map[string]*World{}}

// acquire returns the world of that name, made of the settings when there is
// none. Each acquire needs a release.
func acquire(name string, s Settings, events Events) (*World, error) {
	worlds.Lock()
	defer worlds.Unlock()
	w, ok := worlds.byName[name]
	if !ok {
		w = newWorld(name, s, events)
		worlds.byName[name] = w
	} else if field := w.settings.differsIn(&s); field != "" {
		return nil, fmt.Errorf("%s: differs from that of another input with the world %q; give them the same settings, or another world", field, name)
	}
	w.readers++
	return w, nil
}

// release gives a world back. The last one to do so closes it.
func release(w *World) error {
	worlds.Lock()
	w.readers--
	last := w.readers == 0
	if last {
		delete(worlds.byName, w.name)
	}
	worlds.Unlock()
	if !last {
		return nil
	}
	return w.close()
}

// differsIn names the first setting that is another one.
func (s *Settings) differsIn(o *Settings) string {
	if !s.Start.Equal(o.Start) {
		return "start"
	}
	a, b := *s, *o
	a.Start, b.Start = time.Time{}, time.Time{}
	for _, f := range []struct {
		name string
		a, b any
	}{
		{"seed", a.Seed, b.Seed}, {"rate", a.Rate, b.Rate}, {"tenants", a.Tenants, b.Tenants},
		{"faults", a.Mix, b.Mix}, {"window", a.Window, b.Window}, {"allowed_lateness", a.AllowedLateness, b.AllowedLateness},
		{"idle_timeout", a.IdleTimeout, b.IdleTimeout}, {"stall_scope", a.StallScope, b.StallScope},
		{"count", a.Count, b.Count}, {"duration", a.Duration, b.Duration},
		{"ledger", a.Ledger, b.Ledger}, {"drain", a.Drain, b.Drain}, {"max_queued", a.MaxQueued, b.MaxQueued},
	} {
		if !reflect.DeepEqual(f.a, f.b) {
			return f.name
		}
	}
	return ""
}

// Lookup returns the world of that name while some input of it is connected.
func Lookup(name string) (*World, bool) {
	worlds.Lock()
	defer worlds.Unlock()
	w, ok := worlds.byName[name]
	return w, ok
}

// Await returns the world of that name as soon as an input of it is connected.
func Await(ctx context.Context, name string) (*World, error) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		if w, ok := Lookup(name); ok {
			return w, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the world %q: %w", name, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}
