//go:build unix

// Package measure compares contenders on a machine that others use too: they
// take turns in short rounds, CPU time counts instead of the clock on the wall,
// and what is reported is the median of the rounds' ratios with its spread.
package measure

import (
	"math"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Cost is what a round took.
type Cost struct {
	CPU, Wall time.Duration
}

// PerEvent returns the CPU time of one of n events in nanoseconds.
func (c Cost) PerEvent(n int) float64 { return float64(c.CPU.Nanoseconds()) / float64(n) }

// CPU returns the time that this process has spent on any core, garbage
// collection and the kernel's work for it included.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // can't happen: the arguments are constants
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Of returns the cost of f, which begins with a collected heap.
func Of(f func()) Cost {
	runtime.GC()
	cpu, wall := CPU(), time.Now()
	f()
	return Cost{CPU() - cpu, time.Since(wall)}
}

// Series holds one number per round.
type Series []float64

// Quantile returns the smallest number that at least the fraction q of the
// series does not exceed; NaN of an empty series.
func (s Series) Quantile(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(max(int(math.Ceil(q*float64(len(sorted))))-1, 0), len(sorted)-1)]
}

// Median returns the middle of the series.
func (s Series) Median() float64 { return s.Quantile(0.5) }

// Report adds the median as a metric of the benchmark, and the quartiles as the
// metrics unit-q1 and unit-q3.
func (s Series) Report(b *testing.B, unit string) {
	b.Helper()
	b.ReportMetric(s.Median(), unit)
	b.ReportMetric(s.Quantile(0.25), unit+"-q1")
	b.ReportMetric(s.Quantile(0.75), unit+"-q3")
}

// Heap returns the bytes of live objects after a full collection.
func Heap() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers of the first held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
