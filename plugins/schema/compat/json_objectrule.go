package compat

import (
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func (p *prover) objectRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if p.kinds(c)&tObject == 0 {
		return true
	}
	checks := []func(*conj, *jsonschema.Schema, *frame, bool) bool{
		p.requiredRule, p.propertyCountRule, p.namedRule, p.patternRule, p.remainderRule, p.propertyNamesRule,
	}
	return runAll(checks, c, r, f, loud)
}

func runAll(checks []func(*conj, *jsonschema.Schema, *frame, bool) bool, c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	proven := true
	for _, check := range checks {
		if !check(c, r, f, loud) {
			if !loud {
				return false
			}
			proven = false
		}
	}
	return proven
}

func (p *prover) requiredRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if len(r.Required) == 0 {
		return true
	}
	written := p.required(c)
	proven := true
	for _, name := range r.Required {
		if slices.Contains(written, name) {
			continue
		}
		proven = false
		if loud {
			missing := place{r, "required"}
			p.reportAt(RequiredAdded, missing, f.step(c, name), c, f, "the reader requires %q, the writer may leave it out", name)
		}
	}
	return proven
}

func (p *prover) propertyCountRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if r.MinProperties == nil && r.MaxProperties == nil {
		return true
	}
	written := p.propertySpan(c)
	low := r.MinProperties == nil || written.min >= *r.MinProperties
	high := r.MaxProperties == nil || written.max >= 0 && written.max <= *r.MaxProperties
	if loud && !low {
		p.report(MinPropertiesRaised, place{r, "minProperties"}, c, f, "the reader requires %d properties, the writer may write fewer", *r.MinProperties)
	}
	if loud && !high {
		p.report(MaxPropertiesLowered, place{r, "maxProperties"}, c, f, "the reader takes at most %d properties, the writer may write more", *r.MaxProperties)
	}
	return low && high
}

// namedRule checks every property that either side names.
func (p *prover) namedRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	set := map[string]bool{}
	for _, name := range p.names(c) {
		set[name] = true
	}
	for name := range r.Properties {
		set[name] = true
	}
	proven := true
	for _, name := range sortedKeys(set) {
		written := p.property(c, name)
		if p.empty(written) && !contradictory(written) {
			continue
		}
		if !p.namedProperty(c, written, r, name, f, loud) {
			if !loud {
				return false
			}
			proven = false
		}
	}
	return proven
}

func (p *prover) namedProperty(c, written *conj, r *jsonschema.Schema, name string, f *frame, loud bool) bool {
	below := f.step(c, name)
	proven := true
	if read, ok := r.Properties[name]; ok {
		if read.Bool != nil && !*read.Bool {
			if loud {
				p.reportAt(PropertyForbidden, place{read, ""}, below, written, below, "the reader allows no property %q, the writer may write it", name)
			}
			return false
		}
		proven = p.child(written, read, below, loud)
	}
	for _, pattern := range patternsOf(r) {
		if pattern.MatchString(name) {
			proven = p.child(written, r.PatternProperties[pattern], below, loud) && proven
		}
	}
	if covers(r, name) {
		return proven
	}
	read, keyword := remainder(r, name)
	if read == no {
		if loud {
			p.reportAt(AdditionalPropertiesClosed, place{r, keyword}, below, written, below, "the reader doesn't know the property %q and allows no others, the writer may write it", name)
		}
		return false
	}
	return read == nil || p.child(written, read, below, loud)
}

// patternRule checks the properties that only a pattern of the reader names.
func (p *prover) patternRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	proven := true
	for _, pattern := range patternsOf(r) {
		read := r.PatternProperties[pattern]
		classes, ok := p.classes(c, pattern.String(), nil)
		if !ok {
			if loud {
				p.report(Undecided, place{read, ""}, c, f, "too many patternProperties to compare")
			}
			return false
		}
		for _, written := range classes {
			if !p.child(written, read, f.matching(c, pattern.String()), loud) {
				if !loud {
					return false
				}
				proven = false
			}
		}
	}
	return proven
}

