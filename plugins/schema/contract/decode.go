package contract

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
)

// checkText checks that text is JSON in valid UTF-8 that nests no deeper than
// depth.
func checkText(text []byte, depth int) error {
	var s event.Scanner
	if _, err := s.Open(text, noPaths, nil, nil); err != nil {
		return err
	}
	deepest, open := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = event.SkipString(text, i) - 1
		case '{', '[':
			open++
			deepest = max(deepest, open)
		case '}', ']':
			open--
		}
	}
	if deepest > depth {
		return fmt.Errorf("it nests %d levels; at most %d are allowed", deepest, depth)
	}
	return nil
}

var noPaths = event.MustCompilePaths()

// decodeError says which value can't be taken as it is.
type decodeError struct {
	path []string
	rule string
	text string
}

func (e *decodeError) Error() string { return pointerOr(e.path, "the document") + ": " + e.text }

// Rules that hold for every payload, whatever its contract says.
const (
	ruleDuplicate = "duplicate_member"
	ruleExponent  = "exponent"
	ruleSyntax    = "syntax"
	ruleDepth     = "depth"
	ruleEffort    = "effort"
)

// Unmendable reports whether a rule holds whatever a contract says, so that no
// other contract would accept the payload either.
func Unmendable(rule string) bool {
	switch rule {
	case ruleDuplicate, ruleExponent, ruleSyntax, ruleDepth, ruleEffort:
		return true
	}
	return false
}

// decode turns valid JSON into what the library reads: numbers as they stand. A
// name that stands twice in an object is an error, since which one is meant
// can't be known, and so is a number that nobody can compute with.
func decode(valid []byte, path []string) (any, error) {
	valid = trimSpace(valid)
	switch valid[0] {
	case '{':
		members := event.AppendMembers(nil, valid)
		object := make(map[string]any, len(members))
		for _, m := range members {
			name := string(m.Name)
			at := append(path[:len(path):len(path)], name)
			if _, twice := object[name]; twice {
				return nil, &decodeError{path: at, rule: ruleDuplicate, text: "the member stands twice, and which one is meant can't be known"}
			}
			v, err := decode(m.Value, at)
			if err != nil {
				return nil, err
			}
			object[name] = v
		}
		return object, nil
	case '[':
		elements := event.AppendMembers(nil, valid)
		array := make([]any, len(elements))
		for i, e := range elements {
			v, err := decode(e.Value, append(path[:len(path):len(path)], fmt.Sprint(i)))
			if err != nil {
				return nil, err
			}
			array[i] = v
		}
		return array, nil
	case '"':
		text, err := event.Unquote(nil, valid)
		return string(text), err
	case 't', 'f':
		return valid[0] == 't', nil
	case 'n':
		return nil, nil
	}
	if _, err := event.ParseDecimal(valid); err != nil {
		return nil, &decodeError{path: path, rule: ruleExponent, text: fmt.Sprintf("the number %.40s is out of reach: %v", valid, err)}
	}
	return json.Number(valid), nil
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// pointerOf writes a JSON Pointer (RFC 6901); the whole document is "".
func pointerOf(path []string) string {
	var b strings.Builder
	for _, token := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(token))
	}
	return b.String()
}

// pointerOr is pointerOf with a name for the whole document.
func pointerOr(path []string, whole string) string {
	if len(path) == 0 {
		return whole
	}
	return pointerOf(path)
}
