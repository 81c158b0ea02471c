// Package terminal is about what is printed for people: what others wrote must not
// act, and what is drawn must fit.
package terminal

import (
	"strconv"
	"strings"
)

// Printable returns the text with everything a terminal could obey, or that
// could hide or reorder text, as Go escapes it.
func Printable(s string) string {
	q := strconv.QuoteToGraphic(s)
	q = q[1 : len(q)-1]
	return strings.ReplaceAll(q, `\"`, `"`)
}
