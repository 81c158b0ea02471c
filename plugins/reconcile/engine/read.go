package engine

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/helios-connect/helios/plugins/event"
)

// attributePaths are the attributes that every event is asked for; the numbers
// are their places in what the scanner returns.
var attributePaths = []string{
	event.AttrID, event.AttrSource, event.AttrType, event.AttrTime, event.AttrCloud,
	event.AttrTenant, event.AttrCorrelationID, event.AttrIngestTime,
}

const (
	atID = iota
	atSource
	atType
	atTime
	atCloud
	atTenant
	atKey
	atIngest
	attributeCount
)

// incoming is an event that was read. With a reason not to judge it, only cloud and
// tenant are set, or empty. Extents instead of views: while garbage is collected,
// every pointer that is written costs as much as a dozen numbers.
type incoming struct {
	text []byte // the document and, behind it, what its attributes with escapes say
	size int    // of the document, in bytes

	id, source, cloud, tenant, eventType, key event.Extent // in text

	time       int64
	arrival    int64 // ingesttime, if hasArrival
	hasArrival bool
	noTenant   bool         // it is event.DefaultTenant
	escaped    bool         // some string of the document has an escape
	record     event.Extent // in Batch.records: id and values, as the fact's record holds them
	values     int          // where the values begin there
	rule       *rule
	hash1      uint64 // of the key, seeded; of (tenant, type, key) when resolved
	hash2      uint64
	place      int    // of the participant in the rule; behind names when unexpected
	reason     Reason // why it can't be judged, as far as the document tells
	err        error

	// What the engine finds out.
	route int
	hand  int // of the participant in the clock, or -1
}

func (in *incoming) doc() []byte { return in.text[:in.size] }

// of returns what an extent says.
func (in *incoming) of(x event.Extent) []byte { return in.text[x.From:x.To:x.To] }

// tenantName returns the event's tenant, or the one of events that name none.
func (in *incoming) tenantName() []byte {
	if in.noTenant {
		return defaultTenant
	}
	return in.of(in.tenant)
}

// Reader takes events apart for its engine. It knows nothing of facts, and may
// be used while another goroutine uses the engine. It is not safe for concurrent
// use itself.
type Reader struct {
	rules    ruleFinder
	seed     [2]maphash.Seed
	scanner  event.Scanner
	instants event.TimeReader
	paths    *event.Paths
	found    []event.Extent
	normal   []byte
}

// Batch is what a Reader has read of some documents, partly views of them. The
// zero value is empty.
type Batch struct {
	events  []incoming
	records []byte // what incoming.record refers to
}

// NewReader returns a reader for events that e is to apply.
func (e *Engine) NewReader() *Reader {
	return &Reader{rules: ruleFinder{rules: e.rules}, seed: e.seed, paths: e.paths, found: make([]event.Extent, e.paths.Len())}
}

// Read replaces what is in b by what docs say; ApplyRead takes it in. The
// documents must not change before.
func (r *Reader) Read(docs [][]byte, b *Batch) {
	b.events = slices.Grow(b.events[:0], len(docs))[:len(docs)]
	records := b.records[:0]
	for i, doc := range docs {
		records = r.read(doc, records, &b.events[i])
	}
	b.records = records
}

// read extracts what is needed of a document, finds its rule, and appends what the
// fact's record is to hold of it.
func (r *Reader) read(doc, records []byte, in *incoming) []byte {
	in.text, in.size, in.cloud, in.tenant, in.noTenant = doc, len(doc), event.Extent{}, event.Extent{}, false
	var err error
	if in.reason, err = r.extract(doc, in); in.reason == ReasonNone {
		records, in.reason, err = r.record(doc, records, in)
	}
	if err != nil || in.err != nil { // hardly ever: no pointer is written
		in.err = err
	}
	return records
}

