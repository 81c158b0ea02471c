package contract

import (
	"bytes"
	"unicode/utf8"

	"github.com/helios-connect/helios/plugins/event"
)

// maxSteps is how many looks at a value judging one payload may take: a contract
// that branches on every level of a recursive structure can ask for more than
// anybody has time for.
const maxSteps = 1 << 20

// checker walks the raw bytes of a payload that is known to be valid JSON. It is
// not safe for concurrent use.
type checker struct {
	doc     []byte
	steps   int
	unsure  bool     // a rule could not be decided here
	names   [][]byte // of the members in hand that no rule names
	scratch []byte
}

// accepts reports whether the plan accepts the value; sure is false when that
// could not be found out.
func (c *checker) accepts(n *node, valid []byte) (ok, sure bool) {
	c.doc, c.steps, c.unsure, c.names = valid, 0, false, c.names[:0]
	i := 0
	for i < len(valid) && isSpace(valid[i]) {
		i++
	}
	_, ok = c.value(n, i)
	c.doc = nil
	return ok, !c.unsure
}

// doubt ends the walk with an answer that does not count.
func (c *checker) doubt() bool {
	c.unsure = true
	return false
}

// value judges the value at doc[i] and returns the offset behind it, which is
// only good when it is accepted.
func (c *checker) value(n *node, i int) (end int, ok bool) {
	if c.steps++; c.steps > maxSteps || c.unsure {
		return i, c.doubt()
	}
	switch first := c.doc[i]; first {
	case '{':
		if n.kinds&isObject == 0 {
			return i, false
		}
		end, ok = c.object(n.obj, i)
	case '[':
		if n.kinds&isArray == 0 {
			return i, false
		}
		end, ok = c.array(n.arr, i)
	case '"':
		end = event.SkipString(c.doc, i)
		ok = n.kinds&isString != 0 && (n.str == nil || c.text(n.str, c.doc[i:end]))
	case 't', 'f', 'n':
		end = i + 4
		kind := isBoolean
		if first == 'f' {
			end++
		} else if first == 'n' {
			kind = isNull
		}
		ok = n.kinds&kind != 0
	default:
		end, ok = c.number(n, i)
	}
	if !ok {
		return end, false
	}
	if n.enum != nil && !c.listed(n.enum, c.doc[i:end]) {
		return end, false
	}
	return end, c.sameValue(n, i)
}

// sameValue applies what else looks at the value at doc[i].
func (c *checker) sameValue(n *node, i int) bool {
	for _, also := range n.all {
		if _, ok := c.value(also, i); !ok {
			return false
		}
	}
	for k := range n.choices {
		chosen := 0
		for _, option := range n.choices[k].options {
			if _, ok := c.value(option, i); ok {
				if chosen++; chosen > n.choices[k].most || chosen == n.choices[k].least && n.choices[k].most == len(n.choices[k].options) {
					break
				}
			}
		}
		if c.unsure || chosen < n.choices[k].least || chosen > n.choices[k].most {
			return false
		}
	}
	if n.when == nil {
		return true
	}
	then := n.when.then
	if _, is := c.value(n.when.is, i); !is {
		then = n.when.otherwise
	}
	if c.unsure {
		return false
	}
	_, ok := c.value(then, i)
	return ok
}

// listed reports whether a scalar is one of the literals.
func (c *checker) listed(list []literal, raw []byte) bool {
	switch raw[0] {
	case '"':
		text := c.unquoted(raw)
		for i := range list {
			if list[i].kind == isString && list[i].text == string(text) {
				return true
			}
		}
	case '{', '[':
		return false // literals are scalars
	case 't', 'f', 'n':
		for i := range list {
			if list[i].kind == isNull && raw[0] == 'n' || list[i].kind == isBoolean && list[i].text == string(raw) {
				return true
			}
		}
	default:
		d, err := event.ParseDecimal(raw)
		if err != nil {
			return c.doubt()
		}
		for i := range list {
			if list[i].kind&isInteger != 0 && list[i].number.Cmp(d) == 0 {
				return true
			}
		}
	}
	return false
}

// unquoted is the text of a string, good until the next call.
func (c *checker) unquoted(raw []byte) []byte {
	text, scratch, _ := event.StringBytes(raw, c.scratch)
	c.scratch = scratch
	return text
}

func (c *checker) text(r *stringRules, raw []byte) bool {
	text := c.unquoted(raw)
	if r.min > 0 || r.max >= 0 {
		n := utf8.RuneCount(text)
		if n < r.min || r.max >= 0 && n > r.max {
			return false
		}
	}
	if r.pattern != nil && !r.pattern.Match(text) {
		return false
	}
	return r.format == nil || plainly(r.format.Name, text) || r.format.Validate(string(text)) == nil
}

