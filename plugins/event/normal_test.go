package event_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"sort"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/event"
)

func TestEqualIsEqualityOfJSON(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true}, {`1`, `1e0`, true}, {`10`, `1E+1`, true}, {`-0`, `0`, true}, {`0.0`, `-0e3`, true},
		{`1`, `"1"`, false}, {`null`, `false`, false}, {`1e400`, `1e401`, false}, {`1e-1000`, `0`, false},
		{`9007199254740993`, `9007199254740992`, false},
		{`"a"`, `"\u0061"`, true}, {`"/"`, `"\/"`, true}, {`"😀"`, `"\ud83d\ude00"`, true}, {`"a"`, `"A"`, false},
		{`"\""`, `"\u0022"`, true}, {`"\\u0041"`, `"A"`, false},
		{`[1,2]`, `[ 1.0 , 2 ]`, true}, {`[1,2]`, `[2,1]`, false}, {`[1]`, `[1,1]`, false}, {`[]`, `{}`, false}, {`[[]]`, `[]`, false},
		{`{"a":1,"b":2}`, `{"b":2.0,"\u0061":1}`, true}, {`{"a":1}`, `{"a":1,"b":null}`, false}, {`{"a":null}`, `{}`, false},
		{`{"a":{"c":1,"b":[{"y":1,"x":2}]}}`, `{"a":{"b":[{"x":2,"y":1}],"c":1}}`, true},
		{`{"a":1,"ab":2}`, `{"ab":2,"a":1}`, true},
		{`{"a,b":1}`, `{"a":1,"b":1}`, false}, {`["a","b"]`, `["a\",\"b"]`, false},
	} {
		got, err := event.Equal([]byte(c.a), []byte(c.b))
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%s and %s", c.a, c.b)
	}
}

func TestNormalFormsTakeAwayWhatIsAskedFor(t *testing.T) {
	fold, unordered, null := event.Normal{IgnoreCase: true}, event.Normal{UnorderedArrays: true}, event.Normal{NullAsAbsent: true}
	for _, c := range []struct {
		opt  event.Normal
		a, b string
		want bool
	}{
		{fold, `"Straße"`, `"STRAßE"`, true}, {fold, `"Straße"`, `"STRASSE"`, false}, {fold, `"K"`, `"\u212a"`, true}, {fold, `"σ"`, `"ς"`, true},
		{fold, `{"a":["X"]}`, `{"a":["x"]}`, true}, {fold, `{"A":1}`, `{"a":1}`, false}, {fold, `"ſ"`, `"S"`, true},
		{unordered, `[1,2,2]`, `[2,1.0,2]`, true}, {unordered, `[1,2,2]`, `[1,1,2]`, false}, {unordered, `{"a":[[1,2],[3]]}`, `{"a":[[3],[2,1]]}`, true},
		{unordered, `[{"a":1,"b":2},{"a":3}]`, `[{"a":3},{"b":2,"a":1}]`, true}, {unordered, `"ab"`, `"ba"`, false},
		{null, `{"a":null,"b":1}`, `{"b":1}`, true}, {null, `{"b":{"a":null}}`, `{"b":{}}`, true}, {null, `[null]`, `[]`, false}, {null, `{"b":{}}`, `{}`, false},
		{null, `null`, `null`, true},
		{event.Normal{IgnoreCase: true, UnorderedArrays: true, NullAsAbsent: true}, `{"a":["x",{"c":null}]}`, `{"a":[{},"X"]}`, true},
	} {
		require.Equal(t, c.want, normal(t, c.a, c.opt) == normal(t, c.b, c.opt), "%s and %s under %+v", c.a, c.b, c.opt)
	}
}

func normal(t *testing.T, raw string, opt event.Normal) string {
	t.Helper()
	out, err := event.AppendNormal([]byte("kept"), []byte(raw), opt)
	require.NoError(t, err, raw)
	require.True(t, bytes.HasPrefix(out, []byte("kept")))
	return string(out[4:])
}

