package infer

import (
	"bytes"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
)

// number is what the numbers at one place have in common.
type number struct {
	seen     int
	fraction bool // some are no integers, or are spelled like 10.00 or 1e3
	long     bool // some are longer than MaxTextBytes: no bounds
	unsafe   bool // some integers lie beyond ±2^53, where floats lose digits
	min, max string
}

var (
	safeMax, _ = event.ParseDecimal([]byte("9007199254740992"))
	safeMin, _ = event.ParseDecimal([]byte("-9007199254740992"))
)

// add takes a raw number. Whether it is an integer is decided by its spelling, so
// that no digit is lost.
func (n *number) add(raw []byte) {
	n.seen++
	if bytes.ContainsAny(raw, ".eE") {
		n.fraction = true
	}
	d, err := event.ParseDecimal(raw)
	if err != nil || len(raw) > MaxTextBytes {
		n.long = true
		n.min, n.max = "", ""
		return
	}
	if d.Cmp(safeMax) > 0 || d.Cmp(safeMin) < 0 {
		n.unsafe = true
	}
	if n.long {
		return
	}
	s := string(raw)
	n.widen(s, s)
}

// widen takes another range in; of two spellings of one number the shorter stays,
// then the one that sorts first.
func (n *number) widen(low, high string) {
	if n.min == "" {
		n.min, n.max = low, high
		return
	}
	if c := compareNumbers(low, n.min); c < 0 || c == 0 && simpler(low, n.min) {
		n.min = low
	}
	if c := compareNumbers(high, n.max); c > 0 || c == 0 && simpler(high, n.max) {
		n.max = high
	}
}

func (n *number) merge(o *number) {
	if o.seen == 0 {
		return
	}
	n.seen += o.seen
	n.fraction = n.fraction || o.fraction
	n.unsafe = n.unsafe || o.unsafe
	if n.long = n.long || o.long; n.long {
		n.min, n.max = "", ""
		return
	}
	n.widen(o.min, o.max)
}

func compareNumbers(a, b string) int {
	x, _ := event.ParseDecimal([]byte(a))
	y, _ := event.ParseDecimal([]byte(b))
	return x.Cmp(y)
}

// simpler orders texts by length, then by bytes.
func simpler(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

// bounds returns minimum and maximum with the margin that Settings.Ranges
// describes; "" is no bound.
func (n *number) bounds() (minimum, maximum string) {
	if n.min == "" {
		return "", ""
	}
	if compareNumbers(n.min, "0") >= 0 {
		minimum = "0"
	} else if p := beyond(strings.TrimPrefix(n.min, "-")); p != "" {
		minimum = "-" + p
	}
	if compareNumbers(n.max, "0") <= 0 {
		return minimum, "0"
	}
	return minimum, beyond(n.max)
}

// beyond returns the first of 1, 10, 100, ... that is at least twice the positive
// number, or "" beyond 10^15.
func beyond(s string) string {
	for p := "1"; len(p) <= 16; p += "0" {
		half := "5e-1"
		if len(p) > 1 {
			half = "5" + p[2:]
		}
		if compareNumbers(half, s) >= 0 {
			return p
		}
	}
	return ""
}