func (c *checker) number(n *node, i int) (end int, ok bool) {
	integer := true
	for end = i; end < len(c.doc); end++ {
		b := c.doc[end]
		if b == '.' || b == 'e' || b == 'E' {
			integer = false
		} else if b-'0' > 9 && b != '-' && b != '+' {
			break
		}
	}
	raw := c.doc[i:end]
	if integer && n.num == nil {
		return end, n.kinds&isInteger != 0
	}
	d, err := event.ParseDecimal(raw)
	if err != nil {
		return end, c.doubt()
	}
	integer = integer || d.IsInteger()
	if integer && n.kinds&isInteger == 0 || !integer && n.kinds&isFraction == 0 {
		return end, false
	}
	if n.num == nil {
		return end, true
	}
	for k := range n.num.bounds {
		b := &n.num.bounds[k]
		if b.refuse[d.Cmp(b.limit)+1] {
			return end, false
		}
	}
	if m := n.num.multiple; m != nil {
		scaled, whole := d.Scaled(m.scale)
		if !whole {
			return end, c.doubt()
		}
		if scaled%m.coefficient != 0 || d.Cmp(event.NewDecimal(scaled, -m.scale)) != 0 {
			return end, false
		}
	}
	return end, true
}

func (c *checker) array(r *arrayRules, i int) (end int, ok bool) {
	n, matched := 0, 0
	first := i
	for i = c.space(i + 1); c.doc[i] != ']'; n++ {
		element := anything
		if r != nil {
			if n < len(r.prefix) {
				element = r.prefix[n]
			} else if r.rest != nil {
				element = r.rest
			}
		}
		if end, ok = c.value(element, i); !ok {
			return end, false
		}
		if r != nil && r.contains != nil {
			if _, is := c.value(r.contains, i); is {
				matched++
			}
			if c.unsure {
				return end, false
			}
		}
		if i = c.space(end); c.doc[i] == ',' {
			i = c.space(i + 1)
		}
	}
	end = i + 1
	if r == nil {
		return end, true
	}
	if n < r.min || r.max >= 0 && n > r.max {
		return end, false
	}
	if r.contains != nil && (matched < r.least || r.most >= 0 && matched > r.most) {
		return end, false
	}
	return end, !r.unique || n < 2 || c.distinct(c.doc[first:end], n)
}

// maxDistinct is how many elements are compared pair by pair; beyond it the
// library does it with hashes.
const maxDistinct = 32

func (c *checker) distinct(array []byte, n int) bool {
	if n > maxDistinct {
		return c.doubt()
	}
	var room [maxDistinct]event.Member
	elements := event.AppendMembers(room[:0], array)
	for i := range elements {
		for j := range i {
			same, err := event.Equal(elements[i].Value, elements[j].Value)
			if err != nil {
				return c.doubt()
			}
			if same {
				return false
			}
		}
	}
	return true
}

func (c *checker) space(i int) int {
	for isSpace(c.doc[i]) {
		i++
	}
	return i
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\r' || b == '\t' }

// object judges the object at doc[i]. Names that stand twice are for the library
// to report.
func (c *checker) object(r *objectRules, i int) (end int, ok bool) {
	if r == nil {
		r = noRules
	}
	var room [4]uint64
	seen := room[:]
	if need := len(r.required); need > len(room) {
		seen = make([]uint64, need)
	}
	n, mine := 0, len(c.names)
	for i = c.space(i + 1); c.doc[i] != '}'; n++ {
		after := event.SkipString(c.doc, i)
		name := c.doc[i+1 : after-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name, _ = event.Unquote(nil, c.doc[i:after])
		}
		i = c.space(c.space(after) + 1)
		place := r.names.find(name)
		if place >= 0 {
			if seen[place/64]&(1<<(place%64)) != 0 {
				return i, c.doubt()
			}
			seen[place/64] |= 1 << (place % 64)
		} else if !c.remember(name, mine) {
			return i, c.doubt()
		}
		if end, ok = c.member(r, place, name, i); !ok {
			return end, false
		}
		if i = c.space(end); c.doc[i] == ',' {
			i = c.space(i + 1)
		}
	}
	c.names = c.names[:mine]
	for k, required := range r.required {
		if required&^seen[k] != 0 {
			return i, false
		}
	}
	return i + 1, n >= r.min && (r.max < 0 || n <= r.max)
}

// noRules are those of an object that nothing is said about.
var noRules = &objectRules{max: -1, names: newNameTable(nil)}

// member judges the value at doc[i].
func (c *checker) member(r *objectRules, place int, name []byte, i int) (end int, ok bool) {
	described := false
	if place >= 0 && r.values[place] != nil {
		described = true
		if end, ok = c.value(r.values[place], i); !ok {
			return end, false
		}
	}
	for _, p := range r.patterns {
		if p.name.Match(name) {
			described = true
			if end, ok = c.value(p.value, i); !ok {
				return end, false
			}
		}
	}
	switch {
	case described:
		return end, true
	case r.rest != nil:
		return c.value(r.rest, i)
	}
	return c.value(anything, i)
}

// remember notes the name of a member and reports whether it is new in its
// object, whose first name is at mine.
func (c *checker) remember(name []byte, mine int) bool {
	const few = 64 // beyond it comparing all pairs would cost
	if len(c.names)-mine >= few {
		return c.doubt()
	}
	for _, other := range c.names[mine:] {
		if bytes.Equal(other, name) {
			return false
		}
	}
	c.names = append(c.names, name)
	return true
}
