package event

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Each byte of a word, for looking at eight bytes of a string at a time.
const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// special marks (in the top bit of each byte) the bytes of w that end the plain
// run of a string: quote, backslash, control characters and anything beyond
// ASCII. Flipping the bit 2 puts the quote right behind the control characters,
// so that one subtraction finds both. Only the lowest mark is exact, which is
// the one that counts: borrows travel upwards.
func special(w uint64) uint64 {
	return (((w ^ lowBits*2) - lowBits*0x21) | ((w ^ lowBits*'\\') - lowBits) | w) & highBits
}

// load returns the 8 bytes at doc[i], little endian. Slicing to a fixed capacity
// saves the compiler a few instructions.
func load(doc []byte, i int) uint64 { return binary.LittleEndian.Uint64(doc[i : i+8 : i+8]) }

// scanString returns the offset of the quote that closes the string whose first
// byte is at i, and whether the string holds an escape. On malformed strings end
// is ^offset of the byte at fault.
func scanString(doc []byte, i int) (end int, escaped bool) {
	for i+8 <= len(doc) {
		m := special(load(doc, i))
		if m == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(m) >> 3
		if i < len(doc) && doc[i] == '"' {
			return i, false
		}
		break
	}
	return scanSpecial(doc, i)
}

// scanSpecial is scanString for what is not plain ASCII.
func scanSpecial(doc []byte, i int) (end int, escaped bool) {
	for {
		for i < len(doc) && plain[doc[i]] {
			i++
		}
		if i >= len(doc) {
			return ^len(doc), escaped
		}
		switch c := doc[i]; {
		case c == '"':
			return i, escaped
		case c == '\\':
			n := escapeLen(doc, i)
			if n == 0 {
				return ^i, escaped
			}
			i += n
			escaped = true
		case c < 0x20:
			return ^i, escaped
		default:
			for i < len(doc) && doc[i] >= utf8.RuneSelf {
				r, n := utf8.DecodeRune(doc[i:])
				if r == utf8.RuneError && n <= 1 {
					return ^i, escaped
				}
				i += n
			}
		}
		for i+8 <= len(doc) {
			m := special(load(doc, i))
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
	}
}

// plain tells the bytes that stand for themselves in a string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// escapeLen returns the length of the escape at doc[i], which is a backslash, or
// 0 when it is none. Halves of surrogate pairs may stand alone, as in
// encoding/json.
func escapeLen(doc []byte, i int) int {
	if i+1 >= len(doc) {
		return 0
	}
	switch doc[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if i+6 <= len(doc) && isHex(doc[i+2]) && isHex(doc[i+3]) && isHex(doc[i+4]) && isHex(doc[i+5]) {
			return 6
		}
	}
	return 0
}

func isHex(c byte) bool {
	return c-'0' < 10 || (c|0x20)-'a' < 6
}

func isDigit(c byte) bool { return c-'0' < 10 }

// scanNumber returns the offset behind the number at doc[i]; when the number is
// malformed, ok is false and end is where a digit was expected.
func scanNumber(doc []byte, i int) (end int, ok bool) {
	if i < len(doc) && doc[i] == '-' {
		i++
	}
	if i >= len(doc) || !isDigit(doc[i]) {
		return i, false
	}
	if doc[i] == '0' {
		i++
	} else {
		i = skipDigits(doc, i)
	}
	if i < len(doc) && doc[i] == '.' {
		i++
		if i >= len(doc) || !isDigit(doc[i]) {
			return i, false
		}
		i = skipDigits(doc, i)
	}
	if i < len(doc) && doc[i]|0x20 == 'e' {
		i++
		if i < len(doc) && (doc[i] == '+' || doc[i] == '-') {
			i++
		}
		if i >= len(doc) || !isDigit(doc[i]) {
			return i, false
		}
		i = skipDigits(doc, i)
	}
	return i, true
}

func skipDigits(doc []byte, i int) int {
	for i < len(doc) && isDigit(doc[i]) {
		i++
	}
	return i
}

func skipSpace(doc []byte, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\r' || doc[i] == '\t') {
		i++
	}
	return i
}

// literalLen returns the length of the literal (true, false, null) at doc[i],
// or 0 when there is none.
func literalLen(doc []byte, i int) int {
	rest := doc[i:]
	switch {
	case len(rest) >= 4 && (string(rest[:4]) == "true" || string(rest[:4]) == "null"):
		return 4
	case len(rest) >= 5 && string(rest[:5]) == "false":
		return 5
	}
	return 0
}
