package convert

import (
	"fmt"

	"github.com/helios-connect/helios/plugins/event"
)

// level is an object (or array) that was looked into: its members, and which of
// them are known by name.
type level struct {
	members []event.Member
	known   []member // of each member; mTaken when it went somewhere
	*shape           // of the members
	values  [][]byte // what the rules ask for: first below data, then below detail
	inside  bool     // of a value of an open level: values is of no use
	array   bool
	shapes  []shape // of earlier documents
}

// open looks into the JSON value doc.
func (c *Converter) open(doc []byte, at int) (*level, error) {
	if at >= maxLevels {
		return nil, errTooDeep
	}
	l := &c.levels[at]
	if l.values == nil {
		l.values = make([][]byte, c.opt.offered.Len())
	}
	l.inside = false
	var err error
	if l.members, err = c.scanner.Open(doc, c.opt.offered, l.values, l.members[:0]); err != nil {
		return nil, err
	}
	return l, l.begin(doc)
}

// inner is open for a value of an open level, which needs no second check. The
// rules find nothing in it.
func (c *Converter) inner(valid []byte, at int) (*level, error) {
	if at >= maxLevels {
		return nil, errTooDeep
	}
	l := &c.levels[at]
	l.members = event.AppendMembers(l.members[:0], valid)
	return l, l.beginInside(valid)
}

// innerAhead is inner for an object whose member called name will be looked into
// next, one level further in, by means of innerDone: they are split at once.
func (c *Converter) innerAhead(valid []byte, at int, name string) (*level, error) {
	if at+1 >= maxLevels {
		return c.inner(valid, at)
	}
	l, next := &c.levels[at], &c.levels[at+1]
	l.members, next.members = event.AppendMembersInside(l.members[:0], next.members[:0], valid, name)
	return l, l.beginInside(valid)
}

// innerDone is inner for an object that innerAhead has split.
func (c *Converter) innerDone(valid []byte, at int) (*level, error) {
	if at >= maxLevels {
		return nil, errTooDeep
	}
	l := &c.levels[at]
	return l, l.beginInside(valid)
}

func (l *level) beginInside(valid []byte) error {
	l.inside = true
	return l.begin(valid)
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
func (l *level) begin(doc []byte) error {
	l.known = l.known[:0]
	switch first := firstByte(doc); first {
	case '[':
		l.array = true
		l.shape = &noShape
		return nil
	case '{':
		l.array = false
		return l.identify()
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
	return l.at[m] != 0 && l.members[l.at[m]-1].Value[0] == first
}

// peek returns the member's raw value, or nil.
func (l *level) peek(m member) []byte {
	if l.at[m] == 0 {
		return nil
	}
	return l.members[l.at[m]-1].Value
}

// named returns the raw value of a member that memberOf does not know, or nil.
func (l *level) named(name string) []byte {
	for i, m := range l.members {
		if l.known[i] == mUnknown && string(m.Name) == name {
			return m.Value
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
	return l.members[l.at[m]-1].Value
}

// takeString is take for a member that is of use only as a string.
func (l *level) takeString(m member) []byte {
	if l.is(m, '"') {
		return l.take(m)
	}
	return nil
}

// takeFirst is takeString for a member with several spellings.
func (l *level) takeFirst(spellings ...member) []byte {
	for _, m := range spellings {
		if l.is(m, '"') {
			return l.take(m)
		}
	}
	return nil
}

// giveBack undoes take.
func (l *level) giveBack(m member) {
	if l.at[m] != 0 {
		l.known[l.at[m]-1] = m
	}
}
