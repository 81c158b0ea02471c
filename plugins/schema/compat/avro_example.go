package compat

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/twmb/avro"
)

// avroStep leads from a type into a part of it, on the writer's side.
type avroStep struct {
	parent *avroStep
	typ    *avroType // nil for a field the writer doesn't have
	index  int       // of the field or branch
	name   string
}

func (s *avroStep) into(typ *avroType, index int) *avroStep {
	return &avroStep{parent: s, typ: typ, index: index}
}

func (s *avroStep) named(name string) *avroStep { return &avroStep{parent: s, name: name} }

func (s *avroStep) path() string {
	if s == nil {
		return ""
	}
	switch {
	case s.typ == nil:
		return s.parent.path() + "/" + escape(s.name)
	case s.typ.kind == "record":
		return s.parent.path() + "/" + escape(s.typ.fields[s.index].name)
	case s.typ.kind == "array" || s.typ.kind == "map":
		return s.parent.path() + "/*"
	}
	return s.parent.path()
}

// maxAvroExample bounds how deep a value is made.
const maxAvroExample = 24

// example makes a value of the writer's schema that goes to the place of the
// break, in Avro's JSON encoding. It is shown only if the writer's codec takes
// it and the codec refuses to read the writer's data with the reader's schema.
func (m *avroMatch) example(path *avroStep, symbol string) string {
	var steps []*avroStep
	for step := path; step != nil; step = step.parent {
		if step.typ != nil {
			steps = append(steps, step)
		}
	}
	slices.Reverse(steps)
	value, ok := avroValue(m.writer.root, steps, symbol, 0)
	if !ok {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil || len(text) > maxExample {
		return ""
	}
	var decoded any
	if m.writer.codec.DecodeJSON(text, &decoded) != nil {
		return ""
	}
	if _, err := m.writer.codec.Encode(decoded); err != nil {
		return ""
	}
	if _, err := avro.Resolve(m.writer.codec, m.reader.codec); err == nil {
		return ""
	}
	return string(text)
}

// avroValue is a value of typ that follows steps.
func avroValue(typ *avroType, steps []*avroStep, symbol string, depth int) (any, bool) {
	if depth > maxAvroExample {
		return nil, false
	}
	follows := len(steps) > 0 && steps[0].typ == typ
	var below []*avroStep
	if follows {
		below = steps[1:]
	}
	switch typ.kind {
	case "record":
		return avroRecord(typ, steps, symbol, depth, follows)
	case "union":
		return avroUnion(typ, steps, symbol, depth, follows)
	case "array", "map":
		if !follows {
			return map[string]any{"array": []any{}, "map": map[string]any{}}[typ.kind], true
		}
		value, ok := avroValue(typ.items, below, symbol, depth+1)
		if typ.kind == "map" {
			return map[string]any{"key": value}, ok
		}
		return []any{value}, ok
	case "enum":
		if symbol != "" && slices.Contains(typ.symbols, symbol) {
			return symbol, true
		}
		if len(typ.symbols) == 0 {
			return nil, false
		}
		return typ.symbols[0], true
	case "fixed":
		return strings.Repeat("a", typ.size), typ.size <= maxSampleLength
	}
	value, ok := map[string]any{
		"null": nil, "boolean": true, "int": 1, "long": 1, "float": 1.5, "double": 1.5, "bytes": "a", "string": "a",
	}[typ.kind]
	return value, ok
}

func avroRecord(typ *avroType, steps []*avroStep, symbol string, depth int, follows bool) (any, bool) {
	record := map[string]any{}
	for index, field := range typ.fields {
		var below []*avroStep
		if follows && steps[0].index == index {
			below = steps[1:]
		}
		value, ok := avroValue(field.typ, below, symbol, depth+1)
		if !ok {
			return nil, false
		}
		record[field.name] = value
	}
	return record, true
}

func avroUnion(typ *avroType, steps []*avroStep, symbol string, depth int, follows bool) (any, bool) {
	chosen, below := 0, []*avroStep(nil)
	if follows {
		chosen, below = steps[0].index, steps[1:]
	} else if null := slices.IndexFunc(typ.branches, func(branch *avroType) bool { return branch.kind == "null" }); null >= 0 {
		chosen = null
	}
	if len(typ.branches) == 0 {
		return nil, false
	}
	branch := typ.branches[chosen]
	value, ok := avroValue(branch, below, symbol, depth+1)
	if branch.kind == "null" {
		return nil, ok
	}
	tag := branch.kind
	if branch.name != "" {
		tag = branch.name
	}
	return map[string]any{tag: value}, ok
}
