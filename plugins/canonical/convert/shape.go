package convert

import (
	"fmt"

	"github.com/helios-connect/helios/plugins/event"
)

// shape is what the names of an object's members tell about them. Documents on
// one way have few shapes, so each level keeps some: to compare the names costs
// a third of looking each up, and whether one stands twice is known already.
type shape struct {
	kept   bool    // it is known again when it comes
	names  []byte  // of the members, one behind the other
	sizes  []int32 // of the names
	labels []byte  // the same as raw JSON strings, each with a colon
	ends   []int32 // of the labels
	known  []member
	homes  []home
	carry  []string           // what attributeName says of each name; none until it was asked
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

// identify finds the members that are known by name. A name that stands twice is
// an error: which one is meant can't be known, nor could both be kept.
func (l *level) identify() error {
	if l.shapes == nil {
		l.shapes = make([]shape, shapesKept)
	}
	// Shapes of as many members are rarely told apart by less than their last.
	place := len(l.members)
	if place > 0 {
		place = place*3 + len(l.members[place-1].Name)
	}
	s := &l.shapes[place%shapesKept]
	if !s.of(l.members) {
		if err := s.learn(l.members); err != nil {
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
	if !s.kept || len(members) != len(s.sizes) {
		return false
	}
	names := s.names
	for i, size := range s.sizes {
		name := members[i].Name
		if len(name) != int(size) || string(name) != string(names[:size]) {
			return false
		}
		names = names[size:]
	}
	return true
}

// label is a member's name as it stands in an object.
func (s *shape) label(i int) []byte {
	if i == 0 {
		return s.labels[:s.ends[0]]
	}
	return s.labels[s.ends[i-1]:s.ends[i]]
}

// learn makes s the shape of members.
func (s *shape) learn(members []event.Member) error {
	if !s.kept {
		*s = shape{} // what was too large goes
	}
	*s = shape{names: s.names[:0], sizes: s.sizes[:0], labels: s.labels[:0], ends: s.ends[:0], known: s.known[:0], homes: s.homes[:0], carry: s.carry[:0]}
	strange := 0
	for i, m := range members {
		id := memberOf(m.Name)
		s.names = append(s.names, m.Name...)
		s.sizes = append(s.sizes, int32(len(m.Name)))
		s.labels = append(event.AppendQuoted(s.labels, m.Name), ':')
		s.ends = append(s.ends, int32(len(s.labels)))
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
