package e2e

import (
	"database/sql"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// demoPatience is far above what a short demo takes on a busy machine.
const demoPatience = 4 * time.Minute

// judgement is what these tests read of the report.
type judgement struct {
	OK         bool     `json:"ok"`
	Conclusion string   `json:"conclusion"`
	Failures   []string `json:"failures"`
	Facts      int64    `json:"facts"`
	Right      int64    `json:"right"`
	Wrong      int64    `json:"wrong"`
	Classes    []struct {
		Class string `json:"class"`
		Facts int64  `json:"facts"`
	} `json:"classes"`
	Attained float64 `json:"attained_rate"`
	Load     struct {
		Limit        string  `json:"limited_by"`
		FirstVerdict float64 `json:"first_verdict_seconds"`
		Memory       int64   `json:"memory_bytes"`
	} `json:"load"`
}

func read(t *testing.T, text string) (j judgement) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &j), text)
	return j
}

// runsIn lists the folders of runs in a data folder.
func runsIn(t *testing.T, dataDir string) []string {
	t.Helper()
	runs, err := filepath.Glob(filepath.Join(dataDir, "run-*"))
	require.NoError(t, err)
	return runs
}

func TestTheDemoJudgesEveryFaultClassRight(t *testing.T) {
	t.Parallel()
	dataDir := filepath.Join(t.TempDir(), "runs")
	p := start(t, nil, "demo", "--duration", "8s", "--rate", "1000", "--seed", "7", "--faults", "0.2", "--port", "0", "--data-dir", dataDir, "--json")
	require.Zero(t, p.exit(demoPatience))
	j := read(t, p.out.String())
	require.True(t, j.OK)
	require.Equal(t, "all verdicts correct", j.Conclusion)
	require.Empty(t, j.Failures)
	require.Len(t, j.Classes, 9, "eight fault classes and the healthy facts")
	for _, c := range j.Classes {
		require.Positive(t, c.Facts, c.Class)
	}
	require.Greater(t, j.Facts, int64(2000))
	require.Equal(t, j.Facts, j.Right)
	require.Positive(t, j.Load.FirstVerdict)

	runs := runsIn(t, dataDir)
	require.Len(t, runs, 1)
	t.Run("events that were judged twice, as after a lost session, are no fault", func(t *testing.T) {
		changeCounts(t, runs[0], func(counts map[string]any) {
			counts["judged"] = counts["judged"].(float64) + 5
		})
		again := start(t, nil, "demo", "report", runs[0])
		require.Zero(t, again.exit(time.Minute), again.out.String())
	})
	t.Run("a flipped verdict in the store fails the report", func(t *testing.T) {
		flipAVerdict(t, filepath.Join(runs[0], "store.db"))
		again := start(t, nil, "demo", "report", "--json", runs[0])
		require.Equal(t, 1, again.exit(time.Minute))
		j := read(t, again.out.String())
		require.False(t, j.OK)
		require.EqualValues(t, 1, j.Wrong)
		require.Contains(t, j.Failures, "1 wrong verdict of "+strconv.FormatInt(j.Facts, 10))
	})
	t.Run("a lost event in the log's count fails the report", func(t *testing.T) {
		changeCounts(t, runs[0], func(counts map[string]any) {
			counts["received"] = counts["received"].(float64) - 1
		})
		again := start(t, nil, "demo", "report", runs[0])
		require.Equal(t, 1, again.exit(time.Minute))
		require.Contains(t, again.out.String(), "ingest received")
		require.True(t, strings.HasPrefix(again.out.LastLine(), "FAILED"), again.out.LastLine())
	})
}

// By itself: it takes all of the machine.
func TestADemoThatCannotKeepItsRateIsJudgedRightAndSaysSo(t *testing.T) {
	p := start(t, nil, "demo", "--duration", "5s", "--rate", "100000", "--port", "0", "--json")
	require.Zero(t, p.exit(demoPatience), p.err.String())
	j := read(t, p.out.String())
	require.True(t, j.OK)
	require.Less(t, j.Attained, 90_000.0)
	require.NotEmpty(t, j.Load.Limit)
	require.Contains(t, p.err.String(), "of 100000 events/s: "+j.Load.Limit)
}

// Without the clouds' own protocols between, the verdicts are the same, and so is
// the count of events.
func TestTheDemoWithoutEmulatedCloudsJudgesEveryFaultClassRight(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "demo", "--direct", "--duration", "8s", "--rate", "600", "--seed", "11", "--faults", "0.2", "--port", "0", "--json")
	require.Zero(t, p.exit(demoPatience))
	j := read(t, p.out.String())
	require.True(t, j.OK)
	require.Greater(t, j.Facts, int64(1000))
	require.EqualValues(t, j.Facts, j.Right)
}

