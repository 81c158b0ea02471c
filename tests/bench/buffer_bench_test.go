//go:build unix

package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/bench/measure"
)

const (
	streamFacts  = 90_000
	streamOpen   = 10_000
	streamRounds = 9
)

// streamWorkload dates the facts so that a fact is open for half its window.
func streamWorkload(t testing.TB, facts, open int) *workload {
	t.Helper()
	return makeWorkload(t, facts, open, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), window/time.Duration(2*open))
}

// TestContendersGiveTheSameVerdicts also runs on its own, so that a baseline
// that has gone wrong is found without measuring.
func TestContendersGiveTheSameVerdicts(t *testing.T) {
	w := streamWorkload(t, 3000, 500)
	for _, c := range []contender{reconciler, reconcilerWithoutHolding, naive} {
		require.NoError(t, w.differences(verdicts(t, c, whole(w.docs), w.verdicts())), c.name)
	}
	w = windowWorkload(t, 1500, 300)
	require.NoError(t, w.differences(verdicts(t, configuration, w.eventsOnly(), w.count)), configuration.name)
	require.NoError(t, w.differences(verdicts(t, reconciler, whole(w.docs), w.verdicts())), reconciler.name)
}

// cost runs the documents through a fresh stream, and counts what those behind
// the first warm ones take.
func cost(b *testing.B, c contender, docs part, warm, messages int) measure.Cost {
	b.Helper()
	s := startStream(b, c, nil)
	s.put(part{docs.of, docs.from, docs.from + warm})
	s.settle()
	got := measure.Of(func() { require.NoError(b, s.run(part{docs.of, docs.from + warm, docs.to}, messages), c.name) })
	require.EqualValues(b, messages, s.messages.Load(), c.name)
	s.stop()
	return got
}

// BenchmarkBuffer compares streams that differ in their buffer only: our buffer,
// one that only passes batches on, one that does the least that ours must, and a
// naive reconciler.
func BenchmarkBuffer(b *testing.B) {
	w := streamWorkload(b, streamFacts, streamOpen)
	docs, facts := whole(w.docs), w.verdicts()
	warm := docs.len() / 2 / batchSize * batchSize
	for _, c := range []contender{reconciler, naive} {
		require.NoError(b, w.differences(verdicts(b, c, docs, facts)), c.name)
	}
	var ratio, throughput, released, least, leastThroughput, against, ours, plain, slow measure.Series
	for range b.N {
		for range streamRounds {
			p := cost(b, passThrough, docs, warm, docs.len())
			r := cost(b, reconciler, docs, warm, facts)
			f := cost(b, reconcilerWithoutHolding, docs, warm, facts)
			l := cost(b, floor, docs, warm, floorMessages(docs.len()))
			n := cost(b, naive, docs, warm, facts)
			ratio = append(ratio, float64(r.CPU)/float64(p.CPU))
			released = append(released, float64(f.CPU)/float64(p.CPU))
			throughput = append(throughput, float64(p.Wall)/float64(r.Wall))
			least = append(least, float64(l.CPU)/float64(p.CPU))
			leastThroughput = append(leastThroughput, float64(p.Wall)/float64(l.Wall))
			against = append(against, float64(n.CPU)/float64(r.CPU))
			ours = append(ours, r.PerEvent(docs.len()-warm))
			plain = append(plain, p.PerEvent(docs.len()-warm))
			slow = append(slow, n.PerEvent(docs.len()-warm))
		}
	}
	ratio.Report(b, "cpu-ratio")
	released.Report(b, "cpu-ratio-released")
	throughput.Report(b, "throughput-ratio")
	least.Report(b, "floor-cpu-ratio")
	leastThroughput.Report(b, "floor-throughput-ratio")
	against.Report(b, "naive-ratio")
	ours.Report(b, "reconcile-ns/event")
	plain.Report(b, "pass-ns/event")
	slow.Report(b, "naive-ns/event")
	b.ReportMetric(0, "ns/op")
}

const (
	configFacts  = 10_000
	configOpen   = 2_000
	configRounds = 7
)

// windowWorkload dates all facts into one of the coming seconds, far enough
// ahead for all events to have arrived when that second ends.
func windowWorkload(t testing.TB, facts, open int) *workload {
	t.Helper()
	start := time.Now().Truncate(time.Second).Add(2 * time.Second)
	step := 900 * time.Millisecond / time.Duration(facts)
	return makeWorkload(t, facts, open, start.Add(50*time.Millisecond), step)
}

// BenchmarkConfiguration compares our buffer with Redpanda Connect's own
// components on the same events. Waiting for the window to end costs wall time
// only, so CPU time is all that is compared.
func BenchmarkConfiguration(b *testing.B) {
	var against, theirs, ours measure.Series
	for range b.N {
		for range configRounds {
			w := windowWorkload(b, configFacts, configOpen)
			c := cost(b, configuration, w.eventsOnly(), 0, w.count)
			r := cost(b, reconciler, whole(w.docs), 0, w.verdicts())
			against = append(against, c.PerEvent(w.events)/r.PerEvent(w.events))
			theirs = append(theirs, c.PerEvent(w.events))
			ours = append(ours, r.PerEvent(w.events))
		}
	}
	w := windowWorkload(b, configFacts, configOpen)
	require.NoError(b, w.differences(verdicts(b, configuration, w.eventsOnly(), w.count)))
	require.NoError(b, w.differences(verdicts(b, reconciler, whole(w.docs), w.verdicts())))
	against.Report(b, "config-ratio")
	theirs.Report(b, "config-ns/event")
	ours.Report(b, "reconcile-ns/event")
	b.ReportMetric(0, "ns/op")
}
