package grafana

import (
	"bytes"
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

func TestDashboardsThatWorkPassTheGate(t *testing.T) {
	g := loadGate(t)
	var files []string
	for _, pattern := range []string{"*/src/grafana/provisioning/dashboards/demo/*.json", "rfmoz-grafana-dashboards/prometheus/*.json"} {
		found, err := filepath.Glob(filepath.Join(observability, pattern))
		require.NoError(t, err)
		files = append(files, found...)
	}
	require.Len(t, files, 13)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		said := map[string]bool{}
		for _, m := range g.check(readBoard(t, raw)) {
			if text := m.field + ": " + m.text; !said[text] {
				said[text] = true
				t.Errorf("%s: %v", filepath.Base(file), m)
			}
		}
	}
}

func TestOurDashboardsPassTheGate(t *testing.T) {
	g := loadGate(t)
	for _, b := range boards(t) {
		raw, err := b.JSON()
		require.NoError(t, err)
		for _, m := range g.check(readBoard(t, raw)) {
			t.Error(m)
		}
	}
}
