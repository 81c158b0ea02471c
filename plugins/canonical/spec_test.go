package canonical

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/canonical/convert"
	"github.com/helios-connect/helios/plugins/telemetry"
)

func TestTheSpecListsEveryFormat(t *testing.T) {
	options := formatOptions()
	for _, f := range convert.Formats() {
		require.Contains(t, options, f.String())
		delete(options, f.String())
	}
	require.Empty(t, options)
}

func TestForcedFormatsRefuseOthers(t *testing.T) {
	for format, want := range map[string]string{
		"cloudevents": "cloudEventsVersion", "eventbridge": "EventBridge member", "eventgrid": "Event Grid member", "sns": "SNS member",
		"sqs": "SQS member", "pubsub": "Pub/Sub member", "records": "Records",
	} {
		out := process(t, open(t, "format: "+format), service.NewMessage([]byte(`{"hello":"world"}`)))
		require.Equal(t, "unreadable", meta(t, out[0], metaReason), format)
		require.Contains(t, meta(t, out[0], metaDetail), want, format)
	}
	for format, event := range map[string]string{"cloudevents": cloudEvent, "eventbridge": eventBridge, "eventgrid": `[` + eventGrid + `]`, "pubsub": pubSub} {
		out := process(t, open(t, "format: "+format), service.NewMessage([]byte(event)))
		require.NoError(t, out[0].GetError(), format)
	}
}

func TestMetricsAreWellNamed(t *testing.T) {
	for _, m := range telemetry.Canonical() {
		require.Regexp(t, `^helios_canonical_[a-z]+_total$`, m.Name)
		require.NotEmpty(t, m.Help)
		require.NotEmpty(t, m.Labels)
	}
}
