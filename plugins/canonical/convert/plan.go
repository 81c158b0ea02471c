package convert

import (
	"bytes"
	"unsafe"

	"github.com/helios-connect/helios/plugins/event"
)

// plan is how the documents of an event.Shape become events, where names decide
// that and nothing else does: which value is which attribute, and what stands
// around the values that go into the envelope attribute. It is made of what was
// done with one such document. For a Pub/Sub push it saves one in seven instructions
// of the processor, for other events one in fifty. It takes less than 1 KiB.
type plan struct {
	asked      Format // what format the document was to be of
	format     Format // what it is of
	name       string // of the format, for AttrFormat
	names      *identityNames
	cloud      []byte
	attributes []planned
	extensions []planned
	envelope   []planned
	tail       []byte // of the envelope attribute
	data       int    // the value that is the payload, or -1
}

// planned is a value, the one with that index in Opened.Values, and where it goes.
type planned struct {
	value  int
	at     place  // of an attribute
	nested bool   // an object or array; else it must be a string
	text   []byte // the label of an extension, or what the envelope attribute has before it
}

// trail is what happens to the members of a document on the way to a plan.
type trail struct {
	root       *level // of the document; nil: there will be no plan
	asked      Format
	extensions []planned
	envelope   []planned
	texts      []event.Extent // of the values in envelope: where they stand there
}

// maxPlanTries is how many documents of a Shape may fail to make a plan.
const maxPlanTries = 8

// asPlanned converts a document for which there is a plan; false: there is none, or
// the document is not what the plan is for. It may have a plan made of it then.
func (c *Converter) asPlanned(l *level, o *outer, asked Format) bool {
	c.trail.root = nil
	if !l.plain || l.inside || o.formats > 0 || o.envelope > 0 {
		return false
	}
	notes, _ := l.opened.Shape.Note.(*noted)
	if notes == nil {
		return false
	}
	if notes.plan != nil {
		return notes.plan.asked == asked && c.follow(notes.plan, l, o)
	}
	if notes.tries < maxPlanTries {
		notes.tries++
		c.trail = trail{root: l, asked: asked}
	}
	return false
}

// follow converts a document as planned; false: some value is not of the kind that
// the plan is for, and nothing has been done.
func (c *Converter) follow(p *plan, l *level, o *outer) bool {
	doc, values := l.doc, l.opened.Values
	for _, list := range [...][]planned{p.extensions, p.envelope} {
		for i := range list {
			if !list[i].nested && doc[values[list[i].value].From] != '"' {
				return false
			}
		}
	}
	d := draft{names: p.names, cloud: p.cloud}
	for i := range p.attributes {
		a := &p.attributes[i]
		e := values[a.value]
		raw := doc[e.From:e.To:e.To]
		if !isName(raw) {
			return false
		}
		switch a.at { // through a pointer, the garbage collector would be told of each
		case inID:
			d.ID = raw
		case inSource:
			d.Source = raw
		case inType:
			d.Type = raw
		case inTime:
			d.Time = raw
		case inSubject:
			d.Subject = raw
		default:
			*d.field(a.at) = raw
		}
	}
	c.enter(o, p.name)
	c.extra.reset()
	for i := range p.extensions {
		c.extra.add(p.extensions[i].text, l.raw(values[p.extensions[i].value]))
	}
	b := c.envelope
	for i := range p.envelope {
		m := &p.envelope[i]
		e := values[m.value]
		b = append(b, m.text...)
		if m.nested {
			b = c.appendNested(b, l.raw(e))
		} else {
			b = append(b, doc[e.From+1:e.To-1]...)
		}
	}
	set(&c.envelope, append(b, p.tail...))
	var data []byte
	if p.data >= 0 {
		data = l.raw(values[p.data])
	}
	c.finishPlanned(p, l, &d, data, o)
	return true
}

func (c *Converter) finishPlanned(p *plan, l *level, d *draft, data []byte, o *outer) {
	switch p.format {
	case EventBridge:
		d.payload = inline(data, c.inDetail(l))
		c.finish(d, o)
	case EventGrid:
		d.payload = inline(data, c.inData(l))
		c.finishEventGrid(d, o)
	default:
		data, err := c.pubSubData(data)
		if err != nil {
			c.refuse(o, Unreadable, err)
			return
		}
		c.finishBinary(d, data, o)
	}
}

// learn makes a plan, if there is to be one, by what was done with the document whose
// root is l: d is its draft, data the member that is its payload, or nil.
func (c *Converter) learn(l *level, d *draft, format Format, data []byte) {
	t := &c.trail
	if t.root != l || len(t.extensions) != len(c.extra.index) {
		return
	}
	p := &plan{asked: t.asked, format: format, name: format.String(), names: d.names, cloud: d.cloud, data: -1}
	if data != nil {
		if p.data = l.indexOf(data); p.data < 0 {
			return
		}
	}
	if d.TraceParent != nil || d.Cloud != nil || d.check(d.Time) != nil {
		return
	}
	for at := inVersion; at < placeCount; at++ {
		raw := *d.field(at)
		if raw == nil {
			continue
		}
		i := l.indexOf(raw)
		if i < 0 || !isName(raw) {
			return
		}
		p.attributes = append(p.attributes, planned{value: i, at: at})
	}
	for _, e := range t.extensions {
		p.extensions = append(p.extensions, planned{value: e.value, text: bytes.Clone(e.text)})
	}
	from := 0
	for i, e := range t.envelope {
		e.text = bytes.Clone(c.envelope[from:t.texts[i].From])
		p.envelope = append(p.envelope, e)
		from = t.texts[i].To
	}
	p.tail = bytes.Clone(c.envelope[from:])
	l.opened.Shape.Note.(*noted).plan = p
}

// noted: a member went into the envelope attribute. Strings, objects and arrays
// always do.
func (c *Converter) noted(l *level, i int) {
	t, end, value := &c.trail, len(c.envelope), l.value(i)
	if string(value) == "{}" || string(value) == "[]" {
		return // as what stands around it
	}
	p := planned{value: t.root.index(l.extent[i])}
	switch first := value[0]; {
	case !l.plain || p.value < 0: // it does not stand in the root's document
		t.root = nil
		return
	case first == '"':
		t.texts = append(t.texts, event.Extent{From: end - len(value), To: end - len(`\"`)})
	case first == '{' || first == '[':
		p.nested = true
		size := len(c.appendNested([]byte{' '}, value)) - 1
		t.texts = append(t.texts, event.Extent{From: end - size, To: end})
	default:
		t.root = nil
		return
	}
	t.envelope = append(t.envelope, p)
}

// extended: a member became an extension attribute. Only strings always do.
func (t *trail) extended(l *level, i int) {
	p := planned{value: t.root.index(l.extent[i]), text: l.label(i)}
	if !l.plain || p.value < 0 || l.value(i)[0] != '"' {
		t.root = nil
		return
	}
	t.extensions = append(t.extensions, p)
}

// raw returns the raw value at e.
func (l *level) raw(e event.Extent) []byte { return l.doc[e.From:e.To:e.To] }

// index returns which of all values of a document of a known Shape stands at e, or -1.
func (l *level) index(e event.Extent) int {
	for i, v := range l.opened.Values {
		if v == e {
			return i
		}
	}
	return -1
}

// indexOf is index for a value, which need not be one of the document.
func (l *level) indexOf(raw []byte) int {
	from := int(uintptr(unsafe.Pointer(unsafe.SliceData(raw))) - uintptr(unsafe.Pointer(unsafe.SliceData(l.doc))))
	return l.index(event.Extent{From: from, To: from + len(raw)})
}
