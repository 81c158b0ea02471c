package grafana

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// gate checks a dashboard against what Grafana publishes: the dashboard itself,
// the options and the own field settings of each kind of panel, the queries for
// Prometheus, and the list of units. In the published dashboard schema options
// and own settings may be anything, so that a misspelt one would pass.
type gate struct {
	board, query    *jsonschema.Schema
	options, custom map[string]*jsonschema.Schema // by kind of panel
	units           map[string]bool
}

// fileOf names the schema of a kind of panel.
func fileOf(plugin string) string { return strings.ToLower(strings.ReplaceAll(plugin, "-", "")) }

func loadGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{board: schema(t), options: map[string]*jsonschema.Schema{}, custom: map[string]*jsonschema.Schema{}, units: map[string]bool{}}
	for _, p := range plugins {
		name := p.(string)
		raw, err := os.ReadFile(filepath.Join(observability, "grafana-jsonschema/jsonschema", fileOf(name)+".jsonschema.json"))
		if os.IsNotExist(err) {
			continue // alertlist, traces: published without a schema
		}
		require.NoError(t, err)
		if g.options[name] = part(t, name, raw, "Options"); g.options[name] == nil {
			continue
		}
		g.custom[name] = part(t, name, raw, "FieldConfig")
	}
	raw, err := os.ReadFile(filepath.Join(observability, "grafana-jsonschema/jsonschema/prometheus.jsonschema.json"))
	require.NoError(t, err)
	g.query = part(t, "prometheus", raw, "Dataquery")
	raw, err = os.ReadFile(filepath.Join(observability, "grafana-jsonschema/jsonschema/units.jsonschema.json"))
	require.NoError(t, err)
	for _, d := range document(t, raw).(map[string]any)["definitions"].(map[string]any) {
		if unit, ok := d.(map[string]any)["const"].(string); ok {
			g.units[unit] = true
		}
	}
	return g
}

// part compiles one definition of a schema, or returns nil when there is none.
func part(t *testing.T, name string, raw []byte, definition string) *jsonschema.Schema {
	t.Helper()
	doc := document(t, raw).(map[string]any)
	c := calibration(doc)
	if _, ok := c["definitions"].(map[string]any)[definition]; !ok {
		return nil
	}
	// Grafana has a default for every option.
	lenient(doc)
	for _, old := range migrated {
		if old.plugin == name && old.definition == definition {
			for _, field := range old.fields {
				c.properties(old.within)[field] = map[string]any{}
			}
		}
	}
	doc["$ref"] = "#/definitions/" + definition
	compiler := jsonschema.NewCompiler()
	url := name + "/" + definition + ".json"
	require.NoError(t, compiler.AddResource(url, doc))
	compiled, err := compiler.Compile(url)
	require.NoError(t, err)
	return compiled
}

// lenient lifts every demand for a field, except for those that tell the variants
// of a type apart: the published schemas write the type of a table's cell as a
// default, so that each variant would take every type.
func lenient(node any) {
	switch n := node.(type) {
	case map[string]any:
		if properties, ok := n["properties"].(map[string]any); ok {
			if kind, ok := properties["type"].(map[string]any); ok && kind["allOf"] != nil && kind["default"] != nil {
				properties["type"] = map[string]any{"const": kind["default"]}
			}
			demanded, _ := n["required"].([]any)
			n["required"] = slices.DeleteFunc(slices.Clone(demanded), func(name any) bool {
				property, _ := properties[name.(string)].(map[string]any)
				return property["const"] == nil
			})
		}
		for _, child := range n {
			lenient(child)
		}
	case []any:
		for _, child := range n {
			lenient(child)
		}
	}
}

func (c calibration) properties(definition string) map[string]any {
	return c.definition(definition)["properties"].(map[string]any)
}

