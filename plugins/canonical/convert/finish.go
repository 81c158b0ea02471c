package convert

import (
	"bytes"
	"fmt"

	"github.com/helios-connect/helios/plugins/event"
)

// Attributes that tell how a native event looked.
const (
	// AttrFormat names the envelopes, outermost first: sqs/eventbridge.
	AttrFormat = "heliosformat"
	// AttrEnvelope holds the members of the envelopes that have no place of
	// their own: the text of a JSON object with one member per envelope.
	AttrEnvelope = "heliosenvelope"
)

// draft is an event of which the parts have been found.
type draft struct {
	// Event holds the attributes as far as they are known; Cloud, Tenant,
	// CorrelationID and IngestTime are those that the event came with.
	event.Event
	names       *identityNames
	version     []byte // of CloudEvents, in binary mode
	cloud       []byte // by the kind of envelope, a raw JSON string
	keepsOrigin bool   // it came with Helios's own attributes about its origin
	payload
}

// identify sets what tells the event from others.
func (d *draft) identify(i identity) {
	d.ID, d.Source, d.Type, d.Time, d.Subject = i.id, i.source, i.kind, i.time, i.subject
}

// payload is an event's data.
type payload struct {
	data   []byte // a JSON object, or another JSON value to be wrapped
	form   form
	values [][]byte // what the rules ask for in data
}

// form is what a payload was before it became an object.
type form uint8

const (
	asObject form = iota
	asJSON        // another JSON value
	asText        // characters; data is a JSON string of them
	asBase64      // bytes; data is a JSON string of them in base64
	asNone        // nothing
)

// identityNames are the names by which an envelope's documentation calls what
// identifies an event.
type identityNames struct{ format, id, source, kind, time string }

// finish checks the draft and adds its canonical event, or refuses it.
func (c *Converter) finish(d *draft, o *outer) {
	e := d.Event // a copy on the stack: the garbage collector is told of what goes into d
	if e.Time == nil {
		e.Time = o.time
	}
	if err := d.check(e.Time); err != nil {
		c.refuse(o, Unreadable, err)
		return
	}
	var err error
	if e.Time, err = c.instant(e.Time); err != nil {
		c.refuse(o, Unreadable, fmt.Errorf("%s: %w", d.names.describe(d.names.time), err))
		return
	}
	result := Result{}
	e.Cloud = c.chooseCloud(d, o)
	result.Type, _ = c.unquote(e.Type)
	result.Cloud, _ = c.unquote(e.Cloud)
	if c.opt.StrictCloud && c.cloud != "" && string(result.Cloud) != c.cloud {
		c.refuse(o, Unreadable, fmt.Errorf("cloud is %.100q; what comes this way may report for %q only", result.Cloud, c.cloud))
		return
	}
	if e.Tenant == nil {
		if e.Tenant = c.find(c.opt.Tenant, result.Type, d); e.Tenant == nil {
			e.Tenant = c.opt.defaultTenant
		}
	}
	result.Tenant, _ = c.unquote(e.Tenant)
	if e.CorrelationID == nil {
		e.CorrelationID = c.find(c.opt.Correlation, result.Type, d)
	}
	if e.CorrelationID == nil {
		c.refuse(o, Unkeyed, fmt.Errorf("no correlation rule finds a value in an event of type %.80q", result.Type))
		c.results[len(c.results)-1].Tenant = result.Tenant
		return
	}
	result.Key, _ = c.unquote(e.CorrelationID)
	if err := result.checkNames(); err != nil {
		c.refuse(o, Unreadable, err)
		return
	}
	if e.IngestTime == nil {
		e.IngestTime = c.now
	}
	if e.TraceParent == nil {
		if e.TraceParent = c.headerTraceParent(); e.TraceParent == nil {
			e.TraceParent = o.traceParent
		}
	}
	if e.TraceParent != nil {
		result.TraceParent, _ = c.unquote(e.TraceParent)
	}
	e.Data = c.wrapped(&d.payload)
	e.Extra[0] = c.extra.text
	e.Extra[1] = c.formatsAttribute()
	e.Extra[2] = c.envelopeAttribute()
	result.Event = c.given.Keep(e.AppendJSON(c.given.Begin(e.Size())))
	c.add(&result)
}

