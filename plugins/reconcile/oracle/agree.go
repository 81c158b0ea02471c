package oracle

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"unicode"
)

// agree says whether two participants' values of a field agree.
func (c Compare) agree(a, b value) bool {
	if !a.present || !b.present {
		return a.present == b.present
	}
	x, y := decode(a.raw), decode(b.raw)
	if c.Tolerance != "" || c.Relative != "" {
		if p, ok := number(x); ok {
			if q, ok := number(y); ok {
				return c.near(p, q)
			}
		}
	}
	if c.Within > 0 {
		s, isS := x.(string)
		t, isT := y.(string)
		if isS && isT {
			p, okP := instant(s)
			q, okQ := instant(t)
			if okP && okQ {
				return p.Sub(q).Abs() <= c.Within
			}
		}
	}
	return c.same(x, y)
}

// near compares two numbers with the tolerance, exactly.
func (c Compare) near(p, q *big.Rat) bool {
	distance := new(big.Rat).Sub(p, q)
	distance.Abs(distance)
	if c.Tolerance != "" {
		return distance.Cmp(rat(c.Tolerance)) <= 0
	}
	greatest := new(big.Rat).Abs(p)
	if other := new(big.Rat).Abs(q); other.Cmp(greatest) > 0 {
		greatest = other
	}
	return distance.Cmp(greatest.Mul(greatest, rat(c.Relative))) <= 0
}

// same compares plain JSON: strings by their characters, numbers as exact
// decimals, arrays in order (or as multisets), objects by members.
func (c Compare) same(x, y any) bool {
	switch x := x.(type) {
	case nil:
		return y == nil
	case bool:
		z, ok := y.(bool)
		return ok && x == z
	case json.Number:
		z, ok := y.(json.Number)
		return ok && rat(x.String()).Cmp(rat(z.String())) == 0
	case string:
		z, ok := y.(string)
		if ok && c.IgnoreCase {
			return fold(x) == fold(z)
		}
		return ok && x == z
	case []any:
		z, ok := y.([]any)
		return ok && c.sameArrays(x, z)
	case map[string]any:
		z, ok := y.(map[string]any)
		if !ok || len(x) != len(z) {
			return false
		}
		for name, v := range x {
			w, ok := z[name]
			if !ok || !c.same(v, w) {
				return false
			}
		}
		return true
	}
	return false
}

func (c Compare) sameArrays(x, y []any) bool {
	if len(x) != len(y) {
		return false
	}
	if !c.Unordered {
		for i := range x {
			if !c.same(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	used := make([]bool, len(y))
next:
	for _, v := range x {
		for j, w := range y {
			if !used[j] && c.same(v, w) {
				used[j] = true
				continue next
			}
		}
		return false
	}
	return true
}

func decode(raw json.RawMessage) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		panic("oracle: decoding a value that was valid: " + err.Error())
	}
	return v
}

// number reads a JSON number, or a string that holds one.
func number(v any) (*big.Rat, bool) {
	switch v := v.(type) {
	case json.Number:
		return rat(v.String()), true
	case string:
		if numberForm.MatchString(v) && readableNumbers(json.RawMessage(v)) {
			return rat(v), true
		}
	}
	return nil, false
}

func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("oracle: not a decimal: " + s)
	}
	return r
}

// fold maps every character to the least one that differs from it by case
// only, which is what strings.EqualFold compares by.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, s)
}
