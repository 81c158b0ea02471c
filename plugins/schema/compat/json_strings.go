package compat

import (
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func (p *prover) stringRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if p.kinds(c)&tString == 0 {
		return true
	}
	written := spanOf(c.parts, lengthBounds)
	proven := true
	fail := func(kind Kind, keyword, reason string, args ...any) {
		proven = false
		if loud {
			p.report(kind, place{r, keyword}, c, f, reason, args...)
		}
	}
	if r.MinLength != nil && *r.MinLength > written.min {
		fail(MinLengthRaised, "minLength", "the reader takes only strings of %d characters or more, the writer allows shorter ones", *r.MinLength)
	}
	if r.MaxLength != nil && (written.max < 0 || written.max > *r.MaxLength) {
		fail(MaxLengthLowered, "maxLength", "the reader takes only strings of %d characters or fewer, the writer allows longer ones", *r.MaxLength)
	}
	if r.Pattern != nil && !matchesAll(r.Pattern.String()) && !hasPattern(c, r.Pattern.String()) {
		fail(PatternChanged, "pattern", "the reader takes only strings that match %q, the writer doesn't ask for that pattern", r.Pattern.String())
	}
	if read := p.sources.text(r, "format"); read != "" && !p.hasFormat(c, read) {
		fail(FormatChanged, "format", "the reader takes only strings of the format %q, the writer doesn't ask for it", read)
	}
	for _, keyword := range []string{"contentEncoding", "contentMediaType"} {
		read := p.sources.text(r, keyword)
		if read != "" && !slices.ContainsFunc(c.parts, func(s *jsonschema.Schema) bool { return p.sources.text(s, keyword) == read }) {
			fail(ContentChanged, keyword, "the reader's %s is %q, the writer doesn't ask for it", keyword, read)
		}
	}
	return proven
}

// matchesAll knows the few patterns that refuse no string.
func matchesAll(pattern string) bool {
	return slices.Contains([]string{"", "^", "$", ".*"}, pattern)
}

func hasPattern(c *conj, pattern string) bool {
	return slices.Contains(c.patterns, pattern) || slices.ContainsFunc(c.parts, func(s *jsonschema.Schema) bool {
		return s.Pattern != nil && s.Pattern.String() == pattern
	})
}

// widerFormats are formats whose definition includes another one (JSON Schema
// validation, section 7.3, and the RFCs it names).
var widerFormats = map[string][]string{
	"email":         {"idn-email"},
	"hostname":      {"idn-hostname"},
	"uri":           {"uri-reference", "iri", "iri-reference"},
	"uri-reference": {"iri-reference"},
	"iri":           {"iri-reference"},
}

func (p *prover) hasFormat(c *conj, format string) bool {
	return slices.ContainsFunc(c.parts, func(s *jsonschema.Schema) bool {
		written := p.sources.text(s, "format")
		return written == format || slices.Contains(widerFormats[written], format)
	})
}
