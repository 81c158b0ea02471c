//go:build unix

// Package ingest runs the real pipelines that pull from a cloud, pipelines/ingest-*.yaml
// with the resources of config/production.yaml, for tests: on one side an
// emulator of the cloud, on the other a broker.
package ingest

import (
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/tests/program"
)

const patience = time.Minute

// Cloud is a queue or subscription that events are pulled from.
type Cloud interface {
	// Name is the participant.
	Name() string
	// Addr is where the service listens, as host:port.
	Addr() string
	// Env are the settings with which the program finds the service at an
	// address: its own, or that of a proxy.
	Env(addr string) []string
	// Send puts messages into it, each with one body.
	Send(t testing.TB, bodies ...string)
	// Held counts the messages that were not deleted or acknowledged yet.
	Held(t testing.TB) int64
	// Event is what the cloud carries when a producer reports a fact.
	Event(id string) string
}

// Broker is the log, which is stopped and started again at the same address.
type Broker struct {
	*embedded.Kafka
	conf embedded.KafkaConfig
}

// StartBroker starts a broker for the time of a test.
func StartBroker(t testing.TB) *Broker {
	t.Helper()
	_, text, err := net.SplitHostPort(program.FreeAddress(t))
	port, wrong := strconv.Atoi(text)
	if err != nil || wrong != nil {
		t.Fatalf("finding a free port: %v %v", err, wrong)
	}
	b := &Broker{conf: embedded.KafkaConfig{Dir: t.TempDir(), Partitions: 2, Port: port}}
	b.Restart(t)
	t.Cleanup(func() { b.Close() })
	return b
}

// Restart starts the broker after Close, with what it held before.
func (b *Broker) Restart(t testing.TB) {
	t.Helper()
	kafka, err := embedded.StartKafka(context.Background(), b.conf)
	if err != nil {
		t.Fatal(err)
	}
	b.Kafka = kafka
}

// Written is how many records a topic holds.
func (b *Broker) Written(t testing.TB, topic string) (n int64) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatalf("asking for the end of %s: %v", topic, err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

// Records returns what lies in a topic, partition by partition in its order.
func (b *Broker) Records(t testing.TB, topic string) (records []*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for left := b.Written(t, topic); int64(len(records)) < left; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("reading %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { records = append(records, r) })
	}
	return records
}

// Event is what tests look at in a canonical event.
type Event struct {
	ID            string          `json:"id"`
	Source        string          `json:"source"`
	Type          string          `json:"type"`
	Time          string          `json:"time"`
	Cloud         string          `json:"cloud"`
	Tenant        string          `json:"tenant"`
	CorrelationID string          `json:"correlationid"`
	Data          json.RawMessage `json:"data"`
}

// Parse reads a canonical event.
func Parse(t testing.TB, r *kgo.Record) (e Event) {
	t.Helper()
	if err := json.Unmarshal(r.Value, &e); err != nil {
		t.Fatalf("a record of %s is no event: %v\n%s", r.Topic, err, r.Value)
	}
	return e
}

// New returns the program with the pipeline of a cloud, not started yet. cloud is
// the address at which it finds the service; env are further settings.
func New(t testing.TB, binary string, c Cloud, cloud string, b *Broker, env ...string) *program.Process {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
	admin := program.FreeAddress(t)
	settings := []string{
		"HELIOS_HTTP_ADDRESS=" + admin, "HELIOS_KAFKA_BROKERS=" + b.Addrs()[0], "HELIOS_LOG_LEVEL=WARN", "HELIOS_LOG_FILE=",
	}
	return &program.Process{
		Binary: binary,
		Args: []string{"streams", "-o", at("config/service.yaml"), "-r", at("config/log.yaml"), "-r", at("config/contracts.yaml"), "-r", at("config/production.yaml"),
			at("pipelines/ingest-" + c.Name() + ".yaml")},
		Env:   append(append(settings, c.Env(cloud)...), env...),
		Ready: "http://" + admin + "/ready",
	}
}
