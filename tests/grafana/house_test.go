package grafana

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/grafana/panels"
)

// house keeps the rules that no schema can say: those of Grafana's
// dashboard-linter, and what a dashboard of Helios must have.
//
// Of the linter's rules these are not ours: a template for job and instance, and
// a matcher for both in every query, which its documentation itself excepts where
// a dashboard has more than one kind of data source; Helios is told apart by
// stream and participant. And what is about Loki, which no dashboard asks.
type house struct {
	uids  map[string]bool     // of all dashboards
	known map[string][]string // metrics with their labels
}

func newHouse(t testing.TB) house {
	h := house{uids: map[string]bool{}, known: knownMetrics()}
	for _, b := range boards(t) {
		h.uids[b.UID] = true
	}
	return h
}

// schemaVersion is that of Grafana 12.4; a lower one is migrated on each load.
const schemaVersion = 41

// check lists which rules a dashboard breaks.
func (h house) check(board map[string]any) []mistake {
	c := &checking{house: h, board: board, at: mistake{board: textOf(board, "title")}, ids: map[string]string{}}
	c.boardRules()
	for _, p := range listOf(board, "panels") {
		c.at.panel = textOf(p, "title")
		c.place(p)
		if textOf(p, "type") != "row" {
			c.panelRules(p)
			c.targetRules(p)
			c.fieldRules(p)
		}
	}
	return c.all
}

// checkSet lists what two dashboards have in common and must not.
func checkSet(all []map[string]any) (found []mistake) {
	seen := map[string]string{}
	for _, b := range all {
		for _, field := range []string{"uid", "title"} {
			name := field + " " + strings.ToLower(textOf(b, field))
			if other, ok := seen[name]; ok {
				found = append(found, mistake{board: textOf(b, "title"), field: field, text: fmt.Sprintf("%q is that of %q too", textOf(b, field), other)})
			}
			seen[name] = textOf(b, "title")
		}
	}
	return found
}

type checking struct {
	house
	board map[string]any
	at    mistake
	all   []mistake

	ids   map[string]string
	taken [][4]float64
}

func (c *checking) must(ok bool, field, format string, args ...any) {
	if !ok {
		c.all = append(c.all, c.at.with(field, format, args...))
	}
}

func (c *checking) boardRules() {
	for _, field := range []string{"title", "uid", "description"} {
		c.must(textOf(c.board, field) != "", field, "is absent or empty")
	}
	c.must(len(textOf(c.board, "uid")) <= 40, "uid", "has more than 40 characters")
	c.must(number(c.board["schemaVersion"]) == schemaVersion, "schemaVersion", "is %v; Grafana 12.4 writes %d", c.board["schemaVersion"], schemaVersion)
	c.must(c.board["editable"] == false, "editable", "must be false: the files are the truth")
	c.must(regexp.MustCompile(`^\d+[smhd]$`).MatchString(textOf(c.board, "refresh")), "refresh", "%q is no interval such as 10s", textOf(c.board, "refresh"))
	for i, l := range listOf(c.board, "links") {
		c.link(l, "links."+strconv.Itoa(i))
	}
	for i, v := range listOf(objectOf(c.board, "templating"), "list") {
		c.variable(v, "templating.list."+strconv.Itoa(i))
	}
	seen := map[string]bool{}
	for name := range c.variables() {
		seen[name] = true
	}
	c.must(seen["prometheus"] && seen["postgresql"], "templating.list", "the data sources prometheus and postgresql must be variables")
}

// variables are those of the board, by name.
func (c *checking) variables() map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, v := range listOf(objectOf(c.board, "templating"), "list") {
		all[textOf(v, "name")] = v
	}
	return all
}

