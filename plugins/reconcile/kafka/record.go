package kafka

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
	"github.com/helios-connect/helios/plugins/telemetry"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

// Headers of the records that the input writes.
const (
	// HeaderState of a verdict is what judging a later event needs
	// (engine.Verdict.State).
	HeaderState = "helios-state"

	// Headers of an event that can't be judged.
	HeaderReason  = "helios-reason"
	HeaderStage   = "helios-stage"
	HeaderDetail  = "helios-detail"
	HeaderOrigin  = "helios-origin"  // topic/partition/offset
	HeaderAttempt = "helios-attempt" // how often the event has been dead-lettered
)

// stage is the value of HeaderStage.
const stage = "reconcile"

// MetaCloud of an event that can't be judged is its participant, as far as it could be
// read; one that is no name for a label is "other". Ingest's dead letters have it too.
const MetaCloud = "helios_cloud"

// Metadata of verdicts, which they carry as headers too, so that whoever reads
// the topic finds the same names.
const (
	MetaTenant   = "helios_tenant"
	MetaType     = "helios_type"
	MetaKey      = "helios_key"
	MetaStatus   = "helios_status"
	MetaRevision = "helios_revision"
	MetaPrevious = "helios_previous_status" // only of corrections
)

// maxDetail keeps a dead letter's explanation from outgrowing its event.
const maxDetail = 1024

// verdictRecord writes a verdict to the partition number of its events.
func verdictRecord(topic string, partition int32, v *engine.Verdict, traced *spans.Decision) *kgo.Record {
	rec := &kgo.Record{
		Topic: topic, Partition: partition, Key: []byte(v.Key), Value: v.JSON,
		Headers: []kgo.RecordHeader{
			{Key: HeaderState, Value: v.State},
			{Key: MetaTenant, Value: []byte(v.Tenant)},
			{Key: MetaType, Value: []byte(v.Type)},
			{Key: MetaKey, Value: []byte(v.Key)},
			{Key: MetaStatus, Value: []byte(v.Status.String())},
			{Key: MetaRevision, Value: strconv.AppendUint(nil, uint64(v.Revision), 10)},
		},
	}
	if v.Revision > 1 {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: MetaPrevious, Value: []byte(v.Previous.String())})
	}
	if traced != nil {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: HeaderTraceParent, Value: []byte(traced.Header())})
	}
	return rec
}

// deadLetter writes a flagged event, unchanged, to the dead-letter topic.
func deadLetter(topic string, partition int32, f *Flagged) *kgo.Record {
	rec := &kgo.Record{Topic: topic, Partition: partition, Key: f.Record.Key, Value: f.Record.Value, Headers: letterHeaders(f)}
	for _, h := range f.Record.Headers {
		if !isLetterHeader(h.Key) {
			rec.Headers = append(rec.Headers, h)
		}
	}
	return rec
}

// letterHeaders says why and whose. What came with the event under these names is
// not kept beside them.
func letterHeaders(f *Flagged) []kgo.RecordHeader {
	detail := f.Detail
	if len(detail) > maxDetail {
		detail = detail[:maxDetail]
	}
	headers := []kgo.RecordHeader{
		{Key: HeaderReason, Value: []byte(f.Reason.String())},
		{Key: HeaderStage, Value: []byte(stage)},
		{Key: HeaderDetail, Value: []byte(detail)},
		{Key: HeaderOrigin, Value: origin(f.Record)},
		{Key: HeaderAttempt, Value: strconv.AppendInt(nil, attempts(f.Record)+1, 10)},
	}
	if f.Participant != "" {
		headers = append(headers, kgo.RecordHeader{Key: MetaCloud, Value: []byte(telemetry.Label(f.Participant))})
	}
	return headers
}

func isLetterHeader(key string) bool {
	switch key {
	case HeaderReason, HeaderStage, HeaderDetail, HeaderOrigin, HeaderAttempt, MetaCloud:
		return true
	}
	return false
}

func origin(rec *kgo.Record) []byte {
	b := append([]byte(rec.Topic), '/')
	b = append(strconv.AppendInt(b, int64(rec.Partition), 10), '/')
	return strconv.AppendInt(b, rec.Offset, 10)
}

// attempts is how often the event was dead-lettered before.
func attempts(rec *kgo.Record) int64 {
	for _, h := range rec.Headers {
		if h.Key == HeaderAttempt {
			n, err := strconv.ParseInt(string(h.Value), 10, 32)
			if err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}

var errNoState = errors.New("the record lacks the headers " + HeaderState + " and " + MetaRevision)

// decodeVerdict reads the headers of a record of the verdict topic.
func decodeVerdict(rec *kgo.Record) (state []byte, revision uint32, err error) {
	for _, h := range rec.Headers {
		switch h.Key {
		case HeaderState:
			state = h.Value
		case MetaRevision:
			n, err := strconv.ParseUint(string(h.Value), 10, 32)
			if err != nil {
				return nil, 0, fmt.Errorf("reading header %s: %w", MetaRevision, err)
			}
			revision = uint32(n)
		}
	}
	if state == nil || revision == 0 {
		return nil, 0, errNoState
	}
	return state, revision, nil
}
