package compat

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// finiteRule judges a writer of few values value by value.
func (p *prover) finiteRule(c *conj, values []any, r *jsonschema.Schema, f *frame, loud bool) bool {
	for _, value := range values {
		p.steps++
		if r.Validate(value) == nil {
			continue
		}
		if loud {
			p.reportValue(c, value, r, f)
		}
		return false
	}
	return true
}

func (p *prover) reportValue(c *conj, value any, r *jsonschema.Schema, f *frame) {
	kind, keyword := Undecided, ""
	list, limited := listedValues([]*jsonschema.Schema{r})
	switch {
	case typeOfValue(value)&typesOf(r) == 0:
		kind, keyword = TypeNarrowed, "type"
		if p.kinds(c)&typesOf(r) == 0 {
			kind = TypeChanged
		}
	case limited && !containsValue(list, value):
		kind, keyword = enumKind(r)
	default:
		// Which of the other keywords refuses is found by asking each of them.
		only := c.clone()
		only.mask &= typeOfValue(value)
		before := len(p.outcome.findings)
		p.keywordsOf(only, r, f)
		if len(p.outcome.findings) > before {
			return
		}
		kind = TypeNarrowed
	}
	p.report(kind, place{r, keyword}, c, f, "the writer may write %s, which the reader refuses", shown(value))
}

// keywordsOf reports the keywords of r that fail, the values of c set aside.
func (p *prover) keywordsOf(c *conj, r *jsonschema.Schema, f *frame) {
	for _, check := range []func(*conj, *jsonschema.Schema, *frame, bool) bool{
		p.numberRule, p.stringRule, p.arrayRule, p.objectRule, p.allOfRule, p.anyOfRule, p.oneOfRule, p.notRule, p.ifRule,
	} {
		check(c, r, f, true)
	}
}

func enumKind(r *jsonschema.Schema) (Kind, string) {
	if r.Const != nil {
		return ConstChanged, "const"
	}
	return EnumNarrowed, "enum"
}

// enumRule refuses a writer whose values aren't listed where the reader's are.
func (p *prover) enumRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	read, limited := listedValues([]*jsonschema.Schema{r})
	if !limited {
		return true
	}
	written, listed := listedValues(c.parts)
	if listed && len(beyond(written, read)) == 0 {
		return true
	}
	if loud {
		kind, keyword := enumKind(r)
		if !listed && kind == EnumNarrowed {
			kind = EnumAdded
		}
		p.report(kind, place{r, keyword}, c, f, "the reader takes only %s, the writer isn't limited to them", shownList(read))
	}
	return false
}

// beyond lists what is in the first list and not in the second.
func beyond(values, list []any) []any {
	known := make(map[string]bool, len(list))
	for _, value := range list {
		known[valueKey(value)] = true
	}
	return slices.DeleteFunc(slices.Clone(values), func(value any) bool { return known[valueKey(value)] })
}

// valueKey is one text for all ways to write a value.
func valueKey(value any) string {
	switch value := value.(type) {
	case json.Number:
		if number, ok := new(big.Rat).SetString(value.String()); ok {
			return number.RatString()
		}
	case []any:
		keys := make([]string, len(value))
		for index, item := range value {
			keys[index] = valueKey(item)
		}
		return fmt.Sprintf("%q", keys)
	case map[string]any:
		keys := make([]string, 0, 2*len(value))
		for _, name := range sortedKeys(value) {
			keys = append(keys, name, valueKey(value[name]))
		}
		return fmt.Sprintf("{%q}", keys)
	case string:
		return strconv.Quote(value)
	}
	return fmt.Sprint(value)
}

func containsValue(list []any, value any) bool {
	return slices.ContainsFunc(list, func(other any) bool { return equalValues(other, value) })
}

// equalValues compares as JSON Schema does: 1 and 1.0 are one value.
func equalValues(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		if !ok {
			return false
		}
		left, okLeft := new(big.Rat).SetString(a.String())
		right, okRight := new(big.Rat).SetString(b.String())
		return okLeft && okRight && left.Cmp(right) == 0
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equalValues)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, value := range a {
			if other, ok := b[name]; !ok || !equalValues(value, other) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

func (p *prover) numberRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	kinds := p.kinds(c)
	if kinds&tNumber == 0 {
		return true
	}
	integer := kinds&tFraction == 0
	written := rangeOf(c.parts, integer)
	read := rangeOf([]*jsonschema.Schema{r}, integer)
	exact := rangeOf([]*jsonschema.Schema{r}, false)
	proven := true
	if read.low != nil && !aboveLow(written, read) {
		proven = false
		keyword := "minimum"
		if exact.lowOpen {
			keyword = "exclusiveMinimum"
		}
		if loud {
			p.report(MinimumRaised, place{r, keyword}, c, f, "the reader's %s is %s, the writer allows smaller numbers", keyword, exact.low.RatString())
		}
	}
	if read.high != nil && !belowHigh(written, read) {
		proven = false
		keyword := "maximum"
		if exact.highOpen {
			keyword = "exclusiveMaximum"
		}
		if loud {
			p.report(MaximumLowered, place{r, keyword}, c, f, "the reader's %s is %s, the writer allows larger numbers", keyword, exact.high.RatString())
		}
	}
	if r.MultipleOf != nil && !divides(r.MultipleOf, written.step, integer) {
		proven = false
		if loud {
			p.report(MultipleOfChanged, place{r, "multipleOf"}, c, f, "the reader takes only multiples of %s, the writer allows other numbers", r.MultipleOf.RatString())
		}
	}
	return proven
}

func aboveLow(written, read numberRange) bool {
	if written.low == nil {
		return false
	}
	order := written.low.Cmp(read.low)
	return order > 0 || order == 0 && (written.lowOpen || !read.lowOpen)
}

func belowHigh(written, read numberRange) bool {
	if written.high == nil {
		return false
	}
	order := written.high.Cmp(read.high)
	return order < 0 || order == 0 && (written.highOpen || !read.highOpen)
}

// divides reports that every multiple of step, or every integer, is a multiple
// of unit.
func divides(unit, step *big.Rat, integer bool) bool {
	if integer {
		step = commonMultiple(step, big.NewRat(1, 1))
	}
	return step != nil && new(big.Rat).Quo(step, unit).IsInt()
}
