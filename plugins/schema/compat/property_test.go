package compat

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The generators draw from few names and small numbers, so that schemas and
// documents meet often.
var (
	propertyName = rapid.SampledFrom([]string{"a", "b", "ab", "c1"})
	smallCount   = rapid.IntRange(0, 3)
	smallNumber  = rapid.SampledFrom([]any{-1, 0, 1, 2, 3, 1.5, 0.5, 4})
	leafValue    = rapid.SampledFrom([]any{nil, true, false, 0, 1, 2, 1.5, -1, 3, 4, "", "a", "ab", "c1", "abc"})
	typeName     = rapid.SampledFrom([]string{"null", "boolean", "integer", "number", "string", "array", "object"})
	regexes      = rapid.SampledFrom([]string{"^a", "b$", "^[a-z]*$", "1"})
)

func documents(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kind := rapid.IntRange(0, 5).Draw(t, "kind")
		switch {
		case depth > 0 && kind >= 4:
			return rapid.MapOfN(propertyName, documents(depth-1), 0, 3).Draw(t, "object")
		case depth > 0 && kind == 3:
			return rapid.SliceOfN(documents(depth-1), 0, 3).Draw(t, "array")
		}
		return leafValue.Draw(t, "leaf")
	})
}

// schemas draws a schema of either draft with keywords of every kind.
func schemas(draft, depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		schema := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "keywords") {
			drawKeyword(t, schema, draft, depth)
		}
		if len(schema) == 0 && rapid.IntRange(0, 4).Draw(t, "boolean") == 0 {
			return rapid.Bool().Draw(t, "schema")
		}
		return schema
	})
}

func drawKeyword(t *rapid.T, schema map[string]any, draft, depth int) {
	below := func(label string) any {
		if depth <= 0 {
			return map[string]any{"type": typeName.Draw(t, label)}
		}
		return schemas(draft, depth-1).Draw(t, label)
	}
	several := func(label string) []any {
		list := make([]any, rapid.IntRange(1, 2).Draw(t, label))
		for index := range list {
			list[index] = below(label)
		}
		return list
	}
	switch rapid.IntRange(0, 29).Draw(t, "keyword") {
	case 0, 1, 2:
		schema["type"] = typeName.Draw(t, "type")
	case 3:
		schema["type"] = rapid.SliceOfNDistinct(typeName, 1, 3, rapid.ID[string]).Draw(t, "types")
	case 4:
		schema["enum"] = rapid.SliceOfNDistinct(leafValue, 1, 3, func(v any) string { text, _ := json.Marshal(v); return string(text) }).Draw(t, "enum")
	case 5:
		schema["const"] = leafValue.Draw(t, "const")
	case 6:
		schema[rapid.SampledFrom([]string{"minimum", "exclusiveMinimum"}).Draw(t, "low")] = smallNumber.Draw(t, "low")
	case 7:
		schema[rapid.SampledFrom([]string{"maximum", "exclusiveMaximum"}).Draw(t, "high")] = smallNumber.Draw(t, "high")
	case 8:
		schema["multipleOf"] = rapid.SampledFrom([]any{1, 2, 0.5, 1.5}).Draw(t, "multipleOf")
	case 9:
		schema["minLength"] = smallCount.Draw(t, "minLength")
	case 10:
		schema["maxLength"] = smallCount.Draw(t, "maxLength")
	case 11:
		schema["pattern"] = regexes.Draw(t, "pattern")
	case 12:
		schema["minItems"] = smallCount.Draw(t, "minItems")
	case 13:
		schema["maxItems"] = smallCount.Draw(t, "maxItems")
	case 14:
		schema["uniqueItems"] = true
	case 15:
		schema["items"] = below("items")
	case 16:
		if draft == 7 {
			schema["items"], schema["additionalItems"] = several("tuple"), below("additionalItems")
		} else {
			schema["prefixItems"] = several("prefixItems")
		}
	case 17:
		schema["contains"] = below("contains")
		if draft != 7 {
			schema["minContains"] = smallCount.Draw(t, "minContains")
		}
	case 18, 19, 20:
		properties, _ := schema["properties"].(map[string]any)
		if properties == nil {
			properties = map[string]any{}
		}
		properties[propertyName.Draw(t, "property")] = below("property")
		schema["properties"] = properties
	case 21:
		schema["required"] = rapid.SliceOfNDistinct(propertyName, 1, 2, rapid.ID[string]).Draw(t, "required")
	case 22:
		schema["additionalProperties"] = rapid.OneOf(rapid.Just[any](false), schemas(draft, 0)).Draw(t, "additionalProperties")
	case 23:
		schema["patternProperties"] = map[string]any{regexes.Draw(t, "pattern"): below("patternProperty")}
	case 24:
		schema["propertyNames"] = map[string]any{"maxLength": smallCount.Draw(t, "length")}
	case 25:
		schema[rapid.SampledFrom([]string{"minProperties", "maxProperties"}).Draw(t, "count")] = smallCount.Draw(t, "count")
	case 26:
		schema[rapid.SampledFrom([]string{"allOf", "anyOf", "oneOf"}).Draw(t, "combination")] = several("option")
	case 27:
		schema["not"] = below("not")
	case 28:
		schema["if"], schema["then"], schema["else"] = below("if"), below("then"), below("else")
	case 29:
		if draft == 7 {
			schema["dependencies"] = map[string]any{propertyName.Draw(t, "trigger"): rapid.OneOf(rapid.Just[any]([]any{"a"}), rapid.Just(below("dependent"))).Draw(t, "dependency")}
		} else {
			schema["dependentSchemas"] = map[string]any{propertyName.Draw(t, "trigger"): below("dependent")}
			schema["unevaluatedProperties"] = below("unevaluated")
		}
	}
}

