package event

// Opened is what OpenShape finds of a document.
type Opened struct {
	// Shape is what the Scanner knows of such documents; nil: nothing.
	Shape *Shape
	// Members are those of a document of which nothing is known, as Open finds them.
	Members []Member
	// Values are where the values of the members stand in a document of a known
	// Shape: those of the root, and behind them those of the objects inside.
	Values []Extent
	// Plain: no string of a document of a known Shape has an escape, names apart.
	Plain bool
}

// Extent is where a value stands in a document, in bytes from its beginning.
type Extent struct{ From, To int }

// Shape is what a Scanner knows of documents that are alike but for their strings,
// numbers, and true, false and null: all their names are the same.
type Shape struct {
	// Note is whatever the caller has found out about such documents.
	Note any

	of    *shapes
	spans int // of the listed members, the first in shapes.spans
	total int // of sizes, without those that are none
	sizes [MaxInside + 1]int
}

// MaxInside is how many objects inside of one another OpenShape looks into.
const MaxInside = 2

// OpenShape is Open for a caller that remembers what it has found out about the
// names of a document's members: there may be many documents of a Shape. In such it
// also finds the members of objects inside: of the member of the root that inside
// names first, of the member of that one which it names next. It fills o, whose
// slices it uses again.
//
// Offsets cost the garbage collector nothing, as views would. A Shape takes some 80
// bytes beside what Open remembers.
func (s *Scanner) OpenShape(doc []byte, p *Paths, out [][]byte, inside []string, o *Opened) error {
	out = out[:p.count]
	t := s.known(p, forOpenShape)
	if t != nil && t.findShape(doc, out, o) {
		return nil
	}
	var err error
	o.Shape, o.Values = nil, o.Values[:0]
	o.Members, err = s.openValue(doc, p, out, o.Members[:0])
	if t != nil {
		t.missed(doc, out, o.Members, inside, err)
	}
	return err
}

func (t *shapes) findShape(doc []byte, out [][]byte, o *Opened) bool {
	end := t.follow(doc)
	if end == nil {
		return false
	}
	t.hits++
	spans := t.spans[end.spans:]
	for i, s := range spans[:len(out)] {
		if s != (span{}) || out[i] != nil {
			out[i] = t.view(doc, s)
		}
	}
	shape := t.named[end.more]
	if shape.total > cap(o.Values) {
		o.Values = make([]Extent, shape.total)
	}
	o.Values = o.Values[:shape.total]
	spans = t.spans[shape.spans:][:2*shape.total]
	for i := range o.Values {
		value := &spans[2*i+1]
		o.Values[i] = Extent{t.offset(value.from), t.offset(value.to)}
	}
	o.Plain = !t.escaped
	if o.Shape != shape { // what is there already is not stored: the garbage collector would have to be told
		o.Shape = shape
	}
	return true
}

// newShape adds the spans of the members inside of a document that was cut up,
// behind those of its own members.
func (t *shapes) newShape(doc []byte, members []Member, inside []string) *Shape {
	if t.use != forOpenShape {
		return nil
	}
	h := &Shape{of: t, spans: len(t.spans) - 2*len(members), total: len(members), sizes: [MaxInside + 1]int{len(members)}}
	for i := range MaxInside {
		h.sizes[i+1] = -1
	}
	for i, name := range inside {
		object := objectIn(members, name)
		if object == nil {
			break
		}
		members = AppendMembers(nil, object)
		spans := len(t.spans)
		if !t.addMembers(doc, members) {
			t.spans = t.spans[:spans]
			break
		}
		h.sizes[i+1] = len(members)
		h.total += len(members)
	}
	return h
}

// objectIn returns the first member's value with that name, if it is an object.
func objectIn(members []Member, name string) []byte {
	for _, m := range members {
		if string(m.Name) == name {
			if m.Value[0] == '{' {
				return m.Value
			}
			break
		}
	}
	return nil
}

// List returns where the values of a list begin in Opened.Values, and how many
// there are: of list 0, the root's members, or 1 and 2, those of the objects inside.
// ok is false when there is no such object, or nothing is known of it.
func (h *Shape) List(list int) (from, count int, ok bool) {
	for _, size := range h.sizes[:list] {
		from += max(size, 0)
	}
	return from, h.sizes[list], h.sizes[list] >= 0
}

// AppendMembers appends the members of a list, which must be known. doc is the
// document of this shape that was opened last.
func (h *Shape) AppendMembers(members []Member, doc []byte, list int) []Member {
	from, count, _ := h.List(list)
	spans := h.of.spans[h.spans+2*from:]
	for i := range count {
		members = append(members, Member{Name: h.of.view(doc, spans[2*i]), Value: h.of.view(doc, spans[2*i+1])})
	}
	return members
}