var labelValues = regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`)

func (c *checking) variable(v map[string]any, field string) {
	c.must(textOf(v, "label") != "", field+".label", "is absent")
	if textOf(v, "type") != "query" {
		return
	}
	c.must(number(v["refresh"]) == 2, field+".refresh", "must be 2: read again when the time range changes")
	c.must(textOf(v, "allValue") == ".*" || v["includeAll"] != true, field+".allValue", "must be .*: else All is every value, one by one, and a hostile one breaks every query")
	c.must(textOf(objectOf(v, "datasource"), "uid") == "${prometheus}", field+".datasource", "must be ${prometheus}")
	m := labelValues.FindStringSubmatch(textOf(v, "query"))
	if m == nil {
		c.must(false, field+".query", "%q is not label_values(metric, label)", textOf(v, "query"))
		return
	}
	c.must(slices.Contains(c.known[m[1]], m[2]), field+".query", "%s is no metric with the label %s", m[1], m[2])
}

// place checks a panel's number and where it stands.
func (c *checking) place(p map[string]any) {
	id := fmt.Sprint(p["id"])
	c.must(number(p["id"]) > 0, "id", "is %v", p["id"])
	c.must(c.ids[id] == "", "id", "%s is that of %q too", id, c.ids[id])
	c.ids[id] = c.at.panel
	if c.at.panel == "" {
		c.ids[id] = "a panel without title"
	}
	at := objectOf(p, "gridPos")
	x, y, w, h := number(at["x"]), number(at["y"]), number(at["w"]), number(at["h"])
	c.must(x >= 0 && y >= 0 && w > 0 && h > 0 && x+w <= 24, "gridPos", "x %v, y %v, w %v, h %v is outside the 24 columns", x, y, w, h)
	for _, o := range c.taken {
		c.must(x >= o[0]+o[2] || o[0] >= x+w || y >= o[1]+o[3] || o[1] >= y+h, "gridPos", "x %v, y %v, w %v, h %v covers another panel", x, y, w, h)
	}
	c.taken = append(c.taken, [4]float64{x, y, w, h})
}

// reducers and transformers are those of Grafana 12.4.
var (
	reducers = strings.Fields("sum max min logmin mean variance stdDev last median first count countAll range diff diffperc delta step " +
		"firstNotNull lastNotNull changeCount distinctCount allIsZero allIsNull allValues uniqueValues")
	transformers = strings.Fields("reduce organize renameByRegex calculateField joinByField joinByLabels merge concatenate labelsToFields " +
		"filterFieldsByName filterByRefId filterByValue groupBy groupToNestedTable groupingToMatrix sortBy histogram configFromData rowsToFields " +
		"prepareTimeSeries convertFieldType fieldLookup heatmap spatial extractFields limit partitionByValues timeSeriesTable transpose formatTime formatString regression smoothing")
)

// legends are where a panel's legend must be shown: without it the colours say
// nothing.
var legends = []string{"timeseries", "piechart", "barchart"}

func (c *checking) panelRules(p map[string]any) {
	title, kind := textOf(p, "title"), textOf(p, "type")
	c.must(title != "" && len(title) <= 60, "title", "is empty or has more than 60 characters")
	c.must(len(textOf(p, "description")) >= 40, "description", "is absent, or too short to say what red means")
	options := objectOf(p, "options")
	if legend := objectOf(options, "legend"); slices.Contains(legends, kind) {
		c.must(legend["showLegend"] == true, "options.legend.showLegend", "must be true")
		c.reducers(legend, "options.legend.calcs")
	}
	c.reducers(objectOf(options, "reduceOptions"), "options.reduceOptions.calcs")
	custom := objectOf(objectOf(objectOf(p, "fieldConfig"), "defaults"), "custom")
	c.must(custom["drawStyle"] != "bars" || number(custom["barAlignment"]) == 1, "fieldConfig.defaults.custom.barAlignment", "a column must begin where what it counts begins")
	if kind == "stat" && number(objectOf(p, "gridPos")["w"]) < 6 {
		c.must(textOf(options, "textMode") == "value_and_name", "options.textMode", "a narrow tile must write its name: its headline is cut on a laptop")
	}
	for i, tr := range listOf(p, "transformations") {
		c.must(slices.Contains(transformers, textOf(tr, "id")), fmt.Sprintf("transformations.%d.id", i), "%q is no transformation", textOf(tr, "id"))
	}
	// A tile is its own link; the others have one in their headline.
	links, field := listOf(p, "links"), "links"
	if kind == "stat" {
		links, field = listOf(objectOf(objectOf(p, "fieldConfig"), "defaults"), "links"), "fieldConfig.defaults.links"
	}
	c.must(len(links) > 0, field, "it leads nowhere")
	for i, l := range links {
		c.link(l, field+"."+strconv.Itoa(i))
	}
	c.variablesIn(title+textOf(p, "description"), "title")
}

func (c *checking) reducers(o map[string]any, field string) {
	calcs, _ := o["calcs"].([]any)
	for _, calc := range calcs {
		name, _ := calc.(string)
		percentile := regexp.MustCompile(`^p[1-9]\d?$`).MatchString(name)
		c.must(percentile || slices.Contains(reducers, name), field, "%q is no reducer", name)
	}
}

var inner = regexp.MustCompile(`^/d/([\w-]+)`)

func (c *checking) link(l map[string]any, field string) {
	c.must(textOf(l, "title") != "", field+".title", "is empty")
	if textOf(l, "type") == "dashboards" {
		c.must(l["keepTime"] == true && l["includeVars"] == true, field, "it loses the time range or the data sources")
		return
	}
	url := textOf(l, "url")
	if m := inner.FindStringSubmatch(url); m != nil {
		c.must(c.uids[m[1]], field+".url", "there is no dashboard %q", m[1])
		for _, kept := range []string{"${__url_time_range}", "${prometheus:queryparam}", "${postgresql:queryparam}"} {
			c.must(strings.Contains(url, kept), field+".url", "%q loses %s", url, kept)
		}
	} else {
		c.must(strings.HasPrefix(url, "/explore") || strings.HasPrefix(url, "https://"), field+".url", "%q leads to no dashboard", url)
	}
	c.variablesIn(url, field+".url")
}

var used = regexp.MustCompile(`\$(?:\{([a-zA-Z_]\w*)[^}]*\}|([a-zA-Z_]\w*))`)

// builtIn are Grafana's own variables and macros that we use.
var builtIn = []string{"__rate_interval", "__interval", "__range", "__value", "__url_time_range", "__timeFilter", "__timeFrom", "__timeTo",
	"__timeGroup", "__timeGroupAlias", "__unixEpochFilter", "__data", "__field", "__series", "__all_variables", "__from", "__to", "__interval_ms"}

func (c *checking) variablesIn(text, field string) {
	known := c.variables()
	for _, m := range used.FindAllStringSubmatch(text, -1) {
		name := m[1] + m[2]
		c.must(slices.Contains(builtIn, name) || known[name] != nil, field, "there is no variable $%s", name)
	}
}

// sources are what a query's data source must be, by its type.
var sources = map[string]string{"prometheus": "${prometheus}", "grafana-postgresql-datasource": "${postgresql}", "datasource": "grafana", "tempo": "${tempo}"}

// ofEveryProgram are metrics that each program exports, whoever wrote it.
var ofEveryProgram = regexp.MustCompile(`\b(?:process|go)_\w+(\{[^}]*\})?`)

var (
	legendLabel = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)
	fixedWindow = regexp.MustCompile(`\bi?rate\((?:[^\[\]]|\[[^\]]*\] offset)+?\[([^\]]+)\]`)
)

func (c *checking) targetRules(p map[string]any) {
	targets, refs := listOf(p, "targets"), map[string]bool{}
	c.must(len(targets) > 0, "targets", "it asks nothing")
	c.source(objectOf(p, "datasource"), "datasource")
	for i, q := range targets {
		field := "targets." + strconv.Itoa(i)
		ref := textOf(q, "refId")
		c.must(ref != "" && !refs[ref], field+".refId", "%q is empty or stands twice", ref)
		refs[ref] = true
		c.source(objectOf(q, "datasource"), field+".datasource")
		switch textOf(objectOf(q, "datasource"), "type") {
		case "prometheus":
			c.promQL(p, q, field)
		case "grafana-postgresql-datasource":
			c.must(textOf(q, "rawSql") != "" && q["rawQuery"] == true && textOf(q, "format") == "table", field, "needs rawSql, rawQuery and the format table")
			c.variablesIn(textOf(q, "rawSql"), field+".rawSql")
			for _, m := range used.FindAllString(textOf(q, "rawSql"), -1) {
				c.must(strings.HasPrefix(m, "$__") || strings.HasPrefix(m, "${__") || strings.HasSuffix(m, ":sqlstring}") || strings.Contains(textOf(q, "rawSql"), "$$^(?:"+m+`)\Z$$`) && strings.HasSuffix(m, ":regex}"),
					field+".rawSql", "%s is not quoted: write ${name:sqlstring}, or $$^(?:${name:regex})\\Z$$ where it may be All", m)
			}
		case "datasource":
			c.must(strings.HasPrefix(textOf(q, "channel"), "stream/helios/"), field+".channel", "%q is none of ours", textOf(q, "channel"))
		}
	}
}

func (c *checking) source(s map[string]any, field string) {
	want, ok := sources[textOf(s, "type")]
	c.must(ok, field+".type", "%q is no data source of ours", textOf(s, "type"))
	c.must(!ok || textOf(s, "uid") == want, field+".uid", "%q must be %s", textOf(s, "uid"), want)
}

// namesOf are the names that a panel gives to series.
func (c *checking) namesOf(p map[string]any) (all []string) {
	for _, o := range listOf(objectOf(p, "fieldConfig"), "overrides") {
		for _, property := range listOf(o, "properties") {
			if textOf(property, "id") == "displayName" {
				all = append(all, textOf(property, "value"))
			}
		}
	}
	return all
}

func (c *checking) promQL(p, q map[string]any, field string) {
	expr, legend := textOf(q, "expr"), textOf(q, "legendFormat")
	c.must(expr != "", field+".expr", "is empty")
	c.must(balanced(expr), field+".expr", "its brackets or quotes do not close: %s", expr)
	for _, name := range unknown(expr, c.known) {
		c.must(false, field+".expr", "nothing emits %s", name)
	}
	c.variablesIn(expr, field+".expr")
	c.must(textOf(p, "type") != "stat" || textOf(objectOf(objectOf(p, "fieldConfig"), "defaults"), "unit") != "short" || !strings.Contains(expr, "increase(") || strings.HasPrefix(expr, "round("),
		field+".expr", "Prometheus extrapolates: a tile would count in fractions")
	for _, m := range ofEveryProgram.FindAllStringSubmatch(expr, -1) {
		c.must(m[1] == `{job="helios"}`, field+".expr", "every program that Prometheus scrapes exports %s: ask that of the job helios", m[0])
	}
	if what, ok := strings.CutPrefix(legend, "{{stream}}"); ok {
		c.must(slices.Contains(c.namesOf(p), "(shared)"+what), field+".legendFormat", "what the streams share would have no name")
	}
	c.must(q["range"] == true || q["instant"] == true, field, "is neither a range nor an instant")
	c.must(textOf(q, "format") == "table" || legend != "", field+".legendFormat", "is absent")
	for _, m := range legendLabel.FindAllStringSubmatch(legend, -1) {
		c.must(strings.Contains(expr, m[1]) || slices.Contains(c.labelsOf(expr), m[1]), field+".legendFormat", "the answer has no label %s", m[1])
	}
	for _, m := range fixedWindow.FindAllStringSubmatch(expr, -1) {
		c.must(m[1] == "$__rate_interval" || q["instant"] == true, field+".expr", "a rate over %s: write $__rate_interval", m[1])
	}
}

// labelsOf are the labels of the metrics in an expression.
func (c *checking) labelsOf(expr string) (all []string) {
	for _, name := range names.FindAllString(expr, -1) {
		all = append(all, c.known[name]...)
	}
	return all
}

func balanced(expr string) bool {
	bare := quoted.ReplaceAllString(expr, "")
	if strings.ContainsAny(bare, `"`) {
		return false
	}
	var open []rune
	for _, r := range bare {
		switch r {
		case '(', '[', '{':
			open = append(open, r)
		case ')', ']', '}':
			if len(open) == 0 || strings.IndexRune("([{", open[len(open)-1]) != strings.IndexRune(")]}", r) {
				return false
			}
			open = open[:len(open)-1]
		}
	}
	return len(open) == 0
}

