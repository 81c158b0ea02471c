package compat

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxSampleLength bounds strings, arrays and objects made as examples.
const maxSampleLength = 300

// sampler makes values that a conjunction probably allows, with an eye on the
// bounds of the schema they should offend. Nothing it makes is trusted: the
// validator has the last word.
type sampler struct {
	p      *prover
	budget int
}

// first is the first valid value of c, or nil.
func (m *sampler) first(c *conj, depth int) any {
	values := m.values(c, newConj(), depth)
	for _, value := range values {
		if c.valid(value) {
			return value
		}
	}
	return nil
}

// values lists candidates for c; aim is what they should stray from.
func (m *sampler) values(c, aim *conj, depth int) []any {
	if m.budget--; m.budget < 0 || depth > 5 || c.never {
		return nil
	}
	if len(c.parts) == 0 && len(c.patterns) == 0 {
		return m.anything(c, aim)
	}
	if values, ok := m.p.finite(c); ok {
		return values
	}
	if values, ok := listedValues(c.parts); ok {
		read, _ := listedValues(aim.parts)
		values = beyond(values, read)
		return values[:min(len(values), 20)]
	}
	var list []any
	for _, branch := range m.p.split(c) {
		if len(list) <= 200 {
			list = append(list, m.values(branch, aim, depth+1)...)
		}
	}
	kinds := m.p.kinds(c)
	if kinds&tString != 0 {
		list = append(list, m.strings(c, aim)...)
	}
	if kinds&tNumber != 0 {
		list = append(list, m.numbers(c, aim, kinds)...)
	}
	if kinds&tObject != 0 {
		list = append(list, m.objects(c, aim, depth)...)
	}
	if kinds&tArray != 0 {
		list = append(list, m.arrays(c, aim, depth)...)
	}
	if kinds&tBoolean != 0 {
		list = append(list, true, false)
	}
	if kinds&tNull != 0 {
		list = append(list, nil)
	}
	return list
}

// anything is for a value nothing is known of: one of each type.
func (m *sampler) anything(c, aim *conj) []any {
	list := []any{"a", json.Number("1"), json.Number("1.5"), true, nil, map[string]any{}, []any{}}
	if len(aim.parts) > 0 {
		list = append(list, m.strings(c, aim)...)
		list = append(list, m.numbers(c, aim, tNumber)...)
	}
	return slices.DeleteFunc(list, func(value any) bool { return typeOfValue(value)&c.mask == 0 })
}

// around lists counts at and beside the bounds of both sides that written
// allows.
func around(written span, aim []*jsonschema.Schema, bounds func(*jsonschema.Schema) (lower, upper *int)) []int {
	list := []int{written.min}
	add := func(count int) {
		if count >= written.min && count <= maxSampleLength && (written.max < 0 || count <= written.max) && !slices.Contains(list, count) {
			list = append(list, count)
		}
	}
	for _, s := range aim {
		lower, upper := bounds(s)
		if lower != nil {
			add(*lower - 1)
			add(*lower)
		}
		if upper != nil {
			add(*upper + 1)
			add(*upper)
		}
	}
	add(written.max)
	add(written.min + 1)
	return list
}

// formatSamples holds one valid string for each format of JSON Schema.
var formatSamples = map[string]string{
	"date-time": "2020-01-02T03:04:05Z", "date": "2020-01-02", "time": "03:04:05Z", "duration": "P1D", "email": "a@example.com",
	"idn-email": "a@example.com", "hostname": "example.com", "idn-hostname": "example.com", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
	"uri": "https://example.com/", "uri-reference": "/a", "iri": "https://example.com/", "iri-reference": "/a", "uri-template": "/{a}",
	"json-pointer": "/a", "relative-json-pointer": "1/a", "regex": "a", "uuid": "01234567-89ab-cdef-0123-456789abcdef",
}

// aims gathers the alternatives and negations of the writer's own schemas.
func (p *prover) aims(c *conj) *conj {
	all := newConj()
	for _, s := range slices.Concat(c.parts, c.nots, c.rest) {
		all.parts = append(all.parts, p.aim(s).parts...)
	}
	return all
}

func (m *sampler) strings(c, aim *conj) []any {
	list := []any{"a"}
	for _, s := range slices.Concat(c.parts, m.p.aims(c).parts) {
		if sample := formatSamples[m.p.sources.text(s, "format")]; sample != "" {
			list = append(list, sample)
		}
		if s.Pattern != nil {
			list = append(list, matchOf(s.Pattern.String()))
		}
		if s.Const != nil || s.Enum != nil {
			values, _ := listedValues([]*jsonschema.Schema{s})
			list = append(list, values[:min(len(values), 20)]...)
		}
	}
	for _, pattern := range c.patterns {
		list = append(list, matchOf(pattern))
	}
	for _, length := range around(spanOf(c.parts, lengthBounds), slices.Concat(aim.parts, m.p.aims(c).parts), lengthBounds) {
		for _, char := range []string{"a", "A", "0", "~"} {
			list = append(list, strings.Repeat(char, length))
		}
	}
	return append(list, "other", " ", "aGk=", "0")
}

