package compat

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJSONSchemaChanges(t *testing.T) {
	cases := []struct {
		name          string
		earlier, next string
		verdict       string
		kind          Kind
		pointer       string
		example       string
	}{
		{"a new required property breaks who reads old events", `{"type":"object"}`, `{"type":"object","required":["id"]}`, "forward", RequiredAdded, "/required", `{}`},
		{"a new optional property of an open object may clash with what old producers wrote",
			`{"type":"object"}`, `{"type":"object","properties":{"n":{"type":"integer"}}}`, "forward", TypeNarrowed, "/properties/n/type", `{"n":"a"}`},
		{"a new optional property of a closed object breaks who still reads with the old version",
			`{"type":"object","additionalProperties":false}`, `{"type":"object","properties":{"n":{}},"additionalProperties":false}`,
			"backward", AdditionalPropertiesClosed, "/additionalProperties", `{"n":"a"}`},
		{"closing an object breaks who reads old events", `{"type":"object","properties":{"a":{}}}`,
			`{"type":"object","properties":{"a":{}},"additionalProperties":false}`, "forward", AdditionalPropertiesClosed, "/additionalProperties", `{"other":"a"}`},
		{"a list of types narrows", `{"type":["string","null"]}`, `{"type":"string"}`, "forward", TypeNarrowed, "/type", `null`},
		{"a type changes", `{"type":"string"}`, `{"type":"boolean"}`, "none", TypeChanged, "/type", `"a"`},
		{"an integer is a number", `{"type":"integer"}`, `{"type":"number"}`, "backward", TypeNarrowed, "/type", `1.5`},
		{"numbers in whole steps are integers", `{"type":"number","multipleOf":2}`, `{"type":"integer","multipleOf":2}`, "both", "", "", ""},
		{"an exclusive bound of integers is the next integer", `{"type":"integer","exclusiveMinimum":0}`, `{"type":"integer","minimum":1}`, "both", "", "", ""},
		{"a maximum is lowered", `{"type":"integer","maximum":9}`, `{"type":"integer","maximum":5}`, "forward", MaximumLowered, "/maximum", `6`},
		{"steps of a third have no decimal and stay exact", `{"multipleOf":0.3}`, `{"multipleOf":0.1}`, "backward", MultipleOfChanged, "/multipleOf", ""},
		{"a symbol is gone from an enum", `{"enum":["a","b"]}`, `{"enum":["a"]}`, "forward", EnumNarrowed, "/enum", `"b"`},
		{"a constant changes", `{"const":1}`, `{"const":2}`, "none", ConstChanged, "/const", `1`},
		{"one and 1.0 are one value", `{"const":1}`, `{"const":1.0}`, "both", "", "", ""},
		{"an enum is judged by the reader's other rules", `{"enum":["a","bbb"]}`, `{"type":"string","maxLength":3}`, "backward", EnumAdded, "/enum", `""`},
		{"a short range of integers is an enum", `{"type":"integer","minimum":1,"maximum":3}`, `{"enum":[1,2,3]}`, "both", "", "", ""},
		{"a format is asked for", `{"type":"string"}`, `{"type":"string","format":"date"}`, "forward", FormatChanged, "/format", `"a"`},
		{"a pattern is asked for", `{"type":"string"}`, `{"type":"string","pattern":"^x+$"}`, "forward", PatternChanged, "/pattern", `"a"`},
		{"items go deep", `{"items":{"items":{"type":"integer"}}}`, `{"items":{"items":{"type":"integer","minimum":0}}}`, "forward", MinimumRaised, "/items/items/minimum", `[[-1]]`},
		{"items get unique", `{"type":"array"}`, `{"type":"array","uniqueItems":true}`, "forward", UniqueItemsAdded, "/uniqueItems", `["a","a"]`},
		{"a tuple is closed in draft 2020-12", `{"type":"array","prefixItems":[{}]}`, `{"type":"array","prefixItems":[{}],"items":false}`, "forward", AdditionalItemsClosed, "/items", `["a","a"]`},
		{"a property that a required one depends on is required", `{"type":"object","required":["a"],"dependentRequired":{"a":["b"]}}`,
			`{"type":"object","required":["a","b"]}`, "both", "", "", ""},
		{"an alternative is gone", `{"oneOf":[{"type":"string"},{"type":"integer"}]}`, `{"oneOf":[{"type":"string"}]}`, "forward", AlternativeRemoved, "/oneOf", ""},
		{"an alternative is new", `{"anyOf":[{"type":"string"}]}`, `{"anyOf":[{"type":"string"},{"type":"integer"}]}`, "backward", AlternativeRemoved, "/anyOf", ""},
		{"alternatives told apart by a tag", `{"oneOf":[{"properties":{"k":{"const":"x"}},"required":["k"],"type":"object"}]}`,
			`{"oneOf":[{"properties":{"k":{"const":"x"}},"required":["k"],"type":"object"},{"properties":{"k":{"const":"y"}},"required":["k"],"type":"object"}]}`,
			"backward", "", "", ""},
		{"overlapping alternatives of one type exclude each other", `{"oneOf":[{"type":"integer","maximum":5}]}`,
			`{"oneOf":[{"type":"integer","maximum":5},{"type":"integer","minimum":3}]}`, "none", AlternativesOverlap, "/oneOf", ""},
		{"a reference and what it stands for", `{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}`, `{"type":"string"}`, "both", "", "", ""},
		{"a list that refers to itself", `{"type":"object","properties":{"next":{"$ref":"#"},"v":{"type":"number"}}}`,
			`{"type":"object","properties":{"next":{"$ref":"#"},"v":{"type":"integer"}}}`, "forward", TypeNarrowed, "/properties/v/type", ""},
		{"a list unrolled once is the same list", `{"type":"object","properties":{"next":{"$ref":"#"}}}`,
			`{"type":"object","properties":{"next":{"type":"object","properties":{"next":{"$ref":"#"}}}}}`, "both", "", "", ""},
		{"a base schema taken in and then closed", `{"allOf":[{"$ref":"#/$defs/b"}],"type":"object","unevaluatedProperties":false,"$defs":{"b":{"properties":{"a":{}}}}}`,
			`{"type":"object","properties":{"a":{}},"additionalProperties":false}`, "both", "", "", ""},
		{"nothing is impossible to read", `false`, `{"type":"string"}`, "backward", "", "", ""},
		{"a contradiction allows nothing", `{"type":"string","minLength":3,"maxLength":2}`, `{"type":"string","maxLength":1}`, "backward", "", "", ""},
		{"a pattern property covers a named one", `{"type":"object","properties":{"ab":{"type":"string"}},"additionalProperties":false}`,
			`{"type":"object","patternProperties":{"^a":{"type":"string"}},"additionalProperties":false}`, "backward", "", "", ""},
		{"titles, defaults and examples don't matter", `{"title":"a","default":1}`, `{"title":"b","examples":[2],"$comment":"c"}`, "both", "", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, report := verdict(t, JSON, c.earlier, c.next)
			require.Equal(t, c.verdict, got, "%+v", report.Findings)
			if c.kind == "" {
				return
			}
			for _, finding := range report.Findings {
				if finding.Kind == c.kind && finding.Pointer == c.pointer {
					if c.example != "" {
						require.JSONEq(t, c.example, finding.Example)
					}
					require.Equal(t, finding.Direction.Breaks(), finding.Breaks)
					return
				}
			}
			require.Fail(t, "finding is missing", "%s at %s among %+v", c.kind, c.pointer, report.Findings)
		})
	}
}

