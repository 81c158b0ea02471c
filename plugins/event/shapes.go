package event

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"unsafe"
)

// shapes is what a Scanner remembers of the documents that it scanned for one
// Paths: a trie of what stands between their values. Producers send documents of
// recurring shape, and as long as a document has the bytes of a known one
// outside of its strings, numbers, and true, false and null, only those need a
// check.
//
// That finds what the full scan finds. Bytes that were valid JSON once are so
// again behind the same bytes and values; they hold all names, so that no member
// stands twice that did not before, and all brackets, so that nothing is nested
// deeper. What the full scan refuses is never remembered, so that it always
// finds the error.
type shapes struct {
	paths *Paths
	use   use

	steps []step   // steps[0] stands nowhere, steps[1] may begin a document
	text  []byte   // of the steps
	spans []span   // of a shape: one for each path, and two for each listed member
	named []*Shape // of OpenShape

	hits    int // documents of a known shape
	counted int // of hits: what is in credit
	credit  int // how much may be lost before the next rest
	rest    int // documents to let pass
	pause   int // the length of the next rest
	full    bool

	at      [maxValues + 1]int32 // where the steps of the document in hand begin
	escaped bool                 // some string of it, names apart, has an escape
	cuts    []cut                // of the document to remember
}

// step is the text before a value or at the end of a document, in 64 bytes. Most
// texts have no more bytes than the words hold.
type step struct {
	words [2]uint64 // bytes 0 to 15, as far as there are so many
	masks [2]uint64 // which bits of them count
	last  uint64    // the last 8 bytes, if there are more than 16
	size  int32     // of the text, in bytes
	text  int32     // offset in shapes.text
	other uint32    // the step to try instead, or 0
	next  uint32    // the step behind the value; 0: the document ends here
	spans int32     // at the end: the first of shapes.spans
	more  int32     // at the end: how many members the root has, for Open, or which of shapes.named it is, for OpenShape
}

// use is the method that a shape is known for.
type use uint8

const (
	forScan use = iota
	forOpen
	forOpenShape
)

// place is an offset in any document of a shape: so many bytes (in the lower 16
// bits) behind the beginning of a step (in the 8 above them).
type place uint32

// span is where a value or a name stands; the zero span is nowhere.
type span struct{ from, to place }

// cut is a step and a value of a document, by their offsets.
type cut struct{ start, value, end int }

const (
	// What a document may have to be remembered. Both fit into a place.
	maxValues     = 255
	maxShapeBytes = 8 << 10

	// What shapes hold: 256 KiB of steps, 192 KiB of their texts, 128 KiB of
	// spans.
	maxSteps = 4096
	maxTexts = 192 << 10
	maxSpans = 16384

	// maxOthers bounds the steps to try in one place, and maxShapes the Paths that
	// a Scanner remembers shapes for.
	maxOthers = 64
	maxShapes = 8

	// firstScans is how many documents a Scanner scans before it remembers any, so
	// that one for a few documents allocates nothing.
	firstScans = 16

	// A known document adds one to the credit, an unknown one takes one or, if its
	// shape is learned, learnCost: about the time that is gained and lost. The
	// credit is patience at first and at most, and trial after a rest. A rest takes
	// minRest documents, and each time twice as many, up to maxRest. So documents
	// that are never of a known shape cost one learned shape in a thousand
	// documents or less.
	learnCost = 4
	patience  = 512
	trial     = 32
	minRest   = 1024
	maxRest   = 32768
)

// known returns what s remembers for p, or nil while that is not worth a try.
func (s *Scanner) known(p *Paths, u use) *shapes {
	for _, t := range s.shapes {
		if t.paths == p && t.use == u {
			if t.rest > 0 {
				t.rest--
				return nil
			}
			return t
		}
	}
	if s.scanned < firstScans {
		s.scanned++
		return nil
	}
	if len(s.shapes) == maxShapes {
		return nil
	}
	t := &shapes{paths: p, use: u, steps: []step{{size: math.MaxInt32}}, credit: patience, pause: minRest}
	s.shapes = append(s.shapes, t)
	return t
}

// find sets out as Scan does, and appends to members as Open does, when doc is of
// a known shape.
func (t *shapes) find(doc []byte, out [][]byte, members []Member) (_ []Member, ok bool) {
	end := t.follow(doc)
	if end == nil {
		return members, false
	}
	t.hits++
	spans := t.spans[end.spans:]
	for i, s := range spans[:len(out)] {
		out[i] = t.view(doc, s)
	}
	spans = spans[len(out):]
	for i := range int(end.more) {
		members = append(members, Member{Name: t.view(doc, spans[2*i]), Value: t.view(doc, spans[2*i+1])})
	}
	return members, true
}

