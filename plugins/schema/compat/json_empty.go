package compat

import (
	"encoding/json"
	"math/big"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxFinite bounds how many values a range of integers is written out as.
const maxFinite = 256

// maxEnumerated bounds how many values of an enum are tried one by one; a longer
// list is only compared with the reader's list.
const maxEnumerated = 1_000

// maxUnfold bounds how deep required properties are followed in the search for
// a contradiction. Not finding one is safe.
const maxUnfold = 3

// finite lists the values c allows where they are few: an enum, a const,
// booleans, null, a short range of integers.
func (p *prover) finite(c *conj) ([]any, bool) {
	if contradictory(c) {
		return nil, false
	}
	if values, ok := listedValues(c.parts); ok {
		if len(values) > maxEnumerated {
			return nil, false
		}
		return p.keepValid(c, values), true
	}
	kinds := p.kinds(c)
	if kinds == 0 || kinds&^(tNull|tBoolean|tInteger) != 0 {
		return nil, false
	}
	var values []any
	if kinds&tNull != 0 {
		values = append(values, nil)
	}
	if kinds&tBoolean != 0 {
		values = append(values, false, true)
	}
	if kinds&tInteger != 0 {
		bounds := rangeOf(c.parts, true)
		if bounds.low == nil || bounds.high == nil {
			return nil, false
		}
		count := new(big.Int).Sub(bounds.high.Num(), bounds.low.Num())
		if !count.IsInt64() || count.Int64() >= maxFinite {
			return nil, false
		}
		for n := range count.Int64() + 1 {
			whole := new(big.Int).Add(bounds.low.Num(), big.NewInt(n))
			values = append(values, json.Number(whole.String()))
		}
	}
	return p.keepValid(c, values), true
}

func (p *prover) keepValid(c *conj, values []any) []any {
	p.steps += len(values)
	return slices.DeleteFunc(slices.Clone(values), func(value any) bool { return !c.valid(value) })
}

// listedValues are the values of the first enum or const.
func listedValues(parts []*jsonschema.Schema) ([]any, bool) {
	for _, s := range parts {
		if s.Const != nil {
			return []any{*s.Const}, true
		}
		if s.Enum != nil {
			return s.Enum.Values, true
		}
	}
	return nil, false
}

// contradictory reports an enum or const none of whose values has the type the
// same schema asks for. Such a schema allows nothing, and is more likely a slip
// than an intention: it is compared word by word instead of being compatible
// with everything.
func contradictory(c *conj) bool {
	values, ok := listedValues(c.parts)
	if !ok || len(values) == 0 {
		return false
	}
	set := declared(c)
	return !slices.ContainsFunc(values, func(value any) bool { return typeOfValue(value)&set != 0 })
}

func declared(c *conj) types {
	set := c.mask
	for _, s := range c.parts {
		set &= typesOf(s)
	}
	return set
}

func typeOfValue(value any) types {
	switch value := value.(type) {
	case nil:
		return tNull
	case bool:
		return tBoolean
	case map[string]any:
		return tObject
	case []any:
		return tArray
	case string:
		return tString
	case json.Number:
		if number, ok := new(big.Rat).SetString(value.String()); ok && number.IsInt() {
			return tInteger
		}
	}
	return tFraction
}

// empty reports that c certainly allows nothing.
func (p *prover) empty(c *conj) bool { return p.kinds(c) == 0 }

// kinds is the types c allows, less those its own bounds rule out.
func (p *prover) kinds(c *conj) types {
	if c.kinds == nil {
		set := p.kindsOf(c)
		c.kinds = &set
	}
	return *c.kinds
}

func (p *prover) kindsOf(c *conj) types {
	if c.never {
		return 0
	}
	set := c.mask
	if values, ok := listedValues(c.parts); ok {
		var listed types
		if len(values) <= maxEnumerated && !contradictory(c) {
			values = p.keepValid(c, values)
		}
		for _, value := range values {
			listed |= typeOfValue(value)
		}
		set &= listed
	}
	for _, not := range c.nots {
		set &^= p.onlyTypes(not)
	}
	set = numberKinds(c, set)
	if len(c.parts) == 0 || p.unfolding >= maxUnfold || p.exhausted() {
		return set
	}
	p.steps++
	p.unfolding++
	defer func() { p.unfolding-- }()
	if set&tString != 0 && spanOf(c.parts, lengthBounds).empty() {
		set &^= tString
	}
	if set&tArray != 0 && p.itemSpan(c).empty() {
		set &^= tArray
	}
	if set&tObject != 0 && p.noObject(c) {
		set &^= tObject
	}
	if set != 0 && p.noChoice(c) {
		return 0
	}
	return set
}

func numberKinds(c *conj, set types) types {
	if set&tFraction != 0 {
		bounds := rangeOf(c.parts, false)
		if bounds.empty() || bounds.step != nil && bounds.step.IsInt() {
			set &^= tFraction
		}
	}
	if set&tInteger != 0 && rangeOf(c.parts, true).empty() {
		set &^= tInteger
	}
	return set
}

// onlyTypes is what a negated schema takes away when it is nothing but a type.
func (p *prover) onlyTypes(s *jsonschema.Schema) types {
	if s.Types == nil || countRules(p.sources.object(s)) != 1 {
		return 0
	}
	return typesOf(s)
}

// noObject reports that no object can satisfy c.
func (p *prover) noObject(c *conj) bool {
	if p.propertySpan(c).empty() {
		return true
	}
	return slices.ContainsFunc(p.required(c), func(name string) bool {
		p.steps++
		return p.empty(p.property(c, name))
	})
}

// noChoice reports that one of c's alternatives has no branch left.
func (p *prover) noChoice(c *conj) bool {
	if p.choosing {
		return false // a choice within a choice is left open: it multiplies
	}
	p.choosing = true
	defer func() { p.choosing = false }()
	for _, s := range c.parts {
		for _, group := range [][]*jsonschema.Schema{s.AnyOf, s.OneOf} {
			kind := anyChoice
			if len(s.OneOf) > 0 && len(group) > 0 && &group[0] == &s.OneOf[0] {
				kind = oneChoice
			}
			if len(group) == 0 || slices.Contains(c.taken, choice{s, kind}) {
				continue
			}
			p.steps += len(group) * (1 + len(c.parts)/8)
			if !slices.ContainsFunc(group, func(option *jsonschema.Schema) bool {
				return !p.empty(c.take(s, kind).with(option))
			}) {
				return true
			}
		}
	}
	return false
}

// disjoint reports that nothing satisfies both c and s.
func (p *prover) disjoint(c *conj, s *jsonschema.Schema) bool {
	return p.empty(c.with(s)) || p.excluded(c.nots, s)
}

// excluded reports that s is a part of something that is known not to hold.
func (p *prover) excluded(nots []*jsonschema.Schema, s *jsonschema.Schema) bool {
	return slices.ContainsFunc(nots, func(not *jsonschema.Schema) bool {
		return p.sources.same(s, not) || p.contained(newConj(s), not)
	})
}
