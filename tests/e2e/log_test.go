//go:build unix

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/tests/ingest"
	"github.com/helios-connect/helios/tests/program"
)

// counted sends numbered events of ten keys to the log as fast as it takes them.
const counted = `
http: {address: "ADDRESS"}
logger: {level: WARN}
input:
  generate:
    count: 200000
    interval: ""
    batch_size: 100
    mapping: |
      let n = counter()
      meta helios_key = "k" + ($n % 10).string()
      root.n = $n
output:
  resource: events_log
`

func TestTheLogKeepsTheOrderOfAKeyAtFullSpeed(t *testing.T) {
	broker, admin := ingest.StartBroker(t), program.FreeAddress(t)
	config := filepath.Join(t.TempDir(), "counted.yaml")
	require.NoError(t, os.WriteFile(config, []byte(strings.Replace(counted, "ADDRESS", admin, 1)), 0o600))
	process := &program.Process{
		Binary: binary, Args: []string{"run", "-r", "../../config/log.yaml", config},
		Env: []string{"HELIOS_KAFKA_BROKERS=" + broker.Addrs()[0]}, Ready: "http://" + admin + "/ready",
	}
	process.Start(t)
	t.Cleanup(process.Kill)
	require.Eventually(t, func() bool { return broker.Written(t, embedded.TopicEvents) == 200_000 }, time.Minute, 20*time.Millisecond)

	last, back := map[string]int{}, 0
	for _, r := range broker.Records(t, embedded.TopicEvents) {
		var e struct{ N int }
		require.NoError(t, json.Unmarshal(r.Value, &e))
		if e.N < last[string(r.Key)] {
			back++
		}
		last[string(r.Key)] = e.N
	}
	require.Len(t, last, 10)
	require.Zero(t, back, "events that lie behind a later one of their key")
}
