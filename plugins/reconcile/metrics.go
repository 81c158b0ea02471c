package reconcile

import (
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
	"github.com/helios-connect/helios/plugins/telemetry"
)

// What metrics tell apart at most: participants and tenants each, and pairs of
// one and the other.
const (
	maxLabelValues = 1000
	maxLabelPairs  = 2000
)

// metrics are what both plugins report. It is not safe for concurrent use: the
// plugins call it under their own lock.
type metrics struct {
	received, flagged, uncounted, repeated *service.MetricCounter
	verdicts, corrections                  *service.MetricCounter
	pressure, forgotten                    *service.MetricCounter
	open, closed, bytes, held              *service.MetricGauge
	watermark, lag, stalled                *service.MetricGauge
	delay                                  *service.MetricTimer

	participants *telemetry.Bound
	names        *telemetry.Pairs      // of participant and tenant
	counts       map[receivedKey]int64 // not yet reported
	repeats      map[receivedKey]int64 // not yet reported
	judged       map[verdictKey]int64  // not yet reported
	recent       []receivedCount       // not yet in counts
	last         engine.Stats
}

type receivedKey struct{ participant, tenant string }

type receivedCount struct {
	receivedKey
	count int64
}

// maxRecent is how many pairs of participant and tenant are counted without a
// map: more than alternate in most streams.
const maxRecent = 8

type verdictKey struct {
	status      engine.Status
	expectation string
	correction  bool
}

func newMetrics(res *service.Resources) *metrics {
	m := res.Metrics()
	counter := func(d telemetry.Metric) *service.MetricCounter { return m.NewCounter(d.Name, d.Labels...) }
	gauge := func(d telemetry.Metric) *service.MetricGauge { return m.NewGauge(d.Name, d.Labels...) }
	overflow := counter(telemetry.LabelOverflow)
	over := func(names string) func() {
		overflow.Incr(0, names) // a rate over it sees the first one
		return func() { overflow.Incr(1, names) }
	}
	participants := telemetry.NewBound(maxLabelValues, over(telemetry.LabelParticipant))
	return &metrics{
		received:     counter(telemetry.ReconcileReceived),
		flagged:      counter(telemetry.ReconcileFlagged),
		uncounted:    counter(telemetry.ReconcileUncounted),
		repeated:     counter(telemetry.ReconcileDuplicates),
		verdicts:     counter(telemetry.ReconcileVerdicts),
		corrections:  counter(telemetry.ReconcileCorrections),
		pressure:     counter(telemetry.ReconcilePressure),
		forgotten:    counter(telemetry.ReconcileForgotten),
		open:         gauge(telemetry.ReconcileOpen),
		closed:       gauge(telemetry.ReconcileClosed),
		bytes:        gauge(telemetry.ReconcileBytes),
		held:         gauge(telemetry.ReconcileHeldBatches),
		watermark:    gauge(telemetry.ReconcileWatermark),
		lag:          gauge(telemetry.ReconcileWatermarkLag),
		stalled:      gauge(telemetry.ReconcileStalled),
		delay:        m.NewTimer(telemetry.ReconcileDelay.Name, telemetry.ReconcileDelay.Labels...),
		participants: participants,
		names: telemetry.NewPairs(participants, telemetry.NewBound(maxLabelValues, over(telemetry.LabelTenant)),
			maxLabelPairs, over("pair")),
		counts:  map[receivedKey]int64{},
		judged:  map[verdictKey]int64{},
		repeats: map[receivedKey]int64{},
	}
}

// begin makes the series that a quiet run would lack, so that a rate over them
// sees the first fault.
func (m *metrics) begin(expectations []engine.Expectation) {
	for _, status := range engine.Statuses() {
		for _, e := range expectations {
			m.verdicts.Incr(0, status, e.Name)
		}
		m.corrections.Incr(0, status)
	}
	for reason := engine.Unreadable; reason <= engine.TooLate; reason++ {
		m.flagged.Incr(0, reason.String(), "", "")
	}
}

