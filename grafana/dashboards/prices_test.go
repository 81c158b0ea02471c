package dashboards

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPricesNameWhatIsWrong(t *testing.T) {
	const service = "as_of: \"2026\"\nservices:\n- {cloud: aws, service: \"it's\", source: s, per_million_operations: 1, operations_per_event: 3}\n"
	p, err := ParsePrices([]byte(service))
	require.NoError(t, err)
	require.Contains(t, p.rows(), "'it''s'")
	require.Contains(t, p.rows(), "3e-06::float8", "an event is three of a million operations")
	for text, complaint := range map[string]string{
		"as_of: x\nservices: []\n":                                               "services is empty",
		service + "- {cloud: aws, service: x, source: s}\n":                      "named once",
		strings.Replace(service, "source: s", "source: ''", 1):                   "source",
		strings.Replace(service, "operations: 1", "operations: -1", 1):           "negative",
		strings.Replace(service, "operations: 1", "operations: 1, colour: 2", 1): "colour",
	} {
		_, err := ParsePrices([]byte(text))
		require.ErrorContains(t, err, complaint)
	}
}