func (c *checking) fieldRules(p map[string]any) {
	config := objectOf(p, "fieldConfig")
	defaults := objectOf(config, "defaults")
	c.must(textOf(defaults, "unit") != "", "fieldConfig.defaults.unit", "is absent")
	c.must(len(listOf(defaults, "mappings")) > 0, "fieldConfig.defaults.mappings", "null is not called by a name")
	c.thresholds(objectOf(defaults, "thresholds"), "fieldConfig.defaults.thresholds")
	for i, o := range listOf(config, "overrides") {
		for j, property := range listOf(o, "properties") {
			field := fmt.Sprintf("fieldConfig.overrides.%d.properties.%d.value", i, j)
			switch textOf(property, "id") {
			case "links":
				for _, l := range listOf(property, "value") {
					c.link(l, field)
				}
			case "thresholds":
				c.thresholds(objectOf(property, "value"), field)
			}
		}
	}
}

func (c *checking) thresholds(t map[string]any, field string) {
	steps := listOf(t, "steps")
	c.must(len(steps) > 0, field+".steps", "there are none")
	for i, s := range steps {
		here := fmt.Sprintf("%s.steps.%d", field, i)
		c.must(colour(textOf(s, "color")), here+".color", "%q is no colour", textOf(s, "color"))
		if i == 0 {
			c.must(s["value"] == nil, here+".value", "the first step is the base, without a value")
			c.must(slices.Contains([]string{panels.Neutral, "transparent", "text"}, textOf(s, "color")), here+".color", "the base is what \"no data\" looks like while the data source is away: it must be neutral")
			continue
		}
		c.must(s["value"] != nil, here+".value", "is absent")
		c.must(i < 2 || number(s["value"]) > number(steps[i-1]["value"]), here+".value", "%v is not above the step before", s["value"])
	}
}

