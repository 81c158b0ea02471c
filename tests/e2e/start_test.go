package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/program"
)

func TestStartSaysWhatItRunsAndRunsIt(t *testing.T) {
	t.Parallel()
	p := start(t, []string{"DEPLOYMENT_MODE=", "HELIOS_AWS_SQS_URL="}, "start", "--dry-run")
	require.Zero(t, p.exit(time.Minute))
	require.Contains(t, p.out.String(), "Mode demo, because no cloud has settings.\naws: simulated")

	p = start(t, []string{"HELIOS_GCP_SUBSCRIPTION=s"}, "start")
	require.Equal(t, 1, p.exit(time.Minute))
	require.Contains(t, p.out.String(), "gcp: Pub/Sub subscription (HELIOS_GCP_SUBSCRIPTION is set).")
	require.Contains(t, p.err.String(), "name the folder that holds them with --dir")

	p = start(t, []string{"DEPLOYMENT_MODE=staging"}, "start")
	require.Equal(t, 1, p.exit(time.Minute))
	require.Contains(t, p.err.String(), `DEPLOYMENT_MODE is "staging"; allowed are demo and production`)

	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	p = start(t, []string{
		"DEPLOYMENT_MODE=production", "HELIOS_HTTP_ADDRESS=" + program.FreeAddress(t),
		"HELIOS_STORE_DSN=sqlite://" + t.TempDir() + "/s.db", "HELIOS_KAFKA_BROKERS=127.0.0.1:1",
	}, "start", "--dir", root)
	p.await(time.Minute, "the streams to run", func() bool { return strings.Contains(p.out.String(), `"stream":"reconcile"`) })
	require.Contains(t, p.out.String(), "Mode production, because DEPLOYMENT_MODE is production.")
}
