package engine

import (
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

// incoming is an event that was read; its slices are views of the document. With
// a reason not to judge it, only cloud and tenant are set, or empty.
type incoming struct {
	id, source, cloud, tenant, eventType, key []byte

	time       int64
	rule       *rule
	values     [][]byte // of the rule's compared fields, nil when absent
	arrival    int64    // ingesttime, if hasArrival
	hasArrival bool
	doc        []byte
	reason     Reason // why it can't be judged, as far as the document tells
	err        error

	// What the engine finds out.
	route        int
	hash1, hash2 uint64 // of (tenant, type, key), seeded
	place        int    // of the participant in the rule; behind names when unexpected
	hand         int    // of the participant in the clock, or -1
}

// Reader takes events apart for its engine. It knows nothing of facts, and may
// be used while another goroutine uses the engine. It is not safe for concurrent
// use itself.
type Reader struct {
	rules    ruleFinder
	scanner  event.Scanner
	instants event.TimeReader
	paths    *event.Paths
	out      [][]byte
	normal   []byte
}

// Batch is what a Reader has read of some documents, views of them. The zero
// value is empty.
type Batch struct{ events []incoming }

// NewReader returns a reader for events that e is to apply.
func (e *Engine) NewReader() *Reader {
	return &Reader{rules: ruleFinder{rules: e.rules}, paths: e.paths, out: make([][]byte, e.paths.Len())}
}

// Read replaces what is in b by what docs say; ApplyRead takes it in. The
// documents must not change before.
func (r *Reader) Read(docs [][]byte, b *Batch) {
	b.events = slices.Grow(b.events[:0], len(docs))[:len(docs)]
	for i, doc := range docs {
		r.read(doc, &b.events[i])
	}
}

// read extracts what is needed of a document and finds its rule.
func (r *Reader) read(doc []byte, in *incoming) {
	in.doc, in.cloud, in.tenant, in.values = doc, nil, nil, in.values[:0]
	in.reason, in.err = r.extract(doc, in)
}

func (r *Reader) extract(doc []byte, in *incoming) (Reason, error) {
	if err := r.scanner.Scan(doc, r.paths, r.out); err != nil {
		return Unreadable, err
	}
	// Hardly any document has an escape; then every string is a plain view.
	plain := !r.scanner.Escaped()
	var text [attributeCount][]byte
	for at, raw := range (*[attributeCount][]byte)(r.out) {
		switch {
		case len(raw) == 0:
		case raw[0] == '"' && plain:
			text[at] = raw[1 : len(raw)-1]
		case raw[0] == '"':
			text[at], _, _ = event.StringBytes(raw, nil)
		case at != atKey && at != atIngest:
			return Unreadable, fmt.Errorf("%s is %.40s: it takes a string", attributePaths[at], raw)
		}
	}
	if len(text[atID]) == 0 || len(text[atType]) == 0 || len(text[atTime]) == 0 || len(text[atCloud]) == 0 {
		return Unreadable, absentError(&text)
	}
	var err error
	if in.time, err = r.instants.Parse(text[atTime]); err != nil {
		return Unreadable, fmt.Errorf("time: %w", err)
	}
	in.id, in.source, in.eventType, in.cloud, in.tenant, in.key = text[atID], text[atSource], text[atType], text[atCloud], text[atTenant], text[atKey]
	if len(in.tenant) == 0 {
		in.tenant = defaultTenant
	}
	if len(in.key) == 0 {
		return Unkeyed, errUnkeyed
	}
	in.hasArrival = false
	if text[atIngest] != nil {
		in.arrival, err = r.instants.Parse(text[atIngest])
		in.hasArrival = err == nil
	}
	if in.rule = r.rules.find(in.eventType, in.tenant); in.rule == nil {
		return NoExpectation, fmt.Errorf("no expectation matches type %.80q of tenant %.80q", in.eventType, in.tenant)
	}
	for i := range in.rule.comparers {
		cmp := &in.rule.comparers[i]
		raw := r.out[cmp.slot]
		if r.normal, err = cmp.check(raw, r.normal); err != nil {
			return Unreadable, err
		}
		in.values = append(in.values, cmp.value(raw))
	}
	return ReasonNone, nil
}

var (
	defaultTenant = []byte(event.DefaultTenant)
	errUnkeyed    = errors.New("correlationid is absent, empty or no string: it names the business fact")
)

// absentError names the first of the required attributes that is absent.
func absentError(text *[attributeCount][]byte) error {
	for _, at := range [...]int{atID, atType, atTime, atCloud} {
		if len(text[at]) == 0 {
			return fmt.Errorf("%s is absent or empty: every event needs a non-empty string", attributePaths[at])
		}
	}
	return nil
}

// resolve finds the route and the fact of an event that can be judged.
func (e *Engine) resolve(in *incoming) {
	in.route = e.routes.find(in.rule, in.eventType, in.tenant)
	e.hash(in)
}

// hash fills in the identity of the event's fact: two hashes of its key, with
// seeds of their own, which the number of its route turns into others.
func (e *Engine) hash(in *incoming) {
	route := uint64(in.route) * oddBits
	in.hash1 = maphash.Bytes(e.seed[0], in.key) ^ route
	in.hash2 = maphash.Bytes(e.seed[1], in.key) ^ route
}

// oddBits spreads small numbers over 64 bits, each to another.
const oddBits = 0x9e3779b97f4a7c15
