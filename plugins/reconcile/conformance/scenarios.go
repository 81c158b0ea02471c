package conformance

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// scenario is something that a business runs into: how the events arrive, and
// what must have come of it.
type scenario struct {
	name  string
	tune  func(*oracle.Config)
	play  func(*stage)
	check func(*testing.T, report)
}

// stage is where a scenario's events are put on.
type stage struct {
	steps []Step
	wall  time.Time
}

// sceneFacts is how many facts a scenario has; fact i happens i seconds after
// Base on every cloud.
const sceneFacts = 90

var sceneClouds = []string{"aws", "gcp", "azure"}

func sceneConfig() oracle.Config {
	return oracle.Config{IdleTimeout: 30 * time.Second, CorrectionHorizon: 10 * time.Minute, MaxAhead: time.Hour,
		Expectations: []oracle.Expectation{{Name: "orders", Expect: sceneClouds, Window: 60 * time.Second,
			AllowedLateness: 10 * time.Second, Compare: []oracle.Compare{{Field: "data.amount", Tolerance: "0.01"}}}}}
}

// report puts on one cloud's event of a fact.
func (s *stage) report(cloud string, fact int) { s.at(cloud, fact, time.Duration(fact)*time.Second) }

func (s *stage) at(cloud string, fact int, at time.Duration) {
	s.event(Event{Cloud: cloud, Key: "ord-" + strconv.Itoa(fact), Time: Base.Add(at).Format(time.RFC3339Nano),
		Ingest: Base.Add(at + time.Second).Format(time.RFC3339Nano)})
}

func (s *stage) event(e Event) {
	e.ID = fmt.Sprintf("%s-%s-%d", e.Cloud, e.Key, len(s.steps))
	e.Source = "/" + e.Cloud
	e.Data = append(e.Data, Member{"amount", "10.00"})
	s.steps = append(s.steps, Step{Event: e.JSON(), Wall: s.wall})
}

func (s *stage) idle(seconds int) {
	for range seconds {
		s.steps = append(s.steps, Step{Tick: time.Second, Wall: s.wall})
	}
}

// Scenarios runs what a business runs into. The host must do what the scenario
// says, and exactly what the oracle does.
func Scenarios(t *testing.T, newHost NewHost, traits Traits) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			cfg := sceneConfig()
			if s.tune != nil {
				s.tune(&cfg)
			}
			var on stage
			s.play(&on)
			got, err := play(t, newHost, traits, cfg, on.steps)
			require.NoError(t, err)
			s.check(t, got)
			want, _ := judged(cfg, on.steps)
			require.Empty(t, compare(want, got))
		})
	}
}

// of returns the revisions of a scenario's fact.
func (r report) of(fact int) []oracle.Revision {
	return r.revisions[oracle.FactKey{Tenant: "default", Type: defaultType, Key: "ord-" + strconv.Itoa(fact)}]
}

// is requires a fact's revisions to have these statuses and causes, written as
// "indeterminate by idle".
func (r report) is(t *testing.T, fact int, want ...string) {
	t.Helper()
	var got []string
	for _, rev := range r.of(fact) {
		got = append(got, rev.Status+" by "+rev.ClosedBy)
	}
	require.Equal(t, want, got, "fact %d", fact)
}

func allMatchedAtOnce(t *testing.T, r report) {
	for fact := range sceneFacts {
		r.is(t, fact, "matched by complete")
	}
	require.Empty(t, r.flags)
}
