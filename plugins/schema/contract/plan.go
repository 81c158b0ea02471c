package contract

import (
	"fmt"
	"math/big"
	"regexp"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/helios-connect/helios/plugins/event"
)

// kinds is a set of JSON types.
type kinds uint8

const (
	isNull kinds = 1 << iota
	isBoolean
	isInteger
	isFraction // a number that is no integer
	isString
	isArray
	isObject
	isAny = isNull | isBoolean | isInteger | isFraction | isString | isArray | isObject
)

// node is a subschema as check walks it. Rules that are absent accept.
type node struct {
	kinds   kinds
	enum    []literal // nil: any
	str     *stringRules
	num     *numberRules
	arr     *arrayRules
	obj     *objectRules
	all     []*node
	choices []choice
	when    *condition
}

// literal is a scalar that enum or const allows.
type literal struct {
	kind   kinds
	text   string // of a string; true or false
	number event.Decimal
}

type stringRules struct {
	min, max int // characters; max -1: none
	pattern  *regexp.Regexp
	format   *jsonschema.Format
}

type numberRules struct {
	bounds   []bound
	multiple *multiple
}

// bound refuses a number whose comparison with limit is in refuse.
type bound struct {
	limit  event.Decimal
	refuse [3]bool // less, equal, greater
}

// multiple is coefficient × 10^-scale.
type multiple struct {
	coefficient int64
	scale       int32
}

type arrayRules struct {
	min, max int // max -1: none
	prefix   []*node
	rest     *node // nil: any
	unique   bool
	contains *node
	least    int
	most     int // -1: none
}

type objectRules struct {
	min, max int // max -1: none
	names    nameTable
	values   []*node // of the names; nil: not described, only required
	required []uint64
	patterns []patternRule
	rest     *node // additional members; nil: any
}

type patternRule struct {
	name  *regexp.Regexp
	value *node
}

// choice is anyOf, oneOf or not: of the options at least and at most so many
// must accept.
type choice struct {
	options     []*node
	least, most int
}

type condition struct{ is, then, otherwise *node }

// errUnplanned names a keyword that the plan doesn't know.
type errUnplanned string

func (e errUnplanned) Error() string { return string(e) }

// planner turns the library's schemas into nodes.
type planner struct {
	nodes map[*jsonschema.Schema]*node
}

var (
	anything = &node{kinds: isAny}
	nothing  = &node{}
)

