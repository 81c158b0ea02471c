package contract

import "slices"

// int64Text is what a string must hold to stand for an integer.
const int64Text = `^-?(0|[1-9][0-9]{0,18})$`

// lenient rewrites a schema by the JSON mapping of Protocol Buffers: wherever an
// integer is asked for and a string isn't, a string that holds an integer will do,
// and where NULL_VALUE may stand, null. The subschema moves below else; its
// location becomes that of the rewritten one, so references to it still hold.
func lenient(doc any) any {
	schema, ok := doc.(map[string]any)
	if !ok {
		return doc
	}
	out := make(map[string]any, len(schema))
	for keyword, v := range schema {
		switch {
		case oneSchema[keyword]:
			if list, isList := v.([]any); isList {
				v = lenientList(list)
			} else {
				v = lenient(v)
			}
		case manySchemas[keyword]:
			if named, isMap := v.(map[string]any); isMap {
				copied := make(map[string]any, len(named))
				for name, s := range named {
					copied[name] = lenient(s)
				}
				v = copied
			}
		case listOfSchemas[keyword]:
			// Enums are published as a string or else an integer: there the string
			// has its place already.
			if list, isList := v.([]any); isList && !slices.ContainsFunc(list, wantsString) {
				v = lenientList(list)
			}
		}
		out[keyword] = v
	}
	var wrapped map[string]any
	switch values, _ := schema["enum"].([]any); {
	case slices.Contains(values, any("NULL_VALUE")):
		wrapped = map[string]any{"if": map[string]any{"type": "null"}, "then": true, "else": out}
	case wantsInteger(schema["type"]):
		wrapped = map[string]any{"if": map[string]any{"type": "string"}, "then": map[string]any{"pattern": int64Text}, "else": out}
	default:
		return out
	}
	// What names a schema must stay where references look for it.
	for _, keyword := range []string{"$schema", "$id", "$anchor", "$defs", "definitions"} {
		if v, ok := out[keyword]; ok {
			wrapped[keyword] = v
			delete(out, keyword)
		}
	}
	return wrapped
}

func lenientList(list []any) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = lenient(s)
	}
	return out
}

func wantsInteger(types any) bool {
	switch t := types.(type) {
	case string:
		return t == "integer"
	case []any:
		return slices.Contains(t, any("integer")) && !slices.Contains(t, any("string"))
	}
	return false
}

func wantsString(schema any) bool {
	m, ok := schema.(map[string]any)
	return ok && m["type"] == "string"
}

// Keywords whose values are schemas.
var (
	oneSchema = set("items", "additionalItems", "additionalProperties", "contains", "not", "if", "then", "else",
		"propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema")
	manySchemas   = set("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
	listOfSchemas = set("allOf", "anyOf", "oneOf", "prefixItems")
)

func set(names ...string) map[string]bool {
	s := make(map[string]bool, len(names))
	for _, n := range names {
		s[n] = true
	}
	return s
}
