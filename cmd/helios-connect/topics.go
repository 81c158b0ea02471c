package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/kafkaconn"
	"github.com/helios-connect/helios/internal/terminal"
)

// maxPartitions of a topic: far more than processes would share the work, and
// less than a typing error.
const maxPartitions = 10_000

// minDiskBytes is less than any use of Helios needs (bytes).
const minDiskBytes = 100_000_000

// topicsCommand is the subcommand topics: what Helios needs in Kafka.
func topicsCommand() *cli.Command {
	return &cli.Command{
		Name:  "topics",
		Usage: "Create the topics that Helios needs",
		Subcommands: []*cli.Command{{
			Name:  "create",
			Usage: "Create the topics that are not there yet",
			Description: `
All topics get the same number of partitions, which is also the most processes that
can share the work. What is there already stays as it is, but for one check: events
and verdicts need equal numbers of partitions. helios.healing and helios.alerts are
for later: nothing writes there yet. The log is reached as config/log.yaml does.

  HELIOS_KAFKA_BROKERS=localhost:9092 helios-connect topics create --partitions 12`[1:],
			Flags: []cli.Flag{
				&cli.IntFlag{Name: "partitions", Value: 12, EnvVars: []string{"HELIOS_PARTITIONS"}, Usage: "of each topic"},
				&cli.IntFlag{Name: "replicas", Value: -1, EnvVars: []string{"HELIOS_REPLICAS"}, Usage: "of each partition; -1: as many as the broker makes by itself"},
				&cli.Int64Flag{Name: "disk-bytes", EnvVars: []string{"HELIOS_DISK_BYTES"}, Usage: "about how much all topics together may take, before replication; the oldest goes first. 0: what 7 days of events and verdicts and 30 of the rest take"},
				&cli.DurationFlag{Name: "timeout", Value: time.Minute, Usage: "the longest time to wait for the broker"},
			},
			Action: runTopicsCreate,
		}},
	}
}

func runTopicsCreate(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	partitions, replicas, disk := c.Int("partitions"), c.Int("replicas"), c.Int64("disk-bytes")
	if partitions < 1 || partitions > maxPartitions {
		return fmt.Errorf("--partitions %d: it takes 1 to %d", partitions, maxPartitions)
	}
	if replicas != -1 && (replicas < 1 || replicas > 100) {
		return fmt.Errorf("--replicas %d: it takes 1 to 100, or -1 for the broker's own", replicas)
	}
	if disk != 0 && disk < minDiskBytes {
		return fmt.Errorf("--disk-bytes %d: it takes at least %d, or 0 for no bound", disk, minDiskBytes)
	}
	conn, err := kafkaconn.FromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
	defer cancel()
	client, err := kgo.NewClient(conn.Options...)
	if err != nil {
		return fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer client.Close()
	topics := embedded.StandardTopics(partitions, 0, disk)
	for i := range topics {
		topics[i].Name = topicName(topics[i].Name, os.Getenv)
	}
	return createTopics(ctx, kadm.NewClient(client), topics, int16(replicas), c.App.Writer)
}

// topicName is what an installation calls a standard topic (config/log.yaml).
func topicName(standard string, getenv func(string) string) string {
	setting := map[string]string{
		embedded.TopicEvents:   "HELIOS_TOPIC_EVENTS",
		embedded.TopicVerdicts: "HELIOS_TOPIC_VERDICTS",
		embedded.TopicDLQ:      "HELIOS_TOPIC_DLQ",
	}[standard]
	if name := getenv(setting); setting != "" && name != "" {
		return name
	}
	return standard
}

func createTopics(ctx context.Context, admin *kadm.Client, topics []embedded.Topic, replicas int16, w io.Writer) error {
	var names, present []string
	for _, t := range topics {
		names = append(names, t.Name)
		settings := map[string]*string{}
		for name, value := range t.Settings() {
			settings[name] = kadm.StringPtr(value)
		}
		_, err := admin.CreateTopic(ctx, int32(t.Partitions), replicas, settings, t.Name)
		switch {
		case errors.Is(err, kerr.TopicAlreadyExists):
			present = append(present, t.Name)
		case err != nil:
			return fmt.Errorf("creating topic %s: %w", t.Name, err)
		default:
			fmt.Fprintf(w, "%s has %s now\n", t.Name, terminal.Count(t.Partitions, "partition", "partitions"))
		}
	}
	details, err := awaitTopics(ctx, admin, names...)
	if err != nil {
		return fmt.Errorf("asking for the partitions of %s: %w", strings.Join(names, ", "), err)
	}
	for _, name := range present {
		fmt.Fprintf(w, "%s is there already, with %s\n", name, terminal.Count(len(details[name].Partitions), "partition", "partitions"))
	}
	return samePartitions(details, topicName(embedded.TopicEvents, os.Getenv), topicName(embedded.TopicVerdicts, os.Getenv))
}

// knownAgain is how long the broker is left alone before it is asked once more for
// topics that it doesn't know yet.
const knownAgain = 100 * time.Millisecond

// awaitTopics asks for the topics until the broker knows all of them: Apache Kafka
// confirms a new topic before every broker has heard of it.
func awaitTopics(ctx context.Context, admin *kadm.Client, topics ...string) (kadm.TopicDetails, error) {
	for {
		details, err := admin.ListTopics(ctx, topics...)
		if err == nil {
			err = details.Error()
		}
		if !kerr.IsRetriable(err) {
			return details, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(knownAgain):
		}
	}
}

// samePartitions checks what reconciliation rests on: a fact's events and its
// verdicts lie in partitions of one number.
func samePartitions(details kadm.TopicDetails, events, verdicts string) error {
	if e, v := len(details[events].Partitions), len(details[verdicts].Partitions); e != v {
		return fmt.Errorf("%s has %s and %s has %d; both need the same number: delete one of them and run this again", events, terminal.Count(e, "partition", "partitions"), verdicts, v)
	}
	return nil
}
