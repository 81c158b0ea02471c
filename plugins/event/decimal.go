package event

import (
	"errors"
	"fmt"
	"math/big"
	"math/bits"
)

// MaxExponent is the largest exponent (the number after e) that is read, in both
// directions: beyond it two numbers can't be aligned at a bearable cost.
const MaxExponent = 1000

// ErrExponent is wrapped by the error for a number whose exponent is beyond
// ±MaxExponent.
var ErrExponent = fmt.Errorf("exponent beyond ±%d", MaxExponent)

// ErrNumber is wrapped by the error for text that is no JSON number.
var ErrNumber = errors.New("not a JSON number")

// Decimal is an exact decimal number. The zero value is 0.
type Decimal struct {
	coef  int64    // the coefficient, when large is nil; |coef| < 10^18
	large *big.Int // the coefficient otherwise
	exp   int32    // the power of ten
}

// maxDigits is how many digits a coefficient in an int64 has at most, chosen so
// that the difference of two still fits.
const maxDigits = 18

var powersOf10 = func() (p [maxDigits + 1]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// ParseDecimal reads a JSON number. Errors wrap ErrNumber or ErrExponent.
func ParseDecimal(raw []byte) (Decimal, error) {
	n, err := parseNumber(raw)
	if err != nil || n.size <= maxDigits {
		return Decimal{coef: n.coefficient(), exp: n.exp}, err
	}
	digits := n.appendDigits(make([]byte, 0, n.size+1))
	large, _ := new(big.Int).SetString(string(digits), 10)
	if n.negative {
		large.Neg(large)
	}
	return Decimal{large: large, exp: n.exp}, nil
}

// number is a JSON number taken apart: ± whole fraction × 10^exp, where leading
// and trailing zeros are cut off, so that equal numbers have equal parts.
type number struct {
	negative bool
	whole    []byte // digits before the point
	fraction []byte // digits after the point
	size     int    // digits in whole and fraction
	exp      int32
}

func parseNumber(raw []byte) (number, error) {
	end, ok := scanNumber(raw, 0)
	if !ok || end != len(raw) {
		return number{}, fmt.Errorf("%w: %.40q", ErrNumber, raw)
	}
	var n number
	if raw[0] == '-' {
		n.negative = true
		raw = raw[1:]
	}
	i := skipDigits(raw, 0)
	n.whole = raw[:i]
	if i < len(raw) && raw[i] == '.' {
		j := skipDigits(raw, i+1)
		n.fraction = raw[i+1 : j]
		i = j
	}
	if i < len(raw) {
		if n.exp, ok = parseExponent(raw[i+1:]); !ok {
			return number{}, fmt.Errorf("%w: %.40q", ErrExponent, raw)
		}
	}
	n.normalise()
	return n, nil
}

func parseExponent(s []byte) (exp int32, ok bool) {
	negative := s[0] == '-'
	if negative || s[0] == '+' {
		s = s[1:]
	}
	for _, c := range s {
		if exp = exp*10 + int32(c-'0'); exp > MaxExponent {
			return 0, false
		}
	}
	if negative {
		exp = -exp
	}
	return exp, true
}

// normalise cuts off leading and trailing zeros.
func (n *number) normalise() {
	n.fraction = trimRight(n.fraction)
	if len(n.fraction) == 0 {
		whole := trimRight(n.whole)
		n.exp += int32(len(n.whole) - len(whole))
		n.whole = whole
	}
	n.exp -= int32(len(n.fraction))
	n.whole = trimLeft(n.whole)
	if len(n.whole) == 0 {
		n.fraction = trimLeft(n.fraction)
	}
	n.size = len(n.whole) + len(n.fraction)
	if n.size == 0 { // zero has one spelling, -0 and 0e7 too
		n.negative, n.exp = false, 0
	}
}

func trimLeft(digits []byte) []byte {
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
	}
	return digits
}

func trimRight(digits []byte) []byte {
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return digits
}

// coefficient returns the digits as an integer; there must be maxDigits at most.
func (n *number) coefficient() (v int64) {
	for _, c := range n.whole {
		v = v*10 + int64(c-'0')
	}
	for _, c := range n.fraction {
		v = v*10 + int64(c-'0')
	}
	if n.negative {
		v = -v
	}
	return v
}

func (n *number) appendDigits(dst []byte) []byte {
	return append(append(dst, n.whole...), n.fraction...)
}

// Cmp returns -1, 0 or 1 as a is less than, equal to or greater than b.
func (a Decimal) Cmp(b Decimal) int {
	if x, y, ok := align(a, b); ok {
		return compare(x, y)
	}
	exp := min(a.exp, b.exp)
	return a.scaled(exp).Cmp(b.scaled(exp))
}

