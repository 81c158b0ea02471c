package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/embedded"
)

func TestBadFlagsOfPublishAreExplained(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{}, "no target"},
		{[]string{"a", "b"}, `found "b" too`},
		{[]string{"--simulate", "0"}, "--simulate 0"},
		{[]string{"--simulate", "5", "a"}, "give one of them"},
		{[]string{"--rate", "5", "a"}, "go with --simulate"},
		{[]string{"--attempts", "0"}, "--attempts 0"},
		{[]string{"--simulate", "5", "--faults", "2"}, "--faults 2"},
		{[]string{"--simulate", "5", "--rate", "0.5"}, "--rate 0.5"},
		{[]string{"--topic", "orders"}, "projects/PROJECT/topics/TOPIC"},
		{[]string{"--bus", "b", "nowhere.jsonl"}, "nowhere.jsonl"},
	} {
		_, err := runApp(t, publishCommand(), c.args...)
		require.ErrorContains(t, err, c.want, "%v", c.args)
	}
}

func TestPublishEndsWithStatusOneWhenALineIsNoEvent(t *testing.T) {
	queue, err := embedded.StartSQS("helios")
	require.NoError(t, err)
	t.Cleanup(queue.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	file := filepath.Join(t.TempDir(), "events.jsonl")
	good := `{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"order_id":"o-1"}}` + "\n"
	require.NoError(t, os.WriteFile(file, []byte(good), 0o600))
	out, err := runApp(t, publishCommand(), "--queue", queue.URL(), "--endpoint", queue.Endpoint(), file)
	require.NoError(t, err)
	require.Contains(t, out, "SQS queue helios  1     0")
	require.EqualValues(t, 1, queue.Held())

	require.NoError(t, os.WriteFile(file, []byte(good+"nonsense\n"), 0o600))
	out, err = runApp(t, publishCommand(), "--json", "--queue", queue.URL(), "--endpoint", queue.Endpoint(), file)
	var exit cli.ExitCoder
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	var summary struct {
		Unreadable struct{ Count int }
		Targets    []struct{ Sent int }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &summary))
	require.Equal(t, 1, summary.Unreadable.Count)
	require.Equal(t, 1, summary.Targets[0].Sent)
}
