package docsgen_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/docsgen"
)

func TestTheFieldsOfAConfigAreExplainedAboveThem(t *testing.T) {
	got, err := docsgen.Annotate(environment(t), []byte(`
input:
  window: not a field of ours
pipeline:
  processors:
    - other: {}
    - helios_judge:
        window: 60s
        unknown: 1
        rules: []
`))
	require.NoError(t, err)
	require.Equal(t, `input:
  window: not a field of ours
pipeline:
  processors:
    - other: {}
    - helios_judge:
        # How long it waits.
        window: 60s
        unknown: 1
        # What it goes by.
        #   name: Its name.
        #   token: A password.
        rules: []
`, string(got))
}
