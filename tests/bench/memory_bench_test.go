//go:build unix

package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/plugins/telemetry"
)

const (
	heldFacts      = 60_000
	heldPartitions = 3
)

// BenchmarkHeldMemory compares what a process keeps on its heap for an event
// whose fact is open: our input, which remembers offsets, and the input redpanda
// with our buffer behind it, which holds messages until their verdict. Of each
// fact two of three clouds have reported. The broker runs in another process
// than what is measured.
func BenchmarkHeldMemory(b *testing.B) {
	binary(b)
	names := []string{"own", "sampled", "redpanda", embedded.TopicVerdicts, embedded.TopicDLQ}
	topics := make([]embedded.Topic, len(names))
	for i, name := range names {
		topics[i] = embedded.Topic{Name: name, Partitions: heldPartitions}
	}
	broker, err := embedded.StartKafka(context.Background(), embedded.KafkaConfig{Dir: b.TempDir(), Topics: topics})
	require.NoError(b, err)
	defer broker.Close()
	addr := broker.Addrs()[0]
	ours := heldBytes(b, addr, "own", ownInput(addr, "own", false))
	sampled := heldBytes(b, addr, "sampled", ownInput(addr, "sampled", true))
	theirs := heldBytes(b, addr, "redpanda", messageInput(addr, "redpanda"))
	b.ReportMetric(ours, "own-B/event")
	b.ReportMetric(sampled, "own-sampled-B/event")
	b.ReportMetric(theirs, "redpanda-B/event")
	b.ReportMetric(ours/theirs, "held-ratio")
	b.ReportMetric(0, "ns/op")
}

func ownInput(broker, topic string, sample bool) string {
	return fmt.Sprintf(`
input:
  helios_reconcile:
    seed_brokers: [ %q ]
    topic: %s
    consumer_group: %s
%s`, broker, topic, topic, heldFields(sample))
}

func messageInput(broker, topic string) string {
	return fmt.Sprintf(`
input:
  redpanda:
    seed_brokers: [ %q ]
    topics: [ %s ]
    consumer_group: %s
    unordered_processing:
      enabled: true
      checkpoint_limit: 1000000
      batching: { count: %d, period: 10ms }
buffer:
  helios_reconcile:
%s`, broker, topic, topic, batchSize, heldFields(false))
}

func heldFields(sample bool) string {
	return fmt.Sprintf(`
    sample: %t
    idle_timeout: 1h
    expectations:
      - name: orders
        types: [ "com.example.order.*" ]
        expect: [ aws, azure, gcp ]
        window: 5m
        allowed_lateness: 10s
        compare:
          - { field: data.amount, tolerance: 0.01 }
          - { field: data.currency, ignore_case: true }
`, sample)
}

// heldBytes runs the program, produces the events once it waits for them, and
// returns by how many bytes of live heap each made it grow.
func heldBytes(b *testing.B, broker, topic, config string) float64 {
	b.Helper()
	base := startProcess(b, config)
	awaitMetric(b, base, "input_connection_up", 1)
	produceHeld(b, broker, topic, "warm", 0, batchSize) // what is allocated once
	awaitMetric(b, base, telemetry.ReconcileReceived.Name, 2*batchSize)
	before := heapOf(b, base)
	produceHeld(b, broker, topic, "ord", 0, heldFacts)
	awaitMetric(b, base, telemetry.ReconcileReceived.Name, 2*(heldFacts+batchSize))
	awaitMetric(b, base, telemetry.ReconcileOpen.Name, heldFacts+batchSize)
	return (heapOf(b, base) - before) / (2 * heldFacts)
}

// startProcess runs the program until the benchmark ends, and returns the URL of
// its HTTP server.
func startProcess(b *testing.B, config string) string {
	b.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	address := free.Addr().String()
	require.NoError(b, free.Close())
	path := filepath.Join(b.TempDir(), "stream.yaml")
	config = fmt.Sprintf("http: { address: %q, debug_endpoints: true }\nlogger: { level: error }\nshutdown_timeout: 1s\noutput: { drop: {} }\n%s", address, config)
	require.NoError(b, os.WriteFile(path, []byte(config), 0o600))
	cmd := exec.Command(binary(b), "run", path)
	cmd.Stderr = os.Stderr
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	})
	return "http://" + address
}

func produceHeld(b *testing.B, broker, topic, prefix string, first, facts int) {
	b.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic))
	require.NoError(b, err)
	defer client.Close()
	now := time.Now()
	for i := first; i < first+facts; i += batchSize {
		var records []*kgo.Record
		for fact := i; fact < min(i+batchSize, first+facts); fact++ {
			key := fmt.Sprintf("%s-%012d", prefix, fact)
			for _, cloud := range clouds[:2] {
				doc := document(cloud, key, fact, now.Add(time.Duration(fact)*time.Microsecond), "10.00", "EUR")
				records = append(records, &kgo.Record{Key: []byte(key), Value: doc})
			}
		}
		require.NoError(b, client.ProduceSync(context.Background(), records...).FirstErr())
	}
}

func get(url string) (string, error) {
	res, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// awaitMetric waits until the sum of a metric's series has reached a number.
func awaitMetric(b *testing.B, base, name string, least float64) {
	b.Helper()
	sum := 0.0
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		text, err := get(base + "/metrics")
		if err != nil {
			continue
		}
		sum = 0
		for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
			if series, value, ok := strings.Cut(lines.Text(), "} "); ok && strings.HasPrefix(series, name+"{") {
				v, _ := strconv.ParseFloat(value, 64)
				sum += v
			}
		}
		if sum >= least {
			return
		}
	}
	b.Fatalf("%s is %v, not %v, after %s", name, sum, least, patience)
}

// heapOf returns the bytes of live objects of a process after a collection.
func heapOf(b *testing.B, base string) float64 {
	b.Helper()
	text, err := "", error(nil)
	for range 2 {
		text, err = get(base + "/debug/pprof/heap?gc=1&debug=1")
		require.NoError(b, err)
	}
	_, after, ok := strings.Cut(text, "# HeapAlloc = ")
	require.True(b, ok, "no HeapAlloc in the heap profile")
	number, _, _ := strings.Cut(after, "\n")
	bytes, err := strconv.ParseFloat(number, 64)
	require.NoError(b, err)
	return bytes
}
