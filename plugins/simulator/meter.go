package simulator

import (
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/telemetry"
)

// meter holds the metrics of an input.
type meter struct {
	facts, events, acked, redelivered, lost *service.MetricCounter
	inFlight                                *service.MetricGauge
}

func newMeter(res *service.Resources) *meter {
	counter := func(m telemetry.Metric) *service.MetricCounter {
		return res.Metrics().NewCounter(m.Name, m.Labels...)
	}
	return &meter{
		facts:       counter(telemetry.SimulatorFacts),
		events:      counter(telemetry.SimulatorEvents),
		acked:       counter(telemetry.SimulatorAcked),
		redelivered: counter(telemetry.SimulatorRedelivered),
		lost:        counter(telemetry.SimulatorLost),
		inFlight:    res.Metrics().NewGauge(telemetry.SimulatorInFlight.Name, telemetry.SimulatorInFlight.Labels...),
	}
}

func (m *meter) handedOut(c Cloud, b *batch) {
	n := int64(len(b.events))
	if b.attempt == 0 {
		m.events.Incr(n, c.String())
	} else {
		m.redelivered.Incr(n, c.String())
	}
	m.inFlight.Incr(n, c.String())
}

func (m *meter) settled(c Cloud, b, refused *batch) {
	n := int64(len(b.events))
	m.inFlight.Decr(n, c.String())
	if refused != nil {
		n -= int64(len(refused.events))
	}
	m.acked.Incr(n, c.String())
}

// worldLog tells metrics and log what a world reports.
type worldLog struct {
	logger *service.Logger
	meter  *meter

	mu     sync.Mutex
	warned time.Time
	lost   time.Duration
}

const warnEvery = 10 * time.Second

func (l *worldLog) Facts(c Class, n int64) { l.meter.facts.Incr(n, c.String()) }

func (l *worldLog) Lost(d time.Duration, wanted, reached float64) {
	l.meter.lost.Incr(int64(d))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost += d
	if now := time.Now(); now.Sub(l.warned) >= warnEvery {
		l.warned = now
		l.logger.Warnf("The simulator cannot keep %.0f events per second because they are not taken fast enough, or because the process stood still: %.0f in the last second, %v behind in all", wanted, reached, l.lost.Round(time.Millisecond))
	}
}
