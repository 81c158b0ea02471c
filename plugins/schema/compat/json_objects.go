package compat

import (
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// no is the schema that allows nothing, for a keyword that says false.
var no = &jsonschema.Schema{Bool: new(bool)}

// maxClasses bounds the combinations of patternProperties of several schemas.
const maxClasses = 64

// eitherSchema turns a keyword that is a boolean or a schema into a schema; nil
// allows everything.
func eitherSchema(value any) *jsonschema.Schema {
	switch value := value.(type) {
	case bool:
		if !value {
			return no
		}
	case *jsonschema.Schema:
		return value
	}
	return nil
}

// fixedParts lists s and what it takes in by $ref and allOf, and whether that
// is all that decides which properties and items count as evaluated.
func fixedParts(s *jsonschema.Schema) ([]*jsonschema.Schema, bool) {
	parts := newConj(s).parts
	for _, part := range parts {
		if part.AnyOf != nil || part.OneOf != nil || part.If != nil || part.DependentSchemas != nil || part.DynamicRef != nil || part.RecursiveRef != nil ||
			part.Dependencies != nil || part != s && part.PatternProperties != nil {
			return parts, false
		}
	}
	return parts, true
}

// patternsOf lists the patternProperties of s in a fixed order.
func patternsOf(s *jsonschema.Schema) []jsonschema.Regexp {
	list := make([]jsonschema.Regexp, 0, len(s.PatternProperties))
	for pattern := range s.PatternProperties {
		list = append(list, pattern)
	}
	slices.SortFunc(list, func(a, b jsonschema.Regexp) int { return strings.Compare(a.String(), b.String()) })
	return list
}

// covers reports that properties or patternProperties of s speak of name.
func covers(s *jsonschema.Schema, name string) bool {
	if _, ok := s.Properties[name]; ok {
		return true
	}
	for pattern := range s.PatternProperties {
		if pattern.MatchString(name) {
			return true
		}
	}
	return false
}

// remainder is the schema of properties that nothing in s names:
// additionalProperties, and unevaluatedProperties where that means the same.
// The keyword says where it was found.
func remainder(s *jsonschema.Schema, name string) (*jsonschema.Schema, string) {
	if s.AdditionalProperties != nil {
		return eitherSchema(s.AdditionalProperties), "additionalProperties"
	}
	if s.UnevaluatedProperties == nil {
		return nil, ""
	}
	parts, fixed := fixedParts(s)
	if !fixed {
		return nil, ""
	}
	for _, part := range parts {
		if part != s && (part.AdditionalProperties != nil || part.UnevaluatedProperties != nil || covers(part, name)) {
			return nil, ""
		}
	}
	if s.UnevaluatedProperties.Bool != nil && !*s.UnevaluatedProperties.Bool {
		return no, "unevaluatedProperties"
	}
	return s.UnevaluatedProperties, "unevaluatedProperties"
}

// property is what c says of the property name.
func (p *prover) property(c *conj, name string) *conj {
	if known := c.properties[name]; known != nil {
		return known
	}
	result := newConj()
	for _, s := range c.parts {
		if s.PropertyNames != nil && s.PropertyNames.Validate(name) != nil {
			result.never = true
		}
		if schema, ok := s.Properties[name]; ok {
			result.add(schema)
		}
		for _, pattern := range patternsOf(s) {
			if pattern.MatchString(name) {
				result.add(s.PatternProperties[pattern])
			}
		}
		if !covers(s, name) {
			rest, _ := remainder(s, name)
			result.add(rest)
		}
	}
	if c.properties == nil {
		c.properties = map[string]*conj{}
	}
	c.properties[name] = result
	return result
}

// names lists the property names c speaks of, in order.
func (p *prover) names(c *conj) []string {
	set := map[string]bool{}
	for _, s := range c.parts {
		for name := range s.Properties {
			set[name] = true
		}
		for _, name := range s.Required {
			set[name] = true
		}
		if list, ok := nameList(s); ok {
			for _, name := range list {
				set[name] = true
			}
		}
	}
	return sortedKeys(set)
}

// nameList is the names that propertyNames lists one by one.
func nameList(s *jsonschema.Schema) ([]string, bool) {
	if s.PropertyNames == nil {
		return nil, false
	}
	values, ok := listedValues(newConj(s.PropertyNames).parts)
	var names []string
	for _, value := range values {
		if name, text := value.(string); text {
			names = append(names, name)
		}
	}
	return names, ok
}

// required is the names that are always there, through dependencies too.
func (p *prover) required(c *conj) []string {
	set := map[string]bool{}
	var require func(name string)
	require = func(name string) {
		if set[name] {
			return
		}
		set[name] = true
		for _, s := range c.parts {
			for _, dependent := range s.DependentRequired[name] {
				require(dependent)
			}
			if list, ok := s.Dependencies[name].([]string); ok {
				for _, dependent := range list {
					require(dependent)
				}
			}
		}
	}
	for _, s := range c.parts {
		for _, name := range s.Required {
			require(name)
		}
	}
	return sortedKeys(set)
}

// classes describes the properties no name is known of: what c may say of one
// of them. only, when not nil, is a pattern their names match; skip are
// patterns they don't match. ok is false where there are too many cases.
func (p *prover) classes(c *conj, only string, skip []string) (list []*conj, ok bool) {
	list = []*conj{newConj()}
	for _, s := range c.parts {
		if _, listed := nameList(s); listed {
			return nil, true
		}
		var options []*jsonschema.Schema
		matched := false
		for _, pattern := range patternsOf(s) {
			text := pattern.String()
			if only != "" && text == only {
				options, matched = []*jsonschema.Schema{s.PatternProperties[pattern]}, true
				break
			}
			if !slices.Contains(skip, text) {
				options = append(options, s.PatternProperties[pattern])
			}
		}
		if !matched {
			rest, _ := remainder(s, unnamed)
			options = append(options, rest)
		}
		var next []*conj
		for _, so := range list {
			for _, option := range options {
				if both := so.with(option); !both.never {
					next = append(next, both)
				}
			}
		}
		if list = next; len(list) > maxClasses {
			return nil, false
		}
	}
	return slices.DeleteFunc(list, p.empty), true
}

// unnamed stands for a property name that no schema mentions.
const unnamed = "\x00"

// propertySpan is how many properties an object has.
func (p *prover) propertySpan(c *conj) span {
	result := spanOf(c.parts, propertyBounds)
	result.min = max(result.min, len(p.required(c)))
	if classes, ok := p.classes(c, "", nil); ok && len(classes) == 0 {
		result.cap(len(p.names(c)))
	}
	return result
}

func sortedKeys[V any](set map[string]V) []string {
	keys := make([]string, 0, len(set))
	for key := range set {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
