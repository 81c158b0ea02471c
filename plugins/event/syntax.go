package event

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// MaxDepth is how deeply objects and arrays may nest in a document; the
// outermost one counts.
const MaxDepth = 512

// ErrDuplicateMember is wrapped by the error for a member that was asked for
// (or lies on the way to one) and stands twice in its object: which of the two
// is meant can't be known.
var ErrDuplicateMember = errors.New("duplicate member")

// ErrDepth is wrapped by the error for a document nested beyond MaxDepth.
var ErrDepth = fmt.Errorf("nested deeper than %d levels", MaxDepth)

// SyntaxError says where a document stops being valid JSON.
type SyntaxError struct {
	// Offset in the document, in bytes.
	Offset int
	// Found is the byte at Offset; meaningless when End is set.
	Found byte
	// End: the document ends at Offset.
	End bool
	// Expected is what may stand there.
	Expected string
}

func (e *SyntaxError) Error() string {
	found := "the end of the document"
	if !e.End {
		found = describeByte(e.Found)
	}
	return "invalid JSON at byte " + strconv.Itoa(e.Offset) + ": found " + found + ", expected " + e.Expected
}

func describeByte(c byte) string {
	if c < 0x20 || c >= utf8.RuneSelf {
		return fmt.Sprintf("byte 0x%02x", c)
	}
	return strconv.QuoteRune(rune(c))
}

// MemberError says which member of a document is at fault; it wraps
// ErrDuplicateMember.
type MemberError struct {
	// Offset of the second member's name in the document, in bytes.
	Offset int
	// Name of the member.
	Name string
	// Err is the sentinel.
	Err error
}

func (e *MemberError) Error() string {
	return e.Err.Error() + " " + strconv.Quote(e.Name) + " at byte " + strconv.Itoa(e.Offset)
}

// Unwrap returns the sentinel.
func (e *MemberError) Unwrap() error { return e.Err }

func syntaxError(doc []byte, offset int, expected string) error {
	if offset >= len(doc) {
		return &SyntaxError{Offset: len(doc), End: true, Expected: expected}
	}
	return &SyntaxError{Offset: offset, Found: doc[offset], Expected: expected}
}

func depthError(offset int) error {
	return fmt.Errorf("invalid JSON at byte %d: %w", offset, ErrDepth)
}

// stringError explains why no string ends at offset, where scanString stopped.
func stringError(doc []byte, offset int) error {
	switch {
	case offset >= len(doc):
		return syntaxError(doc, offset, `the closing '"' of a string`)
	case doc[offset] == '\\':
		return escapeError(doc, offset)
	case doc[offset] < 0x20:
		return syntaxError(doc, offset, "a control character to be escaped in a string")
	default:
		return syntaxError(doc, offset, "valid UTF-8 in a string")
	}
}

func escapeError(doc []byte, offset int) error {
	if offset+1 < len(doc) && doc[offset+1] == 'u' {
		for i := offset + 2; i < offset+6; i++ {
			if i >= len(doc) || !isHex(doc[i]) {
				return syntaxError(doc, i, `four hexadecimal digits after \u`)
			}
		}
	}
	return syntaxError(doc, offset+1, `one of "\/bfnrtu after a backslash`)
}
