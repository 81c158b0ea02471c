package engine

import (
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
// Without a reason not to judge it all is set, but place and hand by admit; else
// only cloud and tenant are, or empty.
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
	in.doc, in.cloud, in.tenant, in.values = doc, nil, nil, in.values[:0]
	in.reason, in.err = e.extract(doc, in)
}

func (e *Engine) extract(doc []byte, in *incoming) (Reason, error) {
	if err := e.scanner.Scan(doc, e.paths, e.out); err != nil {
		return Unreadable, err
	}
	// Hardly any document has an escape; then every string is a plain view.
	plain := !e.scanner.Escaped()
	var text [attributeCount][]byte
	for at, raw := range (*[attributeCount][]byte)(e.out) {
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
	if in.time, err = e.instants.Parse(text[atTime]); err != nil {
		return Unreadable, fmt.Errorf("time: %w", err)
	}
	in.id, in.source, in.cloud, in.tenant, in.key = text[atID], text[atSource], text[atCloud], text[atTenant], text[atKey]
	if len(in.tenant) == 0 {
		in.tenant = defaultTenant
	}
	if len(in.key) == 0 {
		return Unkeyed, errUnkeyed
	}
	in.hasArrival = false
	if text[atIngest] != nil {
		in.arrival, err = e.instants.Parse(text[atIngest])
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

// absentError names the first of the required attributes that is absent.
func absentError(text *[attributeCount][]byte) error {
	for _, at := range [...]int{atID, atType, atTime, atCloud} {
		if len(text[at]) == 0 {
			return fmt.Errorf("%s is absent or empty: every event needs a non-empty string", attributePaths[at])
		}
	}
	return nil
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
