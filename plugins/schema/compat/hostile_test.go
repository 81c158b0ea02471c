package compat

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSchemasThatCannotBeReadAreNamed(t *testing.T) {
	deep := strings.Repeat(`{"items":`, 5_000) + "{}" + strings.Repeat("}", 5_000)
	cases := []struct {
		name   string
		format Format
		text   string
		says   string
	}{
		{"a reference to nowhere", JSON, `{"$ref":"#/$defs/gone"}`, "gone"},
		{"a reference to a URL", JSON, `{"$ref":"http://127.0.0.1:1/x.json"}`, "nothing is fetched"},
		{"a reference to a file", JSON, `{"$ref":"file:///etc/passwd"}`, "nothing is fetched"},
		{"a dialect from a URL", JSON, `{"$schema":"http://127.0.0.1:1/dialect"}`, "nothing is fetched"},
		{"a reference to itself", JSON, `{"$ref":"#"}`, "leads back to itself"},
		{"a reference round a corner", JSON, `{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"}]},"b":{"anyOf":[{"$ref":"#/$defs/a"}]}},"properties":{"x":{"$ref":"#/$defs/a"}}}`, "leads back to itself"},
		{"a depth bomb", JSON, deep, "nests deeper than 256"},
		{"a schema of more than 10 MB", JSON, `{"description":"` + strings.Repeat("x", MaxSize) + `"}`, "at most 10485760"},
		{"a number of a billion digits", JSON, `{"multipleOf":1e999999999}`, "/multipleOf"},
		{"a number in a number's clothes", JSON, `{"minimum":` + strings.Repeat("9", 5_000) + `}`, "digits"},
		{"a schema of very many schemas", JSON, `{"allOf":[` + strings.Repeat(`{"minimum":1},`, 30_000) + `{}]}`, "at most 25000"},
		{"no JSON", JSON, `{"type":`, "not JSON"},
		{"two values", JSON, `{} {}`, "text follows"},
		{"a pattern that doesn't compile", JSON, `{"pattern":"("}`, "pattern"},
		{"a type that doesn't exist", JSON, `{"type":"text"}`, "type"},
		{"an Avro name that isn't defined", Avro, `{"type":"record","name":"R","fields":[{"name":"a","type":"Gone"}]}`, "Gone"},
		{"an Avro depth bomb", Avro, strings.Repeat(`{"type":"array","items":`, 5_000) + `"int"` + strings.Repeat("}", 5_000), "nests deeper"},
		{"an Avro record without a name", Avro, `{"type":"record","fields":[]}`, "name"},
		{"an import of something unregistered", Protobuf, `syntax = "proto3"; import "/etc/passwd";`, "no registered reference"},
		{"an import of itself", Protobuf, `syntax = "proto3"; import "schema.proto";`, "cycle"},
		{"a Protobuf depth bomb", Protobuf, `syntax = "proto3";` + strings.Repeat("message M {", 5_000) + strings.Repeat("}", 5_000), "nests deeper"},
		{"a Protobuf field without a number", Protobuf, `syntax = "proto3"; message M { string a; }`, "missing field tag number"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			good := map[Format]string{JSON: `{}`, Avro: `"int"`, Protobuf: `syntax = "proto3";`}[c.format]
			_, err := Check(Full, Schema{Format: c.format, Text: c.text}, nil)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "next schema")
			require.Less(t, len(err.Error()), 2_000)
			_, err = Check(Full, Schema{Format: c.format, Text: good}, []Schema{{Format: c.format, Text: c.text, Version: 7}})
			require.ErrorContains(t, err, "earlier schema 7")
		})
	}
}

func TestReferencesAreResolvedFromWhatTheCallerHandsOver(t *testing.T) {
	cases := []struct {
		format    Format
		text      string
		reference string
		old, new  string
	}{
		{JSON, `{"properties":{"a":{"$ref":"address.json"}}}`, "address.json", `{"type":"string"}`, `{"type":"string","maxLength":5}`},
		{JSON, `{"$id":"http://example.com/a/b.json","properties":{"a":{"$ref":"address.json"}}}`, "address.json", `{"type":"string"}`, `{"type":"string","maxLength":5}`},
		{Avro, `{"type":"record","name":"R","fields":[{"name":"a","type":"x.E"}]}`, "x.E",
			`{"type":"enum","name":"x.E","symbols":["A","B"]}`, `{"type":"enum","name":"x.E","symbols":["A"]}`},
		{Protobuf, `syntax = "proto3"; import "a.proto"; message M { A a = 1; }`, "a.proto",
			`syntax = "proto3"; message A { string s = 1; }`, `syntax = "proto3"; message A { int64 s = 1; }`},
	}
	for _, c := range cases {
		t.Run(c.format.String(), func(t *testing.T) {
			with := func(text string) Schema {
				return Schema{Format: c.format, Text: c.text, References: map[string]string{c.reference: text}}
			}
			report, err := Check(Backward, with(c.old), []Schema{with(c.old)})
			require.NoError(t, err)
			require.True(t, report.Compatible, "%+v", report.Findings)
			report, err = Check(Backward, with(c.new), []Schema{with(c.old)})
			require.NoError(t, err)
			require.False(t, report.Compatible)
		})
	}
}

