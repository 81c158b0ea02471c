package event_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/event"
)

func decimal(t testing.TB, s string) event.Decimal {
	t.Helper()
	d, err := event.ParseDecimal([]byte(s))
	require.NoError(t, err, s)
	return d
}

func TestDecimalsCompareExactly(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1", "1.0", 0}, {"1", "1e0", 0}, {"100", "1e2", 0}, {"0.01", "1E-2", 0}, {"-0", "0", 0}, {"-0.0e5", "0", 0}, {"0e1000", "0", 0},
		{"1", "2", -1}, {"-1", "1", -1}, {"-2", "-1", -1}, {"10", "9.999", 1},
		{"0.1", "0.10000000000000000000000000001", -1},
		{"9007199254740993", "9007199254740992", 1},
		{"1e400", "1e399", 1}, {"1e1000", "1e-1000", 1}, {"-1e1000", "1e-1000", -1},
		{"123456789012345678901234567890", "123456789012345678901234567890.0", 0},
		{"123456789012345678901234567890", "123456789012345678901234567891", -1},
		{"999999999999999999", "1e18", -1}, {"999999999999999999e5", "1e23", -1}, {"1000000000000000000", "1e18", 0},
	} {
		require.Equal(t, c.want, decimal(t, c.a).Cmp(decimal(t, c.b)), "%s with %s", c.a, c.b)
		require.Equal(t, -c.want, decimal(t, c.b).Cmp(decimal(t, c.a)), "%s with %s", c.b, c.a)
	}
}

func TestParseDecimalRefuses(t *testing.T) {
	for _, s := range []string{"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity", "1 ", " 1", `"1"`, "1_0", "--1"} {
		_, err := event.ParseDecimal([]byte(s))
		require.ErrorIs(t, err, event.ErrNumber, s)
	}
	for _, s := range []string{"1e1001", "1e-1001", "0e1001", "1E+99999999999999999999999999"} {
		_, err := event.ParseDecimal([]byte(s))
		require.ErrorIs(t, err, event.ErrExponent, s)
	}
	_, err := event.ParseDecimal([]byte("1e0000000000000000000000007"))
	require.NoError(t, err)
}

func TestTolerancesAreInclusive(t *testing.T) {
	for _, c := range []struct {
		a, b, tolerance string
		absolute        bool
		relative        bool
	}{
		{"10.00", "10.01", "0.01", true, true},
		{"10.00", "10.010000000000000000000000001", "0.01", false, true},
		{"0", "0", "0", true, true},
		{"0.3", "0.1", "0.2", true, false},
		{"0.1", "0.3", "0.2", true, false},
		{"100", "99.9", "0.001", false, true},
		{"100", "99.89", "0.001", false, false},
		{"-100", "-99.9", "0.001", false, true},
		{"1", "-1", "2", true, true},
		{"1", "-1", "1.999", false, false},
		{"1e1000", "1.001e1000", "0.001", false, true},
		{"1e1000", "1.0011e1000", "0.001", false, false},
		{"999999999999999999", "-999999999999999999", "1999999999999999998", true, true},
		{"5", "5", "-1", false, false},
	} {
		a, b, tolerance := decimal(t, c.a), decimal(t, c.b), decimal(t, c.tolerance)
		require.Equal(t, c.absolute, event.WithinAbs(a, b, tolerance), "|%s-%s| <= %s", c.a, c.b, c.tolerance)
		require.Equal(t, c.relative, event.WithinRel(a, b, tolerance), "|%s-%s| <= %s relative", c.a, c.b, c.tolerance)
	}
}

// numbers are JSON numbers around the border between the fast path and the slow.
func numbers() *rapid.Generator[string] {
	return rapid.StringMatching(`-?(0|[1-9][0-9]{0,22})(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,2})?`)
}

func TestDecimalsAgreeWithRationals(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x, y, z := numbers().Draw(rt, "a"), numbers().Draw(rt, "b"), numbers().Draw(rt, "tolerance")
		if rapid.Bool().Draw(rt, "near") { // differ in the last digits only
			y = x[:len(x)-1] + "7"
			if strings.HasSuffix(x, "e-") || !json.Valid([]byte(y)) {
				y = x
			}
		}
		checkAgainstRationals(t, x, y, z)
	})
}

func checkAgainstRationals(t *testing.T, x, y, z string) {
	a, b, tolerance := decimal(t, x), decimal(t, y), decimal(t, z)
	ra, rb, rz := rational(t, x), rational(t, y), rational(t, z)
	require.Equal(t, ra.Cmp(rb), a.Cmp(b), "%s with %s", x, y)
	difference := new(big.Rat).Sub(ra, rb)
	difference.Abs(difference)
	require.Equal(t, difference.Cmp(rz) <= 0, event.WithinAbs(a, b, tolerance), "|%s-%s| <= %s", x, y, z)
	largest := new(big.Rat).Abs(ra)
	if other := new(big.Rat).Abs(rb); other.Cmp(largest) > 0 {
		largest = other
	}
	require.Equal(t, difference.Cmp(largest.Mul(largest, rz)) <= 0, event.WithinRel(a, b, tolerance), "|%s-%s| <= %s relative", x, y, z)
}

func rational(t testing.TB, s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	require.True(t, ok, s)
	return r
}

// FuzzDecimal holds ParseDecimal, Cmp and the tolerances against math/big.
func FuzzDecimal(f *testing.F) {
	for _, seed := range [][3]string{{"1", "1.0", "0"}, {"1e400", "-1e-400", "1e399"}, {"-0", "0e0", "0.1"}, {"123456789012345678901", "1", "1e20"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, x, y, z string) {
		for _, s := range []string{x, y, z} {
			_, err := event.ParseDecimal([]byte(s))
			number := json.Valid([]byte(s)) && strings.TrimSpace(s) == s && (s[0] == '-' || s[0] >= '0' && s[0] <= '9')
			if !number {
				require.ErrorIs(t, err, event.ErrNumber)
				return
			}
			if err != nil {
				require.ErrorIs(t, err, event.ErrExponent)
				return
			}
		}
		checkAgainstRationals(t, x, y, z)
	})
}

func TestScaledCutsOffTheFraction(t *testing.T) {
	for _, c := range []struct {
		number string
		by     int32
		want   int64
		ok     bool
	}{
		{"1480641523.477", 9, 1480641523477000000, true}, {"1.48064202E9", 9, 1480642020000000000, true}, {"-1.9", 0, -1, true},
		{"9223372036854775807", 0, 9223372036854775807, true}, {"9223372036854775808", 0, 0, false}, {"1e1000", 0, 0, false},
		{"1e-1000", 9, 0, true}, {"0", 1000, 0, true}, {"1234567890123456789012345.5", -10, 123456789012345, true},
		{"1234567890.1234567890123456789", 9, 1234567890123456789, true},
	} {
		got, ok := decimal(t, c.number).Scaled(c.by)
		require.Equal(t, c.ok, ok, c.number)
		if ok {
			require.Equal(t, c.want, got, c.number)
		}
	}
}

func BenchmarkWithinAbs(b *testing.B) {
	x, y, tolerance := []byte("129.95"), []byte("129.9"), decimal(b, "0.05")
	b.ReportAllocs()
	for b.Loop() {
		p, _ := event.ParseDecimal(x)
		q, _ := event.ParseDecimal(y)
		if !event.WithinAbs(p, q, tolerance) {
			b.Fatal("129.95 is within 0.05 of 129.9")
		}
	}
}
