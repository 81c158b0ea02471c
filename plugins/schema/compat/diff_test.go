package compat

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDiffSaysWhatChangedAndWhatItBreaks(t *testing.T) {
	cases := []struct {
		name    string
		format  Format
		a, b    string
		changes []Change
	}{
		{"nothing", JSON, `{"type":"string"}`, `{ "type" : "string" }`, nil},
		{"a bound", JSON, `{"properties":{"n":{"maximum":9}}}`, `{"properties":{"n":{"maximum":5}}}`,
			[]Change{{Pointer: "/properties/n/maximum", Kind: "maximum_lowered", Before: "9", After: "5", Breaks: []Direction{ReadsEarlier}}}},
		{"a property and its requirement", JSON, `{"type":"object","required":["a"]}`, `{"type":"object","required":["b","a"],"properties":{"b":{"type":"null"}}}`,
			[]Change{
				{Pointer: "/properties", Kind: "properties_added", After: `{"b":{"type":"null"}}`, Breaks: []Direction{ReadsEarlier}},
				{Pointer: "/required/0", Kind: "required_added", After: `"b"`, Breaks: []Direction{ReadsEarlier}},
			}},
		{"a property of a closed object", JSON, `{"properties":{"a":{}},"additionalProperties":false}`, `{"properties":{"a":{},"b":{}},"additionalProperties":false}`,
			[]Change{{Pointer: "/properties/b", Kind: "property_added", After: "{}", Breaks: []Direction{ReadByEarlier}}}},
		{"a description, which breaks nothing", JSON, `{"type":"string","description":"x"}`, `{"type":"string","description":"y"}`,
			[]Change{{Pointer: "/description", Kind: "description_changed", Before: `"x"`, After: `"y"`}}},
		{"an enum", JSON, `{"enum":["a","b"]}`, `{"enum":["b","c"]}`,
			[]Change{
				{Pointer: "/enum/0", Kind: "enum_value_removed", Before: `"a"`, Breaks: []Direction{ReadsEarlier}},
				{Pointer: "/enum/1", Kind: "enum_value_added", After: `"c"`, Breaks: []Direction{ReadByEarlier}},
			}},
		{"an Avro field", Avro, record(`{"name":"a","type":"int"}`), record(`{"name":"b","type":"int"},{"name":"a","type":"long"}`),
			[]Change{
				{Pointer: "/fields/0", Kind: "field_added", After: `{"name":"b","type":"int"}`, Breaks: []Direction{ReadsEarlier}},
				{Pointer: "/fields/1/type", Kind: "type_changed", Before: `"int"`, After: `"long"`, Breaks: []Direction{ReadByEarlier}},
			}},
		{"a Protobuf field", Protobuf, `syntax = "proto3"; message M { string a = 1; }`, `syntax = "proto3"; message M { string b = 1; int32 c = 2; }`,
			[]Change{
				{Pointer: "M/1", Kind: "field_changed", Before: "string a = 1", After: "string b = 1", Breaks: []Direction{ReadsEarlier, ReadByEarlier}},
				{Pointer: "M/2", Kind: "field_added", After: "int32 c = 2"},
			}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			changes, err := Diff(Schema{Format: c.format, Text: c.a}, Schema{Format: c.format, Text: c.b})
			require.NoError(t, err)
			for index := range changes {
				require.Equal(t, len(changes[index].Breaks) > 0, len(changes[index].Reasons) > 0, "a break has a reason")
				changes[index].Reasons, changes[index].old, changes[index].new = nil, "", ""
			}
			require.Equal(t, c.changes, changes)
		})
	}
}

func TestDiffNamesTheSchemaItCannotRead(t *testing.T) {
	_, err := Diff(Schema{Format: JSON, Text: `{`}, Schema{Format: JSON, Text: `{}`})
	require.ErrorContains(t, err, "earlier schema 1")
}
