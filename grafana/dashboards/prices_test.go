package dashboards

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPricesNameWhatIsWrong(t *testing.T) {
	const service = "storage: {service: disk, per_gib_month: 0.1, estimate: true}\nservices:\n- {cloud: aws, service: \"it's\", source: s, as_of: \"2026\", per_million_operations: 1, operations_per_event: 3}\n"
	p, err := ParsePrices([]byte(service))
	require.NoError(t, err)
	require.Contains(t, p.rows(), "'it''s'")
	require.Contains(t, p.rows(), "3e-06::float8", "an event is three of a million operations")
	require.Equal(t, "2026, s", p.Services[0].Origin.String())
	require.Contains(t, p.Storage.Origin.String(), "estimate")
	for text, complaint := range map[string]string{
		"services: []\n": "services is empty",
		service + "- {cloud: aws, service: x, source: s, as_of: x}\n":            "named once",
		strings.Replace(service, "source: s", "source: ''", 1):                   "a price needs both",
		strings.Replace(service, `as_of: "2026", `, "", 1):                       "a price needs both",
		strings.Replace(service, "source: s", "estimate: true", 1):               "source and as_of must be absent",
		strings.Replace(service, "estimate: true", "as_of: x", 1):                "storage: source is \"\"",
		strings.Replace(service, "0.1", "-0.1", 1):                               "per_gib_month is -0.1",
		strings.Replace(service, "operations: 1", "operations: -1", 1):           "negative",
		strings.Replace(service, "operations: 1", "operations: 1, colour: 2", 1): "colour",
	} {
		_, err := ParsePrices([]byte(text))
		require.ErrorContains(t, err, complaint)
	}
}
