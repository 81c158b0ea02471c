package store

import (
	"bytes"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/event"
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

	// Of an event that a contract refused, else empty.
	source     []byte
	contract   []byte // subject/version
	violations []byte // rule and place of each breach
}

// deadLetterReader turns messages into rows. Every message makes a row.
type deadLetterReader struct {
	reader
	buf []byte
}

var letterPaths = event.MustCompilePaths(event.AttrSource, event.AttrTenant, event.AttrCloud, event.AttrType, event.AttrCorrelationID, "key")

// Positions in letterPaths.
const (
	dlSource = iota
	dlTenant
	dlCloud
	dlType
	dlCorrelationID
	dlKey // of a verdict
)

// read takes the reason from the headers of a dead-letter record, or from the
// metadata of an event that reconciliation flagged, and what they don't tell from
// what is in the letter. The place in the topic tells two like records apart;
// without one, like records are the same record.
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

		contract:   metaText(msg, "helios-schema", "helios_schema"),
		violations: metaText(msg, "helios-violations", "helios_violations"),
	}
	row.identity, r.buf = identify(r.buf, payload, row.reason, row.stage, row.detail, row.origin, row.attempt,
		row.tenant, row.cloud, row.typ, row.key,
		metaText(msg, "kafka_topic"), metaText(msg, "kafka_partition"), metaText(msg, "kafka_offset"))
	r.look(&row)
	// These stand in B-tree indexes. They are short where Helios wrote them.
	for _, text := range []*[]byte{&row.reason, &row.contract, &row.tenant, &row.cloud, &row.typ} {
		*text = cut(*text)
	}
	return row
}

// stageIngest is where letters come from that are no canonical events yet: what
// stands in them under the names of attributes may be something else.
const stageIngest = "ingest"

// look fills in what the metadata left out, of a letter that is an event or a
// verdict: whose it is, and the producer of one that a contract refused.
func (r *deadLetterReader) look(row *deadLetterRow) {
	row.source = []byte{}
	if string(row.stage) == stageIngest {
		return
	}
	if r.raw == nil {
		r.raw = make([][]byte, letterPaths.Len())
	}
	if r.scanner.Scan(row.payload, letterPaths, r.raw) != nil { // perhaps it was cut
		return
	}
	fill := func(field *[]byte, at int) {
		if len(*field) > 0 {
			return
		}
		if text, err := r.text(at, "", optional); err == nil {
			*field = column(text)
		}
	}
	if len(row.contract) > 0 {
		fill(&row.source, dlSource)
	}
	fill(&row.tenant, dlTenant)
	fill(&row.cloud, dlCloud)
	fill(&row.typ, dlType)
	fill(&row.key, dlCorrelationID)
	fill(&row.key, dlKey)
}

var arrayIndex = regexp.MustCompile(`/[0-9]+(/|$)`)

// firstRule is the first of the violations, with * for the indexes of arrays:
// "required /customer", "type /items/*/qty".
func firstRule(violations []byte) []byte {
	first, _, _ := bytes.Cut(violations, []byte("; "))
	for arrayIndex.Match(first) { // neighbours share a slash
		first = arrayIndex.ReplaceAll(first, []byte("/*$1"))
	}
	return first
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
