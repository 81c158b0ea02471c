// Package convert turns the clouds' own envelopes into canonical events
// (package event). It is plain Go without a clock, a network or a Connect
// import: bytes in, bytes out.
//
// An envelope is recognised by its documented members, never by their order or
// by what else it holds. Envelopes may wrap one another (EventBridge in SNS in
// SQS), and one document may hold many events. Nothing is lost on the way:
// docs/decisions/0002-canonical-form.md says where each member goes.
package convert

import (
	"bytes"
	"errors"
	"fmt"
	"unsafe"

	"github.com/helios-connect/helios/internal/arena"
	"github.com/helios-connect/helios/plugins/event"
)

// Reason says why something was not converted. Its String is the value of the
// metadata helios_reason.
type Reason uint8

const (
	// Converted: the result is a canonical event.
	Converted Reason = iota
	// Unreadable: malformed, or a required attribute is absent or wrong.
	Unreadable
	// Unkeyed: no correlation rule found a value.
	Unkeyed
	// NotAnEvent: a well-formed document that reports no business fact, such as
	// a subscription handshake, a request, or an unknown shape.
	NotAnEvent
)

var reasonNames = [...]string{"", "unreadable", "unkeyed", "not_an_event"}

// Reasons lists why something is refused, as the metadata helios_reason spells it.
func Reasons() []string { return append([]string(nil), reasonNames[Unreadable:]...) }

// String returns the reason as the metadata helios_reason spells it.
func (r Reason) String() string { return reasonNames[r] }

// Metadata is what travels beside a document: HTTP or Kafka headers, the
// attributes of a queue message.
type Metadata interface {
	// Walk calls visit for every pair.
	Walk(visit func(name, value string))
}

// Input is one received document.
type Input struct {
	// Body is read, never kept or changed.
	Body []byte
	// Metadata that came with it, or nil.
	Metadata Metadata
	// Cloud is the participant, or empty to find it out.
	Cloud string
	// Now is when Helios received the document, in Unix nanoseconds.
	Now int64
}

// Result is one event of a document, or one part of it that was refused.
type Result struct {
	// Event is the canonical event on one line, owned by the receiver; nil when
	// refused. It lies in a piece of memory of 64 KiB with the events around it,
	// which lives as long as any of them.
	Event []byte
	// Raw is what was refused, a view of the body: an element of a batch, or
	// all of the body.
	Raw []byte
	// Reason and Err say why it was refused.
	Reason Reason
	Err    error
	// Tenant, Type, Key and Cloud are the event's attributes without quotes. Of
	// what was refused only the tenant is there, and only when it is Unkeyed.
	Tenant, Type, Key, Cloud []byte
	// TraceParent is the event's attribute of that name, whether or not it is
	// well formed, or nil.
	TraceParent []byte
}

// Converter converts documents, one at a time.
type Converter struct {
	opt     Options
	visit   func(name, value string) // visitPair, made once
	scanner event.Scanner
	times   event.TimeReader
	levels  [maxLevels]level
	shapes  map[string]*shape // that stay, by their labels
	values  [][]byte          // what the rules ask for in a payload
	results []Result
	trail   trail

	cloud         string // that was given
	cloudRaw      []byte // the same as a raw JSON string
	lastFormats   []byte // formats of the last event
	lastAttribute []byte // the same as an attribute

	nowNano int64       // when the document was received, Unix nanoseconds
	now     []byte      // the same as a raw JSON string: ingesttime
	given   arena.Bytes // what receivers own

	// Of the document in hand.
	pairs      []pair // its metadata
	mode       mode   // what the metadata tells
	structured bool   // the content type says that the body is a CloudEvent
	arena      []byte // text made on the way; views of it stay good when it grows
	envelope   []byte // the members of the wrappers: AttrEnvelope as it is written, up to its last }"
	formats    []byte // the names of the envelopes, outermost first
	extra      extensions
}

// pair is a pair of metadata, with the CloudEvents attribute that it is, or "".
type pair struct{ name, value, attribute string }

// maxLevels bounds the objects and arrays that are looked into on the way from
// the document to an event.
const maxLevels = 12

// outer is what is known about a document from what it was wrapped in.
type outer struct {
	level    int    // of Converter.levels that is free
	raw      []byte // what is handed back when the document is refused
	envelope int    // length of Converter.envelope
	formats  int    // length of Converter.formats
	cloud    []byte // what the wrapper says about the cloud, a raw JSON string
	names    *identityNames
	// traceParent is the trace context of the wrapper, as a raw JSON string.
	traceParent []byte
	identity    // what the event is when the payload is none itself
}

