package event

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Normal says which differences AppendNormal takes away beside spelling.
type Normal struct {
	// IgnoreCase folds the letters of every string by Unicode's simple case
	// folding; names of members stay as they are.
	IgnoreCase bool
	// UnorderedArrays makes every array a multiset.
	UnorderedArrays bool
	// NullAsAbsent leaves out members that are null; elements of arrays stay.
	NullAsAbsent bool
}

// Equal tells whether two raw JSON values are equal as JSON: numbers as exact
// decimals, strings by their characters, arrays in order, objects by members in
// any order. Errors are those of AppendNormal.
func Equal(a, b []byte) (bool, error) {
	n := normalisers.Get().(*normaliser)
	defer normalisers.Put(n)
	n.opt = Normal{}
	left, err := n.append(n.spare[:0], a)
	n.spare = left
	if err != nil {
		return false, err
	}
	middle := len(left)
	both, err := n.append(left, b)
	n.spare = both
	if err != nil {
		return false, err
	}
	return bytes.Equal(both[:middle], both[middle:]), nil
}

// AppendNormal appends a spelling of the raw JSON value to dst such that two
// values are equal under opt exactly if their spellings are equal bytes: members
// sorted by name, numbers as digits and power of ten, strings with the fewest
// escapes.
//
// Errors are *SyntaxError, or wrap ErrExponent (a number beyond ±MaxExponent),
// ErrDuplicateMember (in any object of the value) or ErrDepth. dst is returned
// unchanged with an error.
func AppendNormal(dst, raw []byte, opt Normal) ([]byte, error) {
	n := normalisers.Get().(*normaliser)
	defer normalisers.Put(n)
	n.opt = opt
	out, err := n.append(dst, raw)
	if err != nil {
		return dst, err
	}
	return out, nil
}

var normalisers = sync.Pool{New: func() any { return new(normaliser) }}

// noPaths makes a Scanner check a value and extract nothing.
var noPaths = MustCompilePaths()

type normaliser struct {
	opt     Normal
	scanner Scanner
	raw     []byte
	at      int
	spare   []byte // Equal's buffer
	text    []byte // the string in hand
	sorted  []byte // a container in hand, while its parts are put in order
	parts   []part // of all open containers, innermost last
}

// part is a member or element in the output: its bytes, and how many of them
// are the name.
type part struct{ start, name, end int }

func (n *normaliser) append(dst, raw []byte) ([]byte, error) {
	end, err := n.scanner.value(raw, 0, noPaths, nil)
	if err != nil {
		return dst, err
	}
	if end = skipSpace(raw, end); end < len(raw) {
		return dst, syntaxError(raw, end, "nothing after the value")
	}
	n.raw, n.at, n.parts = raw, 0, n.parts[:0]
	dst, err = n.value(dst)
	n.raw = nil
	return dst, err
}

// value appends the value at n.at, which is known to be valid JSON.
func (n *normaliser) value(dst []byte) ([]byte, error) {
	n.at = skipSpace(n.raw, n.at)
	switch n.raw[n.at] {
	case '{':
		return n.object(dst)
	case '[':
		return n.array(dst)
	case '"':
		return n.string(dst, n.opt.IgnoreCase), nil
	case 't', 'f', 'n':
		size := literalLen(n.raw, n.at)
		n.at += size
		return append(dst, n.raw[n.at-size:n.at]...), nil
	default:
		return n.number(dst)
	}
}

func (n *normaliser) number(dst []byte) ([]byte, error) {
	end, _ := scanNumber(n.raw, n.at)
	num, err := parseNumber(n.raw[n.at:end])
	n.at = end
	if err != nil {
		return dst, err
	}
	if num.size == 0 {
		return append(dst, '0'), nil
	}
	if num.negative {
		dst = append(dst, '-')
	}
	dst = num.appendDigits(dst)
	if num.exp != 0 {
		dst = strconv.AppendInt(append(dst, 'e'), int64(num.exp), 10)
	}
	return dst, nil
}