func colour(c string) bool {
	return regexp.MustCompile(`^#[0-9a-fA-F]{6}$`).MatchString(c) || slices.Contains([]string{"transparent", "text"}, c)
}

// number is a JSON number, or NaN: never equal, above or below.
func number(v any) float64 {
	switch n := v.(type) {
	case json.Number:
		f, _ := n.Float64()
		return f
	case float64:
		return n
	case int:
		return float64(n)
	}
	return -1
}

// everyRule is all that is checked of a set of dashboards.
func everyRule(g *gate, h house, all []map[string]any) []mistake {
	found := checkSet(all)
	for _, b := range all {
		found = append(append(found, g.check(b)...), h.check(b)...)
	}
	return found
}

func ourBoards(t *testing.T) (all []map[string]any) {
	for _, b := range boards(t) {
		raw, err := b.JSON()
		require.NoError(t, err)
		all = append(all, readBoard(t, raw))
	}
	return all
}

func TestOurDashboardsKeepEveryRule(t *testing.T) {
	for _, m := range everyRule(loadGate(t), newHouse(t), ourBoards(t)) {
		t.Error(m)
	}
}

func TestEverySeededMistakeIsFoundWhereItIs(t *testing.T) {
	g, h := loadGate(t), newHouse(t)
	require.Greater(t, len(seeds), 40)
	for _, name := range slices.Sorted(maps.Keys(seeds)) {
		s := seeds[name]
		all := ourBoards(t)
		i := slices.IndexFunc(all, func(b map[string]any) bool { return textOf(b, "uid") == s.board() })
		require.GreaterOrEqual(t, i, 0, name)
		var p map[string]any
		if s.kind != "" {
			shown := panelsOf(all[i])
			j := slices.IndexFunc(shown, func(p map[string]any) bool {
				return textOf(p, "type") == s.kind && (s.source == "" || textOf(objectOf(p, "datasource"), "type") == s.source)
			})
			require.GreaterOrEqual(t, j, 0, "%s: no %s", name, s.kind)
			p = shown[j]
		}
		title, panel := textOf(all[i], "title"), textOf(p, "title")
		s.spoil(all[i], p)
		found := append(append(checkSet(all), g.check(all[i])...), h.check(all[i])...)
		hit := slices.ContainsFunc(found, func(m mistake) bool {
			if s.field == "title" {
				title, panel = m.board, m.panel // a lost title can't be named
			}
			return strings.Contains(m.field, s.field) && (m.board == title || strings.Contains(m.text, title)) && (p == nil || m.panel == panel)
		})
		require.True(t, hit, "%s: nothing names %q, %q and %s:\n%v", name, title, panel, s.field, found)
	}
}
