package kafkaconn

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSettingsThatCantWorkAreExplainedWithoutSecrets(t *testing.T) {
	for name, value := range map[string]string{
		"HELIOS_KAFKA_TLS": "perhaps", "HELIOS_KAFKA_SASL": "[{mechanism: X, password: s3cret}]",
	} {
		_, err := FromEnvironment(func(n string) string {
			if n == name {
				return value
			}
			return ""
		})
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "s3cret")
	}
}
