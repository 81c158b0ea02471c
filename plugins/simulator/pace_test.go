package simulator

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

func cpuTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestTheHighestRateIsKept measures wall time, so it runs only where nothing
// else does: HELIOS_MEASURE=1.
func TestTheHighestRateIsKept(t *testing.T) {
	if os.Getenv("HELIOS_MEASURE") != "1" {
		t.Skip("measures wall time; set HELIOS_MEASURE=1 on a quiet machine")
	}
	i := reader(t, "world: fastest\nrate: 100000\nbatch_size: 500\nledger: "+t.TempDir()+"/truth.jsonl")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	before, began := cpuTime(t), time.Now()
	err := drainAll(ctx, i, func(service.MessageBatch) error { return nil })
	require.True(t, errors.Is(err, context.DeadlineExceeded), err)
	cpu, wall := cpuTime(t)-before, time.Since(began)
	s := i.world.Snapshot()
	events := int64(0)
	for _, c := range s.Clouds {
		events += c.Events
	}
	t.Logf("%.0f events/s, %.0f %% of a core, lost %v, behind %v", float64(events)/wall.Seconds(), 100*cpu.Seconds()/wall.Seconds(), s.Lost, s.Behind)
	require.InEpsilon(t, MaxRate, float64(events)/wall.Seconds(), 0.05)
	require.Zero(t, s.Lost)
}

// deaf takes no note of what a world says.
type deaf struct{}

func (deaf) Facts(Class, int64)                   {}
func (deaf) Lost(time.Duration, float64, float64) {}

func TestAWorldDoesNotMakeUpForAStandstillAtOnce(t *testing.T) {
	opts := fileOptions()
	opts.Rate, opts.Count = 1000, 0
	w := newWorld("stood still", Settings{Options: opts, MaxQueued: 20_000}, deaf{})
	now := time.Now()
	require.NoError(t, w.open(now))
	require.True(t, w.advance(now.Add(time.Second)))
	before := w.made
	require.True(t, w.advance(now.Add(71*time.Second)))
	require.InDelta(t, opts.Rate*maxLag.Seconds(), w.made-before, 300)
	require.Equal(t, 69*time.Second, w.lost.Round(time.Second))
}
