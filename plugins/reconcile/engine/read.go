package engine

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"

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

// incoming is the event being applied; its slices are views of the document.
type incoming struct {
	id, source, cloud, tenant, key []byte
	time                           int64
	route                          int
	rule                           *rule
	place                          int      // of the participant in the rule; behind names when unexpected
	hand                           int      // of the participant in the clock, or -1
	hash1, hash2                   uint64   // of (tenant, type, key), seeded
	values                         [][]byte // of the rule's compared fields, nil when absent
	arrival                        int64    // ingesttime, if hasArrival
	hasArrival                     bool
	doc                            []byte
	reason                         Reason // why it can't be judged, as far as the document tells
	err                            error
}

// read extracts what is needed of a document and finds its rule; it changes
// nothing that decides over facts.
func (e *Engine) read(doc []byte, in *incoming) {
	*in = incoming{doc: doc, values: in.values[:0]}
	in.reason, in.err = e.extract(doc, in)
}

func (e *Engine) extract(doc []byte, in *incoming) (Reason, error) {
	if err := e.scanner.Scan(doc, e.paths, e.out); err != nil {
		return Unreadable, err
	}
	// Hardly any document has an escape; then every string is a plain view.
	plain := bytes.IndexByte(doc, '\\') < 0
	var text [attributeCount][]byte
	for at := range text {
		raw := e.out[at]
		switch {
		case raw == nil:
		case raw[0] == '"' && plain:
			text[at] = raw[1 : len(raw)-1]
		case raw[0] == '"':
			text[at], _, _ = event.StringBytes(raw, nil)
		case at != atKey && at != atIngest:
			return Unreadable, fmt.Errorf("%s is %.40s: it takes a string", attributePaths[at], raw)
		}
	}
	for _, at := range [...]int{atID, atType, atTime, atCloud} {
		if len(text[at]) == 0 {
			return Unreadable, fmt.Errorf("%s is absent or empty: every event needs a non-empty string", attributePaths[at])
		}
	}
	var err error
	if in.time, err = event.ParseTime(text[atTime]); err != nil {
		return Unreadable, fmt.Errorf("time: %w", err)
	}
	in.id, in.source, in.cloud, in.tenant, in.key = text[atID], text[atSource], text[atCloud], text[atTenant], text[atKey]
	if len(in.tenant) == 0 {
		in.tenant = defaultTenant
	}
	if len(in.key) == 0 {
		return Unkeyed, errUnkeyed
	}
	if text[atIngest] != nil {
		in.arrival, err = event.ParseTime(text[atIngest])
		in.hasArrival = err == nil
	}
	if in.route = e.routes.find(e.rules, text[atType], in.tenant); in.route < 0 {
		return NoExpectation, fmt.Errorf("no expectation matches type %.80q of tenant %.80q", text[atType], in.tenant)
	}
	in.rule = e.routes.list[in.route].rule
	for i := range in.rule.comparers {
		cmp := &in.rule.comparers[i]
		raw := e.out[cmp.slot]
		if e.normal, err = cmp.check(raw, e.normal); err != nil {
			return Unreadable, err
		}
		in.values = append(in.values, cmp.value(raw))
	}
	e.hash(in)
	return ReasonNone, nil
}

var (
	defaultTenant = []byte(event.DefaultTenant)
	errUnkeyed    = errors.New("correlationid is absent, empty or no string: it names the business fact")
)

// hash fills in the identity of the event's fact.
func (e *Engine) hash(in *incoming) {
	b := append(e.hashInput[:0], byte(in.route), byte(in.route>>8), byte(in.route>>16), byte(in.route>>24))
	b = append(b, in.key...)
	e.hashInput = b
	in.hash1, in.hash2 = maphash.Bytes(e.seed[0], b), maphash.Bytes(e.seed[1], b)
}