// TestASoakOfTheDemoKeepsEveryVerdictRight runs for as long as HELIOS_SOAK says,
// such as 10m.
func TestASoakOfTheDemoKeepsEveryVerdictRight(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("HELIOS_SOAK"))
	if err != nil {
		t.Skip("a soak takes its time: set HELIOS_SOAK to how long it may, such as 10m")
	}
	t.Run("without the clouds' protocols", func(t *testing.T) {
		t.Parallel()
		// 320 MB by itself. Where other tests keep the cores busy, Go's collector lets
		// the heap grow to twice what is alive, unless it is told a limit: what is alive
		// has to fit into it.
		j := soak(t, duration, []string{"GOMEMLIMIT=350MiB"}, "--direct", "--rate", "2000")
		require.Less(t, j.Load.Memory, int64(600e6), "bytes of memory")
	})
	// Here the simulated clouds keep what waits in the same process.
	t.Run("through emulated clouds", func(t *testing.T) {
		t.Parallel()
		soak(t, duration, nil, "--rate", "500")
	})
}

func soak(t *testing.T, duration time.Duration, env []string, args ...string) judgement {
	t.Helper()
	p := start(t, env, append([]string{"demo", "--duration", duration.String(), "--faults", "0.3", "--port", "0", "--json"}, args...)...)
	require.Zero(t, p.exit(duration+demoPatience))
	j := read(t, p.out.String())
	require.True(t, j.OK)
	require.EqualValues(t, j.Facts, j.Right)
	return j
}

// flipAVerdict turns one current verdict from matched into missing.
func flipAVerdict(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	result, err := db.Exec(`UPDATE helios_verdicts
		SET status = 'missing', verdict = replace(verdict, '"status":"matched"', '"status":"missing"')
		WHERE id = (SELECT min(id) FROM helios_verdicts WHERE status = 'matched')`)
	require.NoError(t, err)
	changed, err := result.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 1, changed)
}

func changeCounts(t *testing.T, run string, change func(map[string]any)) {
	t.Helper()
	path := filepath.Join(run, "counts.json")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var counts map[string]any
	require.NoError(t, json.Unmarshal(text, &counts))
	change(counts)
	text, err = json.Marshal(counts)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text, 0o600))
}

func TestCtrlCEndsTheDemoWithItsReport(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	p := start(t, []string{"TMPDIR=" + temp}, "demo", "--rate", "500", "--faults", "none", "--port", "0")
	p.await(time.Minute, "the first lines of progress", func() bool { return strings.Count(p.out.String(), "running:") > 1 })
	p.signal(syscall.SIGINT)
	require.Zero(t, p.exit(demoPatience))
	require.Contains(t, p.out.LastLine(), "all verdicts correct")
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left, "a temporary data folder goes with a run without fault")
}

func TestASecondCtrlCStopsTheDemoAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "demo", "--rate", "500", "--port", "0")
	p.await(time.Minute, "the first line of progress", func() bool { return strings.Contains(p.out.String(), "running:") })
	p.signal(syscall.SIGINT)
	p.await(10*time.Second, "the answer to the first", func() bool { return strings.Contains(p.err.String(), "once more to stop at once") })
	p.signal(syscall.SIGINT)
	require.Equal(t, 130, p.exit(10*time.Second))
	require.Contains(t, p.err.String(), "The run is kept in")
}

func TestWhatTheDemoCannotDoIsSaidWithTheFlag(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))

	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"a port that is taken":           {[]string{"--port", port}, "--port " + port},
		"a data folder that is a file":   {[]string{"--port", "0", "--data-dir", file}, "--data-dir " + file},
		"a rate of nothing":              {[]string{"--rate", "0"}, "--rate: 0 is outside the allowed range"},
		"a duration before the start":    {[]string{"--duration", "-1s"}, "--duration: -1s is negative"},
		"a fault class that nobody has":  {[]string{"--faults", "gremlins"}, `"gremlins" is neither a number nor a fault class`},
		"an argument that means nothing": {[]string{"now"}, `takes no arguments, found "now"`},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, nil, append([]string{"demo"}, test.args...)...)
			require.NotZero(t, p.exit(30*time.Second))
			require.Contains(t, p.err.String(), test.says)
		})
	}
}
