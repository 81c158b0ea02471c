package convert

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
)

// mode says what the metadata tells about the body.
type mode uint8

const (
	plain  mode = iota // it speaks for itself
	binary             // it is the payload; the attributes are metadata
	pulled             // it was pulled from Pub/Sub
)

// readMetadata collects the metadata and decides how the body is to be read.
func (c *Converter) readMetadata(m Metadata) mode {
	c.pairs = c.pairs[:0]
	c.mode, c.structured = plain, false
	if f := c.opt.Format; m == nil && f == Auto || f != Auto && f != Binary && f != PubSubPull {
		return plain
	}
	if m != nil {
		if c.visit == nil {
			c.visit = c.visitPair
		}
		m.Walk(c.visit)
	}
	switch {
	case c.opt.Format == Binary:
		return binary
	case c.opt.Format == PubSubPull:
		return pulled
	case c.structured:
		return plain
	}
	return c.mode
}

func (c *Converter) visitPair(name, value string) {
	attribute := c.attributeName(name)
	c.pairs = append(c.pairs, pair{name, value, attribute})
	switch {
	case strings.HasPrefix(name, "gcp_pubsub_"):
		c.mode = pulled
	case strings.EqualFold(name, "content-type") && strings.HasPrefix(value, "application/cloudevents"):
		c.structured = true
	case c.mode == plain && identifies(attribute):
		c.mode = binary
	}
}

// identifies tells the attributes by which a message in binary mode is known.
func identifies(attribute string) bool {
	return attribute == event.AttrID || attribute == event.AttrType || attribute == event.AttrSpecVersion
}

// attributeName returns the CloudEvents attribute that a header or transport
// attribute holds: ce-id (HTTP, Pub/Sub), ce_id (Kafka), cloudEvents:id and
// cloudEvents_id (AMQP), or what the options name. "": none.
func (c *Converter) attributeName(name string) (attribute string) {
	if len(c.opt.Attributes) > 0 {
		if given, ok := c.opt.Attributes[name]; ok {
			return given
		}
	}
	if len(name) > 3 && name[0]|0x20 == 'c' && name[1]|0x20 == 'e' && (name[2] == '-' || name[2] == '_') {
		return lower(name[3:])
	}
	const amqp = len("cloudEvents:")
	if len(name) > amqp && name[:amqp-1] == "cloudEvents" && (name[amqp-1] == ':' || name[amqp-1] == '_') {
		return lower(name[amqp:])
	}
	return ""
}

// carried says what a transport attribute of some name holds.
type carried struct {
	attribute string // of CloudEvents; "": none
	place     place
	trace     bool // perhaps a trace context
}

// carriedBy returns what the members of a level hold, as attributes.
func (c *Converter) carriedBy(l *level) []carried {
	if len(l.carry) < len(l.known) {
		for i := range l.known {
			name := textOf(l.name(i)) // good as long as the shape is known
			attribute := c.attributeName(name)
			trace := len(name) == len("googclient_traceparent") || len(name) == len(event.AttrTraceParent)
			l.carry = append(l.carry, carried{attribute, placeOf(attribute), trace})
		}
	}
	return l.carry
}