func TestNormalFormsRefuse(t *testing.T) {
	for raw, want := range map[string]error{
		`1e1001`: event.ErrExponent, `{"a":[1e-1001]}`: event.ErrExponent, `0e9999999999`: event.ErrExponent,
		`{"a":1,"a":1}`: event.ErrDuplicateMember, `[{"a":null,"\u0061":1}]`: event.ErrDuplicateMember,
		strings.Repeat("[", event.MaxDepth+1) + strings.Repeat("]", event.MaxDepth+1): event.ErrDepth,
	} {
		for _, opt := range []event.Normal{{}, {NullAsAbsent: true}, {UnorderedArrays: true}} {
			out, err := event.AppendNormal([]byte("kept"), []byte(raw), opt)
			require.ErrorIs(t, err, want, raw)
			require.Equal(t, "kept", string(out))
		}
		_, err := event.Equal([]byte(raw), []byte(raw))
		require.ErrorIs(t, err, want, raw)
	}
	for _, raw := range []string{``, `nul`, `[1,]`, `1 2`, `"\x"`, "\"\xff\"", `{"a"}`} {
		_, err := event.AppendNormal(nil, []byte(raw), event.Normal{})
		var syntax *event.SyntaxError
		require.ErrorAs(t, err, &syntax, raw)
	}
}

// FuzzEqual holds Equal and AppendNormal against an oracle made of encoding/json
// and math/big.
func FuzzEqual(f *testing.F) {
	for _, seed := range [][2]string{{`{"a":[1,"x",null]}`, `{"a":[1.0,"X"]}`}, {`[1,2]`, `[2,1]`}, {`"\ud83d\ude00"`, `"😀"`}, {`1e3`, `1000`}, {`{"a":{},"A":null}`, `{"a":{}}`}} {
		f.Add(seed[0], seed[1], uint8(0))
		f.Add(seed[0], seed[1], uint8(7))
	}
	f.Fuzz(func(t *testing.T, a, b string, bits uint8) {
		opt := event.Normal{IgnoreCase: bits&1 != 0, UnorderedArrays: bits&2 != 0, NullAsAbsent: bits&4 != 0}
		na, errA := event.AppendNormal(nil, []byte(a), opt)
		nb, errB := event.AppendNormal(nil, []byte(b), opt)
		if !json.Valid([]byte(a)) || !utf8.ValidString(a) {
			require.Error(t, errA)
			return
		}
		if errA != nil || errB != nil {
			return
		}
		again, err := event.AppendNormal(nil, na, opt)
		require.NoError(t, err)
		require.Equal(t, string(na), string(again), "a normal form is its own")
		require.Equal(t, oracle(t, a, opt) == oracle(t, b, opt), string(na) == string(nb))
		if opt == (event.Normal{}) {
			equal, err := event.Equal([]byte(a), []byte(b))
			require.NoError(t, err)
			require.Equal(t, string(na) == string(nb), equal)
		}
	})
}

// oracle spells a value out in a slow and obvious way.
func oracle(t *testing.T, raw string, opt event.Normal) string {
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v))
	return spell(v, opt)
}

func spell(v any, opt event.Normal) string {
	switch v := v.(type) {
	case json.Number:
		r, _ := new(big.Rat).SetString(v.String())
		return r.String()
	case string:
		if opt.IgnoreCase {
			v = strings.Map(smallestFold, v)
		}
		return fmt.Sprintf("%q", v)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = spell(v[i], opt)
		}
		if opt.UnorderedArrays {
			sort.Strings(parts)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		var parts []string
		for name := range v {
			if v[name] != nil || !opt.NullAsAbsent {
				parts = append(parts, fmt.Sprintf("%q:", name)+spell(v[name], opt))
			}
		}
		sort.Strings(parts)
		return "{" + strings.Join(parts, ",") + "}"
	default:
		return fmt.Sprint(v)
	}
}

func smallestFold(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}