// add adds a result. To append it would tell the garbage collector of all that is
// in it, and of all that was there: most of it is the same.
func (c *Converter) add(r *Result) {
	n := len(c.results)
	if n == cap(c.results) {
		c.results = append(c.results, *r)
		return
	}
	c.results = c.results[:n+1]
	at := &c.results[n]
	if at.Err != nil || at.Raw != nil {
		at.Err, at.Raw = nil, nil
	}
	at.Reason = Converted
	set(&at.Event, r.Event)
	set(&at.Tenant, r.Tenant)
	set(&at.Type, r.Type)
	set(&at.Key, r.Key)
	set(&at.Cloud, r.Cloud)
	set(&at.TraceParent, r.TraceParent)
}

func (n *identityNames) describe(name string) string { return n.format + " member " + name }

// check tells which of the required attributes, with that time, is absent or
// wrong.
func (d *draft) check(time []byte) error {
	if isName(d.ID) && isName(d.Source) && isName(d.Type) && isName(time) {
		return nil
	}
	for _, a := range [...]struct {
		raw  []byte
		name string
	}{{d.ID, d.names.id}, {d.Source, d.names.source}, {d.Type, d.names.kind}, {time, d.names.time}} {
		switch {
		case a.raw == nil:
			return fmt.Errorf("%s is absent; a non-empty string is required", d.names.describe(a.name))
		case !isName(a.raw):
			return fmt.Errorf("%s is %.40s; a non-empty string is required", d.names.describe(a.name), a.raw)
		}
	}
	return nil
}

// isName tells whether a raw JSON value is a non-empty string.
func isName(raw []byte) bool { return len(raw) > 2 && raw[0] == '"' }

// instant returns a raw time as it stands, or rewritten where readers of RFC
// 3339 stumble: escapes, small letters, leap seconds, more than nanoseconds.
func (c *Converter) instant(raw []byte) ([]byte, error) {
	text, ok := c.unquote(raw)
	if !ok {
		return nil, event.ErrTime
	}
	ns, err := c.times.Parse(text)
	if err != nil {
		return nil, err
	}
	plain := len(text)+2 == len(raw) && len(text) <= len("2006-01-02T15:04:05.999999999+00:00") &&
		text[10] == 'T' && text[len(text)-1] != 'z' && string(text[17:19]) != "60"
	if plain && fractionDigits(text) <= 9 {
		return raw, nil
	}
	return c.timeOf(ns), nil
}

func fractionDigits(text []byte) int {
	if len(text) < 20 || text[19] != '.' {
		return 0
	}
	n := 0
	for _, c := range text[20:] {
		if c < '0' || c > '9' {
			break
		}
		n++
	}
	return n
}

// timeOf returns an instant (Unix nanoseconds) as a raw JSON string.
func (c *Converter) timeOf(ns int64) []byte {
	start := len(c.arena)
	c.arena = append(event.AppendTime(append(c.arena, '"'), ns), '"')
	return c.arena[start:len(c.arena):len(c.arena)]
}

func (r *Result) checkNames() error {
	if max(len(r.Key), len(r.Tenant), len(r.Type), len(r.Cloud)) <= MaxNameBytes {
		return nil
	}
	for _, n := range [...]struct {
		text []byte
		name string
	}{{r.Key, event.AttrCorrelationID}, {r.Tenant, event.AttrTenant}, {r.Type, event.AttrType}, {r.Cloud, event.AttrCloud}} {
		if len(n.text) > MaxNameBytes {
			return fmt.Errorf("%s has %d bytes; at most %d are allowed", n.name, len(n.text), MaxNameBytes)
		}
	}
	return nil
}

