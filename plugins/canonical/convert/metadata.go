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
	switch c.opt.Format {
	case Binary, PubSubPull:
	case Auto:
		if m == nil {
			return plain
		}
	default:
		return plain
	}
	found := plain
	structured := false
	if m != nil {
		m.Walk(func(name, value string) {
			c.pairs = append(c.pairs, pair{name, value})
			switch {
			case strings.HasPrefix(name, "gcp_pubsub_"):
				found = pulled
			case strings.EqualFold(name, "content-type") && strings.HasPrefix(value, "application/cloudevents"):
				structured = true
			case found == plain && c.identifies(name):
				found = binary
			}
		})
	}
	switch {
	case c.opt.Format == Binary:
		return binary
	case c.opt.Format == PubSubPull:
		return pulled
	case structured:
		return plain
	}
	return found
}

// identifies tells the metadata by which a message in binary mode is known.
func (c *Converter) identifies(name string) bool {
	attribute, ok := c.attributeName(name)
	return ok && (attribute == event.AttrID || attribute == event.AttrType || attribute == event.AttrSpecVersion)
}

// attributeName returns the CloudEvents attribute that a header or transport
// attribute holds: ce-id (HTTP, Pub/Sub), ce_id (Kafka), cloudEvents:id and
// cloudEvents_id (AMQP), or what the options name.
func (c *Converter) attributeName(name string) (attribute string, ok bool) {
	if attribute, ok = c.opt.Attributes[name]; ok {
		return attribute, true
	}
	if len(name) > 3 && name[0]|0x20 == 'c' && name[1]|0x20 == 'e' && (name[2] == '-' || name[2] == '_') {
		return lower(name[3:]), true
	}
	const amqp = len("cloudEvents:")
	if len(name) > amqp && strings.HasPrefix(name, "cloudEvents") && (name[amqp-1] == ':' || name[amqp-1] == '_') {
		return lower(name[amqp:]), true
	}
	return "", false
}

// lower returns a header's name in small letters.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

// setAttribute puts a CloudEvents attribute into the draft; false when there is
// no place for it.
func (c *Converter) setAttribute(d *draft, name string, raw []byte) bool {
	var place *[]byte
	switch name {
	case event.AttrSpecVersion:
		place = &d.version
	case event.AttrID:
		place = &d.id
	case event.AttrSource:
		place = &d.source
	case event.AttrType:
		place = &d.kind
	case event.AttrTime:
		place = &d.time
	case event.AttrSubject:
		place = &d.subject
	case event.AttrDataContentType:
		place = &d.dataContentType
	case event.AttrDataSchema:
		place = &d.schema
	case event.AttrTraceParent:
		place = &d.traceParent
	case event.AttrCloud:
		if c.cloud != "" || len(raw) <= 2 {
			return false
		}
		place = &d.ownCloud
	case event.AttrTenant:
		place = &d.ownTenant
	case event.AttrCorrelationID:
		place = &d.ownKey
	default:
		if !legalName([]byte(name)) || reserved([]byte(name)) || c.attribute(name, d) != nil {
			return false
		}
		c.addExtra(name, raw)
		return true
	}
	if *place != nil || len(raw) <= 2 {
		return false
	}
	*place = raw
	return true
}

// fromMetadata reads the CloudEvents attributes in the metadata and returns how
// many there are. In HTTP, values are percent-encoded.
func (c *Converter) fromMetadata(d *draft, encoded bool) (count int) {
	for _, p := range c.pairs {
		name, ok := c.attributeName(p.name)
		if !ok {
			if n := lower(p.name); (n == "content-type" || n == "content_type") && d.dataContentType == nil && p.value != "" {
				d.dataContentType = c.quote(p.value)
			}
			continue
		}
		value := p.value
		if encoded && strings.HasPrefix(lower(p.name), "ce-") {
			if decoded, err := url.PathUnescape(value); err == nil {
				value = decoded
			}
		}
		if c.setAttribute(d, name, c.quote(value)) {
			count++
		}
	}
	return count
}

// headerTraceParent returns the W3C trace context that came as a header, or nil.
func (c *Converter) headerTraceParent() []byte {
	for _, p := range c.pairs {
		if strings.EqualFold(p.name, event.AttrTraceParent) && p.value != "" {
			return c.quote(p.value)
		}
	}
	return nil
}

// binaryEvent converts a CloudEvent in binary mode (HTTP and Kafka protocol
// bindings of CloudEvents 1.0).
func (c *Converter) binaryEvent(body []byte, o outer) {
	c.extra = c.extra[:0]
	d := draft{names: cloudEventNames}
	c.fromMetadata(&d, true)
	c.finishBinary(&d, body, o)
}

// finishBinary finishes a draft whose attributes came beside its payload.
func (c *Converter) finishBinary(d *draft, body []byte, o outer) {
	if err := control(d.kind); err != nil {
		c.refuse(o, NotAnEvent, err)
		return
	}
	switch string(d.version) {
	case "", `"1.0"`, `"0.3"`, `"0.2"`:
	default:
		c.refuse(o, Unreadable, fmt.Errorf("CloudEvents attribute specversion is %.40s; \"1.0\", \"0.3\" and \"0.2\" are known", d.version))
		return
	}
	p, err := c.bytesAs(body, d.dataContentType)
	if err != nil {
		c.refuse(o, Unreadable, fmt.Errorf("CloudEvent in binary mode: %w", err))
		return
	}
	d.payload = p
	c.finish(d, o)
}
