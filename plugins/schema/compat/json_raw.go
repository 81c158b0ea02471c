package compat

import (
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// inPlace lists the subschemas that judge the same value as s does.
func inPlace(s *jsonschema.Schema) []*jsonschema.Schema {
	list := []*jsonschema.Schema{s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else}
	if s.DynamicRef != nil {
		list = append(list, s.DynamicRef.Ref)
	}
	list = append(list, s.AllOf...)
	list = append(list, s.AnyOf...)
	list = append(list, s.OneOf...)
	for _, dependent := range s.DependentSchemas {
		list = append(list, dependent)
	}
	for _, dependent := range s.Dependencies {
		if schema, ok := dependent.(*jsonschema.Schema); ok {
			list = append(list, schema)
		}
	}
	return list
}

// subschemas lists every schema directly below s.
func subschemas(s *jsonschema.Schema) []*jsonschema.Schema {
	list := append(inPlace(s), s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems, s.ContentSchema)
	list = append(list, s.PrefixItems...)
	for _, property := range s.Properties {
		list = append(list, property)
	}
	for _, property := range s.PatternProperties {
		list = append(list, property)
	}
	for _, either := range []any{s.AdditionalProperties, s.AdditionalItems, s.Items} {
		switch either := either.(type) {
		case *jsonschema.Schema:
			list = append(list, either)
		case []*jsonschema.Schema:
			list = append(list, either...)
		}
	}
	return list
}

// refLoop returns the place of a schema that reaches itself without going into
// the value it judges, or nothing.
func refLoop(root *jsonschema.Schema) string {
	const open, closed = 1, 2
	state := map[*jsonschema.Schema]int{}
	var looping func(*jsonschema.Schema) *jsonschema.Schema
	looping = func(s *jsonschema.Schema) *jsonschema.Schema {
		if s == nil || state[s] == closed {
			return nil
		}
		if state[s] == open {
			return s
		}
		state[s] = open
		for _, next := range inPlace(s) {
			if found := looping(next); found != nil {
				return found
			}
		}
		state[s] = closed
		return nil
	}
	seen := map[*jsonschema.Schema]bool{}
	queue := []*jsonschema.Schema{root}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if s == nil || seen[s] {
			continue
		}
		seen[s] = true
		if found := looping(s); found != nil {
			return "#" + pointerOf(found)
		}
		queue = append(queue, subschemas(s)...)
	}
	return ""
}

// pointerOf is the JSON pointer of s in its document.
func pointerOf(s *jsonschema.Schema) string {
	_, fragment, _ := strings.Cut(s.Location, "#")
	if plain, err := url.PathUnescape(fragment); err == nil {
		return plain
	}
	return fragment
}

// sources finds the text a compiled schema came from.
type sources struct {
	docs map[string]any
	seen map[*jsonschema.Schema]map[string]any
}

func newSources(schemas ...*jsonSchema) *sources {
	s := &sources{docs: map[string]any{}, seen: map[*jsonschema.Schema]map[string]any{}}
	for _, schema := range schemas {
		for address, doc := range schema.docs {
			s.docs[address] = doc
		}
	}
	return s
}

// object is the JSON object s was compiled from; nil for a boolean schema.
func (s *sources) object(schema *jsonschema.Schema) map[string]any {
	if object, ok := s.seen[schema]; ok {
		return object
	}
	address, _, _ := strings.Cut(schema.Location, "#")
	object, _ := lookup(s.docs[address], pointerOf(schema)).(map[string]any)
	s.seen[schema] = object
	return object
}

func (s *sources) text(schema *jsonschema.Schema, keyword string) string {
	text, _ := s.object(schema)[keyword].(string)
	return text
}

// lookup follows a JSON pointer (RFC 6901).
func lookup(value any, pointer string) any {
	if pointer == "" {
		return value
	}
	for _, step := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		switch parent := value.(type) {
		case map[string]any:
			value = parent[unescape(step)]
		case []any:
			index, err := strconv.Atoi(step)
			if err != nil || index < 0 || index >= len(parent) {
				return nil
			}
			value = parent[index]
		default:
			return nil
		}
	}
	return value
}

// annotations are keywords that never refuse a document.
var annotations = map[string]bool{
	"title": true, "description": true, "default": true, "examples": true, "$comment": true, "$schema": true,
	"deprecated": true, "readOnly": true, "writeOnly": true, "definitions": true, "$defs": true, "$id": true, "id": true,
	"$anchor": true, "$vocabulary": true,
}

// same reports that a and b are the same rules in the same words, $ref
// included. It decides what containment can't: negations, conditions.
func (s *sources) same(a, b *jsonschema.Schema) bool {
	if a == b {
		return true
	}
	if a.DraftVersion != b.DraftVersion {
		return false
	}
	if a.Bool != nil || b.Bool != nil {
		return a.Bool != nil && b.Bool != nil && *a.Bool == *b.Bool
	}
	left, right := s.object(a), s.object(b)
	if left == nil || right == nil {
		return false
	}
	leftDoc, rightDoc := s.document(a), s.document(b)
	return sameRules(left, right, leftDoc, rightDoc, map[string]bool{})
}

func (s *sources) document(schema *jsonschema.Schema) any {
	address, _, _ := strings.Cut(schema.Location, "#")
	return s.docs[address]
}

func sameRules(left, right, leftDoc, rightDoc any, followed map[string]bool) bool {
	switch left := left.(type) {
	case map[string]any:
		right, ok := right.(map[string]any)
		if !ok || countRules(left) != countRules(right) {
			return false
		}
		for name, value := range left {
			if annotations[name] {
				continue
			}
			other, ok := right[name]
			if !ok || !sameKeyword(name, value, other, leftDoc, rightDoc, followed) {
				return false
			}
		}
		return true
	case []any:
		right, ok := right.([]any)
		if !ok || len(left) != len(right) {
			return false
		}
		for index := range left {
			if !sameRules(left[index], right[index], leftDoc, rightDoc, followed) {
				return false
			}
		}
		return true
	}
	return left == right
}

func sameKeyword(name string, left, right, leftDoc, rightDoc any, followed map[string]bool) bool {
	if isData[name] {
		return reflect.DeepEqual(left, right)
	}
	if name != "$ref" && name != "$dynamicRef" && name != "$recursiveRef" {
		return sameRules(left, right, leftDoc, rightDoc, followed)
	}
	ref, _ := left.(string)
	if left != right || !strings.HasPrefix(ref, "#") || ref != "#" && !strings.HasPrefix(ref, "#/") {
		return false
	}
	if followed[ref] {
		return true
	}
	followed[ref] = true
	pointer, err := url.PathUnescape(strings.TrimPrefix(ref, "#"))
	return err == nil && sameRules(lookup(leftDoc, pointer), lookup(rightDoc, pointer), leftDoc, rightDoc, followed)
}

func countRules(object map[string]any) int {
	count := 0
	for name := range object {
		if !annotations[name] {
			count++
		}
	}
	return count
}
