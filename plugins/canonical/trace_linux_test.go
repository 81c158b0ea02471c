package canonical

import (
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

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

// threadTime is the CPU time that the thread has had.
func threadTime(b *testing.B) time.Duration {
	const ofThread = 1 // RUSAGE_THREAD
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(ofThread, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
