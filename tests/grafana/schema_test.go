package grafana

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// observability holds Grafana's schemas and dashboards that are known to work.
// It is read in place.
const observability = "../../../shared/data/observability"

// calibration is where the published schema is stricter than Grafana: each
// change was needed by a dashboard that works.
type calibration map[string]any

func (c calibration) definition(name string) map[string]any {
	return c["definitions"].(map[string]any)[name].(map[string]any)
}

// optional lifts the demand for fields that Grafana has defaults for.
func (c calibration) optional(name string, fields ...string) {
	var left []any
	for _, f := range c.definition(name)["required"].([]any) {
		if !slices.Contains(fields, f.(string)) {
			left = append(left, f)
		}
	}
	c.definition(name)["required"] = left
}

// anything lifts the type of fields that the schema wants to be objects, and of
// fields of old versions that Grafana migrates or ignores.
func (c calibration) anything(name string, fields ...string) {
	for _, f := range fields {
		c.definition(name)["properties"].(map[string]any)[f] = map[string]any{}
	}
}

func (c calibration) nullable(name string, fields ...string) {
	properties := c.definition(name)["properties"].(map[string]any)
	for _, f := range fields {
		properties[f] = map[string]any{"anyOf": []any{properties[f], map[string]any{"type": "null"}}}
	}
}

// plugins are the panels that Grafana 12 carries.
var plugins = []any{"alertlist", "annolist", "barchart", "bargauge", "candlestick", "canvas", "dashlist", "datagrid", "gauge",
	"geomap", "heatmap", "histogram", "logs", "news", "nodeGraph", "piechart", "stat", "state-timeline", "status-history",
	"table", "text", "timeseries", "traces", "trend", "xychart"}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(observability, "grafana-jsonschema/jsonschema/dashboard.jsonschema.json"))
	if os.IsNotExist(err) {
		t.Skipf("Grafana's schemas are not there: %s", observability)
	}
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	c := calibration(doc.(map[string]any))
	c.anything("MatcherConfig", "options")
	c.anything("DynamicConfigValue", "value")
	c.anything("VariableModel", "query", "tags", "tagsQuery", "tagValuesQuery", "useTags")
	c.anything("Dashboard", "__inputs", "__elements", "__requires", "rows", "style", "hideControls")
	c.anything("AnnotationQuery", "$$hashKey")
	c.anything("TimePickerConfig", "time_options")
	c.nullable("VariableModel", "allValue")
	c.nullable("Dashboard", "gnetId")
	c.nullable("Panel", "timeFrom", "timeShift")
	c.optional("FieldConfigSource", "overrides")
	c.optional("DashboardLink", "icon", "tooltip", "asDropdown", "includeVars", "keepTime", "targetBlank", "tags")
	c.optional("VariableOption", "text", "value")
	c.optional("Threshold", "value")
	// And where it is laxer.
	c.definition("Panel")["properties"].(map[string]any)["type"] = map[string]any{"enum": plugins}
	c.definition("Panel")["required"] = []any{"type", "gridPos"}
	c.definition("Dashboard")["required"] = append(c.definition("Dashboard")["required"].([]any), "title", "uid", "panels")
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("dashboard.json", doc))
	compiled, err := compiler.Compile("dashboard.json")
	require.NoError(t, err)
	return compiled
}

func document(t *testing.T, raw []byte) any {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	return doc
}

func TestDashboardsThatWorkPassTheSchema(t *testing.T) {
	gate := schema(t)
	var files []string
	for _, pattern := range []string{"*/src/grafana/provisioning/dashboards/demo/*.json", "rfmoz-grafana-dashboards/prometheus/*.json"} {
		found, err := filepath.Glob(filepath.Join(observability, pattern))
		require.NoError(t, err)
		files = append(files, found...)
	}
	require.Len(t, files, 13)
	var refused []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		if err := gate.Validate(document(t, raw)); err != nil {
			refused = append(refused, filepath.Base(file))
			t.Logf("%s: %v", filepath.Base(file), err)
		}
	}
	require.LessOrEqual(t, len(refused), 1, "%v", refused)
}

