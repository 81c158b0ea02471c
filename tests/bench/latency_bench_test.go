//go:build unix

package bench

import (
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/bench/measure"
)

const (
	latencyFacts  = 60_000
	latencyRounds = 15
)

// BenchmarkLatency offers events at half the rate that the stream with our
// buffer reaches, and compares how long a fact's last event takes to its verdict
// with how long an event takes through the pass-through buffer.
func BenchmarkLatency(b *testing.B) {
	w := streamWorkload(b, latencyFacts, 10_000)
	rate := highestRate(b, w) / 2
	var added, ours, plain measure.Series
	for range b.N {
		for range latencyRounds {
			p := pacedThroughPass(b, w, rate)
			r := pacedThroughReconcile(b, w, rate)
			plain = append(plain, p.Quantile(0.99))
			ours = append(ours, r.Quantile(0.99))
			added = append(added, r.Quantile(0.99)-p.Quantile(0.99))
		}
	}
	added.Report(b, "added-p99-ms")
	ours.Report(b, "verdict-p99-ms")
	plain.Report(b, "pass-p99-ms")
	b.ReportMetric(rate, "events/s")
	b.ReportMetric(0, "ns/op")
}

func highestRate(b *testing.B, w *workload) float64 {
	var rates measure.Series
	docs := whole(w.docs)
	for range 3 {
		c := cost(b, reconciler, docs, 0, w.verdicts())
		rates = append(rates, float64(docs.len())/c.Wall.Seconds())
	}
	return rates.Median()
}

// paced offers documents in batches at a rate, by the schedule and not by the
// pause between two batches, and notes in sent when each document was due: a
// stream that falls behind can't hide it.
func (f *feed) paced(docs part, rate float64, sent []int64) {
	start := time.Now()
	for first := 0; first < docs.len(); first += batchSize {
		last := min(first+batchSize, docs.len())
		due := start.Add(time.Duration(float64(first) / rate * float64(time.Second)))
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
			due = time.Now() // an oversleeping machine is not the stream's fault
		}
		for i := first; i < last; i++ {
			atomic.StoreInt64(&sent[i], due.UnixNano())
		}
		f.put(part{docs.of, docs.from + first, docs.from + last})
	}
}

func pacedThroughPass(b *testing.B, w *workload, rate float64) (took measure.Series) {
	sent := make([]int64, w.events)
	took = make(measure.Series, 0, w.events)
	s := startStream(b, passThrough, func(*service.Message) { // in the order of the events
		took = append(took, float64(time.Now().UnixNano()-atomic.LoadInt64(&sent[len(took)]))/1e6)
	})
	s.paced(w.eventsOnly(), rate, sent)
	require.NoError(b, s.run(part{}, w.events))
	s.stop()
	return took
}

func pacedThroughReconcile(b *testing.B, w *workload, rate float64) (took measure.Series) {
	last := make([]int, w.count) // event, by fact
	for i, fact := range w.facts {
		last[fact] = i
	}
	docs := whole(w.docs)
	sent := make([]int64, docs.len())
	took = make(measure.Series, 0, w.count)
	s := startStream(b, reconciler, func(m *service.Message) {
		key, _ := m.MetaGet("helios_key")
		status, _ := m.MetaGet("helios_status")
		fact, err := strconv.Atoi(strings.TrimPrefix(key, keyPrefix))
		if err != nil || status == "missing" { // which waits for other facts' events
			return
		}
		took = append(took, float64(time.Now().UnixNano()-atomic.LoadInt64(&sent[last[fact]]))/1e6)
	})
	s.paced(docs, rate, sent)
	require.NoError(b, s.run(part{}, w.verdicts()))
	s.stop()
	return took
}