// migrated are fields that the schemas lack and Grafana still reads: those of
// older versions, which it migrates, and new ones that they have not caught up
// with. Each is in a dashboard that works, or named by our panels and seen to
// work.
var migrated = []struct {
	plugin, definition, within string
	fields                     []string
}{
	{"prometheus", "Dataquery", "Dataquery", []string{
		"disableTextWrap", "useBackend", "fullMetaSearch", "includeNullMetadata", // of the query builder
		"step", "metric", // of Grafana before 7
		"policy", "alias", "measurement", "dsType", "groupBy", "resultFormat", "select", "tags", // left behind by another data source
	}},
	{"table", "Options", "TableFooterOptions", []string{"fields"}},    // a list, or "" for all
	{"table", "FieldConfig", "TableFieldOptions", []string{"footer"}}, // of a column, since 12.2
	{"timeseries", "FieldConfig", "StackingConfig", []string{"group"}},
	{"logs", "Options", "Options", []string{"showLogAttributes"}},
	{"canvas", "Options", "CanvasElementOptions", []string{"links"}}, // of a shape, since 11.5
}

// mistake is one complaint, about a place in a dashboard.
type mistake struct{ board, panel, field, text string }

func (m mistake) String() string {
	where := m.board
	if m.panel != "" {
		where += fmt.Sprintf(", panel %q", m.panel)
	}
	return where + ", " + m.field + ": " + m.text
}

// check lists what is wrong with a dashboard by the schemas.
func (g *gate) check(board map[string]any) (all []mistake) {
	title := textOf(board, "title")
	all = found(g.board, board, mistake{board: title}, board)
	for _, p := range panelsOf(board) {
		at := mistake{board: title, panel: textOf(p, "title")}
		name := textOf(p, "type")
		if options, ok := p["options"]; ok && g.options[name] != nil {
			at.field = "options"
			all = append(all, found(g.options[name], set(options), at, nil)...)
		}
		config := objectOf(p, "fieldConfig")
		defaults := objectOf(config, "defaults")
		if unit, ok := defaults["unit"].(string); ok && !g.knownUnit(unit) {
			all = append(all, at.with("fieldConfig.defaults.unit", "%q is no unit of Grafana", unit))
		}
		if custom, ok := defaults["custom"]; ok {
			all = append(all, g.ownSettings(name, custom, at.at("fieldConfig.defaults.custom"))...)
		}
		for i, o := range listOf(config, "overrides") {
			all = append(all, g.override(name, o, at.at("fieldConfig.overrides."+strconv.Itoa(i)))...)
		}
		for i, target := range listOf(p, "targets") {
			if textOf(objectOf(target, "datasource"), "type") == "prometheus" {
				all = append(all, found(g.query, target, at.at("targets."+strconv.Itoa(i)), nil)...)
			}
		}
	}
	return all
}

func (g *gate) ownSettings(plugin string, custom any, at mistake) []mistake {
	switch {
	case g.options[plugin] == nil:
		return nil // without a schema
	case g.custom[plugin] == nil:
		if settings, _ := custom.(map[string]any); len(settings) > 0 {
			return []mistake{at.with(at.field, "a panel of the kind %s has no settings of its own", plugin)}
		}
		return nil
	}
	return found(g.custom[plugin], set(custom), at, nil)
}

// set leaves out what is null: for Grafana that is not set.
func set(value any) any {
	switch v := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, e := range v {
			if e != nil {
				kept[key] = set(e)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(v))
		for i, e := range v {
			kept[i] = set(e)
		}
		return kept
	}
	return value
}

// standard are the properties that an override may set in every kind of panel.
var standard = []string{"unit", "decimals", "displayName", "min", "max", "fieldMinMax", "color", "mappings", "thresholds", "links", "actions",
	"noValue", "description", "filterable", "displayNameFromDS"}

