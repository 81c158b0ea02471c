package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const output = `goos: linux
BenchmarkBuffer-2   	       1	         1.7 cpu-ratio	         1.6 cpu-ratio-q1	         1.8 cpu-ratio-q3	         0.40 throughput-ratio
BenchmarkLatency-2  	       1	         0.5 added-p99-ms	    250000 events/s
PASS
`

func line(t *testing.T, text, what string) string {
	t.Helper()
	for l := range strings.Lines(text) {
		if strings.Contains(l, what) {
			return strings.Join(strings.Fields(l), " ")
		}
	}
	t.Fatalf("no line has %q in\n%s", what, text)
	return ""
}

func TestTheTableSaysWhichTargetsAreMet(t *testing.T) {
	var out strings.Builder
	failed, err := run(strings.NewReader(output), &out)
	require.NoError(t, err)
	require.False(t, failed)
	require.Equal(t, "reconcile buffer / pass-through buffer, CPU per event <= 1.90 <= 1.60 1.70 [1.60 .. 1.80] met", line(t, out.String(), "CPU per event"))
	require.Equal(t, "the same, throughput >= 0.500 >= 0.650 0.400 MISSED", line(t, out.String(), "throughput"))
	require.Equal(t, "added p99 from last event to verdict, at half the highest rate <= 5.00 ms <= 2.00 ms 0.500 ms as aimed at", line(t, out.String(), "added p99"))
	require.Equal(t, "that half 250 k/s", line(t, out.String(), "that half"))
	require.Contains(t, line(t, out.String(), "demo:"), "not measured")
	require.Contains(t, out.String(), "goos: linux")
}

func TestABenchmarkThatFailsFailsTheTable(t *testing.T) {
	var out strings.Builder
	failed, err := run(strings.NewReader(output+"--- FAIL: BenchmarkDemo\n    no verdict\nFAIL\n"), &out)
	require.NoError(t, err)
	require.True(t, failed)
	require.Contains(t, out.String(), "no verdict")
}