// WithinAbs tells whether |a-b| <= tol, exactly. A negative tol is never met.
func WithinAbs(a, b, tol Decimal) bool {
	x, y, ok1 := align(a, b)
	x, t, ok2 := align(Decimal{coef: x, exp: min(a.exp, b.exp)}, tol)
	y, _, ok3 := align(Decimal{coef: y, exp: min(a.exp, b.exp)}, tol)
	if ok1 && ok2 && ok3 {
		return distance(x, y) <= t
	}
	exp := min(a.exp, b.exp, tol.exp)
	difference := new(big.Int).Sub(a.scaled(exp), b.scaled(exp))
	return difference.Abs(difference).Cmp(tol.scaled(exp)) <= 0
}

// WithinRel tells whether |a-b| <= rel * max(|a|, |b|), exactly. A negative rel
// is met by two zeros only.
func WithinRel(a, b, rel Decimal) bool {
	x, y, ok := align(a, b)
	if ok && rel.large == nil && rel.coef >= 0 && rel.exp <= 0 && rel.exp >= -maxDigits {
		diffHi, diffLo := bits.Mul64(uint64(distance(x, y)), uint64(powersOf10[-rel.exp]))
		maxHi, maxLo := bits.Mul64(uint64(max(magnitude(x), magnitude(y))), uint64(rel.coef))
		return diffHi < maxHi || diffHi == maxHi && diffLo <= maxLo
	}
	exp := min(a.exp, b.exp)
	left, right := a.scaled(exp), b.scaled(exp)
	difference := new(big.Int).Sub(left, right)
	difference.Abs(difference)
	largest := new(big.Int).Abs(left)
	if other := new(big.Int).Abs(right); other.Cmp(largest) > 0 {
		largest = other
	}
	// difference <= largest * coefficient * 10^rel.exp
	limit := largest.Mul(largest, rel.scaled(rel.exp))
	if rel.exp >= 0 {
		limit.Mul(limit, powerOf10(rel.exp))
	} else {
		difference.Mul(difference, powerOf10(-rel.exp))
	}
	return difference.Cmp(limit) <= 0
}

// align returns the coefficients of a and b over the smaller of their powers of
// ten, when both fit.
func align(a, b Decimal) (x, y int64, ok bool) {
	if a.large != nil || b.large != nil {
		return 0, 0, false
	}
	x, y = a.coef, b.coef
	switch d := a.exp - b.exp; {
	case d > 0:
		x, ok = shift(x, d)
	case d < 0:
		y, ok = shift(y, -d)
	default:
		ok = true
	}
	return x, y, ok
}

// shift returns v * 10^by, when that has maxDigits at most.
func shift(v int64, by int32) (int64, bool) {
	if v == 0 {
		return 0, true
	}
	if by > maxDigits {
		return 0, false
	}
	limit := powersOf10[maxDigits-by]
	if v >= limit || v <= -limit {
		return 0, false
	}
	return v * powersOf10[by], true
}

// NewDecimal returns coefficient × 10^exp, where |coefficient| < 10^18.
func NewDecimal(coefficient int64, exp int32) Decimal { return Decimal{coef: coefficient, exp: exp} }

// IsInteger reports whether a has no fraction.
func (a Decimal) IsInteger() bool {
	if a.exp >= 0 || a.large == nil && a.coef == 0 {
		return true
	}
	if a.large != nil {
		return new(big.Int).Rem(a.large, powerOf10(-a.exp)).Sign() == 0
	}
	return a.exp >= -maxDigits && a.coef%powersOf10[-a.exp] == 0
}

// Scaled returns a × 10^by without its fraction; ok is false when that is no
// int64.
func (a Decimal) Scaled(by int32) (v int64, ok bool) {
	exp := a.exp + by
	if a.large == nil && exp >= 0 {
		if v, ok = shift(a.coef, exp); ok {
			return v, true
		}
	}
	if a.large == nil && exp < 0 {
		if exp < -maxDigits {
			return 0, true
		}
		return a.coef / powersOf10[-exp], true
	}
	if exp > maxDigits+1 {
		return 0, a.large == nil && a.coef == 0
	}
	large := a.scaled(min(a.exp, -by))
	if exp < 0 {
		large = new(big.Int).Quo(large, powerOf10(-exp))
	}
	return large.Int64(), large.IsInt64()
}

func compare(x, y int64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	default:
		return 0
	}
}

func magnitude(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}

func distance(x, y int64) int64 { return magnitude(x - y) }

// scaled returns the coefficient over 10^exp, where exp is at most a.exp.
func (a Decimal) scaled(exp int32) *big.Int {
	v := a.large
	if v == nil {
		v = big.NewInt(a.coef)
	}
	if a.exp == exp || v.Sign() == 0 {
		return v
	}
	return new(big.Int).Mul(v, powerOf10(a.exp-exp))
}

func powerOf10(n int32) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}
