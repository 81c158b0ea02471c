package main

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/embedded"
)

// A reason that is misspelt must not look like a topic without letters.
func TestAListOfNothingSaysWhatThereIs(t *testing.T) {
	broker, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Partitions: 2})
	require.NoError(t, err)
	t.Cleanup(broker.Close)
	t.Setenv("HELIOS_KAFKA_BROKERS", broker.Addrs()[0])
	list := func() (out, said bytes.Buffer) {
		app := &cli.App{Commands: []*cli.Command{dlqCommand()}, Writer: &out, ErrWriter: &said}
		require.NoError(t, app.Run([]string{"helios-connect", "dlq", "list", "--reason", "contrakt", "--json"}))
		return out, said
	}
	out, said := list()
	require.Empty(t, out.String())
	require.Equal(t, "There are no dead letters in helios.dlq.\n", said.String())

	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...))
	require.NoError(t, err)
	defer client.Close()
	for _, reason := range []string{"contract", "future", "contract"} {
		letter := &kgo.Record{Topic: embedded.TopicDLQ, Headers: []kgo.RecordHeader{{Key: "helios-reason", Value: []byte(reason)}}}
		require.NoError(t, client.ProduceSync(t.Context(), letter).FirstErr())
	}
	out, said = list()
	require.Empty(t, out.String())
	require.Equal(t, "No letter matches. In helios.dlq there are: 2 contract, 1 future.\n", said.String())
}

func TestBadFlagsOfDLQAreExplained(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"list", "--since", "yesterday"}, `--since "yesterday"`},
		{[]string{"list", "--stage", "x"}, "ingest, validate, reconcile or store"},
		{[]string{"list", "--limit", "-1"}, "--limit -1"},
		{[]string{"list", "extra"}, `"extra"`},
		{[]string{"replay", "--max-attempts", "0"}, "--max-attempts 0"},
		{[]string{"show"}, "partition:offset"},
		{[]string{"show", "1-2"}, "partition:offset"},
	} {
		app := &cli.App{Commands: []*cli.Command{dlqCommand()}, Writer: io.Discard, ErrWriter: io.Discard}
		require.ErrorContains(t, app.Run(append([]string{"helios-connect", "dlq"}, c.args...)), c.want, "%v", c.args)
	}
}

func TestAReplayWithoutItsContractsSaysWhyAtOnce(t *testing.T) {
	for setting, value := range map[string]string{"HELIOS_SCHEMA_FOLDER": "/absent", "HELIOS_SCHEMA_REGISTRY_URL": "http://127.0.0.1:1"} {
		t.Run(setting, func(t *testing.T) {
			t.Setenv("HELIOS_SCHEMA_FOLDER", "")
			t.Setenv("HELIOS_SCHEMA_REGISTRY_URL", "")
			t.Setenv(setting, value)
			app := &cli.App{Commands: []*cli.Command{dlqCommand()}, Writer: io.Discard, ErrWriter: io.Discard}
			err := app.Run([]string{"helios-connect", "dlq", "replay", "--dry-run"})
			require.ErrorContains(t, err, value)
			require.NotErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}
