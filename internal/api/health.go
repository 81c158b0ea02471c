package api

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/api/live"
	"github.com/helios-connect/helios/internal/kafkaconn"
)

// How often dependencies are asked, and how long they may take.
const (
	checkEvery    = 10 * time.Second
	checkPatience = 3 * time.Second
	// freshEnough is the age up to which a check is not repeated for a reader.
	freshEnough = 2 * time.Second
)

// dependency is something that the API needs.
type dependency struct {
	name string
	ping func(context.Context) error
}

// Dependency is what is known of a dependency.
type Dependency struct {
	Name        string     `json:"name" doc:"store, or log (Kafka)"`
	State       string     `json:"state" enum:"up,down,unknown" doc:"unknown until the first check"`
	Since       *time.Time `json:"since,omitempty" doc:"since when the state is what it is, as far as the API saw"`
	CheckedAt   *time.Time `json:"checked_at,omitempty" doc:"when it was asked last"`
	Latency     float64    `json:"latency_seconds" doc:"how long the last check took"`
	LastError   string     `json:"last_error,omitempty" doc:"what was wrong last, also when it is up again"`
	LastErrorAt *time.Time `json:"last_error_at,omitempty" doc:"when that was"`
}

// States of dependencies and of the whole.
const (
	stateUp       = "up"
	stateDown     = "down"
	stateUnknown  = "unknown"
	stateOK       = "ok"
	stateDegraded = "degraded"
)

// health keeps what is known of the dependencies.
type health struct {
	now     func() time.Time
	metrics *metrics
	needed  []dependency

	checking sync.Mutex // one round at a time
	mu       sync.Mutex
	known    []Dependency
	reached  []bool // at least once
	checked  time.Time
}

func newHealth(m *metrics, now func() time.Time, needed ...dependency) *health {
	h := &health{now: now, metrics: m, needed: needed, reached: make([]bool, len(needed))}
	for _, d := range needed {
		h.known = append(h.known, Dependency{Name: d.name, State: stateUnknown})
	}
	return h
}

// run checks until the context ends.
func (h *health) run(ctx context.Context) {
	ticker := time.NewTicker(checkEvery)
	defer ticker.Stop()
	for {
		h.check(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// check asks all dependencies, unless that was just done. What is not answered before
// the context ends, since whoever asked has gone, says nothing.
func (h *health) check(ctx context.Context) {
	h.checking.Lock()
	defer h.checking.Unlock()
	h.mu.Lock()
	fresh := !h.checked.IsZero() && h.now().Sub(h.checked) < freshEnough
	h.mu.Unlock()
	if fresh {
		return
	}
	var asked sync.WaitGroup
	for i := range h.needed {
		asked.Go(func() {
			asking, cancel := context.WithTimeout(ctx, checkPatience)
			defer cancel()
			started := h.now()
			if err := h.needed[i].ping(asking); err == nil || ctx.Err() == nil {
				h.note(i, started, err)
			}
		})
	}
	asked.Wait()
	if ctx.Err() != nil {
		return
	}
	h.mu.Lock()
	h.checked = h.now()
	h.mu.Unlock()
}

func (h *health) note(i int, started time.Time, err error) {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	d, state, up := &h.known[i], stateUp, 1.0
	switch {
	case err != nil:
		state, up = stateDown, 0
		d.LastError, d.LastErrorAt = err.Error(), &now
	case !h.reached[i]:
		// What was wrong before it was ever there is how a start looks.
		h.reached[i], d.LastError, d.LastErrorAt = true, "", nil
	}
	if d.State != state {
		d.State, d.Since = state, &now
	}
	d.CheckedAt, d.Latency = &now, now.Sub(started).Seconds()
	h.metrics.up.WithLabelValues(d.Name).Set(up)
}

// state returns what is known, and whether all is well.
func (h *health) state() (status string, all []Dependency) {
	h.mu.Lock()
	defer h.mu.Unlock()
	status = stateOK
	for _, d := range h.known {
		if d.State == stateDown {
			status = stateDegraded
		}
	}
	return status, append([]Dependency{}, h.known...)
}

// pingLog returns a check that both topics are there and have leaders.
func pingLog(conn kafkaconn.Connection) func(context.Context) error {
	return func(ctx context.Context) error {
		client, err := kgo.NewClient(conn.Options...)
		if err != nil {
			return fmt.Errorf("connecting to the log: %w", err)
		}
		defer client.Close()
		topics, err := kadm.NewClient(client).ListTopics(ctx, conn.Events, conn.Verdicts)
		if err != nil {
			return fmt.Errorf("asking the log for its topics: %w", err)
		}
		return topics.Error()
	}
}

type healthAnswer struct {
	Body struct {
		Status string `json:"status" enum:"ok,degraded" doc:"degraded: a dependency is down, and what needs it is answered with 503"`
	}
}

type detailedHealthAnswer struct {
	Body struct {
		Status       string         `json:"status" enum:"ok,degraded"`
		Version      string         `json:"version" doc:"of the program"`
		Dependencies []Dependency   `json:"dependencies"`
		Clients      map[string]int `json:"stream_clients" doc:"WebSocket clients by stream"`
	}
}

func (s *Server) registerHealth() {
	simple := reading("get-health", "/api/v1/health", "Is the API alive",
		"For load balancers and orchestrators: 200 as long as the process answers, without a token. A dependency that is down shows in the status and does not make the process worth restarting.", "Health")
	simple.Metadata, simple.Security, simple.Errors = map[string]any{metadataRole: Nobody}, nil, nil
	huma.Register(s.huma, simple, func(context.Context, *struct{}) (*healthAnswer, error) {
		answer := &healthAnswer{}
		answer.Body.Status, _ = s.health.state()
		return answer, nil
	})
	huma.Register(s.huma, reading("get-health-detailed", "/api/v1/health/detailed", "What the API depends on",
		"The state of each dependency, since when, how long its last check took, and what was wrong last.", "Health"),
		func(ctx context.Context, _ *struct{}) (*detailedHealthAnswer, error) {
			s.health.check(ctx)
			answer := &detailedHealthAnswer{}
			answer.Body.Status, answer.Body.Dependencies = s.health.state()
			answer.Body.Version = s.config.Version
			answer.Body.Clients = map[string]int{}
			for _, stream := range []live.Stream{live.Events, live.Verdicts} {
				answer.Body.Clients[stream.String()] = s.feed.Subscribers(stream)
			}
			return answer, nil
		})
}
