package contract

import (
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// bounded refuses contracts that would look at one value more often than
// MaxBranching times, or for ever: a handful of nested anyOf that all refer to
// the next one is a few hundred bytes and doubles the work with each.
func bounded(root *jsonschema.Schema) error {
	b := brancher{looks: map[*jsonschema.Schema]int{}}
	seen := map[*jsonschema.Schema]bool{root: true}
	for pending := []*jsonschema.Schema{root}; len(pending) > 0; {
		s := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if _, err := b.look(s); err != nil {
			return err
		}
		for _, next := range append(sameValue(s), inside(s)...) {
			if !seen[next] {
				seen[next] = true
				pending = append(pending, next)
			}
		}
	}
	return nil
}

// brancher counts how often a subschema looks at a value; 0 while it is being
// counted.
type brancher struct {
	looks map[*jsonschema.Schema]int
	depth int
}

func (b *brancher) look(s *jsonschema.Schema) (int, error) {
	if known, ok := b.looks[s]; ok {
		if known == 0 {
			return 0, errCycle
		}
		return known, nil
	}
	if b.depth++; b.depth > MaxBranching {
		return 0, errBranching
	}
	defer func() { b.depth-- }()
	b.looks[s] = 0
	sum := 1
	for _, next := range sameValue(s) {
		more, err := b.look(next)
		if err != nil {
			return 0, err
		}
		if sum += more; sum > MaxBranching {
			return 0, errBranching
		}
	}
	b.looks[s] = sum
	return sum, nil
}

var (
	errCycle     = fmt.Errorf("a $ref leads back to itself without going into a member or an element, so that it says nothing")
	errBranching = fmt.Errorf("$ref, allOf, anyOf, oneOf, not and if make it look at one value more than %d times", MaxBranching)
)

// sameValue are the subschemas that look at the value that s looks at.
func sameValue(s *jsonschema.Schema) (list []*jsonschema.Schema) {
	list = appendIf(list, s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else)
	if s.DynamicRef != nil {
		list = appendIf(list, s.DynamicRef.Ref)
	}
	for _, some := range [][]*jsonschema.Schema{s.AllOf, s.AnyOf, s.OneOf} {
		list = append(list, some...)
	}
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

// inside are the subschemas that look at members or elements of that value.
func inside(s *jsonschema.Schema) (list []*jsonschema.Schema) {
	list = appendIf(list, s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems, s.ContentSchema)
	for _, some := range s.Properties {
		list = append(list, some)
	}
	for _, some := range s.PatternProperties {
		list = append(list, some)
	}
	list = append(list, s.PrefixItems...)
	for _, some := range []any{s.AdditionalProperties, s.Items, s.AdditionalItems} {
		switch some := some.(type) {
		case *jsonschema.Schema:
			list = appendIf(list, some)
		case []*jsonschema.Schema:
			list = append(list, some...)
		}
	}
	return list
}

func appendIf(list []*jsonschema.Schema, more ...*jsonschema.Schema) []*jsonschema.Schema {
	for _, s := range more {
		if s != nil {
			list = append(list, s)
		}
	}
	return list
}
