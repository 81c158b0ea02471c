package compat

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// An example is looked for among a bounded number of documents, for a bounded
// number of findings, and within so many trials over all of them.
const (
	maxTrials   = 400
	allTrials   = 4_000
	maxExamples = 40
	maxExample  = 16 << 10

	sampleBudget = 4_000
)

// example finds a document the writer's schema allows and the reader's refuses
// at this place: values for the place of the break, set into as little of a
// document as the writer requires, and tried by validation.
func (p *prover) example(c *conj, at place, f *frame) string {
	if p.examples++; p.examples > maxExamples {
		return ""
	}
	trials := min(maxTrials, allTrials-p.trials)
	defer func(before int) { p.trials += before - max(trials, 0) }(trials)
	maker := &sampler{p: p, budget: sampleBudget}
	for _, value := range maker.values(c, p.aim(at.schema), 0) {
		if trials--; trials < 0 {
			return ""
		}
		if !c.valid(value) {
			continue
		}
		maker.budget = sampleBudget
		for _, document := range maker.wrap(f, value) {
			if trials--; trials < 0 {
				return ""
			}
			if text := p.shows(document, at); text != "" {
				return text
			}
		}
	}
	if f == nil {
		return ""
	}
	maker.budget = sampleBudget
	for _, document := range maker.values(newConj(p.writer), p.aim(p.reader), 0) {
		if trials--; trials < 0 {
			return ""
		}
		if text := p.shows(document, at); text != "" {
			return text
		}
	}
	return ""
}

// aim gathers what s and its alternatives ask for, as marks to miss.
func (p *prover) aim(s *jsonschema.Schema) *conj {
	all := newConj()
	queue := []*jsonschema.Schema{s}
	for len(queue) > 0 && len(all.parts) < maxClasses {
		next := queue[0]
		queue = queue[1:]
		if next == nil || next.Bool != nil || slices.Contains(all.parts, next) {
			continue
		}
		all.parts = append(all.parts, next)
		queue = append(queue, inPlace(next)...)
	}
	return all
}

// shows returns the document as text if it proves the break at this place.
func (p *prover) shows(document any, at place) string {
	text, err := json.Marshal(document)
	if err != nil || len(text) > maxExample || p.writer.Validate(document) != nil {
		return ""
	}
	var refusal *jsonschema.ValidationError
	if !errors.As(p.reader.Validate(document), &refusal) || !blames(refusal, at) {
		return ""
	}
	return string(text)
}

// blames reports that a refusal comes from this place, among others.
func blames(refusal *jsonschema.ValidationError, at place) bool {
	keyword, _, _ := strings.Cut(at.keyword, "/")
	switch {
	case refusal.SchemaURL == at.schema.Location:
		if keyword == "" || refusedBy(refusal.ErrorKind) == keyword {
			return true
		}
	case keyword != "" && strings.HasPrefix(refusal.SchemaURL+"/", at.schema.Location+"/"+keyword+"/"):
		return true // by the schema the keyword holds
	}
	return slices.ContainsFunc(refusal.Causes, func(cause *jsonschema.ValidationError) bool { return blames(cause, at) })
}

func refusedBy(cause jsonschema.ErrorKind) string {
	switch cause := cause.(type) {
	case nil:
		return ""
	case *kind.Not:
		return "not"
	case *kind.Dependency:
		return "dependencies"
	default:
		path := cause.KeywordPath()
		if len(path) == 0 {
			return ""
		}
		return path[0]
	}
}

// wrap sets value into documents at the place f.
func (m *sampler) wrap(f *frame, value any) []any {
	if f == nil {
		return []any{value}
	}
	var list []any
	for _, holder := range m.holders(f, value) {
		list = append(list, m.wrap(f.parent, holder)...)
		if len(list) > 32 {
			break
		}
	}
	return list
}

// holders makes the value's parent: with what is required, and with all that is
// known.
func (m *sampler) holders(f *frame, value any) []any {
	if f.index >= 0 {
		length := max(f.index+1, m.p.itemSpan(f.conj).min)
		if length > maxSampleLength {
			return nil
		}
		items := make([]any, length)
		for index := range items {
			items[index] = value
			if index != f.index {
				items[index] = m.first(m.p.item(f.conj, index), 1)
			}
		}
		return []any{items}
	}
	least, most := m.object(f.conj, false, 1), m.object(f.conj, true, 1)
	var list []any
	for _, base := range []map[string]any{least, most} {
		object := maps.Clone(base)
		object[f.name] = value
		m.fill(f.conj, object)
		list = append(list, object)
	}
	return list
}
