package embedded

import (
	"strconv"
	"time"
)

// Names of the topics that every Helios process agrees on.
const (
	TopicEvents   = "helios.events"
	TopicVerdicts = "helios.verdicts"
	TopicHealing  = "helios.healing"
	TopicAlerts   = "helios.alerts"
	TopicDLQ      = "helios.dlq"
)

const day = 24 * time.Hour

// Topic is one topic that the embedded Kafka creates.
type Topic struct {
	Name       string
	Partitions int
	// Retention is how long records are kept, by their timestamp.
	Retention time.Duration
	// RetentionBytes bounds one partition's log; 0: no bound.
	RetentionBytes int64
	// SegmentBytes is the size at which a partition starts a new file. Only
	// whole files are deleted from disk.
	SegmentBytes int64
	// Compacted topics also keep the latest record of each key only.
	Compacted bool
}

// standard are the topics of a Helios installation: how long a production
// broker keeps each, and its share of the embedded broker's disk in percent.
var standard = []struct {
	name      string
	kept      time.Duration
	share     int64
	compacted bool
}{
	{name: TopicEvents, kept: 7 * day, share: 60},
	{name: TopicVerdicts, kept: 7 * day, share: 25},
	{name: TopicHealing, kept: 30 * day, share: 5, compacted: true},
	{name: TopicAlerts, kept: 30 * day, share: 2},
	{name: TopicDLQ, kept: 30 * day, share: 8},
}

const (
	minSegmentBytes = 64 << 10
	maxSegmentBytes = 16 << 20
)

// StandardTopics returns the topics of a Helios installation, each with the
// given partition count. Nothing is kept longer than retention (0: as long as
// production keeps it), and all logs together stay near diskBytes (0: no bound).
func StandardTopics(partitions int, retention time.Duration, diskBytes int64) []Topic {
	topics := make([]Topic, 0, len(standard))
	for _, s := range standard {
		t := Topic{
			Name: s.name, Partitions: partitions, Retention: s.kept,
			SegmentBytes: maxSegmentBytes, Compacted: s.compacted,
		}
		if retention > 0 {
			t.Retention = min(t.Retention, retention)
		}
		if diskBytes > 0 {
			t.RetentionBytes = diskBytes * s.share / 100 / int64(partitions)
			t.SegmentBytes = min(max(t.RetentionBytes/8, minSegmentBytes), maxSegmentBytes)
		}
		topics = append(topics, t)
	}
	return topics
}

// configs returns the topic's settings as Kafka names them.
func (t Topic) configs() map[string]string {
	c := map[string]string{"cleanup.policy": "delete"}
	if t.Compacted {
		c["cleanup.policy"] = "compact,delete"
	}
	if t.Retention > 0 {
		c["retention.ms"] = strconv.FormatInt(t.Retention.Milliseconds(), 10)
	}
	if t.RetentionBytes > 0 {
		c["retention.bytes"] = strconv.FormatInt(t.RetentionBytes, 10)
	}
	if t.SegmentBytes > 0 {
		c["segment.bytes"] = strconv.FormatInt(t.SegmentBytes, 10)
	}
	return c
}

// Settings are what a production broker is told of the topic: how long it keeps
// records, and whether it compacts. The sizes of files are the broker's affair, unless
// a bound on the log needs small ones.
func (t Topic) Settings() map[string]string {
	if t.RetentionBytes == 0 {
		t.SegmentBytes = 0
	}
	return t.configs()
}
