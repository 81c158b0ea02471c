package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
)

// TestWhatIsOpenAtAStopIsDeliveredAgain stops a process in mid-window and starts
// it again: the open fact's event comes back, and the fact is judged with what
// arrived since.
func TestWhatIsOpenAtAStopIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	broker, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Partitions: 1, Retention: 24 * time.Hour})
	require.NoError(t, err)
	t.Cleanup(broker.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.DefaultProduceTopic(embedded.TopicEvents))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	send := func(cloud string) {
		event := fmt.Appendf(nil, `{"id":"1","source":"/%s","type":"order","time":%q,"cloud":%q,"correlationid":"ord-1","data":{}}`,
			cloud, time.Now().UTC().Format(time.RFC3339), cloud)
		require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Value: event}).FirstErr())
	}
	config, verdicts := halfFact(t, true, fmt.Sprintf(`{kafka_franz: {seed_brokers: [%q], topics: [%q], consumer_group: g, commit_period: 100ms}}`,
		broker.Addrs()[0], embedded.TopicEvents))

	send("aws")
	p := runOne(t, config)
	stopped := time.Now()
	p.signal(syscall.SIGTERM)
	p.exit(time.Minute)
	require.Less(t, time.Since(stopped), 10*time.Second, "shutdown_timeout is 2s")
	requireNoVerdict(t, verdicts)

	p = runOne(t, config) // it waits for the open fact to be there again
	send("gcp")
	p.await(time.Minute, "the verdict", func() bool {
		text, err := os.ReadFile(verdicts)
		return err == nil && len(text) > 0
	})
	text, err := os.ReadFile(verdicts)
	require.NoError(t, err)
	require.Contains(t, string(text), `"status":"matched"`)
	require.Contains(t, string(text), `"revision":1`)
}

// TestAFiniteInputWithHeldAcksEndsThroughIdleTimeout: its end can't be seen while
// acknowledgements are held; the last facts close when everybody is silent.
func TestAFiniteInputWithHeldAcksEndsThroughIdleTimeout(t *testing.T) {
	t.Parallel()
	verdicts := filepath.Join(t.TempDir(), "verdicts.jsonl")
	path := filepath.Join(t.TempDir(), "stream.yaml")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, `
input: %s
buffer:
  helios_reconcile:
    idle_timeout: 1s
    expectations:
      - {name: x, expect: [aws, gcp], window: 1s, allowed_lateness: 1s}
output:
  file: {path: %q, codec: lines}
http: {enabled: false}
`, finite(), verdicts), 0o600))
	require.Zero(t, start(t, nil, "run", path).exit(time.Minute))
	text, err := os.ReadFile(verdicts)
	require.NoError(t, err)
	require.Contains(t, string(text), `"status":"indeterminate"`)
	require.Contains(t, string(text), `"closed_by":"idle"`)
}
