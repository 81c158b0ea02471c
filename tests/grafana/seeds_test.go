package grafana

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/canvas"
	"github.com/grafana/grafana-foundation-sdk/go/gauge"
	"github.com/grafana/grafana-foundation-sdk/go/histogram"
	"github.com/grafana/grafana-foundation-sdk/go/logs"
	"github.com/grafana/grafana-foundation-sdk/go/nodegraph"
	"github.com/grafana/grafana-foundation-sdk/go/statushistory"
	"github.com/grafana/grafana-foundation-sdk/go/text"
	"github.com/stretchr/testify/require"
)

// seed is a mistake made on purpose, and the field that must be named.
type seed struct {
	uid    string // of the board; empty: the Overview
	kind   string // of the panel that is spoilt; empty: the board is
	source string // of it, when that matters
	field  string
	spoil  func(board, panel map[string]any)
}

func (s seed) board() string {
	if s.uid == "" {
		return "helios-overview"
	}
	return s.uid
}

func put(key string, value any) func(b, p map[string]any) {
	return func(b, p map[string]any) {
		if p == nil {
			p = b
		}
		p[key] = value
	}
}

func without(key string) func(b, p map[string]any) {
	return func(b, p map[string]any) {
		if p == nil {
			p = b
		}
		delete(p, key)
	}
}

// in goes down to an object, into the first of a list on the way.
func in(path []string, change func(o map[string]any)) func(b, p map[string]any) {
	return func(b, p map[string]any) {
		o := p
		if o == nil {
			o = b
		}
		for _, key := range path {
			if list := listOf(o, key); len(list) > 0 {
				o = list[len(list)-1]
			} else {
				o = objectOf(o, key)
			}
		}
		change(o)
	}
}

func set1(key string, value any) func(map[string]any) {
	return func(o map[string]any) { o[key] = value }
}
func unset(key string) func(map[string]any) { return func(o map[string]any) { delete(o, key) } }

var (
	defaults = []string{"fieldConfig", "defaults"}
	tile     = []string{"fieldConfig", "defaults", "links"}
	custom   = []string{"fieldConfig", "defaults", "custom"}
	steps    = []string{"fieldConfig", "defaults", "thresholds", "steps"}
	options  = []string{"options"}
	target   = []string{"targets"}
	grid     = []string{"gridPos"}
	variable = []string{"templating", "list"}
)