func TestOurDashboardsPassTheSchemaAndMistakesDoNot(t *testing.T) {
	gate := schema(t)
	for _, b := range boards(t) {
		raw, err := b.JSON()
		require.NoError(t, err)
		require.NoError(t, gate.Validate(document(t, raw)), b.Title)
		for name, spoil := range mistakes {
			var d map[string]any
			require.NoError(t, json.Unmarshal(raw, &d))
			for _, p := range d["panels"].([]any) {
				// A stat has no links in its headline.
				if panel := p.(map[string]any); panel["type"] != "row" && panel["type"] != "stat" {
					spoil(d, panel)
					break
				}
			}
			spoiled, err := json.Marshal(d)
			require.NoError(t, err)
			require.Error(t, gate.Validate(document(t, spoiled)), "%s: %s passes", b.Title, name)
		}
	}
}

func defaultsOf(panel map[string]any) map[string]any {
	return panel["fieldConfig"].(map[string]any)["defaults"].(map[string]any)
}

var mistakes = map[string]func(board, panel map[string]any){
	"a board without title":         func(b, _ map[string]any) { delete(b, "title") },
	"a board without uid":           func(b, _ map[string]any) { delete(b, "uid") },
	"a misspelt field of the board": func(b, _ map[string]any) { b["refesh"] = "5s" },
	"a title that is a number":      func(b, _ map[string]any) { b["title"] = 7 },
	"tags that are text":            func(b, _ map[string]any) { b["tags"] = "helios" },
	"no schemaVersion":              func(b, _ map[string]any) { delete(b, "schemaVersion") },
	"an unknown kind of panel":      func(_, p map[string]any) { p["type"] = "timeserie" },
	"a panel without place":         func(_, p map[string]any) { delete(p, "gridPos") },
	"a panel wider than the grid":   func(_, p map[string]any) { p["gridPos"].(map[string]any)["w"] = 25 },
	"a panel without height":        func(_, p map[string]any) { p["gridPos"].(map[string]any)["h"] = 0 },
	"a misspelt field of a panel":   func(_, p map[string]any) { p["titel"] = "x" },
	"targets that are an object":    func(_, p map[string]any) { p["targets"] = map[string]any{} },
	"a unit that is a number":       func(_, p map[string]any) { defaultsOf(p)["unit"] = 1 },
	"a misspelt default":            func(_, p map[string]any) { defaultsOf(p)["treshold"] = 1 },
	"a threshold without colour": func(_, p map[string]any) {
		delete(defaultsOf(p)["thresholds"].(map[string]any)["steps"].([]any)[0].(map[string]any), "color")
	},
	"an unknown mode of thresholds": func(_, p map[string]any) { defaultsOf(p)["thresholds"].(map[string]any)["mode"] = "relative" },
	"an unknown mode of colours":    func(_, p map[string]any) { defaultsOf(p)["color"].(map[string]any)["mode"] = "rainbow" },
	"an unknown kind of mapping":    func(_, p map[string]any) { defaultsOf(p)["mappings"].([]any)[0].(map[string]any)["type"] = "x" },
	"a link without title":          func(_, p map[string]any) { delete(p["links"].([]any)[0].(map[string]any), "title") },
	"an unknown kind of variable": func(b, _ map[string]any) {
		b["templating"].(map[string]any)["list"].([]any)[0].(map[string]any)["type"] = "source"
	},
	"an override without matcher": func(_, p map[string]any) {
		p["fieldConfig"].(map[string]any)["overrides"] = []any{map[string]any{"properties": []any{}}}
	},
	"a transformation without id": func(_, p map[string]any) { p["transformations"] = []any{map[string]any{"options": map[string]any{}}} },
}
