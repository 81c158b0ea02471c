package compat

import (
	"math/big"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// types is a set of JSON types. Numbers are two, so that integer is a part of
// number.
type types uint8

const (
	tNull types = 1 << iota
	tBoolean
	tObject
	tArray
	tString
	tFraction
	tInteger
	tNumber = tFraction | tInteger
	tAll    = types(1<<7 - 1)
)

var typeNames = []struct {
	name string
	set  types
}{{"null", tNull}, {"boolean", tBoolean}, {"object", tObject}, {"array", tArray}, {"string", tString}, {"number", tNumber}, {"integer", tInteger}}

func (t types) names() []string {
	var list []string
	for _, entry := range typeNames {
		if t&entry.set == entry.set && !(entry.name == "integer" && t&tFraction != 0) {
			list = append(list, entry.name)
		} else if entry.name == "number" && t&tNumber == tFraction {
			list = append(list, "number")
		}
	}
	return list
}

func typesOf(s *jsonschema.Schema) types {
	if s.Types == nil {
		return tAll
	}
	var set types
	for _, name := range s.Types.ToStrings() {
		for _, entry := range typeNames {
			if entry.name == name {
				set |= entry.set
			}
		}
	}
	return set
}

// choice names one disjunction of one schema.
type choice struct {
	schema *jsonschema.Schema
	kind   byte
}

const (
	anyChoice byte = iota + 1
	oneChoice
	ifChoice
	typeChoice
)

// conj is what is known of a value the writer may write: it satisfies all of
// parts and none of nots. It is never changed once built.
type conj struct {
	parts []*jsonschema.Schema
	nots  []*jsonschema.Schema
	// rest are the branches of a oneOf that don't hold because another does.
	// They serve to tell the reader's branches apart, and nothing else: oneOf
	// lists alternatives, and a change is judged alternative by alternative.
	rest  []*jsonschema.Schema
	mask  types
	taken []choice
	never bool
	// patterns and names narrow the string a property name is.
	patterns []string

	// Answers found before.
	properties map[string]*conj
	items      map[int]*conj
	kinds      *types
}

func newConj(schemas ...*jsonschema.Schema) *conj {
	return (&conj{mask: tAll}).with(schemas...)
}

// with adds schemas, following $ref and allOf.
func (c *conj) with(schemas ...*jsonschema.Schema) *conj {
	next := c.clone()
	for _, schema := range schemas {
		next.add(schema)
	}
	return next
}

func (c *conj) clone() *conj {
	next := *c
	next.parts = slices.Clone(c.parts)
	next.nots = slices.Clone(c.nots)
	next.rest = slices.Clone(c.rest)
	next.taken = slices.Clone(c.taken)
	next.properties, next.items, next.kinds = nil, nil, nil
	return &next
}

func (c *conj) without(schema *jsonschema.Schema) *conj {
	next := c.clone()
	next.exclude(schema)
	return next
}

func (c *conj) take(schema *jsonschema.Schema, kind byte) *conj {
	next := c.clone()
	next.taken = append(next.taken, choice{schema, kind})
	return next
}

func (c *conj) add(s *jsonschema.Schema) {
	if s == nil || slices.Contains(c.parts, s) {
		return
	}
	if s.Bool != nil {
		c.never = c.never || !*s.Bool
		return
	}
	c.parts = append(c.parts, s)
	c.mask &= typesOf(s)
	c.add(s.Ref)
	c.add(s.RecursiveRef)
	if s.DynamicRef != nil {
		c.add(s.DynamicRef.Ref)
	}
	for _, part := range s.AllOf {
		c.add(part)
	}
	if s.Not != nil {
		c.exclude(s.Not)
	}
}

func (c *conj) exclude(s *jsonschema.Schema) {
	if s.Bool != nil {
		c.never = c.never || *s.Bool
		return
	}
	if !slices.Contains(c.nots, s) {
		c.nots = append(c.nots, s)
	}
}

// valid reports whether value satisfies the conjunction, by real validation.
func (c *conj) valid(value any) bool {
	if c.never || typeOfValue(value)&c.mask == 0 {
		return false
	}
	for _, part := range c.parts {
		if part.Validate(value) != nil {
			return false
		}
	}
	for _, not := range append(slices.Clone(c.nots), c.rest...) {
		if not.Validate(value) == nil {
			return false
		}
	}
	return true
}

// numberRange is what bounds leave of the numbers; nil is unbounded.
type numberRange struct {
	low, high         *big.Rat
	lowOpen, highOpen bool
	step              *big.Rat
}

func rangeOf(parts []*jsonschema.Schema, integer bool) numberRange {
	var r numberRange
	for _, s := range parts {
		r.raise(s.Minimum, false)
		r.raise(s.ExclusiveMinimum, true)
		r.lower(s.Maximum, false)
		r.lower(s.ExclusiveMaximum, true)
		r.step = commonMultiple(r.step, s.MultipleOf)
	}
	if integer {
		r.toIntegers()
	}
	return r
}

func (r *numberRange) raise(bound *big.Rat, open bool) {
	if bound == nil {
		return
	}
	if r.low == nil || bound.Cmp(r.low) > 0 {
		r.low, r.lowOpen = bound, open
	} else if bound.Cmp(r.low) == 0 {
		r.lowOpen = r.lowOpen || open
	}
}

func (r *numberRange) lower(bound *big.Rat, open bool) {
	if bound == nil {
		return
	}
	if r.high == nil || bound.Cmp(r.high) < 0 {
		r.high, r.highOpen = bound, open
	} else if bound.Cmp(r.high) == 0 {
		r.highOpen = r.highOpen || open
	}
}

// toIntegers replaces the bounds by the first and last integer within them.
func (r *numberRange) toIntegers() {
	one := big.NewInt(1)
	if r.low != nil {
		whole := new(big.Int).Div(r.low.Num(), r.low.Denom())
		if !r.low.IsInt() || r.lowOpen {
			whole.Add(whole, one)
		}
		r.low, r.lowOpen = new(big.Rat).SetInt(whole), false
	}
	if r.high != nil {
		whole := new(big.Int).Div(r.high.Num(), r.high.Denom())
		if r.high.IsInt() && r.highOpen {
			whole.Sub(whole, one)
		}
		r.high, r.highOpen = new(big.Rat).SetInt(whole), false
	}
}

func (r numberRange) empty() bool {
	if r.low == nil || r.high == nil {
		return false
	}
	order := r.low.Cmp(r.high)
	return order > 0 || order == 0 && (r.lowOpen || r.highOpen)
}

// commonMultiple is the least number that both divide.
func commonMultiple(a, b *big.Rat) *big.Rat {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	// lcm(p/q, r/s) = lcm(p, r) / gcd(q, s) for fractions in lowest terms.
	gcd := new(big.Int).GCD(nil, nil, a.Num(), b.Num())
	lcm := new(big.Int).Mul(new(big.Int).Div(a.Num(), gcd), b.Num())
	return new(big.Rat).SetFrac(lcm, new(big.Int).GCD(nil, nil, a.Denom(), b.Denom()))
}

// span is a range of a count; max < 0 is unbounded.
type span struct{ min, max int }

func spanOf(parts []*jsonschema.Schema, bounds func(*jsonschema.Schema) (lower, upper *int)) span {
	result := span{0, -1}
	for _, s := range parts {
		lower, upper := bounds(s)
		if lower != nil {
			result.min = max(result.min, *lower)
		}
		if upper != nil {
			result.cap(*upper)
		}
	}
	return result
}

func (s *span) cap(upper int) {
	if s.max < 0 || upper < s.max {
		s.max = upper
	}
}

func (s span) empty() bool { return s.max >= 0 && s.min > s.max }

func lengthBounds(s *jsonschema.Schema) (lower, upper *int) { return s.MinLength, s.MaxLength }
func itemBounds(s *jsonschema.Schema) (lower, upper *int)   { return s.MinItems, s.MaxItems }
func propertyBounds(s *jsonschema.Schema) (lower, upper *int) {
	return s.MinProperties, s.MaxProperties
}
