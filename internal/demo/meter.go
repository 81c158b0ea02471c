package demo

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/helios-connect/helios/plugins/telemetry"
)

// meter makes views of what the metrics and the verdicts say.
type meter struct {
	address string
	tail    *tail
	planned time.Duration
	asked   float64 // events per second
	phase   string
	left    string
	limit   string         // what keeps the rate down
	limits  map[string]int // how often each was that

	begun    time.Time // first look
	moved    time.Time // last known to run
	last     time.Time
	received map[string]int64 // by cloud, at the last look
	atFirst  struct {         // what the process had used and received at the first look
		cpu    float64 // seconds
		events int64
	}
	load load
}

// Metrics of the process itself, as the Prometheus client names them.
var (
	processCPU    = telemetry.Metric{Name: "process_cpu_seconds_total"}
	processMemory = telemetry.Metric{Name: "process_resident_memory_bytes"}
	processStart  = telemetry.Metric{Name: "process_start_time_seconds"}
)

// load is what the traffic cost.
type load struct {
	Seconds float64 `json:"seconds"`
	// Still is how many seconds more the process stood still.
	Still  float64 `json:"stood_still_seconds,omitempty"`
	Events int64   `json:"events"`
	CPU    float64 `json:"cpu_cores"`    // of one core
	Memory int64   `json:"memory_bytes"` // resident, the highest seen
	// Limit is what kept the rate down most of the time; empty: nothing did.
	Limit   string  `json:"limited_by,omitempty"`
	FirstIn float64 `json:"first_verdict_seconds"`
	// From a fact's last event to its verdict; 0 when there was none.
	P50 float64 `json:"time_to_verdict_p50_seconds"`
	P99 float64 `json:"time_to_verdict_p99_seconds"`
}

// view shows everything; said is what the metrics say now.
func (m *meter) view(said metrics, now time.Time) view {
	seen := m.tail.state()
	if m.begun.IsZero() {
		m.begun = now
		m.atFirst.cpu, m.atFirst.events = said.float(processCPU), said.sum(receivedEvents)
	}
	v := view{
		elapsed: m.ran(now), planned: m.planned, phase: m.phase, left: m.left, address: m.address,
		asked: m.asked, limit: m.limit,
		perCloud: map[string]float64{},
		open:     said.sum(openFacts),
		byStatus: seen.byStatus,
		dups:     said.sum(duplicateEvents),
		dead:     seen.deadLetters(),
		p50:      said.quantile(timeToVerdict, 0.5),
		p99:      said.quantile(timeToVerdict, 0.99),
		last:     seen.last,
		breaches: seen.commonest(),
	}
	if !seen.first.IsZero() {
		v.first = seen.first.Sub(startOf(said))
	}
	received := said.by(receivedEvents, telemetry.LabelParticipant)
	for cloud, n := range received {
		if passed := now.Sub(m.last).Seconds(); m.received != nil && passed > 0 {
			v.perCloud[cloud] = float64(n-m.received[cloud]) / passed
		}
	}
	m.last, m.received = now, received
	m.load.Memory = max(m.load.Memory, said.sum(processMemory))
	m.load.FirstIn = v.first.Seconds()
	if seen.verdicts > 0 && !math.IsNaN(v.p50) {
		m.load.P50, m.load.P99 = v.p50, v.p99
	}
	return v
}

// standstill is longer than a process is kept from what it does each second, unless
// it was suspended or the machine slept.
const standstill = 5 * time.Second

// standsStill takes note of the time in which the process stood still, and reports
// whether it did since it was asked last.
func (m *meter) standsStill(now time.Time) bool {
	gap := now.Sub(m.moved)
	still := !m.moved.IsZero() && gap > standstill
	if still {
		m.load.Still += gap.Seconds()
	}
	m.moved = now
	return still
}

// ran is how long the traffic has lasted, standstills left out.
func (m *meter) ran(now time.Time) time.Duration {
	return now.Sub(m.begun) - time.Duration(m.load.Still*float64(time.Second))
}

// startOf is when the process was started, which is before its first instruction.
func startOf(m metrics) time.Time {
	return time.Unix(0, int64(m.float(processStart)*float64(time.Second)))
}

// limited takes note of what keeps the rate down at this moment, if anything does.
func (m *meter) limited(limit string) {
	m.limit = limit
	if limit == "" || m.load.Seconds > 0 {
		return
	}
	if m.limits == nil {
		m.limits = map[string]int{}
	}
	m.limits[limit]++
	if m.limits[limit] > m.limits[m.load.Limit] {
		m.load.Limit = limit
	}
}

// loaded ends the measuring: what follows is no ordinary traffic.
func (m *meter) loaded(ctx context.Context) error {
	said, err := scrape(ctx, m.address, watched)
	if err != nil {
		return fmt.Errorf("measuring the load: %w", err)
	}
	if m.begun.IsZero() {
		return nil
	}
	m.load.Seconds = m.ran(time.Now()).Seconds()
	m.load.CPU = (said.float(processCPU) - m.atFirst.cpu) / m.load.Seconds
	m.load.Events = said.sum(receivedEvents) - m.atFirst.events
	return nil
}
