package contract

import (
	"regexp"
	"strconv"
	"strings"
)

// sensitiveKeyword marks a subschema whose values must be shown nowhere.
const sensitiveKeyword = "x-helios-sensitive"

// sensitive reports whether the value at path, or one it lies in, is marked by
// any subschema that looks at it. Where it can't be told which of several
// alternatives applies, any one is enough.
func (c *Contract) sensitive(path []string) bool {
	if !c.marked {
		return false
	}
	doc, err := readSchema(c.text)
	if err != nil { // it was read before
		return true
	}
	current := expand(doc, []any{doc}, map[string]bool{})
	for i := 0; ; i++ {
		for _, s := range current {
			if m, ok := s.(map[string]any); ok && m[sensitiveKeyword] == true {
				return true
			}
		}
		if i == len(path) {
			return false
		}
		var next []any
		for _, s := range current {
			if m, ok := s.(map[string]any); ok {
				next = append(next, children(m, path[i])...)
			}
		}
		current = expand(doc, next, map[string]bool{})
	}
}

// expand adds what looks at the same value: references and alternatives.
func expand(root any, schemas []any, seen map[string]bool) (all []any) {
	for len(schemas) > 0 {
		s := schemas[0]
		schemas = schemas[1:]
		all = append(all, s)
		m, ok := s.(map[string]any)
		if !ok {
			continue
		}
		if ref, ok := m["$ref"].(string); ok && !seen[ref] {
			seen[ref] = true
			if to := lookUp(root, ref); to != nil {
				schemas = append(schemas, to)
			}
		}
		for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
			if list, ok := m[keyword].([]any); ok {
				schemas = append(schemas, list...)
			}
		}
		for _, keyword := range []string{"if", "then", "else", "not"} {
			if s, ok := m[keyword]; ok {
				schemas = append(schemas, s)
			}
		}
	}
	return all
}

// lookUp follows a reference within the document.
func lookUp(root any, ref string) any {
	pointer, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	at := root
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch v := at.(type) {
		case map[string]any:
			at = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			at = v[i]
		default:
			return nil
		}
	}
	return at
}

// children are the subschemas for a member or an element.
func children(m map[string]any, token string) (list []any) {
	if properties, ok := m["properties"].(map[string]any); ok {
		if s, ok := properties[token]; ok {
			list = append(list, s)
		}
	}
	if patterns, ok := m["patternProperties"].(map[string]any); ok {
		for p, s := range patterns {
			if re, err := regexp.Compile(p); err == nil && re.MatchString(token) {
				list = append(list, s)
			}
		}
	}
	for _, keyword := range []string{"additionalProperties", "items", "additionalItems", "contains", "unevaluatedProperties", "unevaluatedItems"} {
		switch s := m[keyword].(type) {
		case map[string]any:
			list = append(list, s)
		case []any:
			list = append(list, s...)
		}
	}
	if prefix, ok := m["prefixItems"].([]any); ok {
		list = append(list, prefix...)
	}
	return list
}
