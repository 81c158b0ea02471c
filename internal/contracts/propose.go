package contracts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/schema/contract"
	"github.com/helios-connect/helios/plugins/schema/registry"
)

// Proposal is a next version of a contract, with the mapping that turns payloads
// of the version before into payloads of it.
type Proposal struct {
	// Text of the next version, in which Mapping stands too.
	Text string
	// Mapping in Bloblang; empty when older payloads keep the next version as they
	// are.
	Mapping string
	// Steps say what was changed, one sentence each.
	Steps []string
	// Open says what a person has to decide.
	Open []string
}

// ErrNothingToMend: every sample keeps the contract.
var ErrNothingToMend = errors.New("every sample keeps the contract; there is nothing to mend")

// maxRounds is how often what is left after a change is looked at again: one
// breach may hide another.
const maxRounds = 8

// Propose changes a JSON Schema so that it accepts the payloads that break it,
// where the change is mechanical: a member was renamed or added, a type widened, a
// value or a range added. Each step is taken only when all samples that break the
// rule agree on it.
func Propose(text string, samples [][]byte) (*Proposal, error) {
	doc, err := decodeSchema(text)
	if err != nil {
		return nil, err
	}
	e := &evolution{doc: doc}
	delete(e.doc, registry.UpgradeKeyword)
	for range maxRounds {
		broken, err := e.broken(samples)
		if err != nil {
			return nil, err
		}
		if len(broken) == 0 {
			break
		}
		before := len(e.steps)
		for _, b := range broken {
			e.mend(b)
		}
		if len(e.steps) == before { // nothing more that is mechanical
			for _, b := range broken {
				e.open = append(e.open, fmt.Sprintf("%s (%s, %s)", b.example, b.rule, terminal.Count(len(b.samples), "sample", "samples")))
			}
			break
		}
	}
	if len(e.steps) == 0 && len(e.open) == 0 {
		return nil, ErrNothingToMend
	}
	p := &Proposal{Steps: e.steps, Open: e.open, Mapping: e.mapping()}
	if p.Mapping != "" {
		e.doc[registry.UpgradeKeyword] = p.Mapping
	}
	p.Text, err = encodeSchema(e.doc)
	return p, err
}

func decodeSchema(text string) (map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("the contract is no JSON Schema that is an object: %w", err)
	}
	return doc, nil
}

func encodeSchema(doc map[string]any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(doc)
	return b.String(), err
}

// breach is a rule that samples break at one place.
type breach struct {
	rule    string
	path    []string // tokens; * for an element
	example string
	samples []any // the values there
}

// evolution is a contract on its way to its next version.
type evolution struct {
	doc     map[string]any
	steps   []string
	open    []string
	renames []rename
	added   []addition
}

// addition of a member with a default (JSON) to the object at path.
type addition struct {
	path        []string
	name, value string
}

// rename of a member of the object at path.
type rename struct {
	path     []string
	old, new string
}

// broken judges the samples by the contract as it is now.
func (e *evolution) broken(samples [][]byte) ([]*breach, error) {
	text, err := encodeSchema(e.doc)
	if err != nil {
		return nil, err
	}
	c, err := contract.Compile("proposal", []byte(text), contract.Options{AssertFormat: true})
	if err != nil {
		return nil, err
	}
	var judge contract.Judge
	found := map[string]*breach{}
	for _, sample := range samples {
		var value any
		d := json.NewDecoder(bytes.NewReader(sample))
		d.UseNumber()
		if err := d.Decode(&value); err != nil {
			continue
		}
		for _, f := range judge.Failures(c, sample) {
			key := f.Rule + " " + elementless(f.Pointer)
			b := found[key]
			if b == nil {
				b = &breach{rule: f.Rule, path: tokensOf(elementless(f.Pointer)), example: f.Text}
				found[key] = b
			}
			b.samples = append(b.samples, at(value, tokensOf(f.Pointer)))
		}
	}
	list := slices.Collect(maps.Values(found))
	// What is absent first: its new name explains a member that isn't known.
	slices.SortFunc(list, func(a, b *breach) int {
		return cmp.Or(
			strings.Compare(strings.Join(a.path, "/"), strings.Join(b.path, "/")),
			compareBool(b.rule == "required", a.rule == "required"),
			strings.Compare(a.rule, b.rule),
		)
	})
	return list, nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func tokensOf(pointer string) []string {
	if pointer == "" {
		return nil
	}
	tokens := strings.Split(pointer[1:], "/")
	for i, t := range tokens {
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(t)
	}
	return tokens
}

func at(value any, path []string) any {
	for _, token := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// schemaAt finds the subschema for a place, as far as it stands in properties and
// items of the contract itself.
func (e *evolution) schemaAt(path []string) map[string]any {
	s := e.doc
	for _, token := range path {
		var next any
		if token == "*" {
			next = s["items"]
		} else if properties, ok := s["properties"].(map[string]any); ok {
			next = properties[token]
		}
		m, ok := next.(map[string]any)
		if !ok {
			return nil
		}
		s = m
	}
	return s
}

func (e *evolution) mend(b *breach) {
	s := e.schemaAt(b.path)
	if s == nil {
		return
	}
	switch b.rule {
	case "required":
		e.mendRequired(s, b)
	case "additionalProperties":
		e.addMembers(s, b)
	case "type":
		e.widenType(s, b)
	case "enum", "const":
		e.addValues(s, b)
	case "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems":
		e.relax(s, b)
	}
}

func (e *evolution) step(format string, args ...any) {
	e.steps = append(e.steps, fmt.Sprintf(format, args...))
}

func placeOf(path []string) string {
	if len(path) == 0 {
		return "the payload"
	}
	return "/" + strings.Join(path, "/")
}
