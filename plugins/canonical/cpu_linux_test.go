package canonical

import (
	"context"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/bench/measure"
)

// What one round of each contender takes: about as long for both.
const (
	processorBatches = 400
	mappingBatches   = 20
)

// BenchmarkAgainstBloblang runs the processor and the mapping in turns, in rounds
// of some 50 ms, on batches of 100 messages, and reports the CPU time of each and
// how many times faster the processor is. It is the thread's time: what the garbage
// collector makes the thread do for either is in it, what else the machine does is
// not. Each round begins with a collected heap, so that neither pays for the other.
func BenchmarkAgainstBloblang(b *testing.B) {
	exe, err := bloblang.Parse(mapping)
	require.NoError(b, err)
	for _, f := range formats {
		b.Run(f.name, func(b *testing.B) {
			runtime.LockOSThread() // a benchmark has a goroutine of its own
			defer runtime.UnlockOSThread()
			p := open(b, ``)
			batch := make(service.MessageBatch, 100)
			var mine, theirs, faster measure.Series
			b.ReportAllocs()
			for b.Loop() {
				m := perEvent(b, processorBatches, batch, f.body, func() {
					if _, err := p.ProcessBatch(context.Background(), batch); err != nil {
						b.Fatal(err)
					}
				})
				t := perEvent(b, mappingBatches, batch, f.body, func() {
					for range batch {
						byMapping(b, exe, f.body)
					}
				})
				mine, theirs, faster = append(mine, m), append(theirs, t), append(faster, t/m)
			}
			mine.Report(b, "processor-ns/event")
			theirs.Report(b, "bloblang-ns/event")
			faster.Report(b, "x-faster")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// perEvent is the thread's time, in nanoseconds, for one message of batches of new
// ones. Making them is not counted.
func perEvent(b *testing.B, batches int, batch service.MessageBatch, body string, f func()) float64 {
	runtime.GC()
	var spent time.Duration
	for range batches {
		for i := range batch {
			batch[i] = service.NewMessage([]byte(body))
		}
		start := threadTime(b)
		f()
		spent += threadTime(b) - start
	}
	return float64(spent.Nanoseconds()) / float64(batches*len(batch))
}

// BenchmarkTracingRatio is the CPU that an event costs with tracing on and none
// sampled, over that with tracing off, taken by turns so that a shared machine
// troubles both alike.
func BenchmarkTracingRatio(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	batch := make(service.MessageBatch, 100)
	for i := range batch {
		batch[i] = service.NewMessage([]byte(eventBridge))
	}
	turns := []*processor{open(b, "{}"), traced(b, "parentbased_traceidratio", "0.000000001")}
	var spent [2]time.Duration
	for b.Loop() {
		for i, p := range turns {
			began := threadTime(b)
			for range 20 {
				process(b, p, batch...)
			}
			spent[i] += threadTime(b) - began
		}
	}
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "on/off")
	b.ReportMetric(float64(spent[0].Nanoseconds())/float64(b.N*20*len(batch)), "off-ns/event")
}

// threadTime is the CPU time that the thread has had, to the nanosecond:
// getrusage counts in ticks of some milliseconds.
func threadTime(b *testing.B) time.Duration {
	const ofThread = 3 // CLOCK_THREAD_CPUTIME_ID
	var now syscall.Timespec
	_, _, failed := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, ofThread, uintptr(unsafe.Pointer(&now)), 0)
	require.Zero(b, failed)
	return time.Duration(now.Nano())
}
