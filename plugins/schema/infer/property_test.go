package infer_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/schema/infer"
)

// eager proposes everything on the slightest evidence.
var eager = infer.Settings{MinEvents: 1, Confidence: 0.01, MaxEnum: infer.MaxDistinct, Ranges: true}

var scalars = []string{
	"null", "true", "false", "0", "-0", "1", "-1", "7", "1.0", "1.5", "-2.5e-3", "1e3", "1E+900", "-1e-900", "9007199254740993",
	"123456789012345678901234567890", strings.Repeat("9", 80), `""`, `"a"`, `"b"`, `"EUR"`, `"ord-1"`, `"ord-22"`, `"9223372036854775807"`,
	`"9223372036854775808"`, `"007"`, `"-5"`, `"2026-11-27"`, `"2026-02-30"`, `"2026-11-27T10:00:00Z"`, `"2026-11-27T10:00:00.5+14:00"`, `"2016-12-31T23:59:60Z"`,
	`"2026-11-27t10:00:00z"`, `"00000000-0000-4000-8000-00000000000a"`, `"a@example.com"`, `"a..b@example.com"`, `"a@-x.com"`, `"https://example.com/?q=%20#x"`,
	`"https://ex%zz"`, `"urn:x"`, `"http://[::1]/"`, `"192.0.2.1"`, `"192.0.2.01"`, `"::ffff:192.0.2.1"`, `"fe80::1%eth0"`, `"\ud800"`, `"\u0000"`, `"é(.*)+1"`, `"$1"`,
	`"` + strings.Repeat("x", 100) + `1"`,
}

var names = []string{"a", "b", "c", "", "1", "2", "3", "44", "55", "email", "2026-11-27", `x\ny`, `\u00e9`, "x@example.com"}

// value draws a raw JSON value. A few objects have more names than fields can.
func value(t *rapid.T, depth int) string {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	switch {
	case kind < 6 || depth > 4:
		if rapid.IntRange(0, 3).Draw(t, "fresh") == 0 {
			text, _ := json.Marshal(rapid.String().Draw(t, "text"))
			return string(text)
		}
		return rapid.SampledFrom(scalars).Draw(t, "scalar")
	case kind == 6:
		var parts []string
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			parts = append(parts, value(t, depth+1))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case kind == 7 && depth < 3 && rapid.IntRange(0, 9).Draw(t, "wide") == 0:
		return wide(rapid.IntRange(0, 200).Draw(t, "from"), rapid.IntRange(1, 150).Draw(t, "names"))
	}
	return document(t, depth+1)
}

func document(t *rapid.T, depth int) string {
	var parts []string
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 6, rapid.ID).Draw(t, "members") {
		parts = append(parts, fmt.Sprintf(`"%s":%s`, name, value(t, depth)))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func documents(t *rapid.T) (docs []string) {
	for range rapid.IntRange(1, 12).Draw(t, "documents") {
		docs = append(docs, document(t, 0))
	}
	return docs
}

func TestEveryEventOfTheSampleIsValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		docs := documents(t)
		for _, s := range []infer.Settings{eager, {MinEvents: 2, Confidence: 0.7}} {
			p := learn(t, s, docs...)
			valid := validator(t, p)
			for _, d := range docs {
				if err := valid(d); err != nil {
					t.Fatalf("%s\n%v\n%s", d, err, p.JSONSchema())
				}
			}
			sameAsJSON(t, p)
		}
	})
}

func TestOrderChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		docs := documents(t)
		shuffled := rapid.Permutation(docs).Draw(t, "order")
		if a, b := yamlOf(t, learn(t, eager, docs...)), yamlOf(t, learn(t, eager, shuffled...)); a != b {
			t.Fatalf("%s\n%s", a, b)
		}
	})
}

func TestOfTwoSpellingsOfABoundTheSimplerStays(t *testing.T) {
	docs := []string{`{"a":1.00}`, `{"a":1}`, `{"a":1.0}`, `{"a":1e0}`}
	a := yamlOf(t, learn(t, infer.Settings{}, docs...))
	require.Contains(t, a, "1 to 1;")
	docs[0], docs[1], docs[2], docs[3] = docs[3], docs[2], docs[0], docs[1]
	require.Equal(t, a, yamlOf(t, learn(t, infer.Settings{}, docs...)))
}

