package docsgen

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"
)

// lineWidth is where comments are wrapped, not counting their indentation.
const lineWidth = 76

// Annotate puts the description of every field of a Helios component in a
// config into a comment above it.
func Annotate(env *service.Environment, config []byte) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(config, &root); err != nil {
		return nil, fmt.Errorf("reading the config to annotate: %w", err)
	}
	a := &annotator{fields: map[string]map[string]service.TemplateDataPluginField{}}
	for _, c := range Components(env) {
		data, err := c.View.TemplateData()
		if err != nil {
			return nil, fmt.Errorf("reading the specification of %s %s: %w", c.Kind, c.Name, err)
		}
		fields := map[string]service.TemplateDataPluginField{}
		for _, f := range data.Fields {
			fields[f.FullName] = f
		}
		a.fields[c.Kind+"/"+c.Name] = fields
	}
	if len(root.Content) == 1 {
		a.walk(root.Content[0], "")
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&root); err != nil {
		return nil, fmt.Errorf("writing the annotated config: %w", err)
	}
	return out.Bytes(), nil
}

type annotator struct {
	fields map[string]map[string]service.TemplateDataPluginField // by kind/name, by full name
}

// kinds of components by the top-level field of a config that they stand in.
var kindOf = map[string]string{"input": "input", "buffer": "buffer", "pipeline": "processor", "output": "output"}

// walk looks for components. The kind is that of the top-level field.
func (a *annotator) walk(n *yaml.Node, kind string) {
	if n.Kind != yaml.MappingNode {
		for _, item := range n.Content {
			a.walk(item, kind)
		}
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value, within := n.Content[i], n.Content[i+1], kind
		if within == "" {
			within = kindOf[key.Value]
		}
		if fields, ours := a.fields[within+"/"+key.Value]; ours {
			annotateFields(value, fields, "")
			continue
		}
		a.walk(value, within)
	}
}

func annotateFields(n *yaml.Node, fields map[string]service.TemplateDataPluginField, path string) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := path + key.Value
		field, known := fields[name]
		if !known {
			continue
		}
		key.HeadComment = wrap(strings.Join([]string{field.Description, itemsOf(fields, name)}, "\n"))
		annotateFields(value, fields, name+".")
	}
}

// itemsOf lists the fields of a list's items, which an empty list can't show.
func itemsOf(fields map[string]service.TemplateDataPluginField, list string) string {
	var lines []string
	for name, f := range fields {
		item, ok := strings.CutPrefix(name, list+"[].")
		if !ok {
			continue
		}
		line := "  " + item + ": " + f.Description
		if f.DefaultMarshalled != "" {
			line += " Default: " + f.DefaultMarshalled
		}
		lines = append(lines, line)
	}
	return strings.Join(slices.Sorted(slices.Values(lines)), "\n")
}

// wrap breaks lines between words. The lines of a broken one are indented like
// its first.
func wrap(text string) string {
	var out []string
	for _, paragraph := range strings.Split(strings.TrimSpace(text), "\n") {
		indent := paragraph[:len(paragraph)-len(strings.TrimLeft(paragraph, " "))]
		line := indent
		for _, word := range strings.Fields(paragraph) {
			if line != indent && len(line)+1+len(word) > lineWidth {
				out = append(out, line)
				line = indent + "  "
				if indent == "" {
					line = ""
				}
			}
			if strings.TrimSpace(line) != "" {
				line += " "
			}
			line += word
		}
		if line = strings.TrimRight(line, " "); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
