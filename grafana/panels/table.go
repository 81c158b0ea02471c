package panels

import (
	"slices"
	"sort"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/helios-connect/helios/grafana/queries"
)

// transformations turn what the queries return into the table that is shown.
func (p Panel) transformations() []dashboard.DataTransformerConfig {
	var all []dashboard.DataTransformerConfig
	add := func(id string, options map[string]any) {
		all = append(all, dashboard.DataTransformerConfig{Id: id, Options: options})
	}
	// Rows become series, so that they have their colours.
	if p.Kind == Pie && p.Queries[0].Source == queries.PostgreSQL {
		add("rowsToFields", map[string]any{})
	}
	if p.Matrix[0] != "" {
		add("groupingToMatrix", map[string]any{"columnField": p.Matrix[0], "rowField": p.Matrix[1], "valueField": p.Matrix[2], "emptyValue": "null"})
		corner := p.Matrix[1] + "\\" + p.Matrix[0]
		add("organize", map[string]any{"renameByName": map[string]string{corner: p.Matrix[1]}})
	}
	if len(p.Columns) == 0 || p.Kind != Table {
		return all
	}
	shown, names, order := []string{}, map[string]string{}, map[string]int{}
	for i, c := range p.Columns {
		shown, names[c.Field], order[c.Field] = append(shown, c.Field), c.Name, i
	}
	// Series of several queries with the same labels become one row.
	if p.Queries[0].Source == queries.Prometheus {
		add("merge", map[string]any{})
	}
	add("filterFieldsByName", map[string]any{"include": map[string]any{"names": shown}})
	add("organize", map[string]any{"renameByName": names, "indexByName": order})
	return all
}

// overrides are what single series or columns have of their own.
func (p Panel) overrides() []dashboard.DashboardFieldConfigSourceOverrides {
	all := []dashboard.DashboardFieldConfigSourceOverrides{}
	switch p.Kind {
	case Stat: // its colour says how good it is
		return all
	case Table, Flow:
	case Series:
		return append(append(append(all, p.seriesColours()...), p.dashedWindows()...), p.unnamed()...)
	default:
		return append(all, p.seriesColours()...)
	}
	if p.Kind == Table {
		all = append(all, p.everyColumn()...)
	}
	for _, c := range p.Columns {
		all = append(all, c.overrides()...)
	}
	for _, column := range sorted(p.Units) {
		all = append(all, override(column, "unit", p.Units[column]))
	}
	for _, column := range sorted(p.CellLinks) {
		o := override(column, "links", []map[string]any{{"title": "Open", "url": p.CellLinks[column]}})
		o.Properties = append(o.Properties, dashboard.DynamicConfigValue{Id: "mappings", Value: []dashboard.ValueMapping{opens()}})
		all = append(all, o)
	}
	return all
}

// widths of columns whose content is known, in pixels: they leave the room to
// the others.
var widths = map[string]int{
	"time": 116, "since": 116, "latest": 112, "decided_at": 116, "opened_at": 116, "deadline": 116, "ingest_time": 116,
	"state": 90, "status": 110, "believed": 110, "now": 110, "cloud": 88, "tenant": 90, "why": 110, "revision": 80,
	"times": 62, "facts": 70, "events": 80, "types": 70, "days": 60, "fact": 80, "example": 76, "missing": 110, "stalled": 110,
	"usd": 90, "usd per million": 130, "usd a month": 115, "saved a month": 120, "usd for them": 115, "bytes": 90,
	"problem": 115, "verdict": 110, "field": 140, "key": 175, "without": 110, "last event": 160, "delay": 70, "expectation": 110, "dead letters": 110, "rule": 130,
	"reason": 110, "trace": 70, "violated": 90, "refused": 90, "compliance": 110, "language": 90, "first seen": 116, "changes": 90, "stage": 90, "version": 80, "outcome": 110, "behind": 80, "events/s": 80,
}

// everyColumn sets what holds for columns of all tables: the day and the time,
// which is as wide today as on other days; nothing in an empty cell, and the widths.
func (p Panel) everyColumn() []dashboard.DashboardFieldConfigSourceOverrides {
	all := []dashboard.DashboardFieldConfigSourceOverrides{
		{Matcher: dashboard.MatcherConfig{Id: "byType", Options: "time"},
			Properties: []dashboard.DynamicConfigValue{{Id: "unit", Value: "time:MM-DD HH:mm:ss"}}},
		{Matcher: dashboard.MatcherConfig{Id: "byRegexp", Options: "/.*/"}, Properties: []dashboard.DynamicConfigValue{{Id: "noValue", Value: " "}}},
	}
	if p.Compare || p.Matrix[0] != "" {
		return all
	}
	for _, name := range []string{"advice", "service", "detail", "value"} {
		if strings.Contains(p.Queries[0].Text, name) {
			o := override(name, "custom.cellOptions", map[string]any{"type": "color-text", "wrapText": true})
			o.Properties = append(o.Properties, dashboard.DynamicConfigValue{Id: "custom.minWidth", Value: 150})
			all = append(all, o)
		}
	}
	if p.Wide != "" {
		all = append(all, override(p.Wide, "custom.minWidth", 120))
	}
	if strings.Contains(p.Queries[0].Text, "ev.event") {
		all = append(all, override("event", "custom.inspect", true))
	}
	names := make([]string, 0, len(widths))
	for name := range widths {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if name != p.Wide && p.shows(name) {
			all = append(all, override(name, "custom.width", widths[name]))
		}
	}
	return all
}

// shows tells whether a table can have the column: its query names it, unless
// the panel says what is shown.
func (p Panel) shows(name string) bool {
	if len(p.Columns) == 0 {
		return strings.Contains(p.Queries[0].Text, name)
	}
	return slices.ContainsFunc(p.Columns, func(c Column) bool { return c.Name == name && c.Width == 0 })
}

func (c Column) overrides() (all []dashboard.DashboardFieldConfigSourceOverrides) {
	if c.Width > 0 {
		all = append(all, override(c.Name, "custom.width", c.Width))
	}
	if c.Unit != "" {
		all = append(all, override(c.Name, "unit", c.Unit))
	}
	if len(c.Steps) > 0 {
		all = append(all, override(c.Name, "thresholds", thresholds(c.Steps)))
	}
	if len(c.Values) > 0 {
		all = append(all, override(c.Name, "mappings", []dashboard.ValueMapping{valueMapping(c.Values)}))
	}
	return all
}

func override(column, property string, value any) dashboard.DashboardFieldConfigSourceOverrides {
	return dashboard.DashboardFieldConfigSourceOverrides{
		Matcher:    dashboard.MatcherConfig{Id: "byName", Options: column},
		Properties: []dashboard.DynamicConfigValue{{Id: property, Value: value}},
	}
}
