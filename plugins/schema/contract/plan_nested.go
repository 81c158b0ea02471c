package contract

import (
	"regexp"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func (p *planner) arrays(n *node, s *jsonschema.Schema) (err error) {
	r := &arrayRules{min: orElse(s.MinItems, 0), max: orElse(s.MaxItems, -1), unique: s.UniqueItems}
	prefix, rest := s.PrefixItems, s.Items2020
	if s.DraftVersion < 2020 {
		prefix, rest = nil, nil
		switch items := s.Items.(type) {
		case *jsonschema.Schema:
			rest = items
		case []*jsonschema.Schema:
			prefix = items
			switch more := s.AdditionalItems.(type) {
			case *jsonschema.Schema:
				rest = more
			case bool:
				if !more {
					r.rest = nothing
				}
			}
		}
	}
	if r.prefix, err = p.list(prefix); err != nil {
		return err
	}
	if rest != nil {
		if r.rest, err = p.node(rest); err != nil {
			return err
		}
	}
	if s.Contains != nil {
		if r.contains, err = p.node(s.Contains); err != nil {
			return err
		}
		r.least, r.most = orElse(s.MinContains, 1), orElse(s.MaxContains, -1)
	}
	if r.unique || r.min > 0 || r.max >= 0 || len(r.prefix) > 0 || r.rest != nil || r.contains != nil {
		n.arr = r
	}
	return nil
}

func (p *planner) objects(n *node, s *jsonschema.Schema) error {
	r := &objectRules{min: orElse(s.MinProperties, 0), max: orElse(s.MaxProperties, -1)}
	var names []string
	for name := range s.Properties {
		names = append(names, name)
	}
	for _, name := range s.Required {
		if _, ok := s.Properties[name]; !ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	r.names = newNameTable(names)
	r.values = make([]*node, len(names))
	r.required = make([]uint64, (len(names)+63)/64)
	for i, name := range names {
		if value, ok := s.Properties[name]; ok {
			v, err := p.node(value)
			if err != nil {
				return err
			}
			r.values[i] = v
		}
		if slices.Contains(s.Required, name) {
			r.required[i/64] |= 1 << (i % 64)
		}
	}
	for name, value := range s.PatternProperties {
		re, ok := name.(*regexp.Regexp)
		if !ok {
			return errUnplanned("patternProperties")
		}
		v, err := p.node(value)
		if err != nil {
			return err
		}
		r.patterns = append(r.patterns, patternRule{name: re, value: v})
	}
	switch more := s.AdditionalProperties.(type) {
	case *jsonschema.Schema:
		v, err := p.node(more)
		if err != nil {
			return err
		}
		if v != anything {
			r.rest = v
		}
	case bool:
		if !more {
			r.rest = nothing
		}
	}
	if r.min > 0 || r.max >= 0 || len(names) > 0 || len(r.patterns) > 0 || r.rest != nil {
		n.obj = r
	}
	return nil
}
