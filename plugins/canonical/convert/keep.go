package convert

import (
	"bytes"
	"slices"
	"unsafe"

	"github.com/helios-connect/helios/plugins/event"
)

// enter begins an envelope: its name joins the formats, and what was noted for a
// sibling is forgotten.
func (c *Converter) enter(o *outer, name string) {
	c.unwind(o)
	if len(c.formats) > 0 {
		c.formats = append(c.formats, '/')
	}
	extend(&c.formats, name)
	o.formats = len(c.formats)
}

// unwind forgets what was noted since o.
func (c *Converter) unwind(o *outer) {
	c.envelope = c.envelope[:o.envelope]
	c.formats = c.formats[:o.formats]
}

// extend appends text to a buffer. Other than append it stores the buffer's
// pointer only when that changes: the garbage collector, while it marks, has to
// be told of every pointer that is stored.
func extend(b *[]byte, text string) {
	at := len(*b)
	if cap(*b)-at < len(text) {
		*b = slices.Grow(*b, len(text))
	}
	*b = (*b)[:at+len(text)]
	copy((*b)[at:], text)
}

// set is *dst = b that stores no pointer that is there already, as extend.
func set[T any](dst *[]T, b []T) {
	if unsafe.SliceData(*dst) == unsafe.SliceData(b) && cap(*dst) == cap(b) {
		*dst = (*dst)[:len(b)]
		return
	}
	*dst = b
}

// keep finds a place for the members of an event's own envelope that were not
// taken: an extension attribute where CloudEvents allows it, else the envelope
// attribute.
func (c *Converter) keep(l *level, d *draft, part string) {
	open := false
	for i, known := range l.known {
		if known == mTaken {
			continue
		}
		value := l.value(i)
		switch {
		case known == mTraceParent && d.TraceParent == nil && value[0] == '"':
			d.TraceParent = value
		case (l.homes[i] == asExtension || l.homes[i] == asOrigin && d.keepsOrigin) && legalValue(value):
			c.extra.add(l.label(i), value)
			if c.trail.root != nil {
				c.trail.extended(l, i)
			}
		default:
			c.noteMember(&open, part, l, i)
		}
	}
	if open {
		c.envelope = append(c.envelope, '}')
	}
}

// keepAside notes the members of a wrapper that were not taken in the envelope
// attribute.
func (c *Converter) keepAside(l *level, o *outer, part string) {
	open := false
	for i, known := range l.known {
		if known != mTaken {
			c.noteMember(&open, part, l, i)
		}
	}
	if open {
		c.envelope = append(c.envelope, '}')
	}
	o.envelope = len(c.envelope)
}

// noteMember notes a level's member.
func (c *Converter) noteMember(open *bool, part string, l *level, i int) {
	label, value := l.quotedLabel(i), l.value(i)
	if l.plain && value[0] == '"' {
		c.noteText(open, part, label, value)
	} else {
		c.note(open, part, label, value)
	}
	if c.trail.root != nil {
		c.noted(l, i)
	}
}

// note adds a member, which is its label (as it stands in a JSON string) and its
// value, to a group of the envelope attribute, which is written as it will stand in
// the event. Groups are called like the formats that lead to them, sns or
// sqs/eventbridge, and pubsub.message for a part of an envelope; so no two have the
// same name.
func (c *Converter) note(open *bool, part string, label, value []byte) {
	first := value[0]
	if first == '"' && bytes.IndexByte(value, '\\') < 0 {
		c.noteText(open, part, label, value)
		return
	}
	b := append(c.beginNote(open, part), label...)
	if first != '"' && (first != '{' && first != '[' || len(value) == 2) { // there is nothing to escape
		b = append(b, value...)
	} else {
		b = c.appendNested(b, value)
	}
	set(&c.envelope, b)
}

// appendNested appends a value to the envelope attribute with all that is to escape in
// it.
func (c *Converter) appendNested(b, value []byte) []byte {
	start := len(c.arena)
	c.arena = event.AppendOneLine(c.arena, value)
	b = appendInside(b, c.arena[start:])
	c.arena = c.arena[:start]
	return b
}

// noteText is note for a string in which there is nothing to escape but its quotes.
func (c *Converter) noteText(open *bool, part string, label, value []byte) {
	b := append(append(c.beginNote(open, part), label...), '\\')
	b = append(b, value...)
	b[len(b)-1] = '\\' // where its second quote was
	set(&c.envelope, append(b, '"'))
}

// beginNote returns the envelope attribute up to where the label of a member goes.
func (c *Converter) beginNote(open *bool, part string) []byte {
	if *open {
		return append(c.envelope, ',')
	}
	*open = true
	return c.appendGroup(c.envelope, part)
}

// appendGroup appends the beginning of a group to the envelope attribute.
func (c *Converter) appendGroup(b []byte, part string) []byte {
	if len(b) > 0 {
		b = append(b, `,\"`...)
	} else {
		b = append(b, `,"`+AttrEnvelope+`":"{\"`...)
	}
	b = append(b, c.formats...)
	if len(c.formats) > 0 && part != "" {
		b = append(b, '.')
	}
	return append(append(b, part...), `\":{`...)
}

// appendInside appends text as it stands in a JSON string. dst must not be empty.
func appendInside(dst, text []byte) []byte {
	at := len(dst) - 1
	last := dst[at] // where the opening quote goes
	dst = event.AppendQuoted(dst[:at], text)
	dst[at] = last
	return dst[:len(dst)-1]
}

// tellsOrigin tells the attributes that say how a native event looked, apart
// from AttrEnvelope.
func tellsOrigin(name string) bool {
	return name == AttrFormat || name == event.AttrDataForm
}

// legalName tells whether CloudEvents 1.0 allows a name for an attribute.
func legalName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c-'a' >= 26 && c-'0' >= 10 {
			return false
		}
	}
	return len(name) > 0
}

// legalValue tells whether a raw JSON value is of a type that CloudEvents 1.0
// has: a string, a boolean or an integer of 32 bits (of 9 digits here).
func legalValue(raw []byte) bool {
	switch raw[0] {
	case '"', 't', 'f':
		return true
	default:
		return len(raw) <= 9 && isWhole(raw) && string(raw) != "-0"
	}
}

// reserved tells the names of attributes that mean something in a canonical
// event, so that no other member may take them.
func reserved(name string) bool {
	switch name {
	case event.AttrSpecVersion, event.AttrID, event.AttrSource, event.AttrType, event.AttrTime, event.AttrSubject,
		event.AttrDataContentType, event.AttrDataSchema, event.AttrData, event.AttrCloud, event.AttrTenant,
		event.AttrCorrelationID, event.AttrIngestTime, event.AttrTraceParent, AttrFormat, AttrEnvelope, event.AttrDataForm:
		return true
	}
	return false
}
