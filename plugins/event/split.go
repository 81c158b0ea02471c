package event

import (
	"bytes"
	"math/bits"
)

// AppendMembers is Open for an object or array that is known to be valid JSON,
// such as a value that Open found: it only splits, which costs a fraction of
// checking again. On anything else the result is of no use.
func AppendMembers(members []Member, valid []byte) []Member {
	i := skipSpace(valid, 0)
	if i >= len(valid) {
		return members
	}
	object := valid[i] == '{'
	for {
		if i = skipSpace(valid, i+1); i >= len(valid) || valid[i] == '}' || valid[i] == ']' {
			return members
		}
		var name []byte
		if object {
			end, escapes := skipString(valid, i)
			if end-i < 2 {
				return members
			}
			name = valid[i+1 : end-1 : end-1]
			if escapes && bytes.IndexByte(name, '\\') >= 0 {
				name = appendUnescaped(nil, name)
			}
			i = skipSpace(valid, min(skipSpace(valid, end)+1, len(valid))) // over the colon
		}
		end := SkipValue(valid, i)
		if end <= i {
			return members
		}
		members = append(members, Member{Name: name, Value: valid[i:end:end]})
		if i = skipSpace(valid, end); i >= len(valid) || valid[i] != ',' { // the closing
			return members
		}
	}
}

// AppendElements splits an array of which it isn't known whether its elements are
// valid, so that one that isn't costs only itself: they have to be checked one by
// one. ok is false when doc isn't one array from its first byte to its last, as
// far as brackets, strings and commas tell.
func AppendElements(elements []Member, doc []byte) (_ []Member, ok bool) {
	i := skipSpace(doc, 0)
	if i >= len(doc) || doc[i] != '[' {
		return elements, false
	}
	for i = skipSpace(doc, i+1); i < len(doc); i = skipSpace(doc, i+1) {
		end := SkipValue(doc, i)
		if end <= i {
			return elements, false
		}
		elements = append(elements, Member{Value: doc[i:end:end]})
		if i = skipSpace(doc, end); i >= len(doc) || doc[i] != ',' {
			break
		}
	}
	return elements, i < len(doc) && doc[i] == ']' && skipSpace(doc, i+1) == len(doc)
}

// SkipValue returns the offset behind the valid value at doc[i].
func SkipValue(doc []byte, i int) int {
	depth := 0
	for i < len(doc) {
		switch doc[i] {
		case '"':
			if i, _ = skipString(doc, i); depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
			if depth < 0 {
				return i
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

// SkipString returns the offset behind the valid string at doc[i].
func SkipString(doc []byte, i int) int {
	end, _ := skipString(doc, i)
	return end
}

// skipString is SkipString that also tells whether the string may hold an
// escape; of long ones that isn't known.
func skipString(doc []byte, i int) (end int, escapes bool) {
	i++
	for last := min(i+wordsFirst, len(doc)-8); i <= last; {
		w := load(doc, i)
		m := marks(w, '"') | marks(w, '\\')
		if m == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(m) >> 3
		if doc[i] == '"' {
			return i + 1, escapes
		}
		escapes = true
		i += 2
	}
	for first := i; i < len(doc); i++ {
		n := bytes.IndexByte(doc[i:], '"')
		if n < 0 {
			break
		}
		i += n
		slashes := 0
		for i-1-slashes >= first && doc[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1, true
		}
	}
	return len(doc), true
}

// wordsFirst is how many bytes of a string SkipString looks at in words: most
// strings end there, where calls of IndexByte would cost more.
const wordsFirst = 40

// marks sets the top bit of each byte of w that is c. Only the lowest mark is
// exact.
func marks(w uint64, c uint64) uint64 {
	w ^= lowBits * c
	return (w - lowBits) &^ w & highBits
}
