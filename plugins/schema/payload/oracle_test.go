package payload_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/helios-connect/helios/plugins/schema/payload"
	"github.com/twmb/avro"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"
)

// avroCase is a random schema with a random value of it: as the library's
// encoder takes it, and as the JSON that decoding must give.
type avroCase struct {
	schema string
	value  any
	json   string
}

// avroCases makes random schemas and values. Named types get names of their own.
type avroCases struct {
	t     *rapid.T
	named int
}

func (c *avroCases) name() string {
	c.named++
	return fmt.Sprintf("T%d", c.named)
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	// Only JSON needs no escape for HTML.
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\u2028`, "\u2028", `\u2029`, "\u2029").Replace(string(b))
}

func (c *avroCases) any(depth int) avroCase {
	kinds := 10
	if depth > 0 {
		kinds = 14
	}
	switch rapid.IntRange(0, kinds-1).Draw(c.t, "kind") {
	case 10:
		return c.array(depth)
	case 11:
		return c.mapping(depth)
	case 12:
		return c.record(depth)
	case 13:
		inner := c.record(depth)
		if rapid.Bool().Draw(c.t, "null") {
			return avroCase{`["null",` + inner.schema + `]`, nil, `null`}
		}
		return avroCase{`["null",` + inner.schema + `]`, inner.value, inner.json}
	case 9:
		symbols := []string{"A", "B", "C"}
		s := rapid.SampledFrom(symbols).Draw(c.t, "symbol")
		return avroCase{`{"type":"enum","name":"` + c.name() + `","symbols":["A","B","C"]}`, s, quoted(s)}
	}
	return c.leaf()
}

func (c *avroCases) leaf() avroCase {
	switch rapid.IntRange(0, 8).Draw(c.t, "leaf") {
	case 0:
		v := rapid.Bool().Draw(c.t, "boolean")
		return avroCase{`"boolean"`, v, strconv.FormatBool(v)}
	case 1:
		v := rapid.Int32().Draw(c.t, "int")
		return avroCase{`"int"`, v, strconv.Itoa(int(v))}
	case 2:
		v := rapid.Int64().Draw(c.t, "long")
		return avroCase{`"long"`, v, strconv.FormatInt(v, 10)}
	case 3:
		v := rapid.Float64().Draw(c.t, "double")
		want, _ := json.Marshal(v)
		return avroCase{`"double"`, v, plainExponent(want)}
	case 4:
		v := rapid.Float32().Draw(c.t, "float")
		want, _ := json.Marshal(v)
		return avroCase{`"float"`, v, plainExponent(want)}
	case 5:
		v := rapid.String().Draw(c.t, "string")
		return avroCase{`"string"`, v, quoted(v)}
	case 6:
		v := rapid.SliceOf(rapid.Byte()).Draw(c.t, "bytes")
		return avroCase{`"bytes"`, v, quoted(base64.StdEncoding.EncodeToString(v))}
	case 7:
		v := time.UnixMicro(rapid.Int64Range(-62e15, 250e15).Draw(c.t, "micros")).UTC()
		return avroCase{`{"type":"long","logicalType":"timestamp-micros"}`, v, quoted(v.Format(time.RFC3339Nano))}
	}
	unscaled := rapid.Int64().Draw(c.t, "unscaled")
	scale := rapid.IntRange(0, 18).Draw(c.t, "scale")
	v := new(big.Rat).SetFrac(big.NewInt(unscaled), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
	return avroCase{fmt.Sprintf(`{"type":"bytes","logicalType":"decimal","precision":19,"scale":%d}`, scale), v, v.FloatString(scale)}
}

// plainExponent writes the exponent of a number of encoding/json with at least
// two digits, as strconv does.
func plainExponent(number []byte) string {
	s := string(number)
	if i := strings.IndexAny(s, "e"); i >= 0 && len(s) == i+3 {
		return s[:i+2] + "0" + s[i+2:]
	}
	return s
}

func (c *avroCases) array(depth int) avroCase {
	item := c.any(depth - 1)
	n := rapid.IntRange(0, 3).Draw(c.t, "items")
	values, texts := make([]any, n), make([]string, n)
	for i := range n {
		values[i], texts[i] = item.value, item.json
	}
	return avroCase{`{"type":"array","items":` + item.schema + `}`, values, "[" + strings.Join(texts, ",") + "]"}
}

func (c *avroCases) mapping(depth int) avroCase {
	item := c.any(depth - 1)
	values := map[string]any{}
	for _, k := range rapid.SliceOfN(rapid.String(), 0, 4).Draw(c.t, "keys") {
		values[k] = item.value
	}
	var texts []string
	for _, k := range slices.Sorted(maps.Keys(values)) {
		texts = append(texts, quoted(k)+":"+item.json)
	}
	return avroCase{`{"type":"map","values":` + item.schema + `}`, values, "{" + strings.Join(texts, ",") + "}"}
}

func (c *avroCases) record(depth int) avroCase {
	name, values := c.name(), map[string]any{}
	var fields, texts []string
	for i := range rapid.IntRange(0, 4).Draw(c.t, "fields") {
		f, inner := fmt.Sprintf("f%d", i), c.any(depth-1)
		values[f] = inner.value
		fields = append(fields, `{"name":"`+f+`","type":`+inner.schema+`}`)
		texts = append(texts, quoted(f)+":"+inner.json)
	}
	schema := `{"type":"record","name":"` + name + `","fields":[` + strings.Join(fields, ",") + `]}`
	return avroCase{schema, values, "{" + strings.Join(texts, ",") + "}"}
}

// The library's encoder and this package's decoder share the reading of the
// schema but no code for the bytes.
func TestWhatTheLibraryEncodesIsDecodedToTheSameValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := (&avroCases{t: t}).any(4)
		library, err := avro.Parse(c.schema)
		if err != nil {
			t.Fatalf("%s: %v", c.schema, err)
		}
		binary, err := library.Encode(c.value)
		if err != nil {
			t.Fatalf("%s: %v", c.schema, err)
		}
		a := mustCompile(t, c.schema)
		got, err := a.Decode(nil, binary)
		if err != nil || string(got) != c.json {
			t.Fatalf("%s\n%x\ngot  %s, %v\nwant %s", c.schema, binary, got, err, c.json)
		}
		single, err := library.AppendSingleObject(nil, c.value)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.Decode(nil, single); err != nil || string(got) != c.json {
			t.Fatalf("as a single object: got %s, %v, want %s", got, err, c.json)
		}
		if len(binary) > 0 {
			cut := rapid.IntRange(0, len(binary)-1).Draw(t, "cut")
			if got, err := a.Decode(nil, binary[:cut]); err == nil {
				t.Fatalf("cut off at %d of %d: got %s", cut, len(binary), got)
			}
		}
	})
}

// A message of google.protobuf.Struct holds any JSON, so random JSON is a random
// message, encoded by code that was generated and not by descriptors.
func TestProtobufValuesComeBackAsTheJSONTheyWere(t *testing.T) {
	p := compileProto(t, `syntax="proto3"; import "google/protobuf/struct.proto"; message M { google.protobuf.Struct s = 1; }`, nil)
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]any{}
		for _, k := range rapid.SliceOfN(rapid.String(), 0, 5).Draw(t, "keys") {
			want[k] = jsonValue(t, 3)
		}
		message, err := structpb.NewStruct(want)
		if err != nil {
			t.Fatal(err)
		}
		inner, err := proto.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		got, unknown, err := p.Decode(nil, nil, []byte(text(1, string(inner))))
		if err != nil || len(unknown) > 0 {
			t.Fatal(err, unknown)
		}
		var back struct{ S structpb.Struct }
		raw, _ := strings.CutPrefix(string(got), `{"s":`)
		if err := protojson.Unmarshal([]byte(strings.TrimSuffix(raw, "}")), &back.S); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		if !proto.Equal(&back.S, message) {
			t.Fatalf("got %s, want %v", got, want)
		}
	})
}

func jsonValue(t *rapid.T, depth int) any {
	switch n := rapid.IntRange(0, 5).Draw(t, "kind"); {
	case n == 0:
		return nil
	case n == 1:
		return rapid.Bool().Draw(t, "bool")
	case n == 2:
		return rapid.Float64().Draw(t, "number")
	case n == 3 || depth == 0:
		return rapid.String().Draw(t, "string")
	case n == 4:
		list := make([]any, rapid.IntRange(0, 3).Draw(t, "items"))
		for i := range list {
			list[i] = jsonValue(t, depth-1)
		}
		return list
	}
	object := map[string]any{}
	for _, k := range rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "keys") {
		object[k] = jsonValue(t, depth-1)
	}
	return object
}

func mustCompile(t *rapid.T, schema string) *payload.Avro {
	a, err := payload.CompileAvro(schema, nil)
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	return a
}
