package infer

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/helios-connect/helios/internal/terminal"
)

// object is a part of a schema: members in a fixed order, with the evidence that
// stands above each in YAML.
type object []member

type member struct {
	name  string
	value any // object, []any, string, bool, json.Number or nil
	notes []string
}

func (o *object) put(name string, value any, notes ...string) {
	*o = append(*o, member{name, value, notes})
}

// proposer turns what was seen at one type into a schema.
type proposer struct {
	Settings
	sources []string // by bit; nil when they can't be told apart
}

// minDistinct is how many different strings must share a pattern before it is
// proposed: fewer may share it by chance.
const minDistinct = 5

// minMapKeys is how many member names of one format make an object a map.
const minMapKeys = 5

// schema proposes a schema for one place. hidden: its values must not be shown.
func (p *proposer) schema(n *node, hidden bool) (o object) {
	if n.seen == 0 {
		return o
	}
	if types := n.types(); len(types) == 1 {
		o.put("type", types[0])
	} else {
		o.put("type", types)
	}
	if hidden {
		o.put("x-helios-sensitive", true)
	}
	if n.text.seen > 0 {
		p.text(&o, n, hidden)
	}
	if n.number.seen > 0 && p.Ranges && !hidden {
		p.numbers(&o, n)
	}
	if n.arrays > 0 {
		p.array(&o, n, hidden)
	}
	if n.objects > 0 {
		p.object(&o, n, hidden)
	}
	if n.deep {
		o.put("$comment", fmt.Sprintf("not described below %d levels", MaxDepth))
	}
	return o
}

func (n *node) types() (types []any) {
	for _, t := range []struct {
		seen int
		name string
	}{{n.objects, "object"}, {n.arrays, "array"}, {n.text.seen, "string"}, {n.number.seen, "number"}, {n.falses + n.trues, "boolean"}, {n.nulls, "null"}} {
		if t.seen == 0 {
			continue
		}
		if t.name == "number" && !n.number.fraction {
			t.name = "integer"
		}
		types = append(types, t.name)
	}
	return types
}

func (p *proposer) text(o *object, n *node, hidden bool) {
	t := &n.text
	if !p.enough(t.seen, 1) {
		return
	}
	every := fmt.Sprintf("every one of %s", plural(t.seen, "value"))
	if f := t.common.name(); f != "" {
		o.put("format", f, every)
		return
	}
	if hidden {
		return
	}
	if p.values(o, n) || !t.many && len(t.distinct) < minDistinct {
		return
	}
	switch {
	case t.common&isInt64 != 0:
		o.put("pattern", int64Pattern, every+"; 64-bit integers as strings")
	case t.common&isDigits != 0:
		o.put("pattern", "^[0-9]+$", every)
	case !t.noHead:
		o.put("pattern", "^"+regexp.QuoteMeta(t.head)+"[0-9]+$", every)
	}
}

// values proposes const or enum for a place that holds few strings.
func (p *proposer) values(o *object, n *node) bool {
	t := &n.text
	k := len(t.distinct)
	if t.many || k == 0 || k > p.MaxEnum || t.seen+n.nulls != n.seen || !p.enough(t.seen, k) {
		return false
	}
	var values []any
	var counts []string
	for _, s := range slices.Sorted(maps.Keys(t.distinct)) {
		values = append(values, s)
		counts = append(counts, fmt.Sprintf("%s %d", quote(s), t.distinct[s]))
	}
	note := fmt.Sprintf("%s: %s", plural(t.seen, "value"), strings.Join(counts, ", "))
	if k == 1 && n.nulls == 0 {
		o.put("const", values[0], note)
		return true
	}
	if n.nulls > 0 {
		values = append(values, nil)
		note += fmt.Sprintf(", null %d", n.nulls)
	}
	o.put("enum", values, note)
	return true
}

func (p *proposer) numbers(o *object, n *node) {
	if !p.enough(n.number.seen, 1) {
		return
	}
	low, high := n.number.bounds()
	if low != "" {
		o.put("minimum", json.Number(low), "least seen "+n.number.min)
	}
	if high != "" {
		o.put("maximum", json.Number(high), "most seen "+n.number.max)
	}
}

func (p *proposer) array(o *object, n *node, hidden bool) {
	if n.minItems > 0 && p.enough(n.arrays, 1) {
		o.put("minItems", json.Number("1"), fmt.Sprintf("%s of %d to %d elements", plural(n.arrays, "array"), n.minItems, n.maxLen))
	}
	if n.items != nil {
		hidden = hidden || n.items.text.personal()
		o.put("items", p.schema(n.items, hidden), p.evidence(n.items, hidden))
	}
}

