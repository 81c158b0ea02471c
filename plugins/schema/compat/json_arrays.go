package compat

import (
	"slices"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// prefix is the schemas of the first items, whatever the draft calls them.
func prefix(s *jsonschema.Schema) ([]*jsonschema.Schema, string) {
	if list, ok := s.Items.([]*jsonschema.Schema); ok {
		return list, "items"
	}
	return s.PrefixItems, "prefixItems"
}

// itemRest is the schema of the items after the prefix, and its keyword.
func itemRest(s *jsonschema.Schema) (*jsonschema.Schema, string) {
	if s.Items2020 != nil {
		return orNo(s.Items2020), "items"
	}
	if one, ok := s.Items.(*jsonschema.Schema); ok {
		return orNo(one), "items"
	}
	if items, ok := s.Items.(bool); ok {
		return eitherSchema(items), "items"
	}
	if _, list := s.Items.([]*jsonschema.Schema); list && s.AdditionalItems != nil {
		return orNo(eitherSchema(s.AdditionalItems)), "additionalItems"
	}
	if s.UnevaluatedItems != nil && itemsFixed(s) {
		return orNo(s.UnevaluatedItems), "unevaluatedItems"
	}
	return nil, ""
}

func orNo(s *jsonschema.Schema) *jsonschema.Schema {
	if s != nil && s.Bool != nil && !*s.Bool {
		return no
	}
	return s
}

// itemsFixed reports that unevaluatedItems of s means the items after its own
// prefix and nothing else.
func itemsFixed(s *jsonschema.Schema) bool {
	parts, fixed := fixedParts(s)
	return fixed && len(parts) == 1 && s.Contains == nil
}

func itemAt(s *jsonschema.Schema, index int) (*jsonschema.Schema, string) {
	first, keyword := prefix(s)
	if index < len(first) {
		return first[index], keyword + "/" + strconv.Itoa(index)
	}
	return itemRest(s)
}

// item is what c says of the item at index.
func (p *prover) item(c *conj, index int) *conj {
	if known := c.items[index]; known != nil {
		return known
	}
	result := newConj()
	for _, s := range c.parts {
		schema, _ := itemAt(s, index)
		result.add(schema)
	}
	if c.items == nil {
		c.items = map[int]*conj{}
	}
	c.items[index] = result
	return result
}

func longestPrefix(parts []*jsonschema.Schema) int {
	longest := 0
	for _, s := range parts {
		first, _ := prefix(s)
		longest = max(longest, len(first))
	}
	return longest
}

// itemSpan is how many items an array has; it ends where no item is possible.
func (p *prover) itemSpan(c *conj) span {
	result := spanOf(c.parts, itemBounds)
	for index := range longestPrefix(c.parts) + 1 {
		if p.empty(p.item(c, index)) {
			result.cap(index)
			break
		}
	}
	return result
}

func (p *prover) arrayRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if p.kinds(c)&tArray == 0 {
		return true
	}
	written := p.itemSpan(c)
	proven := true
	fail := func(kind Kind, keyword, reason string, args ...any) {
		proven = false
		if loud {
			p.report(kind, place{r, keyword}, c, f, reason, args...)
		}
	}
	if r.MinItems != nil && written.min < *r.MinItems {
		fail(MinItemsRaised, "minItems", "the reader takes only arrays of %d items or more, the writer allows fewer", *r.MinItems)
	}
	if r.MaxItems != nil && (written.max < 0 || written.max > *r.MaxItems) {
		fail(MaxItemsLowered, "maxItems", "the reader takes only arrays of %d items or fewer, the writer allows more", *r.MaxItems)
	}
	single := written.max >= 0 && written.max <= 1
	unique := slices.ContainsFunc(c.parts, func(s *jsonschema.Schema) bool { return s.UniqueItems })
	if r.UniqueItems && !unique && !single {
		fail(UniqueItemsAdded, "uniqueItems", "the reader takes only arrays without repeated items, the writer allows them")
	}
	return p.itemsRule(c, written, r, f, loud) && proven
}

func (p *prover) itemsRule(c *conj, written span, r *jsonschema.Schema, f *frame, loud bool) bool {
	last := max(longestPrefix(c.parts), longestPrefix([]*jsonschema.Schema{r}))
	proven := true
	for index := 0; index <= last; index++ {
		if written.max >= 0 && index >= written.max {
			break
		}
		read, keyword := itemAt(r, index)
		if read == nil {
			continue
		}
		item, below := p.item(c, index), f.item(c, index)
		switch {
		case read != no && !(read.Bool != nil && !*read.Bool):
			proven = p.child(item, read, below, loud) && proven
		case !loud:
			return false
		default:
			kind := AdditionalItemsClosed
			if read != no {
				kind = ItemForbidden
			}
			p.reportAt(kind, place{r, keyword}, below, item, below, "the reader allows no item at place %d, the writer may write one", index)
			proven = false
		}
		if !proven && !loud {
			return false
		}
	}
	return proven
}

// containsRule compares how many items of a kind an array must and may have.
func (p *prover) containsRule(c *conj, r *jsonschema.Schema, f *frame, loud bool) bool {
	if r.Contains == nil || p.kinds(c)&tArray == 0 {
		return true
	}
	least := 1
	if r.MinContains != nil {
		least = *r.MinContains
	}
	if least > 0 && !p.holds(c, r.Contains, least) {
		if loud {
			p.report(ContainsNarrowed, place{r, "contains"}, c, f, "the reader asks for %d items or more of a kind that the writer may leave out", least)
		}
		return false
	}
	if r.MaxContains != nil && !p.holdsAtMost(c, r.Contains, *r.MaxContains) {
		if loud {
			p.report(ContainsNarrowed, place{r, "maxContains"}, c, f, "the reader takes at most %d items of a kind that the writer may write more of", *r.MaxContains)
		}
		return false
	}
	return true
}

func (p *prover) holds(c *conj, wanted *jsonschema.Schema, least int) bool {
	for _, s := range c.parts {
		if s.Contains == nil {
			continue
		}
		count := 1
		if s.MinContains != nil {
			count = *s.MinContains
		}
		if count >= least && p.contained(newConj(s.Contains), wanted) {
			return true
		}
	}
	found := 0
	for index := range min(p.itemSpan(c).min, longestPrefix(c.parts)+least) {
		if p.contained(p.item(c, index), wanted) {
			found++
		}
	}
	return found >= least
}

func (p *prover) holdsAtMost(c *conj, limited *jsonschema.Schema, most int) bool {
	if written := p.itemSpan(c); written.max >= 0 && written.max <= most {
		return true
	}
	return slices.ContainsFunc(c.parts, func(s *jsonschema.Schema) bool {
		return s.MaxContains != nil && *s.MaxContains <= most && s.Contains != nil && p.contained(newConj(limited), s.Contains)
	})
}
