package compat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// place is a keyword of a schema.
type place struct {
	schema  *jsonschema.Schema
	keyword string
}

func (at place) pointer() string {
	if at.keyword == "" {
		return pointerOf(at.schema)
	}
	return pointerOf(at.schema) + "/" + at.keyword
}

// frame leads from a value to the document it is a part of.
type frame struct {
	parent *frame
	// conj is what the writer says of the value that holds this one.
	conj *conj
	name string
	// index is the place in an array, or -1 for a property.
	index int
	// any marks a name that stands for all a schema doesn't list.
	any bool
}

func (f *frame) step(c *conj, name string) *frame {
	return &frame{parent: f, conj: c, name: name, index: -1}
}

func (f *frame) item(c *conj, index int) *frame {
	return &frame{parent: f, conj: c, index: index}
}

// matching is the step into a property whose name matches pattern.
func (f *frame) matching(c *conj, pattern string) *frame {
	return &frame{parent: f, conj: c, name: matchOf(pattern), index: -1, any: true}
}

// other is the step into a property that neither side names.
func (f *frame) other(c *conj, r *jsonschema.Schema) *frame {
	names := []string{"other", "extra", "unlisted"}
	for _, s := range c.parts {
		for _, pattern := range patternsOf(s) {
			names = append(names, matchOf(pattern.String()))
		}
	}
	for _, name := range names {
		if !covers(r, name) && !slices.ContainsFunc(c.parts, func(s *jsonschema.Schema) bool { _, named := s.Properties[name]; return named }) {
			return &frame{parent: f, conj: c, name: name, index: -1, any: true}
		}
	}
	return &frame{parent: f, conj: c, name: "other", index: -1, any: true}
}

func (f *frame) path() string {
	if f == nil {
		return ""
	}
	switch {
	case f.any:
		return f.parent.path() + "/*"
	case f.index >= 0:
		return f.parent.path() + "/" + strconv.Itoa(f.index)
	}
	return f.parent.path() + "/" + escape(f.name)
}

// needsExample lists the kinds whose rule compares words: without a document
// that shows the break they are only suspicions.
var needsExample = map[Kind]bool{
	PatternChanged: true, ContainsNarrowed: true, NotWidened: true, ConditionChanged: true, AlternativeRemoved: true,
	AlternativesOverlap: true, UnevaluatedClosed: true,
}

func (p *prover) report(kind Kind, at place, c *conj, f *frame, reason string, args ...any) {
	p.reportAt(kind, at, f, c, f, reason, args...)
}

// reportAt adds a finding about the place at and the data at path; c and leaf
// are where an example starts from.
func (p *prover) reportAt(kind Kind, at place, path *frame, c *conj, leaf *frame, reason string, args ...any) {
	finding := Finding{Pointer: at.pointer(), Path: path.path(), Kind: kind, Rule: at.keyword, Reason: fmt.Sprintf(reason, args...)}
	if at.keyword != "" {
		finding.Rule, _, _ = strings.Cut(at.keyword, "/")
	}
	if len(p.outcome.findings) >= maxFindings || slices.ContainsFunc(p.outcome.findings, func(other Finding) bool {
		return other.Pointer == finding.Pointer && other.Path == finding.Path && (other.Kind == kind || other.Kind == Undecided)
	}) {
		return
	}
	finding.Example = p.example(c, at, leaf)
	if finding.Example == "" && needsExample[kind] && !p.warning {
		finding.Kind = Undecided
		finding.Reason += "; no document was found that shows it, so it counts as incompatible unproven"
	}
	p.outcome.findings = append(p.outcome.findings, finding)
}

func shown(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "a value"
	}
	return shorten(string(text), 80)
}

func shownList(values []any) string {
	texts := make([]string, 0, 6)
	for _, value := range values {
		if len(texts) == 5 {
			texts = append(texts, fmt.Sprintf("%d more", len(values)-5))
			break
		}
		texts = append(texts, shown(value))
	}
	if len(texts) == 0 {
		return "nothing"
	}
	return strings.Join(texts, ", ")
}

func shorten(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
