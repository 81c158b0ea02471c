package store

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// deadLetterRow is a message that was refused somewhere, on its way into
// helios_dead_letters. Its payload is any bytes.
type deadLetterRow struct {
	identity identity
	recorded instant
	reason   []byte
	stage    []byte
	detail   []byte
	origin   []byte
	attempt  []byte
	tenant   []byte
	cloud    []byte
	typ      []byte
	key      []byte
	payload  []byte
}

// deadLetterReader turns messages into rows. Every message makes a row.
type deadLetterReader struct{ buf []byte }

// read takes the reason from the headers of a dead-letter record, or from the
// metadata of an event that reconciliation flagged. The place in the topic tells
// two like records apart; without one, like records are the same record.
func (r *deadLetterReader) read(msg *service.Message, payload []byte, now time.Time) deadLetterRow {
	if payload == nil {
		payload = []byte{} // nil would be a null
	}
	row := deadLetterRow{
		recorded: recordTime(msg, now),
		reason:   metaText(msg, "helios-reason", "helios_reason"),
		stage:    metaText(msg, "helios-stage", "helios_stage"),
		detail:   metaText(msg, "helios-detail", "helios_detail"),
		origin:   metaText(msg, "helios-origin", "helios_origin"),
		attempt:  metaText(msg, "helios-attempt", "helios_attempt"),
		tenant:   metaText(msg, "helios_tenant"),
		cloud:    metaText(msg, "helios_cloud"),
		typ:      metaText(msg, "helios_type"),
		key:      metaText(msg, "helios_key", "kafka_key"),
		payload:  payload,
	}
	row.identity, r.buf = identify(r.buf, payload, row.reason, row.stage, row.detail, row.origin, row.attempt,
		row.tenant, row.cloud, row.typ, row.key,
		metaText(msg, "kafka_topic"), metaText(msg, "kafka_partition"), metaText(msg, "kafka_offset"))
	// The reason stands in a B-tree index. It is a word where Helios wrote it.
	row.reason = cut(row.reason)
	return row
}

// recordTime is when the record was written to its topic, else now.
func recordTime(msg *service.Message, now time.Time) instant {
	text := metaText(msg, "kafka_timestamp_ms")
	if ms, err := strconv.ParseInt(string(text), 10, 64); err == nil && ms > 0 && ms < 9_214_646_400_000 {
		return instant{ns: ms * int64(time.Millisecond), known: true}
	}
	return instant{ns: now.UnixNano(), known: true}
}

// metaText returns the first of the metadata that is set, fit for a column:
// headers may hold any bytes, and what is no text is written as quoted Go text.
func metaText(msg *service.Message, names ...string) []byte {
	for _, name := range names {
		value, ok := msg.MetaGet(name)
		if !ok || value == "" {
			continue
		}
		if !utf8.ValidString(value) {
			value = strconv.Quote(value)
		}
		return column([]byte(value))
	}
	return []byte{}
}

// cut shortens text to maxIndexed bytes, at the end of a character.
func cut(text []byte) []byte {
	if len(text) <= maxIndexed {
		return text
	}
	end := maxIndexed
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