func (r *Reader) extract(doc []byte, in *incoming) (Reason, error) {
	if err := r.scanner.ScanExtents(doc, r.paths, r.found); err != nil {
		return Unreadable, err
	}
	text := [attributeCount]event.Extent(r.found)
	in.escaped = r.scanner.Escaped()
	for at := range text {
		switch x := &text[at]; {
		case x.To == 0:
		case doc[x.From] == '"':
			x.From, x.To = x.From+1, x.To-1
			if in.escaped {
				in.unescape(x)
			}
		case at != atKey && at != atIngest:
			form := ""
			if at == atTime {
				form = ` in RFC 3339, such as "2026-01-31T12:00:00Z"`
			}
			return Unreadable, fmt.Errorf("%s is %.40s: it takes a string%s", attributePaths[at], doc[x.From:x.To], form)
		default:
			*x = event.Extent{}
		}
	}
	if empty(text[atID]) || empty(text[atType]) || empty(text[atTime]) || empty(text[atCloud]) {
		return Unreadable, absentError(&text)
	}
	var err error
	if in.time, err = r.instants.Parse(in.of(text[atTime])); err != nil {
		return Unreadable, fmt.Errorf("time: %w", err)
	}
	in.source, in.eventType, in.cloud, in.tenant, in.key = text[atSource], text[atType], text[atCloud], text[atTenant], text[atKey]
	in.noTenant = empty(in.tenant)
	if empty(in.key) {
		return Unkeyed, errUnkeyed
	}
	in.hasArrival = false
	if text[atIngest].To != 0 {
		in.arrival, err = r.instants.Parse(in.of(text[atIngest]))
		in.hasArrival = err == nil
	}
	eventType, tenant := in.of(in.eventType), in.tenantName()
	rule := r.rules.find(eventType, tenant)
	if rule == nil {
		return NoExpectation, fmt.Errorf("no expectation matches type %.80q of tenant %.80q", eventType, tenant)
	}
	if in.rule != rule {
		in.rule = rule
	}
	key := in.of(in.key)
	in.hash1, in.hash2 = maphash.Bytes(r.seed[0], key), maphash.Bytes(r.seed[1], key)
	in.place = rule.indexOf(in.of(in.cloud))
	in.id = text[atID]
	return ReasonNone, nil
}

// record appends what the fact's record is to hold of the event: its id and its
// compared values.
func (r *Reader) record(doc, records []byte, in *incoming) ([]byte, Reason, error) {
	in.record.From = len(records)
	records = appendText(records, in.of(in.id))
	in.values = len(records)
	for i := range in.rule.comparers {
		cmp := &in.rule.comparers[i]
		var raw []byte
		if x := r.found[cmp.slot]; x.To != 0 {
			raw = doc[x.From:x.To:x.To]
		}
		if err := cmp.check(raw, &r.normal); err != nil {
			return records, Unreadable, err
		}
		records = appendValue(records, cmp.value(raw))
	}
	in.record.To = len(records)
	return records, ReasonNone, nil
}

// unescape moves an attribute with an escape behind the document, without it.
func (in *incoming) unescape(x *event.Extent) {
	inside := in.of(*x)
	if bytes.IndexByte(inside, '\\') < 0 {
		return
	}
	if len(in.text) == in.size {
		in.text = bytes.Clone(in.text)
	}
	plain, _, _ := event.StringBytes(in.text[x.From-1:x.To+1], nil)
	*x = event.Extent{From: len(in.text), To: len(in.text) + len(plain)}
	in.text = append(in.text, plain...)
}

func empty(x event.Extent) bool { return x.From == x.To }

var (
	defaultTenant = []byte(event.DefaultTenant)
	errUnkeyed    = errors.New("correlationid is absent, empty or no string: it names the business fact")
)

// absentError names the first of the required attributes that is absent.
func absentError(text *[attributeCount]event.Extent) error {
	for _, at := range [...]int{atID, atType, atTime, atCloud} {
		if empty(text[at]) {
			return fmt.Errorf("%s is absent or empty: every event needs a non-empty string", attributePaths[at])
		}
	}
	return nil
}

// resolve finds the route and the fact of an event that can be judged.
func (e *Engine) resolve(in *incoming) {
	in.route = e.routes.find(in.rule, in.of(in.eventType), in.tenantName())
	in.hash1, in.hash2 = identify(in.hash1, in.hash2, in.route)
}

// identify turns two hashes of a fact's key into its identity: the number of its
// route turns them into others.
func identify(hash1, hash2 uint64, route int) (uint64, uint64) {
	turn := uint64(route) * oddBits
	return hash1 ^ turn, hash2 ^ turn
}

// oddBits spreads small numbers over 64 bits, each to another.
const oddBits = 0x9e3779b97f4a7c15
