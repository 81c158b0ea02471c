package dedupe

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/helios-connect/helios/plugins/canonical"
	_ "github.com/redpanda-data/benthos/v4/public/components/io"
)

func parse(t *testing.T, yaml string) error {
	t.Helper()
	conf, err := inputSpec().ParseYAML(yaml, nil)
	if err == nil {
		_, err = newInputFromParsed(conf, service.MockResources())
	}
	return err
}

func TestSettingsAreCheckedInWords(t *testing.T) {
	require.NoError(t, parse(t, "backend: memory\ninput: {stdin: {}}"))
	for config, want := range map[string]string{
		"claim_expiry: 1ms":                      "at least 100ms",
		"claim_expiry: 1h\nexpiry: 1m":           "no shorter than the first",
		"key: []":                                "key is empty; at least one path",
		"key: [data..x]":                         "a segment is empty",
		"max_waiting: 0":                         "max_waiting 0",
		"redis: {url: 'http://u:secret@host:1'}": "redis://user:password@host:6379/0",
	} {
		err := parse(t, config+"\ninput: {stdin: {}}")
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestTheExampleOfOneProcessLints(t *testing.T) {
	linter := service.GlobalEnvironment().CoreConfigSchema("", "").NewStreamConfigLinter()
	lints, err := linter.LintYAML([]byte(`
input:
  helios_dedupe:
    backend: memory
    forward_duplicates: true
    input:
      stdin: {}
      processors:
        - helios_canonical: {}
`))
	require.NoError(t, err)
	require.Empty(t, lints)
}