// lower returns a header's name in small letters.
func lower(s string) string {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

// place is where a CloudEvents attribute goes in a draft.
type place uint8

const (
	inExtra place = iota
	inVersion
	inID
	inSource
	inType
	inTime
	inSubject
	inDataContentType
	inDataSchema
	inTraceParent
	inCloud
	inTenant
	inCorrelationID

	placeCount
)

func placeOf(attribute string) place {
	switch attribute {
	case event.AttrSpecVersion:
		return inVersion
	case event.AttrID:
		return inID
	case event.AttrSource:
		return inSource
	case event.AttrType:
		return inType
	case event.AttrTime:
		return inTime
	case event.AttrSubject:
		return inSubject
	case event.AttrDataContentType:
		return inDataContentType
	case event.AttrDataSchema:
		return inDataSchema
	case event.AttrTraceParent:
		return inTraceParent
	case event.AttrCloud:
		return inCloud
	case event.AttrTenant:
		return inTenant
	case event.AttrCorrelationID:
		return inCorrelationID
	}
	return inExtra
}

// field returns where a draft has the attribute of a place, or nil for extensions.
func (d *draft) field(at place) *[]byte {
	switch at {
	case inVersion:
		return &d.version
	case inID:
		return &d.ID
	case inSource:
		return &d.Source
	case inType:
		return &d.Type
	case inTime:
		return &d.Time
	case inSubject:
		return &d.Subject
	case inDataContentType:
		return &d.DataContentType
	case inDataSchema:
		return &d.DataSchema
	case inTraceParent:
		return &d.TraceParent
	case inCloud:
		return &d.Cloud
	case inTenant:
		return &d.Tenant
	case inCorrelationID:
		return &d.CorrelationID
	}
	return nil
}

// setAttribute puts a CloudEvents attribute into the draft, at its place; false
// when there is none for it.
func (c *Converter) setAttribute(d *draft, at place, name string, raw []byte) bool {
	if at == inCloud {
		c.trail.root = nil // what is configured decides
	}
	field := d.field(at)
	switch {
	case field == nil:
		if !legalName(name) || reserved(name) || c.attribute(name, d) != nil {
			return false
		}
		c.extra.add(c.label(name), raw)
		return true
	case at == inCloud && c.cloud != "":
		return false
	case *field != nil || len(raw) <= 2:
		return false
	}
	*field = raw
	return true
}

// label returns an attribute's name as it stands in an object.
func (c *Converter) label(name string) []byte {
	start := len(c.arena)
	c.arena = append(append(append(c.arena, '"'), name...), `":`...)
	return c.arena[start:len(c.arena):len(c.arena)]
}

// fromMetadata reads the CloudEvents attributes in the metadata and returns how
// many there are. In HTTP, values are percent-encoded.
func (c *Converter) fromMetadata(d *draft, encoded bool) (count int) {
	for _, p := range c.pairs {
		if p.attribute == "" {
			if (strings.EqualFold(p.name, "content-type") || strings.EqualFold(p.name, "content_type")) && d.DataContentType == nil && p.value != "" {
				d.DataContentType = c.quote(p.value)
			}
			continue
		}
		value := p.value
		if encoded && len(p.name) > 3 && strings.EqualFold(p.name[:3], "ce-") {
			if decoded, err := url.PathUnescape(value); err == nil {
				value = decoded
			}
		}
		if c.setAttribute(d, placeOf(p.attribute), p.attribute, c.quote(value)) {
			count++
		}
	}
	return count
}

// headerTraceParent returns the trace context that came as a header, or nil. A
// W3C one is preferred to those that clouds set under names of their own.
func (c *Converter) headerTraceParent() (raw []byte) {
	for _, p := range c.pairs {
		text := traceParentOf(p.name, p.value)
		if text == "" {
			continue
		}
		if _, ok := event.ParseTraceParent(text); !ok {
			continue
		}
		if raw == nil || len(p.name) == len(event.AttrTraceParent) {
			raw = c.quote(text)
		}
	}
	return raw
}

// traceParentOf returns what a header says as a W3C traceparent, or "".
func traceParentOf(name, value string) string {
	switch len(name) {
	case len("traceparent"):
		if strings.EqualFold(name, "traceparent") {
			return value
		}
	case len("googclient_traceparent"): // set by Google's Pub/Sub clients
		if name == "googclient_traceparent" {
			return value
		}
	case len("Diagnostic-Id"): // set by Azure's Service Bus and Event Hubs clients
		if strings.EqualFold(name, "Diagnostic-Id") {
			return value
		}
	case len("AWSTraceHeader"):
		if name == "AWSTraceHeader" {
			return event.TraceParentFromXRay(value)
		}
	case len("X-Amzn-Trace-Id"):
		if strings.EqualFold(name, "X-Amzn-Trace-Id") {
			return event.TraceParentFromXRay(value)
		}
	}
	return ""
}

// binaryEvent converts a CloudEvent in binary mode (HTTP and Kafka protocol
// bindings of CloudEvents 1.0).
func (c *Converter) binaryEvent(body []byte, o *outer) {
	c.extra.reset()
	d := draft{names: cloudEventNames}
	c.fromMetadata(&d, true)
	c.finishBinary(&d, body, o)
}

// finishBinary finishes a draft whose attributes came beside its payload.
func (c *Converter) finishBinary(d *draft, body []byte, o *outer) {
	if err := control(d.Type); err != nil {
		c.refuse(o, NotAnEvent, err)
		return
	}
	switch string(d.version) {
	case "", `"1.0"`, `"0.3"`, `"0.2"`:
	default:
		c.refuse(o, Unreadable, fmt.Errorf("CloudEvents attribute specversion is %.40s; \"1.0\", \"0.3\" and \"0.2\" are known", d.version))
		return
	}
	p, err := c.bytesAs(body, d.DataContentType)
	if err != nil {
		c.refuse(o, Unreadable, fmt.Errorf("CloudEvent in binary mode: %w", err))
		return
	}
	d.payload = p
	c.finish(d, o)
}