// remainderRule checks the properties that nobody names.
func (p *prover) remainderRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	read, keyword := remainder(r, unnamed)
	if read == nil {
		return true
	}
	var patterns []string
	for _, pattern := range patternsOf(r) {
		patterns = append(patterns, pattern.String())
	}
	classes, ok := p.classes(c, "", patterns)
	if !ok {
		if loud {
			p.report(Undecided, place{r, keyword}, c, f, "too many patternProperties to compare")
		}
		return false
	}
	proven := true
	for _, written := range classes {
		below := f.other(c, r)
		switch {
		case read != no:
			proven = p.child(written, read, below, loud) && proven
		case loud:
			p.reportAt(AdditionalPropertiesClosed, place{r, keyword}, below, written, below, "the reader allows no other properties, the writer may write some")
			return false
		default:
			return false
		}
	}
	return proven
}

func (p *prover) propertyNamesRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if r.PropertyNames == nil {
		return true
	}
	proven := true
	for _, name := range p.names(c) {
		if r.PropertyNames.Validate(name) == nil || p.empty(p.property(c, name)) {
			continue
		}
		proven = false
		if loud {
			below := f.step(c, name)
			p.reportAt(PropertyNamesNarrowed, place{r, "propertyNames"}, below, p.property(c, name), below, "the reader refuses the property name %q, the writer may write it", name)
		}
	}
	for _, written := range p.unnamedNames(c) {
		if !p.contained(written, r.PropertyNames) {
			proven = false
			if loud {
				p.report(PropertyNamesNarrowed, place{r, "propertyNames"}, c, f, "the reader refuses some property names the writer allows")
			}
			break
		}
	}
	return proven
}

// unnamedNames describes, as strings, the names that no schema lists.
func (p *prover) unnamedNames(c *conj) []*conj {
	classes, ok := p.classes(c, "", nil)
	if ok && len(classes) == 0 {
		return nil
	}
	names := newConj()
	names.mask = tString
	for _, s := range c.parts {
		if s.PropertyNames != nil {
			names = names.with(s.PropertyNames)
		}
	}
	for _, s := range c.parts {
		if rest, _ := remainder(s, unnamed); rest == nil || rest.Bool != nil && *rest.Bool || !p.empty(newConj(rest)) {
			continue
		}
		// Only names that match one of these patterns are allowed at all.
		var list []*conj
		for _, pattern := range patternsOf(s) {
			matching := names.clone()
			matching.patterns = append(slices.Clone(names.patterns), pattern.String())
			list = append(list, matching)
		}
		return list
	}
	return []*conj{names}
}

func (p *prover) dependencyRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if p.kinds(c)&tObject == 0 {
		return true
	}
	proven := true
	for _, name := range sortedKeys(r.DependentRequired) {
		proven = p.dependency(c, r, "dependentRequired", name, r.DependentRequired[name], f, loud) && proven
	}
	for _, name := range sortedKeys(r.DependentSchemas) {
		proven = p.dependency(c, r, "dependentSchemas", name, r.DependentSchemas[name], f, loud) && proven
	}
	for _, name := range sortedKeys(r.Dependencies) {
		proven = p.dependency(c, r, "dependencies", name, r.Dependencies[name], f, loud) && proven
	}
	return proven
}

func (p *prover) dependency(c *conj, r *jsonschema.Schema, keyword, name string, needs any, f *frame, loud bool) bool {
	with := c.with(p.requires(name))
	with.mask &= tObject
	if p.empty(with) {
		return true
	}
	switch needs := needs.(type) {
	case *jsonschema.Schema:
		return p.child(with, needs, f, loud)
	case bool:
		if !needs && loud {
			p.report(DependencyAdded, place{r, keyword + "/" + escape(name)}, with, f, "the reader allows no property %q, the writer may write it", name)
		}
		return needs
	case []string:
		written := p.required(with)
		for _, need := range needs {
			if slices.Contains(written, need) {
				continue
			}
			if loud {
				p.report(DependencyAdded, place{r, keyword + "/" + escape(name)}, with, f, "where there is %q the reader requires %q, the writer may leave it out", name, need)
			}
			return false
		}
	}
	return true
}

// requires is the schema that asks for one property; the same for each name, so
// that proofs about it are found again.
func (p *prover) requires(name string) *jsonschema.Schema {
	if p.requiring == nil {
		p.requiring = map[string]*jsonschema.Schema{}
	}
	if p.requiring[name] == nil {
		p.requiring[name] = &jsonschema.Schema{Required: []string{name}}
	}
	return p.requiring[name]
}