func (p *planner) node(s *jsonschema.Schema) (*node, error) {
	if s.Bool != nil {
		if *s.Bool {
			return anything, nil
		}
		return nothing, nil
	}
	if n, ok := p.nodes[s]; ok {
		return n, nil
	}
	n := &node{kinds: isAny}
	p.nodes[s] = n
	if err := unplanned(s); err != nil {
		return nil, err
	}
	if s.Ref != nil {
		to, err := p.node(s.Ref)
		if err != nil {
			return nil, err
		}
		n.all = append(n.all, to)
		if s.DraftVersion < 2019 { // what stands beside $ref is ignored there
			return n, nil
		}
	}
	if s.Types != nil && !s.Types.IsEmpty() {
		n.kinds = kindsOf(s.Types)
	}
	for _, add := range []func(*node, *jsonschema.Schema) error{p.literals, p.strings, p.numbers, p.arrays, p.objects, p.applied} {
		if err := add(n, s); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// unplanned looks for keywords that need what was evaluated elsewhere, or that
// are too rare to be worth it.
func unplanned(s *jsonschema.Schema) error {
	for _, k := range []struct {
		used bool
		name string
	}{
		{s.RecursiveRef != nil, "$recursiveRef"},
		{s.DynamicRef != nil, "$dynamicRef"},
		{s.UnevaluatedProperties != nil, "unevaluatedProperties"},
		{s.UnevaluatedItems != nil, "unevaluatedItems"},
		{len(s.Dependencies) > 0, "dependencies"},
		{len(s.DependentRequired) > 0, "dependentRequired"},
		{len(s.DependentSchemas) > 0, "dependentSchemas"},
		{s.PropertyNames != nil, "propertyNames"},
		{len(s.Extensions) > 0, "an extension"},
	} {
		if k.used {
			return errUnplanned(k.name)
		}
	}
	return nil
}

func kindsOf(t *jsonschema.Types) (k kinds) {
	for _, name := range t.ToStrings() {
		switch name {
		case "null":
			k |= isNull
		case "boolean":
			k |= isBoolean
		case "integer":
			k |= isInteger
		case "number":
			k |= isInteger | isFraction
		case "string":
			k |= isString
		case "array":
			k |= isArray
		case "object":
			k |= isObject
		}
	}
	return k
}

func (p *planner) literals(n *node, s *jsonschema.Schema) error {
	if s.Enum == nil && s.Const == nil {
		return nil
	}
	var lists [][]any
	if s.Enum != nil {
		lists = append(lists, s.Enum.Values)
	}
	if s.Const != nil {
		lists = append(lists, []any{*s.Const})
	}
	for i, list := range lists {
		allowed := make([]literal, 0, len(list))
		for _, v := range list {
			l, err := literalOf(v)
			if err != nil {
				return err
			}
			allowed = append(allowed, l)
		}
		if i == 0 {
			n.enum = allowed
		} else {
			n.all = append(n.all, &node{kinds: isAny, enum: allowed})
		}
	}
	return nil
}

func literalOf(v any) (literal, error) {
	switch v := v.(type) {
	case nil:
		return literal{kind: isNull}, nil
	case bool:
		return literal{kind: isBoolean, text: fmt.Sprint(v)}, nil
	case string:
		return literal{kind: isString, text: v}, nil
	case fmt.Stringer: // json.Number
		d, err := event.ParseDecimal([]byte(v.String()))
		if err != nil {
			return literal{}, errUnplanned("enum with a number that is too large")
		}
		return literal{kind: isInteger | isFraction, number: d}, nil
	default:
		return literal{}, errUnplanned("enum or const with objects or arrays")
	}
}

func (p *planner) strings(n *node, s *jsonschema.Schema) error {
	r := &stringRules{min: orElse(s.MinLength, 0), max: orElse(s.MaxLength, -1), format: s.Format}
	if s.Pattern != nil {
		re, ok := s.Pattern.(*regexp.Regexp)
		if !ok {
			return errUnplanned("pattern")
		}
		r.pattern = re
	}
	if r.min > 0 || r.max >= 0 || r.pattern != nil || r.format != nil {
		n.str = r
	}
	return nil
}

func (p *planner) numbers(n *node, s *jsonschema.Schema) error {
	r := &numberRules{}
	for _, b := range []struct {
		limit  *big.Rat
		refuse [3]bool
	}{
		{s.Minimum, [3]bool{true, false, false}},
		{s.ExclusiveMinimum, [3]bool{true, true, false}},
		{s.Maximum, [3]bool{false, false, true}},
		{s.ExclusiveMaximum, [3]bool{false, true, true}},
	} {
		if b.limit == nil {
			continue
		}
		limit, err := decimalOf(b.limit)
		if err != nil {
			return err
		}
		r.bounds = append(r.bounds, bound{limit: limit, refuse: b.refuse})
	}
	if s.MultipleOf != nil {
		m, err := multipleOf(s.MultipleOf)
		if err != nil {
			return err
		}
		r.multiple = m
	}
	if len(r.bounds) > 0 || r.multiple != nil {
		n.num = r
	}
	return nil
}

// decimalOf writes a number of a schema, which has an end in base ten, as what
// it is.
func decimalOf(r *big.Rat) (event.Decimal, error) {
	digits, exact := r.FloatPrec()
	if !exact {
		return event.Decimal{}, errUnplanned("a bound without an end in base ten")
	}
	d, err := event.ParseDecimal([]byte(r.FloatString(digits)))
	if err != nil {
		return d, errUnplanned("a bound that is too large")
	}
	return d, nil
}

func multipleOf(r *big.Rat) (*multiple, error) {
	digits, exact := r.FloatPrec()
	if exact && digits <= 15 {
		scaled := new(big.Rat).Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)))
		if scaled.IsInt() && scaled.Num().IsInt64() && scaled.Num().Sign() > 0 {
			return &multiple{coefficient: scaled.Num().Int64(), scale: int32(digits)}, nil
		}
	}
	return nil, errUnplanned("multipleOf")
}

// applied are the subschemas that look at the same value.
func (p *planner) applied(n *node, s *jsonschema.Schema) error {
	all, err := p.list(s.AllOf)
	if err != nil {
		return err
	}
	n.all = append(n.all, all...)
	for _, c := range []struct {
		list        []*jsonschema.Schema
		least, most int
	}{{s.AnyOf, 1, len(s.AnyOf)}, {s.OneOf, 1, 1}, {one(s.Not), 0, 0}} {
		if len(c.list) == 0 {
			continue
		}
		options, err := p.list(c.list)
		if err != nil {
			return err
		}
		n.choices = append(n.choices, choice{options: options, least: c.least, most: c.most})
	}
	if s.If == nil {
		return nil
	}
	parts := make([]*node, 3)
	for i, part := range []*jsonschema.Schema{s.If, s.Then, s.Else} {
		parts[i] = anything
		if part != nil {
			if parts[i], err = p.node(part); err != nil {
				return err
			}
		}
	}
	n.when = &condition{is: parts[0], then: parts[1], otherwise: parts[2]}
	return nil
}

func (p *planner) list(schemas []*jsonschema.Schema) (nodes []*node, err error) {
	for _, s := range schemas {
		n, err := p.node(s)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func one(s *jsonschema.Schema) []*jsonschema.Schema {
	if s == nil {
		return nil
	}
	return []*jsonschema.Schema{s}
}

func orElse(p *int, otherwise int) int {
	if p == nil {
		return otherwise
	}
	return *p
}
