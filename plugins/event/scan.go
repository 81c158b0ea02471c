package event

import (
	"bytes"
	"math/bits"
)

// Scanner extracts values from documents, one pass each. The zero value is
// ready. It is reusable, and not safe for concurrent use.
//
// It remembers the shapes of documents (shapes.go): one of a known shape takes
// less than half the time. A shape of 20 values takes 1.5 KiB, less when it begins
// like others, and all of them 0.7 MiB at most for each of up to eight Paths.
type Scanner struct {
	frames  [MaxDepth]frame
	seen    []uint32 // per node of the Paths: the scan that saw it last
	scan    uint32
	scratch []byte
	collect bool      // also the root's members
	members []Member  // of the root
	name    []byte    // of the root's member in hand
	shapes  []*shapes // of the documents so far, for each Paths
	scanned int       // documents, up to firstScans
	escaped bool      // see Escaped
	views   [][]byte  // of ScanExtents
}

// Member is a member of an object.
type Member struct {
	// Name without quotes and escapes.
	Name []byte
	// Value is the raw JSON value.
	Value []byte
}

// frame is an object or array that is not yet closed.
type frame struct {
	start int   // of the value in the document
	index int   // of the current element; -1 in an object
	node  int32 // what is wanted inside, or 0
}

const inObject = -1

// Scan checks that doc is one JSON object and sets out[i] to the raw bytes of
// the value at path i, a view of doc, or to nil when doc has no such value. out
// must hold p.Len() slices. After an error their content is of no use.
//
// The grammar is that of encoding/json, and beside it the document must be valid
// UTF-8, nest no deeper than MaxDepth, and name no wanted member (nor an
// ancestor of one) twice in one object. Errors are *SyntaxError or wrap
// ErrDuplicateMember or ErrDepth.
func (s *Scanner) Scan(doc []byte, p *Paths, out [][]byte) error {
	out = out[:p.count]
	t := s.known(p, forScan)
	if t == nil {
		return s.scanObject(doc, p, out)
	}
	if _, ok := t.find(doc, out, nil); ok {
		s.escaped = t.escaped
		return nil
	}
	err := s.scanObject(doc, p, out)
	t.missed(doc, out, nil, nil, err)
	return err
}

// ScanExtents is Scan for a caller that asks where the values stand: out[i] is the
// place of the value at path i, or the zero Extent. Extents cost the garbage
// collector nothing, as views would.
func (s *Scanner) ScanExtents(doc []byte, p *Paths, out []Extent) error {
	out = out[:p.count]
	t := s.known(p, forScan)
	if t != nil && t.findExtents(doc, out) {
		s.escaped = t.escaped
		return nil
	}
	if len(s.views) < p.count {
		s.views = make([][]byte, p.count)
	}
	views := s.views[:p.count]
	err := s.scanObject(doc, p, views)
	if t != nil {
		t.missed(doc, views, nil, nil, err)
	}
	for i, v := range views {
		out[i] = extentOf(doc, v)
	}
	clear(views)
	return err
}

// Escaped reports whether a string value of the document that Scan or ScanExtents
// has seen last may hold an escape. If not, what stands between the quotes of a value is what it
// says.
func (s *Scanner) Escaped() bool { return s.escaped }

// scanObject is Scan without what s remembers.
func (s *Scanner) scanObject(doc []byte, p *Paths, out [][]byte) error {
	clear(out)
	s.escaped = bytes.IndexByte(doc, '\\') >= 0
	i := skipSpace(doc, 0)
	if i >= len(doc) || doc[i] != '{' {
		return syntaxError(doc, i, "a JSON object")
	}
	i, err := s.value(doc, i, p, out)
	if err != nil {
		return err
	}
	if i = skipSpace(doc, i); i < len(doc) {
		return syntaxError(doc, i, "nothing after the JSON object")
	}
	return nil
}

// Open is Scan for any JSON value; beside what Scan does it appends the members
// of an object (or the elements of an array, without names) to members, in the
// order in which they stand, duplicates too. Names and values are views of doc,
// apart from names that hold escapes.
func (s *Scanner) Open(doc []byte, p *Paths, out [][]byte, members []Member) ([]Member, error) {
	out = out[:p.count]
	t := s.known(p, forOpen)
	if t == nil {
		return s.openValue(doc, p, out, members)
	}
	all, ok := t.find(doc, out, members)
	if ok {
		return all, nil
	}
	all, err := s.openValue(doc, p, out, members)
	t.missed(doc, out, all[len(members):], nil, err)
	return all, err
}

// openValue is Open without what s remembers.
func (s *Scanner) openValue(doc []byte, p *Paths, out [][]byte, members []Member) ([]Member, error) {
	clear(out)
	s.collect, s.members = true, members
	i, err := s.value(doc, skipSpace(doc, 0), p, out)
	members = s.members
	s.collect, s.members, s.name = false, nil, nil
	if err != nil {
		return members, err
	}
	if i = skipSpace(doc, i); i < len(doc) {
		return members, syntaxError(doc, i, "nothing after the JSON value")
	}
	return members, nil
}

