package compat

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Proving is bounded twice, so that a hostile schema costs seconds at most:
// in steps over the whole comparison, and in levels of nesting. What lies
// beyond is undecided, and that counts as incompatible.
const (
	maxSteps  = 150_000
	maxLevels = 400
	// maxReasons bounds the places looked into for reasons.
	maxReasons = 2_000
)

// prover shows that everything a conjunction of writer schemas allows is
// allowed by a reader schema. A recursive $ref is proven by assuming what is
// being proven, which is sound because every round goes into the document and
// documents end.
type prover struct {
	sources   *sources
	writer    *jsonschema.Schema
	reader    *jsonschema.Schema
	ids       map[*jsonschema.Schema]int
	known     map[string]bool
	open      map[string]int
	lowest    int
	steps     int
	level     int
	unfolding int
	choosing  bool
	explained map[string]bool
	examples  int
	trials    int
	warning   bool
	requiring map[string]*jsonschema.Schema
	outcome   outcome
}

func (s *jsonSchema) readBy(other opened, _ Direction) outcome {
	reader := other.(*jsonSchema)
	p := &prover{
		sources: newSources(s, reader), writer: s.root, reader: reader.root,
		ids: map[*jsonschema.Schema]int{}, known: map[string]bool{}, open: map[string]int{}, explained: map[string]bool{},
	}
	whole := newConj(s.root)
	if p.sources.same(s.root, reader.root) || p.contained(whole, reader.root) {
		return p.outcome
	}
	p.outcome.warnings = nil
	p.explain(whole, reader.root, nil)
	if len(p.outcome.findings) == 0 {
		p.report(Undecided, place{reader.root, ""}, whole, nil, "the versions could not be compared within %d steps and %d levels", maxSteps, maxLevels)
	}
	slices.SortStableFunc(p.outcome.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path))
	})
	return p.outcome
}

func (p *prover) exhausted() bool { return p.steps > maxSteps || p.level > maxLevels }

// contained reports that everything c allows, r allows. It stays silent;
// explain says why not.
func (p *prover) contained(c *conj, r *jsonschema.Schema) bool {
	p.steps += 1 + len(c.parts)/2
	if r.Bool != nil && *r.Bool || c.never || slices.Contains(c.parts, r) {
		return true
	}
	if p.exhausted() {
		return false
	}
	key := p.key(c, r)
	if known, ok := p.known[key]; ok {
		return known
	}
	if at, ok := p.open[key]; ok {
		p.lowest = min(p.lowest, at)
		return true
	}
	p.level++
	p.open[key] = p.level
	outer := p.lowest
	p.lowest = p.level
	result := p.prove(c, r)
	delete(p.open, key)
	// A proof that leans on an assumption still open above holds only there.
	if !result && !p.exhausted() || result && p.lowest >= p.level {
		p.known[key] = result
	}
	p.lowest = min(outer, p.lowest)
	if p.lowest >= p.level {
		p.lowest = outer
	}
	p.level--
	return result
}

func (p *prover) prove(c *conj, r *jsonschema.Schema) bool {
	c = p.settle(c)
	if p.empty(c) && !contradictory(c) {
		return true
	}
	if p.rules(c, r, nil, false) {
		return true
	}
	branches := p.split(c)
	for _, branch := range branches {
		if !p.contained(branch, r) {
			return false
		}
	}
	return branches != nil
}

// explain reports why c isn't contained in r; the caller knows that it isn't.
func (p *prover) explain(c *conj, r *jsonschema.Schema, f *frame) {
	key := p.key(c, r)
	if p.explained[key] || len(p.explained) >= maxReasons || len(p.outcome.findings) >= maxFindings || p.level > maxLevels {
		return
	}
	p.explained[key] = true
	c = p.settle(c)
	p.level++
	defer func() { p.level-- }()
	before := len(p.outcome.findings)
	if branches := p.split(c); len(branches) > 0 {
		// Of a list of types, the ones the reader lacks are one reason.
		byType := branches[0].taken[len(branches[0].taken)-1].kind == typeChoice && !p.typeRule(c, r, f, true)
		for _, branch := range branches {
			if !p.contained(branch, r) && !(byType && p.kinds(branch)&^typesOf(r) != 0) {
				p.explain(branch, r, f)
			}
		}
	}
	if len(p.outcome.findings) == before {
		p.rules(c, r, f, true)
	}
}

// child is an obligation about a part of the document.
func (p *prover) child(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if p.contained(c, r) {
		return true
	}
	if loud {
		p.explain(c, r, f)
	}
	return false
}

