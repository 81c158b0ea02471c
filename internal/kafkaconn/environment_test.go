package kafkaconn

import (
	"testing"
	"time"

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

func TestAnUnreachedLogIsNamedWithItsSetting(t *testing.T) {
	c, err := FromEnvironment(func(n string) string { return map[string]string{"HELIOS_KAFKA_BROKERS": "127.0.0.1:1"}[n] })
	require.NoError(t, err)
	_, err = c.Spans(t.Context(), c.Letters, time.Time{})
	require.ErrorContains(t, err, `topic "helios.dlq" at HELIOS_KAFKA_BROKERS=127.0.0.1:1: `)
}
