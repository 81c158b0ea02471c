package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

func runInfer(args ...string) (out, progress string, err error) {
	var stdout, stderr bytes.Buffer
	app := &cli.App{Writer: &stdout, ErrWriter: &stderr, Commands: []*cli.Command{schemaInferCommand()}}
	err = app.Run(append([]string{"helios-connect", "infer"}, args...))
	return stdout.String(), stderr.String(), err
}

func TestInferWritesWhatAPersonReviews(t *testing.T) {
	const sample = "../../plugins/schema/infer/testdata/orders.jsonl"
	golden, err := os.ReadFile("../../plugins/schema/infer/testdata/orders.yaml")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "out.yaml")
	_, progress, err := runInfer("--type", "*.placed", "--out", path, sample)
	require.NoError(t, err)
	require.Contains(t, progress, "60 events learned from")
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(golden), string(written))

	_, _, err = runInfer("--out", path, sample)
	require.ErrorIs(t, err, os.ErrExist, "a reviewed file is never overwritten")
	out, _, err := runInfer("--json", "--type", "*.pinged", sample)
	require.NoError(t, err)
	require.JSONEq(t, `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"com.example.order.pinged","type":"object","properties":{"n":{"type":"integer"}}}`, out)
}

func TestInferNamesWhatIsWrong(t *testing.T) {
	const sample = "../../plugins/schema/infer/testdata/orders.jsonl"
	bare := filepath.Join(t.TempDir(), "bare.jsonl")
	require.NoError(t, os.WriteFile(bare, []byte(`{"amount":1}`), 0o600))
	for want, args := range map[string][]string{
		"among 1 line; payloads without an envelope take --bare TYPE": {bare},
		"one or more files":  {},
		"--confidence 0":     {"--confidence", "0", sample},
		"confidence 2":       {"--confidence", "2", sample},
		"max enum 100":       {"--max-enum", "100", sample},
		"no event":           {"--type", "nothing", sample},
		"opening the sample": {"absent.jsonl"},
	} {
		_, _, err := runInfer(args...)
		require.ErrorContains(t, err, want)
	}
}
