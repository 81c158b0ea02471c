package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// check finds what is wrong with a config whatever the broker says.
func (c *Config) check() error {
	for _, f := range []struct{ name, value, example string }{
		{"topic", c.Topic, "helios.events"}, {"verdict_topic", c.VerdictTopic, "helios.verdicts"},
		{"dlq_topic", c.DLQTopic, "helios.dlq"}, {"consumer_group", c.Group, "helios-reconcile"},
	} {
		if f.value == "" {
			return fmt.Errorf("%s is empty: give it a name, such as %q", f.name, f.example)
		}
	}
	if c.Topic == c.VerdictTopic || c.Topic == c.DLQTopic || c.VerdictTopic == c.DLQTopic {
		return fmt.Errorf("topic %q, verdict_topic %q and dlq_topic %q must be three topics", c.Topic, c.VerdictTopic, c.DLQTopic)
	}
	if c.CommitInterval < time.Millisecond || c.CommitInterval > c.TransactionTimeout {
		return fmt.Errorf("commit_interval is %s: it takes 1ms to transaction_timeout (%s), such as 100ms", c.CommitInterval, c.TransactionTimeout)
	}
	if c.TransactionTimeout < time.Second || c.TransactionTimeout >= c.SessionTimeout {
		return fmt.Errorf("transaction_timeout is %s: it takes 1s to less than session_timeout (%s), such as 10s", c.TransactionTimeout, c.SessionTimeout)
	}
	if c.MaxReread < 1 {
		return fmt.Errorf("max_reread is %d: it takes a number of events from 1, such as 1000000", c.MaxReread)
	}
	// What is wrong with the expectations is told at start, not at the first
	// assignment.
	judge, err := engine.New(c.Engine, noSink{})
	if err != nil {
		return err
	}
	judge.Close()
	return nil
}

type noSink struct{}

func (noSink) Verdict(*engine.Verdict) {}

// checkTopics refuses to start on topics that would lose state, and reads what
// they allow.
func (in *Input) checkTopics(ctx context.Context) (limits, error) {
	client, err := kgo.NewClient(in.client(kgo.DisableClientMetrics())...)
	if err != nil {
		return limits{}, fmt.Errorf("creating the Kafka client: %w", err)
	}
	defer client.Close()
	return in.conf.checkTopics(ctx, kadm.NewClient(client))
}

func (c *Config) checkTopics(ctx context.Context, admin *kadm.Client) (limits, error) {
	topics, err := admin.ListTopics(ctx, c.Topic, c.VerdictTopic, c.DLQTopic)
	if err != nil {
		return limits{}, fmt.Errorf("asking for topics: %w", err)
	}
	for _, name := range []string{c.Topic, c.VerdictTopic, c.DLQTopic} {
		if t := topics[name]; t.Err != nil || len(t.Partitions) == 0 {
			return limits{}, fmt.Errorf("topic %q can't be used (create it first): %w", name, errors.Join(t.Err, errNoPartitions))
		}
	}
	events, verdicts := len(topics[c.Topic].Partitions), len(topics[c.VerdictTopic].Partitions)
	if events != verdicts {
		return limits{}, fmt.Errorf("topic %q has %s and topic %q has %d: a verdict lies in the partition of its events, so both need the same number",
			c.Topic, terminal.Count(events, "partition", "partitions"), c.VerdictTopic, verdicts)
	}
	l := limits{partitions: events, dlqPartitions: int32(len(topics[c.DLQTopic].Partitions)), record: defaultBatch}
	configs, err := admin.DescribeTopicConfigs(ctx, c.Topic, c.VerdictTopic, c.DLQTopic)
	if err != nil {
		c.Log.Warn("The settings of the topics can't be read, so retention and cleanup are not checked", "error", err)
		return l, nil
	}
	if err := c.checkCleanup(configs); err != nil {
		return limits{}, err
	}
	l.record = min(batchLimit(configs, c.VerdictTopic), batchLimit(configs, c.DLQTopic))
	return l, nil
}

var errNoPartitions = errors.New("it has no partitions")

// checkCleanup looks at how long the topics keep what a restart reads again.
func (c *Config) checkCleanup(configs kadm.ResourceConfigs) error {
	var window, reach time.Duration
	for _, x := range c.Engine.Expectations {
		window = max(window, x.Window)
		reach = max(reach, x.Window+x.AllowedLateness)
	}
	for _, t := range []struct {
		name string
		keep time.Duration
		why  string
	}{
		{c.Topic, reach + c.Engine.IdleTimeout, "window + allowed_lateness + idle_timeout, since open facts are read again after a crash"},
		{c.VerdictTopic, c.Engine.CorrectionHorizon + window, "correction_horizon + window, since closed facts are read back after a crash"},
	} {
		policy, _ := setting(configs, t.name, "cleanup.policy")
		if strings.Contains(policy, "compact") {
			return fmt.Errorf("topic %q has cleanup.policy=%s: it takes delete only, compaction would remove what a restart needs", t.name, policy)
		}
		text, ok := setting(configs, t.name, "retention.ms")
		ms, err := strconv.ParseInt(text, 10, 64)
		if !ok || err != nil || ms < 0 {
			continue // unknown, or for ever
		}
		if kept := time.Duration(min(ms, int64(1<<63-1)/int64(time.Millisecond))) * time.Millisecond; kept < t.keep {
			return fmt.Errorf("topic %q keeps its records for %s (retention.ms=%d): it takes at least %s: %s", t.name, kept, ms, t.keep, t.why)
		}
		if text, ok := setting(configs, t.name, "retention.bytes"); ok && text != "-1" {
			c.Log.Info("A topic deletes records by size too: make sure that it keeps them for long enough",
				"topic", t.name, "retention_bytes", text, "keep", t.keep)
		}
	}
	return nil
}

// defaultBatch is what brokers accept unless configured otherwise, less the
// difference between what they and the client count.
const defaultBatch = 1_000_012

func batchLimit(configs kadm.ResourceConfigs, topic string) int32 {
	text, ok := setting(configs, topic, "max.message.bytes")
	n, err := strconv.ParseInt(text, 10, 32)
	if !ok || err != nil || n < 10_000 {
		return defaultBatch
	}
	return int32(min(n, 64<<20))
}

func setting(configs kadm.ResourceConfigs, topic, key string) (value string, ok bool) {
	for _, r := range configs {
		if r.Name != topic || r.Err != nil {
			continue
		}
		for _, c := range r.Configs {
			if c.Key == key {
				return c.MaybeValue(), c.Value != nil
			}
		}
	}
	return "", false
}
