package kafka

import (
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ReasonOversize is the dead letter's reason for a verdict that the verdict
// topic can't take, not even without its sample.
const ReasonOversize = "oversize"

// limits are what the topics allow.
type limits struct {
	partitions int
	// record is the greatest size of a batch, in bytes.
	record int32
	// dlqPartitions of the dead-letter topic, which need not be those of the
	// events.
	dlqPartitions int32
}

// share is one partition's part of a bound for all of them.
func (l limits) share(bound int) int { return (bound + l.partitions - 1) / l.partitions }

// batchOverhead is what a batch and a record take beside keys, values and
// headers, generously.
const batchOverhead = 512

func (l limits) fits(rec *kgo.Record) bool {
	size := batchOverhead + len(rec.Key) + len(rec.Value)
	for _, h := range rec.Headers {
		size += len(h.Key) + len(h.Value) + 10
	}
	return size <= int(l.record)
}

// record is the record of an output. One that the broker would refuse must
// not be tried for ever: it is made smaller until it fits.
func (s *session) record(partition int32, o *output) *kgo.Record {
	dlq := partition % s.limits.dlqPartitions
	if f := o.flagged; f != nil {
		rec := deadLetter(s.conf.DLQTopic, dlq, f)
		if !s.limits.fits(rec) {
			rec.Key, rec.Value = nil, nil // both are where helios-origin says
			rec.Headers = letterHeaders(f)
		}
		return rec
	}
	rec := verdictRecord(s.conf.VerdictTopic, partition, o.verdict, o.trace)
	if s.limits.fits(rec) {
		return rec
	}
	o.verdict.JSON = withoutSample(o.verdict.JSON)
	if rec = verdictRecord(s.conf.VerdictTopic, partition, o.verdict, o.trace); s.limits.fits(rec) {
		return rec
	}
	return &kgo.Record{
		Topic: s.conf.DLQTopic, Partition: dlq,
		Headers: []kgo.RecordHeader{
			{Key: HeaderReason, Value: []byte(ReasonOversize)},
			{Key: HeaderStage, Value: []byte(stage)},
			{Key: HeaderDetail, Value: fmt.Appendf(nil, "verdict %x revision %d takes %d bytes, topic %q accepts %d: raise its max.message.bytes",
				o.verdict.ID, o.verdict.Revision, len(o.verdict.JSON)+len(o.verdict.State), s.conf.VerdictTopic, s.limits.record)},
			{Key: HeaderOrigin, Value: fmt.Appendf(nil, "%s/%d", s.conf.Topic, partition)},
			{Key: HeaderAttempt, Value: []byte("1")},
		},
	}
}

func withoutSample(verdict []byte) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(verdict, &members) != nil {
		return verdict
	}
	delete(members, "sample")
	smaller, err := json.Marshal(members)
	if err != nil {
		return verdict
	}
	return smaller
}
