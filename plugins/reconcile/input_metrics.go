package reconcile

import (
	"strconv"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
	"github.com/helios-connect/helios/plugins/reconcile/kafka"
	"github.com/helios-connect/helios/plugins/telemetry"
)

// inputMetrics turns what the Kafka input observes into metrics: those of both
// plugins, over all partitions of the process, and its own.
type inputMetrics struct {
	mu     sync.Mutex
	shared *metrics
	total  engine.Stats           // counters over all partitions that ever were ours
	was    map[int32]engine.Stats // of each partition at the last look

	lag, reread, live                         *service.MetricGauge
	transactions, restores, restored, rebuilt *service.MetricCounter
	drops, lost, overflow                     *service.MetricCounter
	transactionTime, restoreTime              *service.MetricTimer
}

func newInputMetrics(res *service.Resources) *inputMetrics {
	m := res.Metrics()
	counter := func(d telemetry.Metric) *service.MetricCounter { return m.NewCounter(d.Name, d.Labels...) }
	gauge := func(d telemetry.Metric) *service.MetricGauge { return m.NewGauge(d.Name, d.Labels...) }
	timer := func(d telemetry.Metric) *service.MetricTimer { return m.NewTimer(d.Name, d.Labels...) }
	return &inputMetrics{
		shared:          newMetrics(res),
		was:             make(map[int32]engine.Stats),
		lag:             gauge(telemetry.ReconcileInputLag),
		reread:          gauge(telemetry.ReconcileInputReread),
		live:            gauge(telemetry.ReconcileInputPartitions),
		transactions:    counter(telemetry.ReconcileInputTransactions),
		transactionTime: timer(telemetry.ReconcileInputTransactionTime),
		restores:        counter(telemetry.ReconcileInputRestores),
		restoreTime:     timer(telemetry.ReconcileInputRestoreTime),
		restored:        counter(telemetry.ReconcileInputRestoredVerdicts),
		rebuilt:         counter(telemetry.ReconcileInputRebuilt),
		drops:           counter(telemetry.ReconcileInputDrops),
		lost:            counter(telemetry.ReconcileInputLost),
		overflow:        counter(telemetry.ReconcileInputOverflow),
	}
}

func partitionLabel(id int32) string { return strconv.Itoa(int(id)) }

// Received implements kafka.Observer, as do the methods below.
func (m *inputMetrics) Received(participant, tenant string, count int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shared.counts[m.shared.key(participant, tenant)] += int64(count)
}

func (m *inputMetrics) Repeated(participant, tenant string, count int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shared.repeats[m.shared.key(participant, tenant)] += int64(count)
}

func (m *inputMetrics) Restored(_ int32, verdicts int, took time.Duration) {
	m.restores.Incr(1)
	m.restored.Incr(int64(verdicts))
	m.restoreTime.Timing(took.Nanoseconds())
}

func (m *inputMetrics) Rebuilt(_ int32, count int) { m.rebuilt.Incr(int64(count)) }

func (m *inputMetrics) Lost(partition int32, count int64) {
	m.lost.Incr(count, partitionLabel(partition))
}

func (m *inputMetrics) Dropped(partition int32, stale bool) {
	cause := "revoked"
	if stale {
		cause = "stale"
	}
	m.drops.Incr(1, cause)
	m.lag.Set(0, partitionLabel(partition))
	m.reread.Set(0, partitionLabel(partition))
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.was, partition)
}

func (m *inputMetrics) Transaction(result kafka.TransactionResult, took time.Duration) {
	m.transactions.Incr(1, result.String())
	m.transactionTime.Timing(took.Nanoseconds())
}

func (m *inputMetrics) Overflowed(count int) { m.overflow.Incr(int64(count)) }

func (m *inputMetrics) Committed(outputs []kafka.Delivery) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for _, o := range outputs {
		if o.Flagged != nil {
			m.shared.flag(o.Flagged.Reason, o.Flagged.Participant, o.Flagged.Tenant)
			continue
		}
		m.shared.verdict(o.Verdict, now)
	}
}

func (m *inputMetrics) Observed(partitions []kafka.PartitionStats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	live := 0
	m.total.Open, m.total.Closed, m.total.Bytes = 0, 0, 0
	for _, p := range partitions {
		m.lag.Set(p.Lag, partitionLabel(p.Partition))
		m.reread.Set(p.Reread, partitionLabel(p.Partition))
		if p.Phase == "live" {
			live++
		}
		m.add(p.Engine, m.was[p.Partition])
		m.was[p.Partition] = p.Engine
	}
	m.live.Set(int64(live))
	m.shared.flush(m.total)
}

// add adds what a partition's engine has counted since the last look, and takes
// over its clocks: a participant's mark is the highest of any partition.
func (m *inputMetrics) add(now, was engine.Stats) {
	t := &m.total
	t.Open += now.Open
	t.Closed += now.Closed
	t.Bytes += now.Bytes
	t.Uncounted += now.Uncounted - was.Uncounted
	t.Pressure += now.Pressure - was.Pressure
	t.Forgotten += now.Forgotten - was.Forgotten
	for i, c := range now.Clocks {
		if i == len(t.Clocks) {
			t.Clocks = append(t.Clocks, engine.ClockStats{Clock: c.Clock, Participant: c.Participant, Expected: c.Expected})
		}
		all := &t.Clocks[i]
		all.Mark, all.Frontier, all.Stalled = max(all.Mark, c.Mark), max(all.Frontier, c.Frontier), c.Stalled
	}
}
