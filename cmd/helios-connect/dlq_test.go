package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

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