// find returns what the first matching rule finds, as a raw JSON string, or nil.
func (c *Converter) find(rules []Rule, kind []byte, d *draft) []byte {
	for i := range rules {
		if !rules[i].matches(kind) {
			continue
		}
		for _, f := range rules[i].found {
			var raw []byte
			if f.attribute != "" {
				raw = c.attribute(f.attribute, d)
			} else if d.values != nil {
				raw = d.values[f.index]
			}
			if name := c.asName(raw); name != nil {
				return name
			}
		}
		return nil
	}
	return nil
}

// asName returns a non-empty string as it stands and a whole number as a string
// of its digits.
func (c *Converter) asName(raw []byte) []byte {
	switch {
	case len(raw) == 0:
		return nil
	case raw[0] == '"':
		if len(raw) > 2 {
			return raw
		}
		return nil
	case isWhole(raw):
		start := len(c.arena)
		c.arena = append(append(append(c.arena, '"'), raw...), '"')
		return c.arena[start:len(c.arena):len(c.arena)]
	}
	return nil
}

func isWhole(raw []byte) bool {
	if len(raw) > 0 && raw[0] == '-' {
		raw = raw[1:]
	}
	for _, c := range raw {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(raw) > 0
}

// attribute returns the raw value of an attribute of the draft.
func (c *Converter) attribute(name string, d *draft) []byte {
	switch name {
	case event.AttrSubject:
		return d.Subject
	case event.AttrID:
		return d.ID
	case event.AttrSource:
		return d.Source
	case event.AttrType:
		return d.Type
	case event.AttrTraceParent:
		return d.TraceParent
	}
	raw := c.extra.value(name)
	if raw == nil {
		return nil
	}
	start := len(c.arena)
	extend(&c.arena, textOf(raw)) // where it stood, the next event of the document will stand
	return c.arena[start:len(c.arena):len(c.arena)]
}

// formatsAttribute returns AttrFormat as it is written, or nil.
func (c *Converter) formatsAttribute() []byte {
	if !bytes.Equal(c.formats, c.lastFormats) { // they are the same in many events
		c.lastFormats = append(c.lastFormats[:0], c.formats...)
		c.lastAttribute = append(append(c.lastAttribute[:0], ','), labelFormat...)
		c.lastAttribute = event.AppendQuoted(c.lastAttribute, c.formats)
	}
	if len(c.formats) == 0 {
		return nil
	}
	return c.lastAttribute
}

// envelopeAttribute returns AttrEnvelope as it is written, or nil.
func (c *Converter) envelopeAttribute() []byte {
	if len(c.envelope) == 0 {
		return nil
	}
	extend(&c.envelope, `}"`)
	return c.envelope
}

// wrapped returns the payload as an object.
func (c *Converter) wrapped(p *payload) []byte {
	name := `{"value":`
	switch p.form {
	case asObject:
		return p.data
	case asNone:
		c.extra.add(labelDataForm, []byte(`"none"`))
		return []byte(`{}`)
	case asJSON:
		c.extra.add(labelDataForm, []byte(`"json"`))
	case asText:
		c.extra.add(labelDataForm, []byte(`"text"`))
	case asBase64:
		c.extra.add(labelDataForm, []byte(`"base64"`))
		name = `{"base64":`
	}
	start := len(c.arena)
	c.arena = append(event.AppendOneLine(append(c.arena, name...), p.data), '}')
	return c.arena[start:]
}

var labelFormat, labelEnvelope, labelDataForm = labelOf(AttrFormat), labelOf(AttrEnvelope), labelOf(event.AttrDataForm)

// labelEarlier is labelEnvelope as it stands in a JSON string.
var labelEarlier = appendQuotedLabel(nil, labelEnvelope)

func labelOf(name string) []byte { return []byte(`"` + name + `":`) }
