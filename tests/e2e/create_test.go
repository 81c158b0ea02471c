package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestACreatedConfigExplainsOurFields(t *testing.T) {
	t.Parallel()
	for expression, part := range map[string]string{
		"stdin/helios_reconcile/stdout":           "buffer:\n  helios_reconcile:\n    # Who must report a fact",
		"stdin/helios_canonical/stdout":           "    - helios_canonical:\n        # The participant",
		"stdin/noop,helios_reconcile/drop":        "processors:\n    - noop",
		"generate/memory,mapping/helios_store":    "buffer:\n  memory:",
		"helios_simulator//drop":                  "input:\n  helios_simulator:\n    # The world",
		"helios_reconcile,helios_simulator//drop": "- helios_reconcile:\n",
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			created := start(t, nil, "create", expression)
			require.Zero(t, created.exit(time.Minute))
			require.Contains(t, created.out.String(), part)
			var config map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(created.out.String()), &config))
			for _, field := range []string{"input", "buffer", "pipeline", "output", "metrics"} {
				require.Contains(t, config, field)
			}
		})
	}
	t.Run("two buffers", func(t *testing.T) {
		p := start(t, nil, "create", "stdin/memory,helios_reconcile/stdout")
		require.NotZero(t, p.exit(time.Minute))
		require.Contains(t, p.err.String(), "names two buffers")
	})
}