// begin makes every node of p unseen.
func (s *Scanner) begin(p *Paths) {
	s.scan++
	if len(s.seen) < len(p.nodes) || s.scan == 0 {
		s.seen = make([]uint32, max(len(p.nodes), len(s.seen)))
		s.scan = 1
	}
}

// value scans the value at doc[i] as the root of p and returns the offset behind
// it.
//
// It is one function with jumps because a call per member costs more than the
// member: BenchmarkScan has the figures.
func (s *Scanner) value(doc []byte, i int, p *Paths, out [][]byte) (int, error) {
	s.begin(p)
	var (
		nodes = p.nodes
		cur   frame // the innermost open object or array
		depth int   // how many are open
		child = int32(rootNode)
		start int // of the value
	)

value:
	if i >= len(doc) {
		return i, syntaxError(doc, i, "a value")
	}
	start = i
	switch c := doc[i]; c {
	case '"':
		end, _ := scanString(doc, i+1)
		if end < 0 {
			return i, stringError(doc, ^end)
		}
		i = end + 1
	case '{', '[':
		if depth == MaxDepth {
			return i, depthError(i)
		}
		s.frames[depth] = cur
		depth++
		cur = frame{start: start, index: inObject, node: child}
		i++
		if i < len(doc) && doc[i] <= ' ' {
			i = skipSpace(doc, i)
		}
		if i < len(doc) && doc[i] == c+2 { // '}' and ']' stand two behind their openings
			goto closing
		}
		if c == '{' {
			goto member
		}
		cur.index = 0
		goto element
	case 't', 'f', 'n':
		n := literalLen(doc, i)
		if n == 0 {
			return i, syntaxError(doc, i, "a value")
		}
		i += n
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		end, ok := scanNumber(doc, i)
		if !ok {
			return end, syntaxError(doc, end, "a digit")
		}
		i = end
	case ' ', '\n', '\r', '\t':
		i = skipSpace(doc, i)
		goto value
	default:
		return i, syntaxError(doc, i, "a value")
	}

done:
	if child != 0 {
		for o := nodes[child].output; o >= 0; o = p.same[o] {
			out[o] = doc[start:i:i]
		}
	}
	if depth <= 1 {
		if depth == 0 {
			return i, nil
		}
		if s.collect {
			s.members = append(s.members, Member{Name: s.name, Value: doc[start:i:i]})
		}
	}

next:
	if i >= len(doc) {
		return i, syntaxError(doc, i, closingOf(cur))
	}
	switch c := doc[i]; {
	case c == ',':
		i++
		if cur.index < 0 {
			goto member
		}
		cur.index++
		goto element
	case c == '}' && cur.index < 0, c == ']' && cur.index >= 0:
		goto closing
	case c <= ' ':
		start, i = i, skipSpace(doc, i)
		if start < i {
			goto next
		}
	}
	return i, syntaxError(doc, i, closingOf(cur))

closing:
	i++
	start, child = cur.start, cur.node
	depth--
	cur = s.frames[depth]
	goto done

element:
	child = 0
	if cur.node != 0 && nodes[cur.node].indexed {
		child = p.element(cur.node, cur.index)
	}
	goto value

member:
	{
		if i >= len(doc) || doc[i] != '"' {
			if start = i; start < skipSpace(doc, i) {
				i = skipSpace(doc, i)
				goto member
			}
			return i, syntaxError(doc, i, "a member name in quotes")
		}
		name := i + 1
		var end int
		var word uint64 // the first 8 bytes of the name, as far as it has so many
		escaped, known := false, name+8 <= len(doc)
		if known {
			word = load(doc, name)
			m := special(word)
			end = name + bits.TrailingZeros64(m)>>3
			if m != 0 && doc[end] == '"' {
				word &= m&-m>>7 - 1
				goto named
			}
		}
		end, escaped = scanString(doc, name)
		if end < 0 {
			return i, stringError(doc, ^end)
		}
		if n := end - name; known && n < 8 {
			word &= 1<<(8*n) - 1
		}
	named:
		i = end + 1
		if depth == 1 && s.collect {
			s.name = doc[name:end:end]
			if escaped {
				s.name = appendUnescaped(nil, s.name)
			}
		}
		child = 0
		if cur.node != 0 {
			if n := &nodes[cur.node]; n.slots != nil {
				if known && !escaped {
					child = p.find(n, word, doc[name:end])
				} else {
					s.scratch = appendUnescaped(s.scratch[:0], doc[name:end])
					child = p.child(cur.node, s.scratch)
				}
				if child != 0 {
					if s.seen[child] == s.scan {
						return i, &MemberError{Offset: name - 1, Name: nodes[child].name, Err: ErrDuplicateMember}
					}
					s.seen[child] = s.scan
				}
			}
		}
		if i < len(doc) && doc[i] <= ' ' {
			i = skipSpace(doc, i)
		}
		if i >= len(doc) || doc[i] != ':' {
			return i, syntaxError(doc, i, "':' after a member name")
		}
		i++
		goto value
	}
}

func closingOf(f frame) string {
	if f.index < 0 {
		return "',' or '}'"
	}
	return "',' or ']'"
}