var seeds = map[string]seed{
	// Of the board.
	"no title of the board":                  {field: "title", spoil: without("title")},
	"no uid":                                 {field: "uid", spoil: without("uid")},
	"no description of the board":            {field: "description", spoil: without("description")},
	"a misspelt field of the board":          {field: "refesh", spoil: put("refesh", "5s")},
	"tags that are text":                     {field: "tags", spoil: put("tags", "helios")},
	"an old schemaVersion":                   {field: "schemaVersion", spoil: put("schemaVersion", 16)},
	"no schemaVersion":                       {field: "schemaVersion", spoil: without("schemaVersion")},
	"a board that anyone edits":              {field: "editable", spoil: put("editable", true)},
	"a refresh that is no interval":          {field: "refresh", spoil: put("refresh", "fast")},
	"two boards of one uid":                  {field: "uid", spoil: put("uid", "helios-slo")},
	"two boards of one title":                {field: "title", spoil: put("title", "Helios SLO")},
	"no variable of the data source":         {field: "templating.list", spoil: put("templating", map[string]any{"list": []any{}})},
	"an unknown kind of variable":            {field: "templating.list", spoil: in(variable, set1("type", "source"))},
	"a variable that is not read again":      {uid: "helios-pipelines", field: "refresh", spoil: in(variable, set1("refresh", 1))},
	"a variable over an unknown metric":      {uid: "helios-pipelines", field: "query", spoil: in(variable, set1("query", "label_values(gone, stream)"))},
	"a variable whose All is each of them":   {uid: "helios-pipelines", field: "allValue", spoil: in(variable, unset("allValue"))},
	"a link of the board that leads nowhere": {field: "links.0", spoil: in([]string{"links"}, func(l map[string]any) { l["type"], l["url"] = "link", "/d/gone" })},

	// Of the place.
	"a panel without place":    {kind: "stat", field: "gridPos", spoil: without("gridPos")},
	"a panel beyond the grid":  {kind: "stat", field: "gridPos", spoil: in(grid, set1("x", 22))},
	"a panel wider than it":    {kind: "stat", field: "gridPos", spoil: in(grid, set1("w", 25))},
	"a negative span":          {kind: "stat", field: "gridPos", spoil: in(grid, set1("w", -4))},
	"a panel without height":   {kind: "stat", field: "gridPos", spoil: in(grid, set1("h", 0))},
	"panels that overlap":      {kind: "timeseries", field: "gridPos", spoil: in(grid, set1("y", 0))},
	"two panels of one number": {kind: "timeseries", field: "id", spoil: put("id", json.Number("2"))},

	// Of the panel.
	"no title":                         {kind: "stat", field: "title", spoil: without("title")},
	"no description":                   {kind: "stat", field: "description", spoil: without("description")},
	"an unknown kind of panel":         {kind: "stat", field: "type", spoil: put("type", "stats")},
	"a misspelt field of a panel":      {kind: "stat", field: "titel", spoil: put("titel", "x")},
	"no link":                          {kind: "stat", field: "links", spoil: in(defaults, set1("links", []any{}))},
	"no link in a headline":            {kind: "timeseries", field: "links", spoil: put("links", []any{})},
	"a link without title":             {kind: "stat", field: "links", spoil: in(tile, unset("title"))},
	"a link to a board that is gone":   {kind: "stat", field: "links.0.url", spoil: in(tile, set1("url", "/d/helios-gone"))},
	"an unknown variable in a link":    {kind: "stat", field: "links.0.url", spoil: in(tile, set1("url", "/d/helios-slo?var-x=${clod}"))},
	"a transformation that is none":    {uid: "helios-reconciliation", kind: "table", field: "transformations", spoil: put("transformations", []any{map[string]any{"id": "groupToMatrix", "options": map[string]any{}}})},
	"a transformation without id":      {uid: "helios-reconciliation", kind: "table", field: "transformations", spoil: put("transformations", []any{map[string]any{"options": map[string]any{}}})},
	"targets that are an object":       {kind: "stat", field: "targets", spoil: put("targets", map[string]any{})},
	"two queries of one refId":         {uid: "helios-slo", kind: "timeseries", field: "refId", spoil: in(target, set1("refId", "A"))},
	"a query without legend":           {kind: "timeseries", field: "legendFormat", spoil: in(target, set1("legendFormat", ""))},
	"a legend by a label that is not":  {kind: "timeseries", field: "legendFormat", spoil: in(target, set1("legendFormat", "{{cloud}}"))},
	"a misspelt field of a query":      {kind: "timeseries", field: "instnat", spoil: in(target, set1("instnat", true))},
	"a format that Prometheus has not": {kind: "timeseries", field: "format", spoil: in(target, set1("format", "timeseries"))},
	"a data source by its number":      {kind: "timeseries", field: "datasource", spoil: in([]string{"targets", "datasource"}, set1("uid", "P1809F7CD0C75ACF3"))},
	"an unknown data source variable":  {kind: "timeseries", field: "datasource", spoil: in([]string{"datasource"}, set1("uid", "${metrics}"))},
	"an unknown variable in PromQL":    {kind: "timeseries", field: "expr", spoil: in(target, set1("expr", `sum(rate(helios_reconcile_verdicts_total{stream=~"$strem"}[$__rate_interval]))`))},
	"an unknown metric":                {kind: "timeseries", field: "expr", spoil: in(target, set1("expr", `sum(rate(helios_reconcile_verdict_total[$__rate_interval]))`))},
	"an unknown label":                 {kind: "timeseries", field: "expr", spoil: in(target, set1("expr", `sum by (cloud) (rate(helios_reconcile_verdicts_total[$__rate_interval]))`))},
	"a rate over a fixed window":       {kind: "timeseries", field: "expr", spoil: in(target, set1("expr", `sum(rate(helios_reconcile_verdicts_total[5m]))`))},
	"a bracket that does not close":    {kind: "timeseries", field: "expr", spoil: in(target, set1("expr", `sum(rate(helios_reconcile_verdicts_total[$__rate_interval])`))},
	"a quote that does not close":      {kind: "timeseries", field: "expr", spoil: in(target, set1("expr", `sum(helios_reconcile_verdicts_total{verdict_status="matched})`))},
	"a variable bare in SQL":           {uid: "helios-fact", kind: "table", field: "rawSql", spoil: in(target, set1("rawSql", `SELECT 1 FROM helios_verdicts WHERE id = '$fact'`))},
	"an unknown variable in SQL":       {uid: "helios-fact", kind: "table", field: "rawSql", spoil: in(target, set1("rawSql", `SELECT ${factt:sqlstring}`))},
	"a channel of somebody else":       {uid: "helios-live", kind: "table", source: "datasource", field: "channel", spoil: in(target, set1("channel", "stream/other/x"))},

	// Of the values.
	"no unit":                    {kind: "stat", field: "unit", spoil: in(defaults, unset("unit"))},
	"a unit that is none":        {kind: "stat", field: "unit", spoil: in(defaults, set1("unit", "percentunits"))},
	"a unit that is a number":    {kind: "stat", field: "unit", spoil: in(defaults, set1("unit", 1))},
	"a misspelt default":         {kind: "stat", field: "treshold", spoil: in(defaults, set1("treshold", 1))},
	"thresholds out of order":    {kind: "stat", field: "thresholds", spoil: in(steps, set1("value", json.Number("-5")))},
	"a threshold without colour": {kind: "stat", field: "thresholds", spoil: in(steps, unset("color"))},
	"a threshold of no colour":   {kind: "stat", field: "thresholds", spoil: in(steps, set1("color", "greenish"))},
	"a green base": {kind: "stat", field: "thresholds.steps.0", spoil: func(_, p map[string]any) {
		listOf(objectOf(objectOf(objectOf(p, "fieldConfig"), "defaults"), "thresholds"), "steps")[0]["color"] = "#009E73"
	}},
	"a threshold that is text":         {kind: "stat", field: "thresholds", spoil: in(steps, set1("value", "high"))},
	"an unknown mode of thresholds":    {kind: "stat", field: "thresholds", spoil: in([]string{"fieldConfig", "defaults", "thresholds"}, set1("mode", "relative"))},
	"an unknown mode of colours":       {kind: "stat", field: "color", spoil: in([]string{"fieldConfig", "defaults", "color"}, set1("mode", "rainbow"))},
	"a mapping of an unknown type":     {kind: "stat", field: "mappings", spoil: in([]string{"fieldConfig", "defaults", "mappings"}, set1("type", "values"))},
	"a mapping with another's options": {kind: "stat", field: "mappings", spoil: in([]string{"fieldConfig", "defaults", "mappings"}, func(m map[string]any) { m["type"], m["options"] = "range", map[string]any{"pattern": "x"} })},
	"no mapping of null":               {kind: "stat", field: "mappings", spoil: in(defaults, set1("mappings", []any{}))},
	"an override without matcher":      {kind: "timeseries", field: "overrides", spoil: in([]string{"fieldConfig"}, set1("overrides", []any{map[string]any{"properties": []any{}}}))},
	"an override of no property":       {kind: "timeseries", field: "overrides", spoil: in([]string{"fieldConfig", "overrides", "properties"}, set1("id", "colour"))},
	"an override of no own setting":    {kind: "timeseries", field: "overrides", spoil: in([]string{"fieldConfig", "overrides", "properties"}, func(p map[string]any) { p["id"], p["value"] = "custom.linewidth", 2 })},

	// Of each kind of panel: misspelt, of the wrong type, or none of the values.
	"stat: an unknown colour mode":        {kind: "stat", field: "options.colorMode", spoil: in(options, set1("colorMode", "backgrounds"))},
	"stat: a misspelt option":             {kind: "stat", field: "graphmode", spoil: in(options, set1("graphmode", "none"))},
	"stat: a reducer that is none":        {kind: "stat", field: "reduceOptions", spoil: in([]string{"options", "reduceOptions"}, set1("calcs", []any{"lastNotNul"}))},
	"stat: calcs that are text":           {kind: "stat", field: "reduceOptions", spoil: in([]string{"options", "reduceOptions"}, set1("calcs", "last"))},
	"stat: settings that it has not":      {kind: "stat", field: "custom", spoil: in(defaults, set1("custom", map[string]any{"lineWidth": 2}))},
	"timeseries: no legend":               {kind: "timeseries", field: "showLegend", spoil: in([]string{"options", "legend"}, set1("showLegend", false))},
	"timeseries: a legend nowhere":        {kind: "timeseries", field: "placement", spoil: in([]string{"options", "legend"}, set1("placement", "below"))},
	"timeseries: a misspelt setting":      {kind: "timeseries", field: "linewidth", spoil: in(custom, set1("linewidth", 2))},
	"timeseries: a setting of wrong type": {kind: "timeseries", field: "lineWidth", spoil: in(custom, set1("lineWidth", "thick"))},
	"timeseries: an unknown style":        {kind: "timeseries", field: "drawStyle", spoil: in(custom, set1("drawStyle", "lines"))},
	"timeseries: an unknown stacking":     {kind: "timeseries", field: "stacking", spoil: in([]string{"fieldConfig", "defaults", "custom", "stacking"}, set1("mode", "stacked"))},
	"bargauge: an unknown display":        {kind: "bargauge", field: "displayMode", spoil: in(options, set1("displayMode", "bars"))},
	"bargauge: an orientation":            {kind: "bargauge", field: "orientation", spoil: in(options, set1("orientation", "sideways"))},
	"piechart: an unknown kind of pie":    {uid: "helios-reconciliation", kind: "piechart", field: "pieType", spoil: in(options, set1("pieType", "cake"))},
	"piechart: no legend":                 {uid: "helios-reconciliation", kind: "piechart", field: "showLegend", spoil: in([]string{"options", "legend"}, set1("showLegend", false))},
	"heatmap: a misspelt option":          {uid: "helios-reconciliation", kind: "heatmap", field: "cellgap", spoil: in(options, set1("cellgap", 1))},
	"heatmap: an unknown colour mode":     {uid: "helios-reconciliation", kind: "heatmap", field: "color", spoil: in([]string{"options", "color"}, set1("mode", "palette"))},
	"table: an unknown kind of cell":      {uid: "helios-reconciliation", kind: "table", field: "cellOptions", spoil: in([]string{"fieldConfig", "defaults", "custom", "cellOptions"}, set1("type", "coloured"))},
	"table: an option of another cell":    {uid: "helios-reconciliation", kind: "table", field: "cellOptions", spoil: in([]string{"fieldConfig", "defaults", "custom", "cellOptions"}, set1("valueDisplayMode", "text"))},
	"table: a misspelt setting":           {uid: "helios-reconciliation", kind: "table", field: "filtreable", spoil: in(custom, set1("filtreable", true))},
	"table: a cell's link to a gone board": {uid: "helios-fact", kind: "table", field: "overrides", spoil: in([]string{"fieldConfig", "overrides", "properties"}, func(p map[string]any) {
		p["id"], p["value"] = "links", []any{map[string]any{"title": "x", "url": "/d/gone"}}
	})},
	"state-timeline: a row too high":     {kind: "state-timeline", field: "rowHeight", spoil: in(options, set1("rowHeight", 3))},
	"state-timeline: a misspelt setting": {kind: "state-timeline", field: "fillopacity", spoil: in(custom, set1("fillopacity", 80))},
}

