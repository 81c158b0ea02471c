package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
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
	for _, flag := range []string{"--faults 2", "--rate 0", "--count 0", "--tenant ", "--type "} {
		name, value, _ := strings.Cut(flag, " ")
		dir := filepath.Join(t.TempDir(), "made")
		_, err := runSimulate("--out", dir, name, value)
		require.ErrorContains(t, err, flag)
		require.NoDirExists(t, dir, "nothing is made for it")
	}
}

func TestSimulateReplacesOnlyWhatWasSimulated(t *testing.T) {
	t.Run("its own files, as whoever repeats the first steps expects", func(t *testing.T) {
		dir := t.TempDir()
		out, err := runSimulate("--out", dir, "--count", "30")
		require.NoError(t, err)
		require.Contains(t, out, "of 30 facts in\n")
		out, err = runSimulate("--out", dir, "--count", "40")
		require.NoError(t, err)
		require.Contains(t, out, "of 40 facts in the place of earlier ones\n")
		l, err := truth.ReadFile(filepath.Join(dir, "truth.jsonl"))
		require.NoError(t, err)
		require.Len(t, l.Facts, 40)
	})
	t.Run("no file of one's own beside a truth", func(t *testing.T) {
		dir := t.TempDir()
		_, err := runSimulate("--out", dir, "--count", "30")
		require.NoError(t, err)
		path := filepath.Join(dir, "aws.jsonl")
		require.NoError(t, os.WriteFile(path, []byte("{\"mine\":1}\n"), 0o600))
		_, err = runSimulate("--out", dir, "--count", "40")
		require.ErrorContains(t, err, path+" is there already and is not as a simulation left it")
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "{\"mine\":1}\n", string(text))
		require.NoError(t, os.Remove(path))
		out, err := runSimulate("--out", dir, "--count", "40")
		require.NoError(t, err)
		require.Contains(t, out, "in the place of earlier ones")
	})
	for _, name := range []string{"aws.jsonl", "gcp.jsonl.gz", "truth.jsonl"} {
		t.Run("no "+name+" of one's own", func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			require.NoError(t, os.WriteFile(path, []byte("{\"mine\":1}\n"), 0o600))
			_, err := runSimulate("--out", filepath.Dir(path), "--count", "30")
			require.ErrorContains(t, err, path+" is there already and is not as a simulation left it: move it away, or write to another folder")
			left, err := os.ReadDir(filepath.Dir(path))
			require.NoError(t, err)
			require.Len(t, left, 1)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "{\"mine\":1}\n", string(text))
		})
	}
}