// outcome counts an event. What it counts by participant is reported by flush:
// a labelled counter costs more than judging an event.
func (m *metrics) outcome(o *engine.Outcome) {
	if !m.countRecent(o) {
		m.countNew(o)
	}
	if o.Repeat {
		m.repeats[m.key(string(o.Participant), string(o.Tenant))]++
	}
	if o.Reason != engine.ReasonNone {
		m.flag(o.Reason, string(o.Participant), string(o.Tenant))
	}
}

// flag counts an event that can't be judged.
func (m *metrics) flag(reason engine.Reason, participant, tenant string) {
	participant, tenant = m.names.Values(participant, tenant)
	m.flagged.Incr(1, reason.String(), participant, tenant)
}

// countRecent counts an event of a participant and tenant that were seen just
// now. Events of several clouds alternate, and a few comparisons cost a tenth of
// looking the names up in maps.
func (m *metrics) countRecent(o *engine.Outcome) bool {
	for i := range m.recent {
		r := &m.recent[i]
		if string(o.Participant) == r.participant && string(o.Tenant) == r.tenant {
			r.count++
			return true
		}
	}
	return false
}

func (m *metrics) countNew(o *engine.Outcome) {
	if len(m.recent) == maxRecent {
		m.keepRecent()
	}
	m.recent = append(m.recent, receivedCount{m.key(string(o.Participant), string(o.Tenant)), 1})
}

// key is what events of a participant and tenant are counted under.
func (m *metrics) key(participant, tenant string) receivedKey {
	participant, tenant = m.names.Values(participant, tenant)
	return receivedKey{participant, tenant}
}

func (m *metrics) keepRecent() {
	for _, r := range m.recent {
		m.counts[r.receivedKey] += r.count
	}
	m.recent = m.recent[:0]
}

// verdict counts a verdict at the moment it is handed on.
func (m *metrics) verdict(v *engine.Verdict, now time.Time) {
	m.judged[verdictKey{v.Status, v.Expectation, v.Revision > 1}]++
	if v.LastEvent > 0 {
		m.delay.Timing(max(now.UnixNano()-v.LastEvent, 0))
	}
}

// flush reports what was counted and the engine's state.
func (m *metrics) flush(s engine.Stats) {
	m.keepRecent()
	for k, n := range m.counts {
		m.received.Incr(n, k.participant, k.tenant)
		m.repeated.Incr(0, k.participant, k.tenant) // a rate over it sees the first one
	}
	clear(m.counts)
	for k, n := range m.repeats {
		m.repeated.Incr(n, k.participant, k.tenant)
	}
	clear(m.repeats)
	for k, n := range m.judged {
		m.verdicts.Incr(n, k.status.String(), k.expectation)
		if k.correction {
			m.corrections.Incr(n, k.status.String())
		}
	}
	clear(m.judged)
	m.uncounted.Incr(int64(s.Uncounted - m.last.Uncounted))
	m.pressure.Incr(int64(s.Pressure - m.last.Pressure))
	m.forgotten.Incr(int64(s.Forgotten - m.last.Forgotten))
	m.open.Set(int64(s.Open))
	m.closed.Set(int64(s.Closed))
	m.bytes.Set(int64(s.Bytes))
	for _, c := range s.Clocks {
		if !c.Expected && !m.participants.Passes(c.Participant) {
			continue
		}
		m.stalled.Set(boolGauge(c.Stalled && c.Expected), c.Clock, c.Participant)
		if c.Mark != 0 {
			m.watermark.SetFloat64(float64(c.Mark)/1e9, c.Clock, c.Participant)
			m.lag.SetFloat64(float64(max(c.Frontier-c.Mark, 0))/1e9, c.Clock, c.Participant)
		}
	}
	m.last = s
}

func boolGauge(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
