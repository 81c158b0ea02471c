package convert

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/helios-connect/helios/plugins/event"
)

// shape is what the names of an object's members tell about them. Documents on
// one way have few shapes, so each level keeps some: to compare the names costs
// a third of looking each up, and whether one stands twice is known already.
type shape struct {
	kept   bool    // it is known again when it comes
	names  []byte  // of the members, one behind the other
	starts []int32 // of the names, and behind the last one
	labels []byte  // the same as raw JSON strings, each with a colon
	ends   []int32 // of the labels
	quoted []byte  // the labels as they stand in JSON strings
	closes []int32 // their ends
	known  []member
	homes  []home
	carry  []carried          // what they hold as attributes of a transport; none until it was asked
	at     [memberCount]int32 // where a known member stands, from 1; 0: nowhere
}

// home says where a member goes that nothing else takes.
type home uint8

const (
	inEnvelope  home = iota // the envelope attribute
	asExtension             // an attribute of its own
	asOrigin                // the same in an event that came with its origin
)

const (
	shapesKept    = 8
	maxShapeNames = 1024 // bytes of names that are kept
)

var noShape shape

// maxNoted bounds the shapes that a Converter keeps for documents that its Scanner
// knows: some 1 KiB each.
const maxNoted = 256

// noted is what is remembered of the documents of an event.Shape.
type noted struct {
	shapes [event.MaxInside + 1]*shape // of their lists of members
	plan   *plan                       // of their events, or nil
	tries  int                         // to make the plan
}

// beginKnown is begin for a list of members that root's document is known to have;
// valid is what they are in. To look at their names would cost as much as all else.
func (c *Converter) beginKnown(root, l *level, list int, valid []byte) error {
	known := root.opened.Shape
	notes, _ := known.Note.(*noted)
	if notes != nil && notes.shapes[list] != nil {
		s := notes.shapes[list]
		l.array = false
		if l.shape != s {
			l.shape = s
		}
		set(&l.known, append(l.known[:0], s.known...))
		return nil
	}
	l.opened.Members = known.AppendMembers(l.opened.Members[:0], root.doc, list)
	if err := l.begin(valid, l.opened.Members); err != nil || l.array {
		return err
	}
	s := c.lasting(l.shape)
	if s == nil {
		return nil
	}
	if notes == nil {
		notes = &noted{}
		known.Note = notes
	}
	notes.shapes[list] = s
	return nil
}

// lasting returns a copy of a shape that stays, which documents with the same names
// share, or nil if there are too many.
func (c *Converter) lasting(s *shape) *shape {
	if kept, ok := c.shapes[string(s.labels)]; ok {
		return kept
	}
	if !s.kept || len(c.shapes) == maxNoted {
		return nil
	}
	if c.shapes == nil {
		c.shapes = make(map[string]*shape)
	}
	kept := *s
	kept.names, kept.starts, kept.labels, kept.ends = bytes.Clone(s.names), slices.Clone(s.starts), bytes.Clone(s.labels), slices.Clone(s.ends)
	kept.quoted, kept.closes = bytes.Clone(s.quoted), slices.Clone(s.closes)
	kept.known, kept.homes, kept.carry = slices.Clone(s.known), slices.Clone(s.homes), nil
	c.shapes[string(s.labels)] = &kept
	return &kept
}

// identify finds the members that are known by name. A name that stands twice is
// an error: which one is meant can't be known, nor could both be kept.
func (l *level) identify(members []event.Member) error {
	if l.shapes == nil {
		l.shapes = make([]shape, shapesKept)
	}
	// Shapes of as many members are rarely told apart by less than their last.
	place := len(members)
	if place > 0 {
		place = place*3 + len(members[place-1].Name)
	}
	s := &l.shapes[place%shapesKept]
	if !s.of(members) {
		if err := s.learn(members); err != nil {
			*s = shape{}
			return err
		}
		s.kept = len(s.names) <= maxShapeNames
	}
	if l.shape != s {
		l.shape = s
	}
	l.known = append(l.known, s.known...)
	return nil
}

// of tells whether members have the names of the shape, in its order.
func (s *shape) of(members []event.Member) bool {
	if !s.kept || len(members) != len(s.known) {
		return false
	}
	for i := range members {
		if string(members[i].Name) != string(s.name(i)) {
			return false
		}
	}
	return true
}

func (s *shape) name(i int) []byte { return s.names[s.starts[i]:s.starts[i+1]] }

// label is a member's name as it stands in an object.
func (s *shape) label(i int) []byte { return piece(s.labels, s.ends, i) }

// quotedLabel is the label as it stands in a JSON string.
func (s *shape) quotedLabel(i int) []byte { return piece(s.quoted, s.closes, i) }

func piece(text []byte, ends []int32, i int) []byte {
	if i == 0 {
		return text[:ends[0]]
	}
	return text[ends[i-1]:ends[i]]
}

func appendQuotedLabel(dst, label []byte) []byte {
	at := len(dst)
	dst = event.AppendQuoted(dst, label)
	return append(dst[:at], dst[at+1:len(dst)-1]...)
}

// learn makes s the shape of members.
func (s *shape) learn(members []event.Member) error {
	if !s.kept {
		*s = shape{} // what was too large goes
	}
	*s = shape{names: s.names[:0], starts: append(s.starts[:0], 0), labels: s.labels[:0], ends: s.ends[:0],
		quoted: s.quoted[:0], closes: s.closes[:0], known: s.known[:0], homes: s.homes[:0], carry: s.carry[:0]}
	strange := 0
	for i, m := range members {
		id := memberOf(m.Name)
		s.names = append(s.names, m.Name...)
		s.starts = append(s.starts, int32(len(s.names)))
		s.labels = append(event.AppendQuoted(s.labels, m.Name), ':')
		s.ends = append(s.ends, int32(len(s.labels)))
		s.quoted = appendQuotedLabel(s.quoted, s.label(i))
		s.closes = append(s.closes, int32(len(s.quoted)))
		s.known = append(s.known, id)
		s.homes = append(s.homes, homeOf(textOf(m.Name)))
		if id == mUnknown {
			strange++
			continue
		}
		if s.at[id] != 0 {
			return duplicateMember(m.Name)
		}
		s.at[id] = int32(i + 1)
	}
	if strange > 1 {
		return s.checkStrange(members, strange)
	}
	return nil
}

// checkStrange looks for duplicates among the members that are not known.
func (s *shape) checkStrange(members []event.Member, count int) error {
	if count > 24 { // where comparing all pairs begins to cost
		seen := make(map[string]struct{}, count)
		for i, m := range members {
			if s.known[i] == mUnknown {
				if _, twice := seen[string(m.Name)]; twice {
					return duplicateMember(m.Name)
				}
				seen[string(m.Name)] = struct{}{}
			}
		}
		return nil
	}
	for i := range members {
		for j := 0; j < i && s.known[i] == mUnknown; j++ {
			if s.known[j] == mUnknown && string(members[i].Name) == string(members[j].Name) {
				return duplicateMember(members[i].Name)
			}
		}
	}
	return nil
}

func duplicateMember(name []byte) error {
	return fmt.Errorf("%w %.40q", event.ErrDuplicateMember, name)
}

func homeOf(name string) home {
	switch {
	case !legalName(name):
		return inEnvelope
	case !reserved(name):
		return asExtension
	case tellsOrigin(name):
		return asOrigin
	}
	return inEnvelope
}
