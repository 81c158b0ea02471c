package event

import (
	"bytes"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// IsString tells whether a raw JSON value is a string.
func IsString(raw []byte) bool {
	return len(raw) >= 2 && raw[0] == '"' && raw[len(raw)-1] == '"'
}

// IsNull tells whether a raw JSON value is null.
func IsNull(raw []byte) bool { return string(raw) == "null" }

// Unquote appends the contents of the JSON string raw to dst. Halves of
// surrogate pairs that stand alone become U+FFFD, as in encoding/json. The error
// is a *SyntaxError when raw is not one JSON string and nothing else.
func Unquote(dst, raw []byte) ([]byte, error) {
	escaped, err := checkString(raw)
	if err != nil {
		return dst, err
	}
	if !escaped {
		return append(dst, raw[1:len(raw)-1]...), nil
	}
	return appendUnescaped(dst, raw[1:len(raw)-1]), nil
}

func checkString(raw []byte) (escaped bool, err error) {
	if len(raw) == 0 || raw[0] != '"' {
		return false, syntaxError(raw, 0, "a string")
	}
	end, escaped := scanString(raw, 1)
	if end < 0 {
		return escaped, stringError(raw, ^end)
	}
	if end != len(raw)-1 {
		return escaped, syntaxError(raw, end+1, "nothing after the string")
	}
	return escaped, nil
}

// StringBytes returns the contents of the raw JSON string that a Scanner found:
// a view of raw when nothing is escaped, else of scratch, which grows as needed
// and is returned for the next call. ok is false when raw is no string.
func StringBytes(raw, scratch []byte) (b, newScratch []byte, ok bool) {
	if !IsString(raw) {
		return nil, scratch, false
	}
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw, scratch, true
	}
	scratch = appendUnescaped(scratch[:0], raw)
	return scratch, scratch, true
}

// appendUnescaped appends s, the inside of a valid JSON string, without its
// escapes.
func appendUnescaped(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 || i+1 >= len(s) {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		switch c := s[i+1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, n := unicodeEscape(s[i:])
			dst = utf8.AppendRune(dst, r)
			s = s[i+n:]
			continue
		default:
			dst = append(dst, c)
		}
		s = s[i+2:]
	}
}

// unicodeEscape reads the \u escape (or the surrogate pair of two) that s begins
// with and returns its length.
func unicodeEscape(s []byte) (r rune, n int) {
	r = hex4(s)
	if !utf16.IsSurrogate(r) {
		return r, min(6, len(s))
	}
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if pair := utf16.DecodeRune(r, hex4(s[6:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, min(6, len(s))
}

// hex4 reads the four digits of the \u escape that s begins with.
func hex4(s []byte) (r rune) {
	if len(s) < 6 {
		return utf8.RuneError
	}
	for _, c := range s[2:6] {
		r <<= 4
		if isDigit(c) {
			r |= rune(c - '0')
		} else {
			r |= rune((c|0x20)-'a') + 10
		}
	}
	return r
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s as a JSON string. Invalid UTF-8 becomes U+FFFD.
func AppendQuoted[T ~string | ~[]byte](dst []byte, s T) []byte {
	return appendQuoted(dst, view(s))
}

// view returns the bytes of s, which must not be written to.
func view[T ~string | ~[]byte](s T) []byte {
	if len(s) == 0 {
		return nil
	}
	switch s := any(s).(type) {
	case []byte:
		return s
	case string:
		return unsafe.Slice(unsafe.StringData(s), len(s))
	default:
		return []byte(string(s.(T)))
	}
}

func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	start, i := 0, 0
	for {
		for i+8 <= len(s) {
			m := special(load(s, i))
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		for i < len(s) && plain[s[i]] {
			i++
		}
		if i >= len(s) {
			break
		}
		if c := s[i]; c < utf8.RuneSelf {
			dst = appendEscape(append(dst, s[start:i]...), c)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(append(dst, s[start:i]...), "\uFFFD"...)
			start = i + 1
		}
		i += n
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}