// identity is what tells an event from others: raw JSON strings.
type identity struct{ id, source, kind, time, subject []byte }

// New returns a Converter; errors name the option.
func New(opt Options) (*Converter, error) {
	if err := opt.compile(); err != nil {
		return nil, err
	}
	return &Converter{opt: opt, values: make([][]byte, opt.inside.Len())}, nil
}

// Convert returns what becomes of the document: one result for each event in it
// and for each part that is none, in their order, at least one. The slice and
// the views in it are good until the next call.
func (c *Converter) Convert(in Input) []Result {
	c.results = c.results[:0]
	c.arena = c.arena[:0]
	c.envelope, c.formats = c.envelope[:0], c.formats[:0]
	if in.Cloud != c.cloud {
		c.cloud = in.Cloud
		c.cloudRaw = event.AppendQuoted(c.cloudRaw[:0], in.Cloud)
	}
	if in.Now != c.nowNano || c.now == nil {
		c.nowNano = in.Now
		c.now = append(event.AppendTime(append(c.now[:0], '"'), in.Now), '"')
	}
	o := outer{raw: in.Body}
	switch mode := c.readMetadata(in.Metadata); mode {
	case binary:
		c.binaryEvent(in.Body, &o)
	case pulled:
		c.pubSubPull(in.Body, &o)
	default:
		c.document(in.Body, o)
	}
	return c.results
}

// Own returns a copy of text that is the receiver's, in the memory that its event
// is in.
func (c *Converter) Own(text []byte) string { return c.given.String(text) }

// refuse adds a result for what was not converted.
func (c *Converter) refuse(o *outer, reason Reason, err error) {
	c.results = append(c.results, Result{Raw: o.raw, Reason: reason, Err: err})
}

// quote returns text as a raw JSON string.
func (c *Converter) quote(text string) []byte {
	start := len(c.arena)
	c.arena = event.AppendQuoted(c.arena, text)
	return c.arena[start:len(c.arena):len(c.arena)]
}

// textOf returns b as a string, without a copy: it is good for as long as b does
// not change.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// unquote returns the contents of a raw JSON string; ok is false when raw is no
// string.
func (c *Converter) unquote(raw []byte) (text []byte, ok bool) {
	if event.IsString(raw) && bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], true
	}
	text, _, ok = event.StringBytes(raw, nil)
	return text, ok
}

// document converts a document that is JSON or nothing.
func (c *Converter) document(doc []byte, o outer) {
	l, err := c.open(doc, o.level)
	if err != nil && c.rescue(doc, o) {
		return
	}
	if err != nil {
		reason := Unreadable
		if errors.Is(err, errNoObject) {
			reason = NotAnEvent
		}
		c.refuse(&o, reason, err)
		return
	}
	format := c.opt.Format
	if o.level > 0 && format != CloudEvents && format != EventGrid { // a forced format is that of the outermost object
		format = Auto
	}
	c.opened(doc, l, &o, format)
}

// opened converts a document whose first level is known. Here and below, o is what
// the callee may change.
func (c *Converter) opened(doc []byte, l *level, o *outer, format Format) {
	o.level++
	if c.asPlanned(l, o, format) {
		return
	}
	switch {
	case l.array:
		c.batch(l, *o)
		return
	case format == Auto:
		format = l.detect()
	}
	switch format {
	case CloudEvents:
		c.cloudEvent(l, o)
	case EventBridge:
		c.eventBridge(l, o)
	case EventGrid:
		c.eventGrid(l, o)
	case SNS:
		c.sns(l, o)
	case SQS:
		c.sqsMessage(l, o)
	case PubSub:
		c.pubSubPush(l, *o)
	case Records:
		c.records(l, o)
	case record:
		c.record(doc, l, o)
	default:
		c.refuse(o, NotAnEvent, notAnEvent(l))
	}
}

// batch converts the elements of an array.
func (c *Converter) batch(l *level, o outer) {
	if len(l.extent) == 0 {
		c.refuse(&o, NotAnEvent, errEmptyBatch)
		return
	}
	for i := range l.extent {
		element := l.value(i)
		if len(l.extent) > 1 {
			o.raw = element
		}
		c.document(element, o)
	}
}

// rescue converts an array that can't be read as a whole element by element, so
// that the one at fault takes no other along. False: that can't be done.
func (c *Converter) rescue(doc []byte, o outer) bool {
	elements, ok := event.AppendElements(nil, doc)
	if !ok || len(elements) < 2 || o.level >= maxLevels {
		return false
	}
	l := &c.levels[o.level]
	l.place(doc, elements)
	o.level++
	c.batch(l, o)
	return true
}

var errEmptyBatch = fmt.Errorf("a batch without events")