func (g *gate) override(plugin string, o map[string]any, at mistake) (all []mistake) {
	for i, p := range listOf(o, "properties") {
		here := at.at(at.field + ".properties." + strconv.Itoa(i))
		id := textOf(p, "id")
		name, own := strings.CutPrefix(id, "custom.")
		switch {
		case own:
			nested := p["value"]
			for _, key := range slices.Backward(strings.Split(name, ".")) {
				nested = map[string]any{key: nested}
			}
			all = append(all, g.ownSettings(plugin, nested, here)...)
		case !slices.Contains(standard, id):
			all = append(all, here.with(here.field+".id", "%q is no property of a field", id))
		case id == "unit":
			if unit, ok := p["value"].(string); !ok || !g.knownUnit(unit) {
				all = append(all, here.with(here.field+".value", "%v is no unit of Grafana", p["value"]))
			}
		}
	}
	return all
}

// knownUnit also takes what a person may write himself: suffix:, prefix:, and so
// on.
func (g *gate) knownUnit(unit string) bool {
	kind, rest, own := strings.Cut(unit, ":")
	return g.units[unit] || slices.Contains(unpublishedUnits, unit) ||
		own && rest != "" && slices.Contains([]string{"suffix", "prefix", "si", "time", "count", "currency", "bool"}, kind)
}

// unpublishedUnits are not in the list: none at all, and one that a dashboard
// that works has, since Grafana writes a unit that it does not know behind the
// value. Ours are all of the list: a misspelt one looks like this.
var unpublishedUnits = []string{"", "items/sec"}

func (m mistake) at(field string) mistake { m.field = field; return m }

func (m mistake) with(field, format string, args ...any) mistake {
	m.field, m.text = field, fmt.Sprintf(format, args...)
	return m
}

// found lists where a value breaks a schema. In a whole dashboard it names the
// panel by its title.
func found(s *jsonschema.Schema, value any, at mistake, board map[string]any) (all []mistake) {
	err := s.Validate(value)
	var broken *jsonschema.ValidationError
	if !errors.As(err, &broken) {
		if err != nil {
			all = append(all, at.with(at.field, "%v", err))
		}
		return all
	}
	printed := message.NewPrinter(language.English)
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) > 0 {
			for _, cause := range e.Causes {
				walk(cause)
			}
			return
		}
		here, path := at, e.InstanceLocation
		if board != nil && len(path) >= 2 && path[0] == "panels" {
			if i, err := strconv.Atoi(path[1]); err == nil {
				panel, _ := board["panels"].([]any)[i].(map[string]any)
				if here.panel = textOf(panel, "title"); here.panel == "" {
					here.panel = "number " + path[1]
				}
				path = path[2:]
			}
		}
		if extra, ok := e.ErrorKind.(*kind.AdditionalProperties); ok {
			path = append(slices.Clone(path), strings.Join(extra.Properties, " and "))
		}
		if lacking, ok := e.ErrorKind.(*kind.Required); ok {
			path = append(slices.Clone(path), strings.Join(lacking.Missing, " and "))
		}
		here.field = strings.Trim(at.field+"."+strings.Join(path, "."), ".")
		here.text = e.ErrorKind.LocalizedString(printed)
		all = append(all, here)
	}
	walk(broken)
	return all
}

func textOf(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}

func objectOf(m map[string]any, key string) map[string]any {
	o, _ := m[key].(map[string]any)
	return o
}

// listOf is the objects in a list.
func listOf(m map[string]any, key string) (all []map[string]any) {
	list, _ := m[key].([]any)
	for _, e := range list {
		if o, ok := e.(map[string]any); ok {
			all = append(all, o)
		}
	}
	return all
}

// panelsOf lists the panels of a dashboard, those in closed rows too.
func panelsOf(board map[string]any) (all []map[string]any) {
	for _, p := range listOf(board, "panels") {
		if textOf(p, "type") == "row" {
			all = append(all, listOf(p, "panels")...)
		} else {
			all = append(all, p)
		}
	}
	return all
}

func readBoard(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	board, ok := document(t, bytes.TrimSpace(raw)).(map[string]any)
	require.True(t, ok)
	return board
}
