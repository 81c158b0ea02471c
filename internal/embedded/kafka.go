// Package embedded holds what the demo and the tests run inside their own
// process instead of a server: a Kafka broker.
//
// The broker is franz-go's kfake. It speaks the protocol, transactions
// included, but it is one process without replication: what it acknowledged
// survives a kill of the process, not a loss of the machine's power.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/terminal"
)

// Defaults of a KafkaConfig, measured for an hour of the demo (see the soak
// test).
const (
	DefaultPartitions = 6
	DefaultRetention  = time.Hour
	DefaultDiskBytes  = 1 << 30
	defaultCleaning   = 5 * time.Second
)

// KafkaConfig describes an embedded broker.
type KafkaConfig struct {
	// Dir holds the logs and survives a restart. Empty: logs live in memory
	// and grow with what the topics retain; for small tests.
	Dir string
	// Port on 127.0.0.1; 0 takes a free one.
	Port int
	// Partitions of each standard topic [6].
	Partitions int
	// Retention is the longest time that anything is kept [1h].
	Retention time.Duration
	// DiskBytes is about how much all standard topics may take [1 GiB].
	DiskBytes int64
	// CleanEvery is how often expired records are removed [5s].
	CleanEvery time.Duration
	// Topics replaces the standard topics; none: StandardTopics of the above.
	Topics []Topic
	// Options are handed on to kfake, for tests that need SASL or TLS.
	Options []kfake.Opt
}

// Kafka is a running embedded broker.
type Kafka struct {
	cluster *kfake.Cluster
	addrs   []string
}

// StartKafka starts a broker and creates its topics. With a Dir that a broker
// used before, its records, groups and transactions are there again, and its
// topics get the settings asked for now; a partition count can't be changed.
func StartKafka(ctx context.Context, conf KafkaConfig) (*Kafka, error) {
	conf.setDefaults()
	opts := []kfake.Opt{
		kfake.Ports(conf.Port),
		kfake.BrokerConfigs(map[string]string{
			"log.cleaner.backoff.ms": strconv.FormatInt(conf.CleanEvery.Milliseconds(), 10),
		}),
	}
	if conf.Dir != "" {
		opts = append(opts, kfake.DataDir(conf.Dir))
	}
	cluster, err := kfake.NewCluster(append(opts, conf.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("starting the embedded Kafka on port %d in %q: %w", conf.Port, conf.Dir, err)
	}
	k := &Kafka{cluster: cluster, addrs: cluster.ListenAddrs()}
	for _, t := range conf.Topics {
		if err := k.ensure(ctx, t); err != nil {
			k.Close()
			return nil, err
		}
	}
	return k, nil
}

func (c *KafkaConfig) setDefaults() {
	if c.Partitions <= 0 {
		c.Partitions = DefaultPartitions
	}
	if c.Retention <= 0 {
		c.Retention = DefaultRetention
	}
	if c.DiskBytes <= 0 {
		c.DiskBytes = DefaultDiskBytes
	}
	if c.CleanEvery <= 0 {
		c.CleanEvery = defaultCleaning
	}
	if len(c.Topics) == 0 {
		c.Topics = StandardTopics(c.Partitions, c.Retention, c.DiskBytes)
	}
}

// Addrs returns the broker's addresses as host:port.
func (k *Kafka) Addrs() []string { return k.addrs }

// Cluster returns the kfake cluster, with which tests inject faults.
func (k *Kafka) Cluster() *kfake.Cluster { return k.cluster }

// Close stops the broker and writes its state to its directory. It may be
// called more than once.
func (k *Kafka) Close() { k.cluster.Close() }

// ensure creates the topic, or gives an existing one its settings.
func (k *Kafka) ensure(ctx context.Context, t Topic) error {
	err := k.cluster.CreateTopic(t.Name, int32(t.Partitions), t.configs())
	if err == nil {
		return nil
	}
	if !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("creating topic %q: %w", t.Name, err)
	}
	if has := len(k.cluster.PartitionInfos(t.Name)); has != t.Partitions {
		return fmt.Errorf("topic %q has %s in the data directory but it should have %d: "+
			"use %d, or another directory", t.Name, terminal.Count(has, "partition", "partitions"), t.Partitions, has)
	}
	return k.configure(ctx, t)
}

// configure goes through the protocol, because that is also what starts
// kfake's cleaning of a log that was loaded from disk.
func (k *Kafka) configure(ctx context.Context, t Topic) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.addrs...))
	if err != nil {
		return fmt.Errorf("connecting to the embedded Kafka: %w", err)
	}
	defer client.Close()
	var alter []kadm.AlterConfig
	for name, value := range t.configs() {
		alter = append(alter, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: kadm.StringPtr(value)})
	}
	answers, err := kadm.NewClient(client).AlterTopicConfigs(ctx, alter, t.Name)
	if err == nil {
		_, err = answers.On(t.Name, nil)
	}
	if err != nil {
		return fmt.Errorf("setting the configuration of topic %q: %w", t.Name, err)
	}
	return nil
}