// rules checks every keyword of r. Silent, it stops at the first that fails.
func (p *prover) rules(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if r.Bool != nil {
		if !*r.Bool && loud {
			p.report(SchemaFalse, place{r, ""}, c, f, "the reader allows no value here, the writer does")
		}
		return *r.Bool
	}
	if values, finite := p.finite(c); finite {
		return p.finiteRule(c, values, r, f, loud)
	}
	checks := []func(*conj, *jsonschema.Schema, *frame, bool) bool{
		p.typeRule, p.enumRule, p.numberRule, p.stringRule, p.arrayRule, p.containsRule, p.objectRule, p.dependencyRule,
		p.allOfRule, p.anyOfRule, p.oneOfRule, p.notRule, p.ifRule, p.unevaluatedRule,
	}
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

func (p *prover) typeRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	written, read := p.kinds(c), typesOf(r)
	if contradictory(c) {
		written = declared(c)
	}
	if written&^read == 0 {
		return true
	}
	if loud {
		kind := TypeNarrowed
		if written&read == 0 {
			kind = TypeChanged
		}
		p.report(kind, place{r, "type"}, c, f, "the writer may write %s, the reader takes only %s", listed(written), listed(read))
	}
	return false
}

func (p *prover) allOfRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	all := append([]*jsonschema.Schema{r.Ref, r.RecursiveRef}, r.AllOf...)
	if r.DynamicRef != nil {
		all = append(all, r.DynamicRef.Ref)
	}
	proven := true
	for _, part := range all {
		if part != nil && !p.child(c, part, f, loud) {
			if !loud {
				return false
			}
			proven = false
		}
	}
	return proven
}

// key identifies an obligation by the schemas it is about.
func (p *prover) key(c *conj, r *jsonschema.Schema) string {
	var b strings.Builder
	for _, group := range [][]*jsonschema.Schema{c.parts, c.nots, c.rest} {
		ids := make([]int, len(group))
		for index, schema := range group {
			ids[index] = p.id(schema)
		}
		slices.Sort(ids)
		fmt.Fprint(&b, ids)
	}
	for _, taken := range c.taken {
		if slices.Contains(c.parts, taken.schema) {
			fmt.Fprintf(&b, "/%d.%d", p.id(taken.schema), taken.kind)
		}
	}
	fmt.Fprintf(&b, "|%d|%t|%q>%d", c.mask, c.never, c.patterns, p.id(r))
	return b.String()
}

func (p *prover) id(s *jsonschema.Schema) int {
	id, ok := p.ids[s]
	if !ok {
		id = len(p.ids) + 1
		p.ids[s] = id
	}
	return id
}

// split writes c as alternatives by its first choice not yet taken; nil when
// there is none.
func (p *prover) split(c *conj) []*conj {
	for _, s := range c.parts {
		if branches := p.splitPart(c, s); branches != nil {
			return branches
		}
	}
	return p.splitTypes(c)
}

func (p *prover) splitPart(c *conj, s *jsonschema.Schema) []*conj {
	free := func(kind byte) bool { return !slices.Contains(c.taken, choice{s, kind}) }
	var branches []*conj
	switch {
	case len(s.AnyOf) > 0 && free(anyChoice):
		for _, option := range s.AnyOf {
			branches = append(branches, c.take(s, anyChoice).with(option))
		}
	case len(s.OneOf) > 0 && free(oneChoice):
		for index, option := range s.OneOf {
			branch := c.take(s, oneChoice).with(option)
			for other, sibling := range s.OneOf {
				if other != index {
					branch.rest = append(branch.rest, sibling)
				}
			}
			branches = append(branches, branch)
		}
	case s.If != nil && (s.Then != nil || s.Else != nil) && free(ifChoice):
		taken := c.take(s, ifChoice)
		branches = []*conj{taken.with(s.If, s.Then), taken.with(s.Else).without(s.If)}
	default:
		return nil
	}
	return slices.DeleteFunc(branches, func(branch *conj) bool { return branch.never })
}

// splitTypes tells the types apart where the writer lists several. A schema
// that names no type is left whole: it says nothing about types.
func (p *prover) splitTypes(c *conj) []*conj {
	mask := p.kinds(c)
	for _, s := range c.parts {
		if s.Types == nil || slices.Contains(c.taken, choice{s, typeChoice}) {
			continue
		}
		var branches []*conj
		for _, set := range []types{tNull, tBoolean, tObject, tArray, tString, tNumber} {
			if mask&set != 0 {
				branch := c.take(s, typeChoice)
				branch.mask = mask & set
				branches = append(branches, branch)
			}
		}
		if len(branches) > 1 {
			return branches
		}
		return nil
	}
	return nil
}

func listed(set types) string {
	if set == tAll {
		return "any type"
	}
	names := set.names()
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