func withoutEmpty(o map[string]any) {
	maps.DeleteFunc(o, func(_ string, v any) bool { return v == "" })
	for _, v := range o {
		if inner, ok := v.(map[string]any); ok {
			withoutEmpty(inner)
		}
	}
}

// Kinds of panels that no dashboard of ours has yet are checked as well.
func TestTheGateKnowsKindsThatWeDoNotUseYet(t *testing.T) {
	g := loadGate(t)
	for kind, options := range map[string]any{
		"gauge": gauge.NewOptions(), "status-history": statushistory.NewOptions(), "histogram": histogram.NewOptions(), "barchart": barchart.NewOptions(),
		"text": text.NewOptions(), "logs": logs.NewOptions(), "canvas": canvas.NewOptions(), "nodeGraph": nodegraph.NewOptions(),
	} {
		raw, err := json.Marshal(options)
		require.NoError(t, err)
		check := func(change func(options map[string]any)) []mistake {
			options := readBoard(t, raw)
			withoutEmpty(options) // what the SDK has no default for
			change(options)
			panel := map[string]any{"type": kind, "title": "P", "gridPos": map[string]any{"x": 0, "y": 0, "w": 4, "h": 4}, "options": options}
			var board map[string]any
			spoilt, err := json.Marshal(map[string]any{"title": "B", "uid": "b", "schemaVersion": schemaVersion, "panels": []any{panel}})
			require.NoError(t, err)
			board = readBoard(t, spoilt)
			var own []mistake
			for _, m := range g.check(board) {
				if m.panel == "P" {
					own = append(own, m)
				}
			}
			return own
		}
		require.Empty(t, check(func(map[string]any) {}), kind)
		require.NotEmpty(t, check(set1("mispelt", true)), kind)
		for key, value := range readBoard(t, raw) {
			if _, isText := value.(string); isText && key != "content" {
				require.NotEmpty(t, check(set1(key, "no such value")), "%s.%s", kind, key)
			}
			if value != nil {
				require.NotEmpty(t, check(set1(key, []any{map[string]any{"a": []any{}}})), "%s.%s", kind, key)
			}
		}
	}
}