// findExtents sets out as ScanExtents does when doc is of a known shape.
func (t *shapes) findExtents(doc []byte, out []Extent) bool {
	end := t.follow(doc)
	if end == nil {
		return false
	}
	t.hits++
	for i, s := range t.spans[end.spans:][:len(out)] {
		out[i] = Extent{t.offset(s.from), t.offset(s.to)} // that of the zero span is zero
	}
	return true
}

// view returns what stands at s in the document in hand.
func (t *shapes) view(doc []byte, s span) []byte {
	if s == (span{}) {
		return nil
	}
	from, to := t.offset(s.from), t.offset(s.to)
	return doc[from:to:to]
}

// offset returns where a place is in the document in hand.
func (t *shapes) offset(p place) int { return int(t.at[uint8(p>>16)]) + int(p&0xffff) }

// follow returns the step that ends the document, or nil when its shape is
// unknown. It fills t.at and t.escaped.
//
// It is one function because a call per value costs as much as the value, and
// reads words without Go's checks of bounds, of which it needs one for each text
// and each word of a string.
// Jumping over values that hardly change, by a comparison with those of the
// document before, brought nothing: they are short, and long ones change.
func (t *shapes) follow(doc []byte) *step {
	steps := t.steps
	if len(steps) < 2 || len(doc) > math.MaxInt32 {
		return nil
	}
	var (
		i     int                                     // in doc
		s     = &steps[1]                             // which should stand at doc[i]
		bytes = unsafe.Pointer(unsafe.SliceData(doc)) // of doc
		words = len(doc) - 8                          // the last place where one may begin
	)
	t.escaped = false
	for d := range &t.at {
		t.at[d] = int32(i)
	try:
		end := i + int(s.size)
		if i > words-8 || end > words { // there may be no whole words
			if end > len(doc) || string(doc[i:end]) != string(t.textOf(s)) || (end == len(doc)) != (s.next == 0) {
				goto other
			}
			if s.next == 0 {
				return s
			}
		} else {
			differs := (wordAt(bytes, i)^s.words[0])&s.masks[0] | (wordAt(bytes, i+8)^s.words[1])&s.masks[1]
			if s.size > 16 {
				differs |= wordAt(bytes, end-8) ^ s.last
			}
			if differs != 0 || s.size > 24 && string(doc[i:end]) != string(t.textOf(s)) {
				goto other
			}
		}
		switch c := doc[end]; {
		case c == '"': // as scanString
			for i = end + 1; i <= words; i += 8 {
				if m := special(wordAt(bytes, i)); m != 0 {
					i += bits.TrailingZeros64(m) >> 3
					break
				}
			}
			if i >= len(doc) || doc[i] != '"' {
				var escaped bool
				if i, escaped = scanSpecial(doc, i); i < 0 {
					return nil
				}
				t.escaped = t.escaped || escaped
			}
			i++
		case isDigit(c) || c == '-':
			var ok bool
			if i, ok = scanNumber(doc, end); !ok {
				return nil
			}
		default:
			size := literalLen(doc, end)
			if size == 0 { // an object or array, where a document before had a value
				goto other
			}
			i = end + size
		}
		s = &steps[s.next]
		continue

	other:
		if s.other == 0 {
			return nil
		}
		s = &steps[s.other]
		goto try
	}
	return nil
}

// wordAt returns the 8 bytes behind offset i of some bytes, which must have them,
// little endian.
func wordAt(bytes unsafe.Pointer, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(bytes, i))[:])
}

func (t *shapes) textOf(s *step) []byte { return t.text[s.text : s.text+s.size] }

// missed settles the account of a document of an unknown shape, and perhaps
// learns it: out, members and err are what the full scan has found, and inside is
// what OpenShape was asked for.
func (t *shapes) missed(doc []byte, out [][]byte, members []Member, inside []string, err error) {
	t.credit += t.hits - t.counted
	t.counted = t.hits
	if t.credit >= patience {
		t.credit, t.pause = patience, minRest
	}
	t.credit--
	if err == nil && !t.full {
		t.credit -= learnCost - 1
		t.learn(doc, out, members, inside)
	}
	if t.credit > 0 {
		return
	}
	t.credit, t.rest, t.pause = trial, t.pause, min(2*t.pause, maxRest)
	if t.full { // of shapes that don't come again
		t.steps, t.text, t.spans, t.named = t.steps[:1], t.text[:0], t.spans[:0], nil
		t.full, t.credit, t.rest = false, patience, maxRest
	}
}

