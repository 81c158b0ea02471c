package infer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/helios-connect/helios/plugins/event"
)

// Report is what is proposed, type by type, sorted.
type Report struct {
	Contracts []Contract
	// Refused are the events that weren't learned from, over all types.
	Refused map[Reason]int
}

// Contract is the proposal for one type.
type Contract struct {
	Type string
	// Events are those learned from.
	Events int
	// Refused are those of the type that weren't.
	Refused map[Reason]int
	// Bounded: MaxNodes cut fields off, and which ones depends on the order of the
	// events.
	Bounded bool

	schema object
	notes  []string
}

// Report proposes contracts from what was learned so far; learning may go on.
func (in *Inferrer) Report() Report {
	r := Report{Refused: counted(in.refused)}
	for _, name := range slices.Sorted(maps.Keys(in.types)) {
		k := in.types[name]
		c := Contract{Type: name, Events: k.root.seen, Refused: counted(k.refused), Bounded: k.root.bounded()}
		p := proposer{Settings: in.set}
		if !k.manySrc {
			p.sources = make([]string, len(k.sources))
			for s, bit := range k.sources {
				p.sources[bit] = s
			}
		}
		c.schema = object{
			{name: "$schema", value: "https://json-schema.org/draft/2020-12/schema"},
			{name: "title", value: name},
		}
		c.schema = append(c.schema, p.schema(k.root, false)...)
		c.notes = notes(in.set, k, c)
		r.Contracts = append(r.Contracts, c)
	}
	return r
}

func counted(refused [reasons]int) map[Reason]int {
	m := map[Reason]int{}
	for r, n := range refused {
		if n > 0 {
			m[Reason(r)] = n
		}
	}
	return m
}

// notes stand at the head of a contract.
func notes(s Settings, k *kind, c Contract) []string {
	n := []string{
		fmt.Sprintf("Proposed for %s from %s. A person reviews and registers it.", quote(c.Type), plural(c.Events, "event")),
		fmt.Sprintf("Constraints need %s and a confidence of %v.", plural(s.MinEvents, "observation"), s.Confidence),
		"producers: " + some(slices.Collect(maps.Keys(k.sources)), k.manySrc),
		"tenants: " + some(slices.Collect(maps.Keys(k.tenants)), k.manyTen),
	}
	if c.Events < s.MinEvents {
		n = append(n, "WARNING: too few events for more than types.")
	}
	if c.Bounded {
		n = append(n, fmt.Sprintf("WARNING: more fields than %d places allow; which are left out depends on the order of the events.", MaxNodes))
	}
	for r := range reasons {
		if c.Refused[r] > 0 {
			n = append(n, fmt.Sprintf("WARNING: %s not learned from: %s.", plural(c.Refused[r], "event"), r))
		}
	}
	return n
}

// some lists the first few names in order.
func some(names []string, many bool) string {
	const shown = 5
	if many {
		return fmt.Sprintf("more than %d", MaxSources)
	}
	slices.Sort(names)
	list := make([]string, 0, shown)
	for _, name := range names[:min(len(names), shown)] {
		list = append(list, quote(name))
	}
	text := strings.Join(list, ", ")
	if len(names) > shown {
		text += fmt.Sprintf(" and %d more", len(names)-shown)
	}
	return text
}

// YAML is the contract with its evidence as comments.
func (c *Contract) YAML() ([]byte, error) {
	root := yamlNode(c.schema)
	doc := &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{root}, HeadComment: comment(c.notes)}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(doc); err != nil {
		return nil, fmt.Errorf("writing the contract of %q: %w", c.Type, err)
	}
	return b.Bytes(), nil
}

// YAML is every contract, one document each.
func (r *Report) YAML() ([]byte, error) {
	var out []byte
	for i := range r.Contracts {
		y, err := r.Contracts[i].YAML()
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, "---\n"...)
		}
		out = append(out, y...)
	}
	return out, nil
}

// JSONSchema is the contract without its evidence, indented.
func (c *Contract) JSONSchema() []byte {
	var b bytes.Buffer
	// What appendJSON writes is valid, which is all that Indent asks for.
	_ = json.Indent(&b, appendJSON(nil, c.schema), "", "  ")
	return append(b.Bytes(), '\n')
}

func appendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		dst = append(dst, '{')
		for i, m := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = event.AppendQuoted(dst, m.name)
			dst = appendJSON(append(dst, ':'), m.value)
		}
		return append(dst, '}')
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, e)
		}
		return append(dst, ']')
	case string:
		return event.AppendQuoted(dst, v)
	case json.Number:
		return append(dst, v...)
	case bool:
		return fmt.Append(dst, v)
	}
	return append(dst, "null"...)
}

func yamlNode(v any) *yaml.Node {
	switch v := v.(type) {
	case object:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		for _, m := range v {
			key := yamlNode(m.name)
			key.HeadComment = comment(m.notes)
			n.Content = append(n.Content, key, yamlNode(m.value))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, e := range v {
			n.Content = append(n.Content, yamlNode(e))
		}
		return n
	case string:
		n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v}
		if !plainYAML(v) {
			n.Style = yaml.DoubleQuotedStyle
		}
		return n
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: string(v)}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(v)}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}

// plainYAML tells whether text needs no thought about quotes; the encoder quotes
// what it would read back as something else.
func plainYAML(s string) bool {
	return s != "" && graphic([]byte(s)) && s != "<<"
}

func comment(notes []string) string {
	if len(notes) == 0 {
		return ""
	}
	return "# " + strings.Join(notes, "\n# ")
}
