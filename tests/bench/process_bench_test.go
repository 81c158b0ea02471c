//go:build unix

package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/bench/measure"
)

const (
	processFacts  = 100_000
	processRounds = 5
)

// binary returns the real program, which `make bench` builds.
func binary(t testing.TB) string {
	t.Helper()
	path := os.Getenv("HELIOS_BIN")
	if path == "" {
		t.Skip("HELIOS_BIN names no helios-connect to measure: `make bench` sets it")
	}
	return path
}

// process is a config of the whole program: a file of events, line by line in
// batches of 100, to an output. Without the period the batched input would wait
// for ever with what is left at the end of the file: its child ends only when
// everything has been acknowledged.
func process(c contender, file, output string) string {
	return fmt.Sprintf(`
http: { enabled: false }
logger: { level: error }
input:
  batched:
    child:
      file:
        paths: [ %q ]
        scanner: { lines: {} }
    policy: { count: %d, period: 100ms }
%s
%s
`, file, batchSize, c.buffer, output)
}

// runProcess runs the program to its end and returns the CPU time it took.
func runProcess(t testing.TB, config string) time.Duration {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stream.yaml")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t), "run", path)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// BenchmarkProcess compares whole processes with and without our buffer. What
// the program takes to start and end, measured with an empty file, is taken off
// both: a longer file would hide it.
func BenchmarkProcess(b *testing.B) {
	binary(b)
	dir := b.TempDir()
	w := streamWorkload(b, processFacts, 10_000)
	events, empty := filepath.Join(dir, "events.jsonl"), filepath.Join(dir, "empty.jsonl")
	require.NoError(b, writeLines(events, w.docs))
	require.NoError(b, writeLines(empty, measure.Documents{}))
	require.NoError(b, w.differences(processVerdicts(b, dir, events)))

	const drop = "output: { drop: {} }"
	none := contender{}
	var ratio, ours, plain measure.Series
	for range b.N {
		for range processRounds {
			start := runProcess(b, process(none, empty, drop))
			p := runProcess(b, process(none, events, drop)) - start
			r := runProcess(b, process(reconcilerWithoutHolding, events, drop)) - start
			ratio = append(ratio, float64(r)/float64(p))
			n := float64(w.docs.Len())
			ours = append(ours, float64(r.Nanoseconds())/n)
			plain = append(plain, float64(p.Nanoseconds())/n)
		}
	}
	ratio.Report(b, "process-ratio")
	ours.Report(b, "with-ns/event")
	plain.Report(b, "without-ns/event")
	b.ReportMetric(0, "ns/op")
}

func writeLines(path string, docs measure.Documents) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for i := range docs.Len() {
		_, _ = w.Write(docs.At(i))
		_ = w.WriteByte('\n')
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// processVerdicts returns the verdicts that the program writes into a file.
func processVerdicts(t testing.TB, dir, events string) map[string]string {
	t.Helper()
	path := filepath.Join(dir, "verdicts.jsonl")
	runProcess(t, process(reconcilerWithoutHolding, events, fmt.Sprintf("output: { file: { path: %q, codec: lines } }", path)))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	status := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var v struct{ Key, Status string }
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		status[v.Key] = v.Status
	}
	return status
}

// BenchmarkDemo measures how long after the start of its process the demo has
// its first verdict: what it says itself, and what the program needs to get as
// far as its first statement.
func BenchmarkDemo(b *testing.B) {
	path := binary(b)
	var first measure.Series
	for range b.N {
		for range 3 {
			start := time.Now()
			require.NoError(b, exec.Command(path, "--version").Run())
			load := time.Since(start)
			out, err := exec.Command(path, "demo", "--json", "--duration", "1s", "--rate", "1000", "--port", "0").Output()
			require.NoError(b, err)
			var report struct {
				OK   bool
				Load struct {
					First float64 `json:"first_verdict_seconds"`
				}
			}
			require.NoError(b, json.Unmarshal(out, &report))
			require.True(b, report.OK)
			first = append(first, load.Seconds()+report.Load.First)
		}
	}
	first.Report(b, "first-verdict-s")
	b.ReportMetric(0, "ns/op")
}
