package deployment

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func decide(t *testing.T, env map[string]string) []string {
	t.Helper()
	d, err := Decide(func(name string) string { return env[name] })
	require.NoError(t, err)
	return d.Lines()
}

func TestTheSettingsDecideAndOneLineACloudSaysWhy(t *testing.T) {
	require.Equal(t, []string{
		"Mode demo, because no cloud has settings.",
		"aws: simulated, through an emulator in this process.", "gcp: simulated, through an emulator in this process.", "azure: simulated, through an emulator in this process.",
	}, decide(t, nil))
	require.Equal(t, []string{
		"Mode production, because HELIOS_AWS_SQS_URL is set.",
		"aws: SQS queue (HELIOS_AWS_SQS_URL is set); webhook for sns (HELIOS_WEBHOOK_PATHS has a path for it).",
		"gcp: off, because none of its settings is there: HELIOS_GCP_SUBSCRIPTION, HELIOS_WEBHOOK_PATHS (for pubsub_push).",
		"azure: Storage queue (HELIOS_AZURE_QUEUE is set); Service Bus (HELIOS_AZURE_SERVICEBUS is set).",
	}, decide(t, map[string]string{
		"HELIOS_AWS_SQS_URL": "https://sqs.example.com/secret", "HELIOS_AZURE_QUEUE": "q", "HELIOS_AZURE_SERVICEBUS": "s",
		"HELIOS_WEBHOOK_ADDRESS": ":1", "HELIOS_WEBHOOK_PATHS": "[{path: /sns, sender: sns, sns: {topics: [x]}}]",
	}))
	require.Equal(t, "Mode demo, because DEPLOYMENT_MODE is demo.", decide(t, map[string]string{"DEPLOYMENT_MODE": "demo", "HELIOS_AZURE_QUEUE": "q"})[0])
	require.Equal(t, "Mode production, because DEPLOYMENT_MODE is production.", decide(t, map[string]string{"DEPLOYMENT_MODE": "production"})[0])
	require.Equal(t, "Mode production, because HELIOS_WEBHOOK_ADDRESS is set.", decide(t, map[string]string{"HELIOS_WEBHOOK_ADDRESS": ":1"})[0])
}

func TestMistakesAreExplained(t *testing.T) {
	for _, env := range []map[string]string{{"DEPLOYMENT_MODE": "prod"}, {"HELIOS_WEBHOOK_ADDRESS": ":1", "HELIOS_WEBHOOK_PATHS": "{secret: ["}} {
		_, err := Decide(func(name string) string { return env[name] })
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
	}
}

// Whoever has written paths doesn't want the demo, nor a production that is deaf.
func TestPathsWithoutAnAddressAreAMistake(t *testing.T) {
	for _, mode := range []string{"", "production"} {
		env := map[string]string{"DEPLOYMENT_MODE": mode, "HELIOS_WEBHOOK_PATHS": "[{path: /sns, sender: sns, sns: {topics: [x]}}]"}
		_, err := Decide(func(name string) string { return env[name] })
		require.ErrorContains(t, err, "HELIOS_WEBHOOK_PATHS is set and HELIOS_WEBHOOK_ADDRESS is not")
	}
	require.Contains(t, decide(t, map[string]string{"DEPLOYMENT_MODE": "demo", "HELIOS_WEBHOOK_PATHS": "[]"})[0], "demo")
}

// Every way that config/production.yaml switches on by a setting is known here.
func TestEveryWayOfProductionIsKnown(t *testing.T) {
	text, err := os.ReadFile("../../config/production.yaml")
	require.NoError(t, err)
	known := map[string]bool{webhookAddress: true}
	for _, c := range clouds {
		for _, w := range c.ways {
			known[w.setting] = true
		}
	}
	found := regexp.MustCompile(`when: \$\{([A-Z_]+):\}`).FindAllSubmatch(text, -1)
	require.Len(t, found, len(known))
	for _, f := range found {
		require.True(t, known[string(f[1])], "%s", f[1])
	}
}
