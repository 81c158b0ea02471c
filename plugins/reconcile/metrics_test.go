package reconcile

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
	"github.com/helios-connect/helios/plugins/telemetry"
)

// The clocks are reported time and again: what has no place among the participants
// is left out there, and is no further event that was counted under another name.
func TestReportingTheClocksCountsNoOverflow(t *testing.T) {
	over := 0
	m := newMetrics(service.MockResources())
	m.participants = telemetry.NewBound(1, func() { over++ })
	m.names = telemetry.NewPairs(m.participants, telemetry.NewBound(1, func() {}), 1, func() {})
	require.Equal(t, "a", m.key("a", "t").participant)
	require.Equal(t, telemetry.Overflow, m.key("b", "t").participant)
	require.Equal(t, 1, over)
	for range 10 {
		m.flush(engine.Stats{Clocks: []engine.ClockStats{{Participant: "a"}, {Participant: "b"}, {Participant: "c\"", Expected: true}}})
	}
	require.Equal(t, 1, over, "one event was counted under %q", telemetry.Overflow)
}