func TestFormatsAreNotMixed(t *testing.T) {
	_, err := Check(Full, Schema{Format: JSON, Text: `{}`}, []Schema{{Format: Avro, Text: `"int"`}})
	require.ErrorContains(t, err, "keeps its format")
}

// Each of these would take a naive comparison time that grows exponentially
// with the size of the schema.
func TestComparingHostileSchemasEnds(t *testing.T) {
	var diamond, options, avro, wide, values strings.Builder
	for level := range 60 {
		fmt.Fprintf(&diamond, `"d%d":{"type":"object","required":["l","r"],"properties":{"l":{"$ref":"#/$defs/d%d"},"r":{"$ref":"#/$defs/d%d"}}},`, level, level+1, level+1)
		fmt.Fprintf(&options, `{"anyOf":[{"required":["a%d"]},{"minProperties":%d},{"oneOf":[{"required":["b%d"]},{"maxProperties":%d}]}]},`, level, level+1, level, level+2)
		fmt.Fprintf(&wide, `"p%d":{"type":"string","maxLength":%d},`, level, level+1)
	}
	for value := range 50_000 {
		fmt.Fprintf(&values, `","%d`, value)
	}
	for level := range 60 {
		fmt.Fprintf(&avro, `{"type":"record","name":"R%d","fields":[{"name":"x","type":[`, level)
	}
	records := avro.String() + `"null"` + strings.Repeat(`,"string"]},{"name":"y","type":["null","int"]}]}`, 60)
	schemas := map[string][2]string{
		"a diamond of references": {
			`{"$ref":"#/$defs/d0","$defs":{` + diamond.String() + `"d60":{"type":"integer"}}}`,
			`{"$ref":"#/$defs/d0","$defs":{` + diamond.String() + `"d60":{"type":"integer","minimum":1}}}`},
		"choices of choices": {
			`{"type":"object","allOf":[` + options.String() + `{}]}`,
			`{"type":"object","allOf":[` + options.String() + `{"required":["z"]}]}`},
		"many patterns": {
			`{"patternProperties":{"^a":{"type":"string"},"b":{"minLength":1},"c":{"maxLength":4},"d$":{},"e":{},"f":{},"g":{}},"allOf":[{"patternProperties":{"h":{},"i":{},"j":{},"k":{},"l":{}}}]}`,
			`{"patternProperties":{"m":{"type":"string"},"n":{"type":"string"}},"additionalProperties":{"type":"null"}}`},
		"wide objects": {`{"properties":{` + wide.String() + `"z":{}}}`, `{"properties":{` + strings.ReplaceAll(wide.String(), `h":`, `h":1`) + `"z":{}},"required":["z"]}`},
		"a large enum": {`{"enum":["a` + values.String() + `"]}`, `{"enum":["a` + values.String() + `","z"]}`},
	}
	for name, pair := range schemas {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := Check(Full, Schema{Format: JSON, Text: pair[1]}, []Schema{{Format: JSON, Text: pair[0]}})
			require.NoError(t, err)
			require.Less(t, time.Since(start), 30*time.Second)
			t.Log(time.Since(start))
		})
	}
	t.Run("nested Avro records", func(t *testing.T) {
		_, err := Check(Full, Schema{Format: Avro, Text: records}, []Schema{{Format: Avro, Text: strings.ReplaceAll(records, `"int"`, `"long"`)}})
		require.NoError(t, err)
	})
}

func TestALargeSchemaIsComparedInTime(t *testing.T) {
	var text strings.Builder
	for index := range 5_000 {
		fmt.Fprintf(&text, `"property_%d":{"type":"object","properties":{"a":{"type":"string","maxLength":9},"b":{"type":"integer"}}},`, index)
	}
	old := `{"properties":{` + text.String() + `"z":{}},"description":"` + strings.Repeat("x", 8<<20) + `"}`
	start := time.Now()
	report, err := Check(Full, Schema{Format: JSON, Text: strings.Replace(old, `"maxLength":9`, `"maxLength":8`, 1)}, []Schema{{Format: JSON, Text: old}})
	require.NoError(t, err)
	require.Len(t, report.Findings, 1)
	t.Log(time.Since(start))
}

func TestALongChainOfAvroTypesIsComparedInTime(t *testing.T) {
	var fields strings.Builder
	fields.WriteString(`{"name":"f","type":{"type":"record","name":"T0","fields":[{"name":"v","type":"string"}]}}`)
	for index := range 3_000 {
		fmt.Fprintf(&fields, `,{"name":"f%d","type":{"type":"record","name":"T%d","fields":[{"name":"t","type":"T%d"}]}}`, index, index+1, index)
	}
	old := `{"type":"record","name":"R","fields":[` + fields.String() + `]}`
	start := time.Now()
	report, err := Check(Full, Schema{Format: Avro, Text: strings.Replace(old, `"string"`, `"int"`, 1)}, []Schema{{Format: Avro, Text: old}})
	require.NoError(t, err)
	require.Len(t, report.Findings, 2, "one reason for each direction")
	require.Less(t, time.Since(start), 20*time.Second)
	t.Log(time.Since(start))
}