// alter changes one keyword, so that the two versions stay close.
func alter(t *rapid.T, schema any, draft int) any {
	object, ok := schema.(map[string]any)
	if !ok {
		return schemas(draft, 1).Draw(t, "other")
	}
	copied := map[string]any{}
	for name, value := range object {
		copied[name] = value
	}
	names := sortedKeys(object)
	if len(names) > 0 && rapid.Bool().Draw(t, "remove") {
		name := rapid.SampledFrom(names).Draw(t, "name")
		if child, ok := object[name].(map[string]any); ok && rapid.Bool().Draw(t, "deeper") && name != "patternProperties" && name != "dependencies" && name != "dependentSchemas" && name != "properties" {
			copied[name] = alter(t, child, draft)
			return copied
		}
		if properties, ok := object["properties"].(map[string]any); ok && name == "properties" {
			changed := map[string]any{}
			for property, value := range properties {
				changed[property] = alter(t, value, draft)
			}
			copied[name] = changed
			return copied
		}
		delete(copied, name)
		return copied
	}
	drawKeyword(t, copied, draft, 1)
	return copied
}

func schemaText(t require.TestingT, schema any, draft int) string {
	if object, ok := schema.(map[string]any); ok {
		object["$schema"] = map[int]string{7: "http://json-schema.org/draft-07/schema#", 2020: "https://json-schema.org/draft/2020-12/schema"}[draft]
		defer delete(object, "$schema")
	}
	text, err := json.Marshal(schema)
	require.NoError(t, err)
	return string(text)
}

// validator compiles with the library alone.
func validator(t require.TestingT, text string) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.AssertContent()
	require.NoError(t, compiler.AddResource("mem:///s.json", doc))
	compiled, err := compiler.Compile("mem:///s.json")
	require.NoError(t, err)
	return compiled
}

func plain(t require.TestingT, value any) any {
	text, err := json.Marshal(value)
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	require.NoError(t, err)
	return doc
}

func TestWhatTheWriterMayWriteACompatibleReaderAccepts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draft := rapid.SampledFrom([]int{7, 2020}).Draw(t, "draft")
		first := schemas(draft, 2).Draw(t, "writer")
		second := first
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			second = alter(t, second, draft)
		}
		writer, reader := schemaText(t, first, draft), schemaText(t, second, draft)
		report, err := Check(Backward, Schema{Format: JSON, Text: reader}, []Schema{{Format: JSON, Text: writer}})
		require.NoError(t, err)
		old, next := validator(t, writer), validator(t, reader)
		for _, finding := range append(report.Findings, report.Warnings...) {
			require.NotEmpty(t, finding.Reason)
			if finding.Example != "" {
				example := plain(t, json.RawMessage(finding.Example))
				require.NoError(t, old.Validate(example), "the writer refuses the example of %+v\nwriter %s", finding, writer)
				require.Error(t, next.Validate(example), "the reader takes the example of %+v\nreader %s", finding, reader)
			}
		}
		if !report.Compatible || len(report.Warnings) > 0 {
			return
		}
		for range 40 {
			document := plain(t, documents(3).Draw(t, "document"))
			if old.Validate(document) == nil {
				require.NoError(t, next.Validate(document), "document %v\nwriter %s\nreader %s", document, writer, reader)
			}
		}
	})
}
