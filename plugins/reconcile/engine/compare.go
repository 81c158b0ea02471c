package engine

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/helios-connect/helios/plugins/event"
)

// comparer decides whether two raw JSON values of one field agree.
type comparer struct {
	field  string
	slot   int // place of the value in what the scanner returns
	kind   compareKind
	bound  event.Decimal
	within time.Duration
	normal event.Normal
	// nullIsAbsent: null counts as absent.
	nullIsAbsent bool
	without      int // facts judged while none had the field; -1: one had, or it was told
}

type compareKind uint8

const (
	compareExact compareKind = iota
	compareAbsolute
	compareRelative
	compareWithin
)

// value returns what counts of a raw value: nil when it is absent.
func (c *comparer) value(raw []byte) []byte {
	if c.nullIsAbsent && event.IsNull(raw) {
		return nil
	}
	return raw
}

// agree reports whether two values agree; nil is absent.
func (c *comparer) agree(a, b []byte) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if bytes.Equal(a, b) {
		return true
	}
	switch c.kind {
	case compareAbsolute, compareRelative:
		x, okX := decimalOf(a)
		y, okY := decimalOf(b)
		if okX && okY {
			if c.kind == compareAbsolute {
				return event.WithinAbs(x, y, c.bound)
			}
			return event.WithinRel(x, y, c.bound)
		}
	case compareWithin:
		x, okX := instantOf(a)
		y, okY := instantOf(b)
		if okX && okY {
			if x < y {
				x, y = y, x
			}
			return uint64(x)-uint64(y) <= uint64(c.within)
		}
	}
	return c.same(a, b)
}

// same compares as plain JSON under the options that normalise.
func (c *comparer) same(a, b []byte) bool {
	if c.normal == (event.Normal{}) {
		equal, err := event.Equal(a, b)
		return err == nil && equal
	}
	x, err := event.AppendNormal(nil, a, c.normal)
	if err != nil {
		return false
	}
	y, err := event.AppendNormal(nil, b, c.normal)
	return err == nil && bytes.Equal(x, y)
}

// decimalOf reads a JSON number, or a string that holds one.
func decimalOf(raw []byte) (event.Decimal, bool) {
	if event.IsString(raw) {
		s, _, ok := event.StringBytes(raw, nil)
		if !ok {
			return event.Decimal{}, false
		}
		raw = s
	}
	d, err := event.ParseDecimal(raw)
	return d, err == nil
}

func instantOf(raw []byte) (int64, bool) {
	s, _, ok := event.StringBytes(raw, nil)
	if !ok {
		return 0, false
	}
	at, err := event.ParseTime(s)
	return at, err == nil
}

// check refuses what can't be compared: a number with an absurd exponent, a
// member that stands twice. It may use and grow scratch.
func (c *comparer) check(raw []byte, scratch *[]byte) error {
	if len(raw) == 0 {
		return nil
	}
	switch raw[0] {
	case '{', '[':
		out, err := event.AppendNormal((*scratch)[:0], raw, event.Normal{})
		if err != nil {
			return fmt.Errorf("field %s: %w", c.field, err)
		}
		*scratch = out
		return nil
	case '"':
		if c.kind != compareAbsolute && c.kind != compareRelative {
			return nil
		}
		s, _, ok := event.StringBytes(raw, (*scratch)[:0])
		if !ok {
			return nil
		}
		raw = s
	case 't', 'f', 'n':
		return nil
	}
	if !hasExponent(raw) {
		return nil
	}
	if _, err := event.ParseDecimal(raw); errors.Is(err, event.ErrExponent) {
		return fmt.Errorf("field %s: %w", c.field, err)
	}
	return nil
}

// hasExponent looks at the few bytes of a number faster than bytes.IndexAny.
func hasExponent(number []byte) bool {
	for _, c := range number {
		if c|0x20 == 'e' {
			return true
		}
	}
	return false
}

func newComparer(c Compare) (comparer, error) {
	out := comparer{field: c.Field, nullIsAbsent: c.NullIsAbsent, within: c.Within,
		normal: event.Normal{IgnoreCase: c.IgnoreCase, UnorderedArrays: c.Unordered}}
	if strings.TrimSpace(c.Field) == "" {
		return out, fmt.Errorf("%w: field is empty: it takes a path such as data.amount", ErrConfig)
	}
	var kinds []string
	bound := func(name, value string, kind compareKind) error {
		kinds = append(kinds, name)
		d, err := event.ParseDecimal([]byte(value))
		if err != nil || d.Cmp(event.Decimal{}) < 0 {
			return fmt.Errorf("%w: %s %q of field %s: it takes a decimal of at least 0, such as 0.01", ErrConfig, name, value, c.Field)
		}
		out.kind, out.bound = kind, d
		return nil
	}
	if c.Tolerance != "" {
		if err := bound("tolerance", c.Tolerance, compareAbsolute); err != nil {
			return out, err
		}
	}
	if c.Relative != "" {
		if err := bound("relative", c.Relative, compareRelative); err != nil {
			return out, err
		}
	}
	if c.Within < 0 {
		return out, fmt.Errorf("%w: within %s of field %s: it takes a duration of at least 0, such as 2s", ErrConfig, c.Within, c.Field)
	}
	if c.Within > 0 {
		kinds = append(kinds, "within")
		out.kind = compareWithin
	}
	if len(kinds) > 0 {
		if c.IgnoreCase {
			kinds = append(kinds, "ignore_case")
		}
		if c.Unordered {
			kinds = append(kinds, "unordered")
		}
	}
	if len(kinds) > 1 {
		return out, fmt.Errorf("%w: field %s has %s: tolerance, relative and within exclude one another, ignore_case and unordered", ErrConfig, c.Field, strings.Join(kinds, " and "))
	}
	return out, nil
}