func (t *shapes) learn(doc []byte, out [][]byte, members []Member, inside []string) {
	if !t.cutUp(doc) {
		return
	}
	spans := len(t.spans)
	ok := true
	for i := range out {
		ok = ok && t.addSpan(doc, out[i])
	}
	if ok = ok && t.addMembers(doc, members); ok {
		shape := t.newShape(doc, members, inside)
		if end := t.add(doc); end != 0 {
			t.steps[end].spans, t.steps[end].more = int32(spans), int32(len(members))
			if t.use == forOpenShape {
				t.steps[end].more = int32(len(t.named))
				t.named = append(t.named, shape)
			}
			return
		}
	}
	t.spans = t.spans[:spans]
}

func (t *shapes) addMembers(doc []byte, members []Member) bool {
	for i := range members {
		if !t.addSpan(doc, members[i].Name) || !t.addSpan(doc, members[i].Value) {
			return false
		}
	}
	return true
}

// cutUp cuts a valid document behind its values; false: it has too much of them,
// or between them, or is a value.
func (t *shapes) cutUp(doc []byte) bool {
	t.cuts = t.cuts[:0]
	text, start := 0, 0
	for i := 0; i < len(doc); {
		end := i
		switch c := doc[i]; {
		case c == '"':
			end, _ = scanString(doc, i+1)
			end++
			if colon := skipSpace(doc, end); colon < len(doc) && doc[colon] == ':' { // a name
				i = colon
				continue
			}
		case isDigit(c) || c == '-':
			end, _ = scanNumber(doc, i)
		default:
			end += literalLen(doc, i)
		}
		if i == end {
			i++
			continue
		}
		if text += i - start; text > maxShapeBytes || len(t.cuts) == maxValues || i == 0 {
			return false
		}
		t.cuts = append(t.cuts, cut{start, i, end})
		start, i = end, end
	}
	t.cuts = append(t.cuts, cut{start, len(doc), len(doc)})
	return text+len(doc)-start <= maxShapeBytes
}

// addSpan adds where v stands in the document that was cut up; false: it is no
// view of it, as unescaped names are none, or an empty one, which has no place.
func (t *shapes) addSpan(doc, v []byte) bool {
	if v == nil {
		t.spans = append(t.spans, span{})
		return true
	}
	x := extentOf(doc, v)
	if x == (Extent{}) {
		return false
	}
	t.spans = append(t.spans, span{t.placeOf(x.From), t.placeOf(x.To)})
	return true
}

// extentOf returns where a view of doc stands in it, and the zero Extent for what is
// none.
func extentOf(doc, view []byte) Extent {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(view))) - uintptr(unsafe.Pointer(unsafe.SliceData(doc)))
	if len(view) == 0 || from >= uintptr(len(doc)) {
		return Extent{}
	}
	return Extent{int(from), int(from) + len(view)}
}

// placeOf returns the place of an offset, which is in no value of the document
// that was cut up.
func (t *shapes) placeOf(offset int) place {
	i, _ := slices.BinarySearchFunc(t.cuts, offset+1, func(c cut, offset int) int { return c.start - offset })
	return place((i-1)<<16 | (offset - t.cuts[i-1].start))
}

// add adds the steps of the document that was cut up, and returns the last one,
// or 0 when it has them or has no room.
func (t *shapes) add(doc []byte) (end uint32) {
	rest, before := t.cuts, uint32(0)
	for n, tried := uint32(1), 0; n != 0 && int(n) < len(t.steps); {
		s, c := &t.steps[n], rest[0]
		if (s.next == 0) == (len(rest) == 1) && string(t.textOf(s)) == string(doc[c.start:c.value]) {
			if s.next == 0 {
				return 0
			}
			rest, n, tried = rest[1:], s.next, 0
			continue
		}
		if tried++; tried == maxOthers {
			t.full = true
			return 0
		}
		before, n = n, s.other
	}
	if len(t.steps)+len(rest) > maxSteps || len(t.text)+maxShapeBytes > maxTexts || len(t.spans) > maxSpans {
		t.full = true
		return 0
	}
	if before != 0 {
		t.steps[before].other = uint32(len(t.steps))
	}
	for _, c := range rest {
		end = uint32(len(t.steps))
		t.addStep(doc[c.start:c.value], end+1)
	}
	t.steps[end].next = 0
	return end
}

func (t *shapes) addStep(text []byte, next uint32) {
	s := step{size: int32(len(text)), text: int32(len(t.text)), next: next}
	for i := range s.words {
		if from := 8 * i; from < len(text) {
			s.words[i] = firstWord(text[from:])
			s.masks[i] = ^uint64(0) >> (64 - 8*min(8, len(text)-from))
		}
	}
	if len(text) > 16 {
		s.last = load(text, len(text)-8)
	}
	t.text, t.steps = append(t.text, text...), append(t.steps, s)
}