func (m *sampler) numbers(c, aim *conj, kinds types) []any {
	written := rangeOf(c.parts, kinds&tFraction == 0)
	var bases []*big.Rat
	for _, s := range slices.Concat(aim.parts, c.parts) {
		for _, bound := range []*big.Rat{s.Minimum, s.Maximum, s.ExclusiveMinimum, s.ExclusiveMaximum, s.MultipleOf} {
			if bound != nil && len(bases) < 40 {
				bases = append(bases, bound)
			}
		}
	}
	bases = append(bases, big.NewRat(1, 1), new(big.Rat), big.NewRat(-1, 1))
	var list []any
	add := func(number *big.Rat) { list = append(list, decimal(number)) }
	for _, base := range bases {
		for _, offset := range []*big.Rat{new(big.Rat), big.NewRat(-1, 1), big.NewRat(1, 1), big.NewRat(1, 2), big.NewRat(-1, 2)} {
			add(new(big.Rat).Add(base, offset))
		}
		if written.step == nil {
			continue
		}
		// The multiples of the writer's step next to the base.
		quotient := new(big.Rat).Quo(base, written.step)
		whole := new(big.Int).Div(quotient.Num(), quotient.Denom())
		for _, shift := range []int64{-1, 0, 1, 2} {
			multiple := new(big.Rat).SetInt(new(big.Int).Add(whole, big.NewInt(shift)))
			add(multiple.Mul(multiple, written.step))
		}
	}
	return list
}

// decimal writes a number as JSON; fractions without an end are cut off.
func decimal(number *big.Rat) json.Number {
	if number.IsInt() {
		return json.Number(number.Num().String())
	}
	digits, exact := number.FloatPrec()
	if !exact || digits > 2*maxExponent {
		digits = 6
	}
	return json.Number(number.FloatString(digits))
}

func (m *sampler) objects(c, aim *conj, depth int) []any {
	least, most := m.object(c, false, depth), m.object(c, true, depth)
	list := []any{least, most}
	// Each known property left out of the fullest object, then put into the
	// emptiest in every variation.
	for _, name := range m.p.names(c) {
		if _, there := most[name]; there {
			without := map[string]any{}
			for key, value := range most {
				if key != name {
					without[key] = value
				}
			}
			list = append(list, without)
		}
	}
	names := append(m.p.names(c), m.p.names(aim)...)
	for _, name := range names {
		if len(list) > 120 {
			return list
		}
		for _, value := range m.values(m.p.property(c, name), m.p.property(aim, name), depth+2) {
			object := map[string]any{}
			for key, other := range least {
				object[key] = other
			}
			object[name] = value
			list = append(list, object)
		}
	}
	for _, count := range around(m.p.propertySpan(c), aim.parts, propertyBounds) {
		list = append(list, m.padded(c, least, count, depth))
	}
	return append(list, m.padded(c, least, len(least)+1, depth))
}

// object makes an object with the required properties, or with all that c
// names.
func (m *sampler) object(c *conj, all bool, depth int) map[string]any {
	object := map[string]any{}
	names := m.p.required(c)
	if all {
		names = append(m.p.names(c), names...)
	}
	for _, name := range names {
		property := m.p.property(c, name)
		if value := m.first(property, depth+1); value != nil || property.valid(nil) {
			object[name] = value
		}
	}
	m.fill(c, object)
	return object
}

// fill adds properties until there are as many as c asks for.
func (m *sampler) fill(c *conj, object map[string]any) {
	least := spanOf(c.parts, propertyBounds).min
	for name, value := range m.padded(c, object, least, 1) {
		object[name] = value
	}
}

func (m *sampler) padded(c *conj, base map[string]any, count, depth int) map[string]any {
	object := map[string]any{}
	for name, value := range base {
		object[name] = value
	}
	names := m.p.names(c)
	for index := range max(0, min(count, maxSampleLength)) {
		for _, s := range c.parts {
			for _, pattern := range patternsOf(s) {
				names = append(names, matchOf(pattern.String())+fmt.Sprint(index))
			}
		}
		names = append(names, fmt.Sprintf("other_property_%02d", index))
	}
	for _, name := range names {
		if len(object) >= count || m.budget < 0 {
			break
		}
		if _, there := object[name]; there {
			continue
		}
		property := m.p.property(c, name)
		if value := m.first(property, depth+1); value != nil || property.valid(nil) {
			object[name] = value
		}
	}
	return object
}

func (m *sampler) arrays(c, aim *conj, depth int) []any {
	var list []any
	for _, length := range around(m.p.itemSpan(c), aim.parts, itemBounds) {
		items := make([]any, length)
		for index := range items {
			items[index] = m.first(m.p.item(c, index), depth+1)
		}
		list = append(list, items)
	}
	longest := max(longestPrefix(c.parts), longestPrefix(aim.parts))
	for index := range longest + 1 {
		base := make([]any, max(index+1, m.p.itemSpan(c).min))
		if len(base) > maxSampleLength || len(list) > 120 {
			break
		}
		for place := range base {
			base[place] = m.first(m.p.item(c, place), depth+1)
		}
		for _, value := range m.values(m.p.item(c, index), m.p.item(aim, index), depth+2) {
			changed := slices.Clone(base)
			changed[index] = value
			list = append(list, changed, append(slices.Clone(changed), value))
		}
	}
	return m.holding(c, aim, list, depth)
}

// holding adds items of the kinds that contains asks for.
func (m *sampler) holding(c, aim *conj, list []any, depth int) []any {
	for _, s := range slices.Concat(c.parts, aim.parts) {
		if s.Contains == nil {
			continue
		}
		for _, value := range m.values(newConj(s.Contains), newConj(), depth+2) {
			list = append(list, []any{value}, []any{value, value})
		}
	}
	return list
}