func (n *normaliser) string(dst []byte, fold bool) []byte {
	end, escaped := scanString(n.raw, n.at+1)
	inside := n.raw[n.at+1 : end]
	n.at = end + 1
	if !escaped && !fold { // nothing that needs an escape stands in it
		dst = append(append(dst, '"'), inside...)
		return append(dst, '"')
	}
	n.text = appendUnescaped(n.text[:0], inside)
	if fold {
		start := len(n.text)
		n.text = appendFolded(n.text, n.text)
		return AppendQuoted(dst, n.text[start:])
	}
	return AppendQuoted(dst, n.text)
}

// appendFolded appends s with each character replaced by the first of those
// that differ from it in case only.
func appendFolded(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c-'a' < 26 {
				c -= 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		i += size
		first := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			first = min(first, f)
		}
		dst = utf8.AppendRune(dst, first)
	}
	return dst
}

func (n *normaliser) object(dst []byte) ([]byte, error) {
	var err error
	begin, mine := len(dst), len(n.parts)
	for n.at++; n.more('}'); {
		p := part{start: len(dst)}
		dst = n.string(dst, false)
		p.name = len(dst)
		n.at = skipSpace(n.raw, skipSpace(n.raw, n.at)+1) // over the colon
		if n.opt.NullAsAbsent && n.raw[n.at] == 'n' {
			n.at += len("null")
		} else if dst, err = n.value(append(dst, ':')); err != nil {
			return dst, err
		}
		p.end = len(dst)
		n.parts = append(n.parts, p)
	}
	members := n.parts[mine:]
	name := func(p part) []byte { return dst[p.start:p.name] }
	slices.SortFunc(members, func(a, b part) int { return bytes.Compare(name(a), name(b)) })
	for i := 1; i < len(members); i++ {
		if bytes.Equal(name(members[i-1]), name(members[i])) {
			return dst, duplicateError(name(members[i]))
		}
	}
	// What is null has no bytes behind its name, and had to stay until here: a
	// name that stands twice is an error even so.
	members = slices.DeleteFunc(members, func(p part) bool { return p.end == p.name })
	n.parts = n.parts[:mine+len(members)]
	return n.join(dst, begin, mine, '{', '}'), nil
}

func (n *normaliser) array(dst []byte) ([]byte, error) {
	var err error
	begin, mine := len(dst), len(n.parts)
	for n.at++; n.more(']'); {
		p := part{start: len(dst)}
		if dst, err = n.value(dst); err != nil {
			return dst, err
		}
		p.end = len(dst)
		n.parts = append(n.parts, p)
	}
	if n.opt.UnorderedArrays {
		slices.SortFunc(n.parts[mine:], func(a, b part) int {
			return bytes.Compare(dst[a.start:a.end], dst[b.start:b.end])
		})
	}
	return n.join(dst, begin, mine, '[', ']'), nil
}

// more steps over what stands before the next member or element, or over the
// closing of the container.
func (n *normaliser) more(closing byte) bool {
	n.at = skipSpace(n.raw, n.at)
	switch n.raw[n.at] {
	case closing:
		n.at++
		return false
	case ',':
		n.at = skipSpace(n.raw, n.at+1)
	}
	return true
}

// join replaces dst[begin:] by the container made of the parts from mine on.
func (n *normaliser) join(dst []byte, begin, mine int, opening, closing byte) []byte {
	n.sorted = append(n.sorted[:0], opening)
	for i, p := range n.parts[mine:] {
		if i > 0 {
			n.sorted = append(n.sorted, ',')
		}
		n.sorted = append(n.sorted, dst[p.start:p.end]...)
	}
	n.sorted = append(n.sorted, closing)
	n.parts = n.parts[:mine]
	return append(dst[:begin], n.sorted...)
}

// duplicateError is about a quoted name.
func duplicateError(name []byte) error {
	return fmt.Errorf("%w %s", ErrDuplicateMember, name)
}
