//go:build unix

package reconcile

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/bench/measure"
)

const (
	expiringFacts  = 100_000
	expiringRounds = 7
)

// BenchmarkIntakeWhileFactsExpire measures the longest that a WriteBatch of 100
// events takes while 100,000 facts whose deadline passed at once are closed and
// handed to an output that takes them at once. The same writes without anything
// to close tell what the machine does to them.
func BenchmarkIntakeWhileFactsExpire(b *testing.B) {
	var longest, p99, quiet, all measure.Series
	for range b.N {
		for range expiringRounds {
			took, total := writesWhileExpiring(b)
			longest = append(longest, took.Quantile(1))
			p99 = append(p99, took.Quantile(0.99))
			all = append(all, total.Seconds()*1e3)
			quiet = append(quiet, quietWrites(b, len(took)).Quantile(1))
		}
	}
	longest.Report(b, "longest-ms")
	p99.Report(b, "p99-ms")
	quiet.Report(b, "quiet-longest-ms")
	all.Report(b, "expiry-ms")
	b.ReportMetric(0, "ns/op")
}

// intake is a buffer with an output that takes everything.
type intake struct {
	b        *testing.B
	buffer   service.BatchBuffer
	verdicts atomic.Int64
	done     chan struct{}
}

func startIntake(b *testing.B) *intake {
	conf, err := bufferConfig().ParseYAML(`
expectations:
  - name: orders
    expect: [ aws, gcp ]
    window: 10s
    allowed_lateness: 5s
    compare: [ { field: data.amount } ]
`, nil)
	require.NoError(b, err)
	in := &intake{b: b, done: make(chan struct{})}
	in.buffer, err = newBuffer(conf, service.MockResources())
	require.NoError(b, err)
	go func() {
		defer close(in.done)
		for {
			batch, ack, err := in.buffer.ReadBatch(context.Background())
			if err != nil {
				return
			}
			in.verdicts.Add(int64(len(batch)))
			_ = ack(context.Background(), nil)
		}
	}()
	return in
}

func (in *intake) stop() {
	require.NoError(in.b, in.buffer.Close(context.Background()))
	<-in.done
}

// write takes a batch of events of facts in and returns how many milliseconds it
// waited.
func (in *intake) write(cloud string, first, count, at int) float64 {
	batch := make(service.MessageBatch, count)
	for i := range batch {
		batch[i] = service.NewMessage(orderEvent(benchKey(first+i), cloud, at, 5))
	}
	start := time.Now()
	err := in.buffer.WriteBatch(context.Background(), batch, func(context.Context, error) error { return nil })
	took := time.Since(start)
	require.NoError(in.b, err)
	return took.Seconds() * 1e3
}

func benchKey(i int) string {
	digits := [8]byte{}
	for d := range digits {
		digits[len(digits)-1-d] = byte('0' + i%10)
		i /= 10
	}
	return "ord-" + string(digits[:])
}

// writesWhileExpiring returns how long each write took in milliseconds, and how
// long it took until all verdicts were out.
func writesWhileExpiring(b *testing.B) (took measure.Series, total time.Duration) {
	in := startIntake(b)
	for first := 0; first < expiringFacts; first += 100 {
		in.write("aws", first, 100, 0)
	}
	start := time.Now()
	next := expiringFacts
	took = append(took, in.write("gcp", next, 1, 20)) // everything is due
	for next++; in.verdicts.Load() < expiringFacts; next += 100 {
		require.Less(b, time.Since(start), time.Minute, "%d verdicts", in.verdicts.Load())
		took = append(took, in.write("gcp", next, 100, 20))
	}
	total = time.Since(start)
	in.stop()
	return took, total
}

func quietWrites(b *testing.B, writes int) (took measure.Series) {
	in := startIntake(b)
	for i := range writes {
		took = append(took, in.write("gcp", i*100, 100, 20))
	}
	in.stop()
	return took
}