func (p *proposer) object(o *object, n *node, hidden bool) {
	if n.values != nil {
		if !n.cut {
			p.openMap(o, n, n.values, "", fmt.Sprintf("more than %d different names in %s", MaxKeys, plural(n.objects, "object")), hidden)
		}
		return
	}
	if shape := n.keyPattern(); shape != "" {
		note := fmt.Sprintf("%s in %s, all of this form", plural(len(n.fields), "name"), plural(n.objects, "object"))
		p.openMap(o, n, n.mergedFields(), shape, note, hidden)
		return
	}
	var required []any
	var fields object
	for _, name := range slices.Sorted(maps.Keys(n.fields)) {
		f := n.fields[name]
		if email(name) {
			continue
		}
		if f.seen == n.objects && p.enough(n.objects, 1) {
			required = append(required, name)
		}
		hide := hidden || sensitive(name) || f.text.personal()
		note := fmt.Sprintf("in %d of %d; %s", f.seen, n.objects, p.evidence(f, hide)+p.producers(n, f))
		fields.put(name, p.schema(f, hide), note)
	}
	if required != nil {
		o.put("required", required, "in every one of "+plural(n.objects, "object"))
	}
	if fields != nil {
		o.put("properties", fields)
	}
	if n.cut {
		o.put("$comment", fmt.Sprintf("more fields than %d places allow; the rest isn't described", MaxNodes))
	}
}

// openMap proposes one schema for all members; pattern is what the names have in
// common, if anything.
func (p *proposer) openMap(o *object, n, values *node, pattern, note string, hidden bool) {
	hidden = hidden || pattern == "@" || values.text.personal()
	schema, note := p.schema(values, hidden), note+"; "+p.evidence(values, hidden)
	if pattern == "" {
		o.put("additionalProperties", schema, note)
		return
	}
	o.put("patternProperties", object{{pattern, schema, []string{note}}})
}

// keyPattern tells what the member names of an object look like when they are
// keys of a map and not names of fields.
func (n *node) keyPattern() string {
	if n.cut {
		return ""
	}
	for name := range n.fields {
		if email(name) {
			return "@" // names that are addresses must not be shown, however few
		}
	}
	if len(n.fields) < minMapKeys {
		return ""
	}
	switch c := n.keys.common; {
	case c&isUUID != 0:
		return uuidRule.String()
	case c&isDate != 0:
		return "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
	case c&isDigits != 0:
		return digitsRule.String()
	case c&isHex != 0:
		return hexRule.String()
	}
	return ""
}

// personal tells whether some of the strings are addresses of people.
func (t *text) personal() bool {
	if t.common&isEmail != 0 && t.seen > 0 || email(t.example) {
		return true
	}
	for s := range t.distinct {
		if email(s) {
			return true
		}
	}
	return false
}

// evidence says in one line what values a place held.
func (p *proposer) evidence(n *node, hidden bool) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if t := &n.text; t.seen > 0 {
		if t.many {
			add("%s, too many or too long to count apart", plural(t.seen, "string"))
		} else {
			add("%s, %d distinct", plural(t.seen, "string"), len(t.distinct))
		}
		add("length %d to %d", t.minLen, t.maxLen)
		switch {
		case hidden:
			add("example redacted")
		case t.example != "":
			add("e.g. %s", quote(t.example))
		}
		if t.common&isInt64 != 0 {
			add("all are 64-bit integers as strings")
		}
	}
	if m := &n.number; m.seen > 0 {
		add("%s", plural(m.seen, "number"))
		if m.min != "" && !hidden {
			add("%s to %s", m.min, m.max)
		}
		if m.unsafe {
			add("some beyond 2^53, where floats lose digits")
		}
	}
	if n.falses+n.trues > 0 {
		add("false %d, true %d", n.falses, n.trues)
	}
	if n.arrays > 0 {
		add("%s of %d to %d elements", plural(n.arrays, "array"), n.minItems, n.maxLen)
	}
	if n.objects > 0 {
		add("%s", plural(n.objects, "object"))
	}
	if n.nulls > 0 {
		add("null %d", n.nulls)
	}
	return strings.Join(parts, "; ")
}

// producers says by how many producers a field was sent, of those that sent the
// object.
func (p *proposer) producers(parent, n *node) string {
	of, by := bits.OnesCount64(parent.sources), bits.OnesCount64(n.sources)
	switch {
	case p.sources == nil || of < 2:
		return ""
	case by == 1:
		return fmt.Sprintf("; only from %s, of %d producers", quote(p.sources[bits.TrailingZeros64(n.sources)]), of)
	}
	return fmt.Sprintf("; from %d of %d producers", by, of)
}

func plural(n int, noun string) string {
	return terminal.Count(n, noun, noun+"s")
}

// quote shows text in one line of ASCII, whatever it holds.
func quote(s string) string { return strconv.QuoteToASCII(s) }
