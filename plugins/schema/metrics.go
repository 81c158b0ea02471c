package schema

import (
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/telemetry"
)

// maxSeries bounds the combinations of labels that come from events, for each
// metric.
const maxSeries = 5000

type metrics struct {
	events, failures *service.MetricCounter
	registryErrors   *service.MetricCounter
	age, subjects    *service.MetricGauge
	bound, broken    *telemetry.Bound
}

func newMetrics(m *service.Metrics) *metrics {
	counter := func(d telemetry.Metric) *service.MetricCounter { return m.NewCounter(d.Name, d.Labels...) }
	overflow := counter(telemetry.LabelOverflow)
	over := func(names string) func() {
		overflow.Incr(0, names) // a rate over it sees the first one
		return func() { overflow.Incr(1, names) }
	}
	made := &metrics{
		events: counter(telemetry.SchemaEvents), failures: counter(telemetry.SchemaFailures),
		registryErrors: counter(telemetry.SchemaRegistryErrors),
		age:            m.NewGauge(telemetry.SchemaRegistryAge.Name), subjects: m.NewGauge(telemetry.SchemaSubjects.Name),
		bound: telemetry.NewBound(maxSeries, over("contract")), broken: telemetry.NewBound(maxSeries, over(telemetry.LabelRule)),
	}
	// The series exists from the start, so that a rate over it sees the first one.
	made.registryErrors.Incr(0)
	return made
}

// tally counts events of one kind within a batch, so that a batch costs a few
// metric updates and not one per event.
type tally struct {
	tenant, kind, source, outcome string
	version                       int
	count                         int64
}

// breach counts a broken rule within a batch.
type breach struct {
	tenant, kind, source, rule string
	count                      int64
}

const outcomeUpgraded = "upgraded"

func (w *worker) count(o *Outcome) {
	t := tally{tenant: o.Tenant, kind: o.Type, source: o.Source, outcome: o.Status.String(), version: o.Version}
	if o.From > 0 && o.Status == Valid {
		t.outcome, t.version = outcomeUpgraded, o.From
	}
	for _, f := range o.Failures {
		w.countBreach(breach{tenant: o.Tenant, kind: o.Type, source: o.Source, rule: f.Rule})
	}
	for i := range w.tallies {
		if k := &w.tallies[i]; k.kind == t.kind && k.source == t.source && k.tenant == t.tenant && k.outcome == t.outcome && k.version == t.version {
			k.count++
			return
		}
	}
	t.count = 1
	w.tallies = append(w.tallies, t)
}

func (w *worker) countBreach(b breach) {
	for i := range w.broken {
		if k := &w.broken[i]; k.kind == b.kind && k.source == b.source && k.tenant == b.tenant && k.rule == b.rule {
			k.count++
			return
		}
	}
	b.count = 1
	w.broken = append(w.broken, b)
}

// report adds a batch's tallies to the metrics.
func (m *metrics) report(w *worker) {
	const other = telemetry.Overflow
	for _, t := range w.tallies {
		version := strconv.Itoa(t.version)
		t.tenant, t.kind, t.source = telemetry.Label(t.tenant), telemetry.Label(t.kind), telemetry.Label(t.source)
		if !m.bound.Admits(t.tenant + "\x00" + t.kind + "\x00" + version + "\x00" + t.source) {
			t.tenant, t.kind, version, t.source = other, other, other, other
		}
		m.events.Incr(t.count, t.tenant, t.kind, version, t.source, t.outcome)
	}
	for _, b := range w.broken {
		b.tenant, b.kind, b.source = telemetry.Label(b.tenant), telemetry.Label(b.kind), telemetry.Label(b.source)
		if !m.broken.Admits(b.tenant + "\x00" + b.kind + "\x00" + b.source + "\x00" + b.rule) {
			b.tenant, b.kind, b.source = other, other, other
		}
		m.failures.Incr(b.count, b.tenant, b.kind, b.source, b.rule)
	}
	w.tallies, w.broken = w.tallies[:0], w.broken[:0]
}
