package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStreamsDoesNotRunTheTestsOfPipelines(t *testing.T) {
	require.Equal(t,
		[]string{"helios-connect", "-e", "local.env", "streams", "-o", "s.yaml", "pipelines/a.yaml", "pipelines/b.yaml"},
		withoutTests([]string{"helios-connect", "-e", "local.env", "streams", "-o", "s.yaml", "pipelines/a.yaml", "pipelines/a_benthos_test.yaml", "pipelines/b.yaml"}))
}

func TestOtherCommandsTakeTheTestsOfPipelines(t *testing.T) {
	args := []string{"helios-connect", "test", "pipelines/a_benthos_test.yaml"}
	require.Equal(t, args, withoutTests(args))
}
