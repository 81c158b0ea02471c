package convert

import (
	"fmt"
	"unsafe"

	"github.com/helios-connect/helios/plugins/event"
)

// level is an object (or array) that was looked into: its members, and which of
// them are known by name.
type level struct {
	doc    []byte         // that the values stand in
	extent []event.Extent // of the members' values, in doc
	known  []member       // of each member; mTaken when it went somewhere
	*shape                // of the members
	values [][]byte       // what the rules ask for: first below data, then below detail
	inside bool           // of a value of an open level: values is of no use
	array  bool
	plain  bool    // strings among the values are known to have no escapes
	shapes []shape // of earlier documents

	opened event.Opened   // what open has found
	room   []event.Extent // for extents
}

// insidePubSub are the objects inside a document whose members are found along
// with its own, when its shape is known: list 1 and, in that, list 2.
var insidePubSub = []string{"message", "attributes"}

const (
	listRoot = iota
	listMessage
	listAttributes
)

// open looks into the JSON value doc.
func (c *Converter) open(doc []byte, at int) (*level, error) {
	if at >= maxLevels {
		return nil, errTooDeep
	}
	l := &c.levels[at]
	if l.values == nil {
		l.values = make([][]byte, c.opt.offered.Len())
	}
	l.inside, l.plain = false, false
	if err := c.scanner.OpenShape(doc, c.opt.offered, l.values, insidePubSub, &l.opened); err != nil {
		return nil, err
	}
	if l.opened.Shape != nil {
		l.plain = l.opened.Plain
		l.see(doc, l.opened.Values)
		return l, c.beginKnown(l, l, listRoot, doc)
	}
	l.place(doc, l.opened.Members)
	return l, l.begin(doc, l.opened.Members)
}

// inner is open for a value of an open level, which needs no second check. The
// rules find nothing in it.
func (c *Converter) inner(valid []byte, at int) (*level, error) {
	if at >= maxLevels {
		return nil, errTooDeep
	}
	l := &c.levels[at]
	l.inside, l.plain = true, false
	l.opened.Shape = nil
	l.opened.Members = event.AppendMembers(l.opened.Members[:0], valid)
	l.place(valid, l.opened.Members)
	return l, l.begin(valid, l.opened.Members)
}

// innerOf is inner for an object whose members are in a list that may have been
// found along with those of root.
func (c *Converter) innerOf(root *level, list int, valid []byte, at int) (*level, error) {
	if at >= maxLevels {
		return nil, errTooDeep
	}
	if known := root.opened.Shape; known != nil {
		if from, count, ok := known.List(list); ok {
			l := &c.levels[at]
			l.inside, l.plain = true, root.plain
			if l.opened.Shape != nil {
				l.opened.Shape = nil
			}
			l.see(root.doc, root.opened.Values[from:from+count])
			return l, c.beginKnown(root, l, list, valid)
		}
	}
	return c.inner(valid, at)
}

// place notes where the members' values stand in doc.
func (l *level) place(doc []byte, members []event.Member) {
	l.room = l.room[:0]
	first := uintptr(unsafe.Pointer(unsafe.SliceData(doc)))
	for _, m := range members {
		from := int(uintptr(unsafe.Pointer(unsafe.SliceData(m.Value))) - first) // values are views of doc
		l.room = append(l.room, event.Extent{From: from, To: from + len(m.Value)})
	}
	l.see(doc, l.room)
}

// see makes values those of the members, and doc what they stand in.
func (l *level) see(doc []byte, values []event.Extent) {
	set(&l.doc, doc)
	set(&l.extent, values)
}

// value returns a member's raw value.
func (l *level) value(i int) []byte {
	e := l.extent[i]
	return l.doc[e.From:e.To:e.To]
}

// inData and inDetail return what the rules ask for in the member of that name,
// or nil.
func (c *Converter) inData(l *level) [][]byte {
	if l.inside {
		return nil
	}
	return l.values[:c.opt.inside.Len()]
}

func (c *Converter) inDetail(l *level) [][]byte {
	if l.inside {
		return nil
	}
	return l.values[c.opt.inside.Len():]
}

// begin forgets the previous document and looks at the new one's members.
func (l *level) begin(doc []byte, members []event.Member) error {
	l.known = l.known[:0]
	switch first := firstByte(doc); first {
	case '[':
		l.array = true
		l.shape = &noShape
		return nil
	case '{':
		l.array = false
		return l.identify(members)
	default:
		return errNoObject
	}
}

var errTooDeep = fmt.Errorf("more than %d objects and batches in one another", maxLevels)

var errNoObject = fmt.Errorf("a JSON document that is neither an object nor an array")

func firstByte(doc []byte) byte {
	for _, c := range doc {
		if c > ' ' {
			return c
		}
	}
	return 0
}

func (l *level) has(m member) bool { return l.at[m] != 0 }

// is tells whether the member is there and begins with first.
func (l *level) is(m member, first byte) bool {
	return l.at[m] != 0 && l.doc[l.extent[l.at[m]-1].From] == first
}

// peek returns the member's raw value, or nil.
func (l *level) peek(m member) []byte {
	if l.at[m] == 0 {
		return nil
	}
	return l.value(int(l.at[m] - 1))
}

// named returns the raw value of a member that memberOf does not know, or nil.
func (l *level) named(name string) []byte {
	for i, known := range l.known {
		if known == mUnknown && string(l.name(i)) == name {
			return l.value(i)
		}
	}
	return nil
}

// take returns the member's raw value, or nil, and marks it as used: it will not
// be kept as an unknown member.
func (l *level) take(m member) []byte {
	if l.at[m] == 0 {
		return nil
	}
	l.known[l.at[m]-1] = mTaken
	return l.value(int(l.at[m] - 1))
}

// takeString is take for a member that is of use only as a string.
func (l *level) takeString(m member) []byte {
	if l.is(m, '"') {
		return l.take(m)
	}
	return nil
}

// takeFirst is takeString for a member with two spellings.
func (l *level) takeFirst(one, other member) []byte {
	if l.is(one, '"') {
		return l.take(one)
	}
	return l.takeString(other)
}

// giveBack undoes take.
func (l *level) giveBack(m member) {
	if l.at[m] != 0 {
		l.known[l.at[m]-1] = m
	}
}