// TestWithoutRoomEveryEventIsStillValid lets objects become maps while there are
// few nodes.
func TestWithoutRoomEveryEventIsStillValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, err := infer.New(eager)
		if err != nil {
			t.Fatalf("%v", err)
		}
		room := rapid.IntRange(0, 700).Draw(t, "room")
		in.SetNodes(room)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var docs []string
		for range rapid.IntRange(1, 8).Draw(t, "documents") {
			docs = append(docs, nested(random))
			if _, ok := in.Add(infer.Event{Type: "t", Data: []byte(docs[len(docs)-1])}); !ok {
				t.Fatalf("refused: %s", docs[len(docs)-1])
			}
			if in.NodesLeft() < 0 || in.NodesLeft()+in.NodesUsed() != room {
				t.Fatalf("%d nodes left and %d used of %d", in.NodesLeft(), in.NodesUsed(), room)
			}
		}
		c := &in.Report().Contracts[0]
		valid := validator(t, c)
		for _, d := range docs {
			if err := valid(d); err != nil {
				t.Fatalf("%s\n%v\n%s", d, err, c.JSONSchema())
			}
		}
	})
}

// nested is an object of many small objects and arrays.
func nested(random *rand.Rand) string {
	inner := []string{`{"a":1}`, `{"a":"x"}`, `{"b":true}`, `{"b":null,"a":1}`, `[]`, `[1]`, `["x"]`, `{}`}
	var parts []string
	from, n := random.IntN(100), random.IntN(150)
	for i := from; i < from+n; i++ {
		parts = append(parts, fmt.Sprintf(`"k%d":%s`, i, inner[random.IntN(len(inner))]))
	}
	random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return "{" + strings.Join(parts, ",") + "}"
}

// TestAFurtherEventRefusesNoKindThatWasThere changes the numbers and booleans of
// an event of the sample, which keeps its kind, and adds another event.
func TestAFurtherEventRefusesNoKindThatWasThere(t *testing.T) {
	kinds := infer.Settings{MinEvents: 1, Confidence: 0.01, MaxEnum: -1}
	rapid.Check(t, func(t *rapid.T) {
		docs := documents(t)
		probe := rapid.SampledFrom(docs).Draw(t, "probe")
		decoder := json.NewDecoder(strings.NewReader(probe))
		decoder.UseNumber()
		var v any
		if err := decoder.Decode(&v); err != nil {
			t.Fatalf("%v", err)
		}
		other, err := json.Marshal(sameKind(t, v))
		if err != nil {
			t.Fatalf("%v", err)
		}
		if err := validator(t, learn(t, kinds, docs...))(string(other)); err != nil {
			t.Fatalf("before: %v", err)
		}
		further := document(t, 0)
		if err := validator(t, learn(t, kinds, append(docs, further)...))(string(other)); err != nil {
			t.Fatalf("after %s: %v", further, err)
		}
	})
}

func sameKind(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			v[name] = sameKind(t, e)
		}
	case []any:
		for i := range v {
			v[i] = sameKind(t, v[i])
		}
	case bool:
		return !v
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") {
			return rapid.Int64().Draw(t, "integer")
		}
		return json.Number("0.125")
	}
	return v
}

func FuzzAdd(f *testing.F) {
	for _, s := range append(scalars, `{"a":{"b":[1,{"c":null}]}}`, `{"a":1,"a":2}`, strings.Repeat(`{"a":`, 600), "\xff", wide(0, 250)) {
		f.Add([]byte(s))
		f.Add([]byte(`{"a":` + s + `}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := infer.New(eager)
		require.NoError(t, err)
		_, ok := in.Add(infer.Event{Type: string(data[:len(data)/4]), Source: string(data), Tenant: string(data), Data: data})
		in.Add(infer.Event{Type: string(data[:len(data)/4]), Source: "s", Data: []byte(`{"a":"x"}`)})
		c := in.Report().Contracts[0]
		sameAsJSON(t, &c)
		valid := validator(t, &c)
		if ok {
			require.NoError(t, valid(string(data)))
		}
	})
}
