package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/truth"
)

func runSimulate(args ...string) (string, error) {
	var out bytes.Buffer
	app := &cli.App{Writer: &out, ErrWriter: &out, Commands: []*cli.Command{simulateCommand()}}
	err := app.Run(append([]string{"helios-connect", "simulate"}, args...))
	return out.String(), err
}

func TestSimulateWritesFilesTruthAndWhatToDoNext(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	out, err := runSimulate("--out", dir, "--count", "300", "--faults", "0.5", "--seed", "9")
	require.NoError(t, err)
	require.Contains(t, out, "of 300 facts")
	require.Contains(t, out, "FILES='"+filepath.Join(dir, "aws.jsonl")+", ")
	require.Contains(t, out, " run pipelines/examples/files.yaml")
	l, err := truth.ReadFile(filepath.Join(dir, "truth.jsonl"))
	require.NoError(t, err)
	require.True(t, l.Complete)
	require.Len(t, l.Facts, 300)
	for _, name := range []string{"aws.jsonl", "gcp.jsonl.gz", "azure.jsonl"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NotZero(t, info.Size())
	}
}

func TestSimulateNamesTheFlagThatIsWrong(t *testing.T) {
	_, err := runSimulate("--out", t.TempDir(), "--faults", "2")
	require.ErrorContains(t, err, "faults.total: 2")
	_, err = runSimulate("--out", t.TempDir(), "--rate", "0")
	require.ErrorContains(t, err, "rate: 0")
	_, err = runSimulate("--out", t.TempDir(), "--count", "0")
	require.ErrorContains(t, err, "count:")
}
