package compat

import (
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func (p *prover) anyOfRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if len(r.AnyOf) == 0 {
		return true
	}
	for _, option := range r.AnyOf {
		if p.contained(c, option) {
			return true
		}
	}
	if loud {
		p.explainOptions(c, r, r.AnyOf, "anyOf", f)
	}
	return false
}

// explainOptions goes into the one option that could have been meant, if there
// is one, and else says that none fits.
func (p *prover) explainOptions(c *conj, r *jsonschema.Schema, options []*jsonschema.Schema, keyword string, f *frame) {
	fitting := slices.DeleteFunc(slices.Clone(options), func(option *jsonschema.Schema) bool {
		return p.kinds(c)&p.kinds(newConj(option)) == 0
	})
	before := len(p.outcome.findings)
	if len(fitting) == 1 {
		p.explain(c, fitting[0], f)
	}
	if len(p.outcome.findings) == before {
		p.report(AlternativeRemoved, place{r, keyword}, c, f, "none of the reader's %d alternatives takes everything the writer may write here", len(options))
	}
}

// oneOfRule looks for the one option that takes the writer's values while the
// others take none of them.
//
// Where the writer lists alternatives too and one of the two overlapping
// options names no type, the overlap is a warning: such a branch admits every
// type by the letter, which its author hardly meant, and registries compare the
// lists branch by branch.
func (p *prover) oneOfRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if len(r.OneOf) == 0 {
		return true
	}
	overlap := false
	for index, option := range r.OneOf {
		if !p.contained(c, option) {
			continue
		}
		exact, lenient := true, p.listsAlternatives(c)
		for other, sibling := range r.OneOf {
			if other == index || p.apart(c, sibling) {
				continue
			}
			exact = false
			lenient = lenient && (option.Types == nil || sibling.Types == nil)
		}
		if exact {
			return true
		}
		if lenient {
			p.warnOverlap(c, r, f)
			return true
		}
		overlap = true
	}
	if loud && overlap {
		p.report(AlternativesOverlap, place{r, "oneOf"}, c, f, "more than one of the reader's alternatives takes what the writer may write, oneOf allows one")
	} else if loud {
		p.explainOptions(c, r, r.OneOf, "oneOf", f)
	}
	return false
}

// apart reports that no value of c is one of s.
func (p *prover) apart(c *conj, s *jsonschema.Schema) bool {
	if p.disjoint(c, s) || p.excluded(c.rest, s) {
		return true
	}
	values, finite := p.finite(c)
	return finite && !slices.ContainsFunc(values, func(value any) bool { return s.Validate(value) == nil })
}

// listsAlternatives reports that c is a branch of a oneOf.
func (p *prover) listsAlternatives(c *conj) bool {
	return slices.ContainsFunc(c.taken, func(taken choice) bool { return taken.kind == oneChoice })
}

func (p *prover) warnOverlap(c *conj, r *jsonschema.Schema, f *frame) {
	at := place{r, "oneOf"}
	pointer := at.pointer()
	if slices.ContainsFunc(p.outcome.warnings, func(w Finding) bool { return w.Pointer == pointer }) {
		return
	}
	findings := p.outcome.findings
	p.outcome.findings, p.warning = nil, true
	p.report(AlternativesOverlap, at, c, f, "alternatives of the reader overlap, and one of them names no type: values that match both are refused by the letter of oneOf")
	p.outcome.warnings = append(p.outcome.warnings, p.outcome.findings...)
	p.outcome.findings, p.warning = findings, false
}

func (p *prover) notRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if r.Not == nil {
		return true
	}
	if r.Not.Bool != nil {
		if *r.Not.Bool && loud {
			p.report(SchemaFalse, place{r, "not"}, c, f, "the reader allows no value here, the writer does")
		}
		return !*r.Not.Bool
	}
	if p.disjoint(c, r.Not) {
		return true
	}
	if loud {
		p.report(NotWidened, place{r, "not"}, c, f, "the reader excludes values that the writer may write")
	}
	return false
}

func (p *prover) ifRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if r.If == nil {
		return true
	}
	proven := true
	for _, side := range []struct {
		consequence *jsonschema.Schema
		keyword     string
		known       *conj
	}{{r.Then, "then", c.with(r.If)}, {r.Else, "else", c.without(r.If)}} {
		if side.consequence == nil || p.contained(p.settle(side.known), side.consequence) {
			continue
		}
		proven = false
		if !loud {
			return false
		}
		p.report(ConditionChanged, place{r, side.keyword}, side.known, f, "where the reader's condition asks for it, its %q refuses values the writer may write", side.keyword)
	}
	return proven
}

// settle adds what follows from c: the consequence of a condition that holds or
// doesn't, and, of an object, the schema that depends on a property that is there.
func (p *prover) settle(c *conj) *conj {
	for round := 0; round < maxUnfold; round++ {
		next := p.settleOnce(c)
		if next == nil {
			return c
		}
		c = next
	}
	return c
}

func (p *prover) settleOnce(c *conj) *conj {
	for _, s := range c.parts {
		if s.If != nil && !slices.Contains(c.taken, choice{s, ifChoice}) {
			if p.among(c.parts, s.If) {
				return c.take(s, ifChoice).with(s.Then)
			}
			if p.among(c.nots, s.If) {
				return c.take(s, ifChoice).with(s.Else)
			}
		}
		if s.DependentSchemas == nil && s.Dependencies == nil || c.mask != tObject {
			continue
		}
		for _, name := range p.required(c) {
			dependent := s.DependentSchemas[name]
			if dependent == nil {
				dependent = eitherSchema(s.Dependencies[name])
			}
			if dependent == nil || slices.Contains(c.parts, dependent) {
				continue
			}
			if next := c.with(dependent); len(next.parts) > len(c.parts) || next.never != c.never {
				return next
			}
		}
	}
	return nil
}

func (p *prover) among(list []*jsonschema.Schema, s *jsonschema.Schema) bool {
	return slices.ContainsFunc(list, func(other *jsonschema.Schema) bool { return p.sources.same(other, s) })
}

// unevaluatedRule covers the unevaluated keywords that depend on which branch a
// document takes: they are only compared word by word.
func (p *prover) unevaluatedRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	kinds := p.kinds(c)
	open := func(s *jsonschema.Schema) bool { return s == nil || s.Bool != nil && *s.Bool }
	_, fixed := fixedParts(r)
	properties := kinds&tObject == 0 || open(r.UnevaluatedProperties) || fixed
	items := kinds&tArray == 0 || open(r.UnevaluatedItems) || itemsFixed(r)
	if properties && items || p.among(c.parts, r) {
		return true
	}
	if loud {
		keyword := "unevaluatedProperties"
		if properties {
			keyword = "unevaluatedItems"
		}
		p.report(UnevaluatedClosed, place{r, keyword}, c, f, "the reader's %s depends on which alternative a document takes", keyword)
	}
	return false
}
