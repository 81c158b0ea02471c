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

// strange comes with metadata that begins like the header of traces, as attributes of
// a cloud's message may, and is as long as they may be.
const strange = `
http: {address: "ADDRESS"}
logger: {level: WARN}
input:
  generate:
    count: 1
    interval: ""
    mapping: |
      meta helios_key = "k"
      meta traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
      meta traceparents = range(0, 1100000).map_each("x").join("")
      root.n = 1
output:
  resource: events_log
`

func TestOfWhatBeginsLikeTheHeaderOfTracesOnlyItselfGoesToTheLog(t *testing.T) {
	broker, admin := ingest.StartBroker(t), program.FreeAddress(t)
	config := filepath.Join(t.TempDir(), "strange.yaml")
	require.NoError(t, os.WriteFile(config, []byte(strings.Replace(strange, "ADDRESS", admin, 1)), 0o600))
	process := &program.Process{
		Binary: binary, Args: []string{"run", "-r", "../../config/log.yaml", config},
		Env: []string{"HELIOS_KAFKA_BROKERS=" + broker.Addrs()[0]}, Ready: "http://" + admin + "/ready",
	}
	process.Start(t)
	t.Cleanup(process.Kill)
	require.Eventually(t, func() bool { return broker.Written(t, embedded.TopicEvents) == 1 }, 30*time.Second, 20*time.Millisecond, "nobody's metadata may stop the log")
	headers := broker.Records(t, embedded.TopicEvents)[0].Headers
	require.Len(t, headers, 1)
	require.Equal(t, "traceparent", headers[0].Key)
}