func TestAFindingLeadsToThePlaceInTheData(t *testing.T) {
	_, report := verdict(t, JSON,
		`{"type":"object","properties":{"orders":{"type":"array","items":{"type":"object","properties":{"sum":{"type":"number"}},"required":["sum"]}}}}`,
		`{"type":"object","properties":{"orders":{"type":"array","items":{"type":"object","properties":{"sum":{"type":"number","maximum":100}},"required":["sum"]}}}}`)
	require.Len(t, report.Findings, 1)
	finding := report.Findings[0]
	require.Equal(t, "/properties/orders/items/properties/sum/maximum", finding.Pointer)
	require.Equal(t, "/orders/0/sum", finding.Path)
	require.JSONEq(t, `{"orders":[{"sum":101}]}`, finding.Example)
}

func TestOverlapWithABranchOfNoTypeIsAWarningThatShowsIt(t *testing.T) {
	report, err := Check(Backward, Schema{Format: JSON, Text: `{"oneOf":[{"type":"string"},{"maxLength":10}]}`},
		[]Schema{{Format: JSON, Text: `{"oneOf":[{"type":"string"},{"maxLength":5}]}`}})
	require.NoError(t, err)
	require.True(t, report.Compatible)
	require.Len(t, report.Warnings, 1)
	require.Equal(t, AlternativesOverlap, report.Warnings[0].Kind)
	require.NotEmpty(t, report.Warnings[0].Example)
}

func TestUnprovenIsSaidToBeUndecided(t *testing.T) {
	_, report := verdict(t, JSON, `{"type":"string","pattern":"^[a-c]$"}`, `{"type":"string","pattern":"^[a-cA-C]$"}`)
	require.False(t, report.Compatible)
	require.Equal(t, Undecided, report.Findings[0].Kind)
	require.Equal(t, "pattern", report.Findings[0].Rule)
	require.Empty(t, report.Findings[0].Example)
	require.Equal(t, PatternChanged, report.Findings[1].Kind, "the other direction has a document that shows it")
}

func TestModesChooseVersionsAndDirections(t *testing.T) {
	version := func(number, maximum int) Schema {
		return Schema{Format: JSON, Version: number, Text: fmt.Sprintf(`{"type":"integer","maximum":%d}`, maximum)}
	}
	earlier := []Schema{version(3, 10), version(4, 5)}
	cases := []struct {
		mode       Mode
		compatible bool
		versions   []int
	}{
		{None, true, nil}, {Backward, true, nil}, {Forward, false, []int{4}}, {Full, false, []int{4}},
		{BackwardTransitive, false, []int{3}}, {ForwardTransitive, false, []int{4}}, {FullTransitive, false, []int{3, 4}},
	}
	for _, c := range cases {
		t.Run(c.mode.String(), func(t *testing.T) {
			report, err := Check(c.mode, version(0, 7), earlier)
			require.NoError(t, err)
			require.Equal(t, c.compatible, report.Compatible)
			var versions []int
			for _, finding := range report.Findings {
				versions = append(versions, finding.Earlier)
			}
			require.Equal(t, c.versions, versions)
		})
	}
}

func TestNamesAreReadAsRegistriesWriteThem(t *testing.T) {
	for _, mode := range []Mode{None, Backward, Forward, Full, BackwardTransitive, ForwardTransitive, FullTransitive} {
		parsed, err := ParseMode(mode.String())
		require.NoError(t, err)
		require.Equal(t, mode, parsed)
	}
	for _, format := range []Format{JSON, Avro, Protobuf} {
		parsed, err := ParseFormat(format.String())
		require.NoError(t, err)
		require.Equal(t, format, parsed)
	}
	_, err := ParseMode("SIDEWAYS")
	require.ErrorContains(t, err, `"SIDEWAYS"`)
	_, err = ParseFormat("XML")
	require.ErrorContains(t, err, "must be JSON, AVRO or PROTOBUF")
}
