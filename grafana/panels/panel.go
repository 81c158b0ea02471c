// Package panels holds the shared defaults of all panels: what one looks like
// is decided here, what it shows in package dashboards.
package panels

import (
	"fmt"
	"sort"

	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"github.com/helios-connect/helios/grafana/queries"
)

// Kind is a panel plugin of Grafana.
type Kind string

const (
	Stat     Kind = "stat"
	Series   Kind = "timeseries"
	Pie      Kind = "piechart"
	Bars     Kind = "bargauge"
	Table    Kind = "table"
	Heatmap  Kind = "heatmap"
	Timeline Kind = "state-timeline"
	Flow     Kind = "canvas"
	Traces   Kind = "traces"
)

// Step is a threshold: from Value on, the colour.
type Step struct {
	Value  float64
	Colour string
}

// Panel is one panel. Its size defaults to that of its kind.
type Panel struct {
	Title   string
	Help    string // what it shows, what red means, what to do
	Empty   string // when it has no data, and why that is fine
	Kind    Kind
	Unit    string // of Grafana's list; "short" for plain numbers
	Steps   []Step // in rising order; below the first it is neutral
	Next    Link   // where one goes from here
	Queries []queries.Query

	Max       *float64         // upper end of the scale
	Decimals  *float64         // of its numbers, where Grafana's three digits hide what counts
	SoftMin   *float64         // lower end of a scale up to 1, while nothing is below
	Null      string           // what null is called
	Values    map[string]Entry // words for values
	Words     []Entry          // words in a table's cells and their colours
	Stacked   bool
	Columned  bool              // a time series drawn as columns: one value per minute
	Wide      string            // the column of a table that takes the room left
	Filter    bool              // a table whose columns can be filtered
	Compare   bool              // cells marked with ≠ are coloured
	Matrix    [3]string         // columns to rows: column, row and value field
	Columns   []Column          // of a table whose query does not say it, as PromQL and streams: what is shown, from left to right; of a flow: its fields
	Nodes     []Node            // of a flow
	Units     map[string]string // units of a table's columns
	CellLinks map[string]string // links of a table's columns
	Under     bool              // stands under the panel before it
	Width     uint32            // of 24
	Height    uint32
}

// Column is a column of a table whose query does not say how it is shown: of
// PromQL a label, or the value of a query, "Value #A" for the first of several;
// of a stream a field, of SQL a column.
type Column struct {
	Field, Name string
	Unit        string
	Width       int // in pixels, instead of its name's
	Steps       []Step
	Values      map[string]Entry
}

// Link leads to another dashboard.
type Link struct{ Title, URL string }

// Kept is what every link to a dashboard hands on: the time range, and the data
// sources. Without them a Grafana of two Heliosses shows the other one.
const Kept = "${__url_time_range}&${prometheus:queryparam}&${postgresql:queryparam}"

// To is a link to a dashboard.
func To(title, uid string) Link {
	return Link{Title: title, URL: "/d/" + uid + "?" + Kept}
}

// Number is for Panel.Max.
func Number(n float64) *float64 { return &n }

// Steps of the usual cases.
func ZeroIsGood() []Step               { return []Step{{0, Good}, {0.5, Bad}} }
func Rising(warn, bad float64) []Step  { return []Step{{0, Good}, {warn, Warn}, {bad, Bad}} }
func Falling(bad, warn float64) []Step { return []Step{{0, Bad}, {bad, Warn}, {warn, Good}} }
func Budget() []Step                   { return []Step{{-1e9, Bad}, {0.0001, Warn}, {0.25, Good}} }
func Plain() []Step                    { return []Step{{0, Clouds[1].Colour}} }

// size of a panel's kind, of 24 columns.
func (p Panel) size() (w, h uint32) {
	w, h = p.Width, p.Height
	if w == 0 {
		w = map[Kind]uint32{Stat: 4, Pie: 6, Bars: 8, Table: 24, Traces: 24}[p.Kind]
	}
	if w == 0 {
		w = 12
	}
	if h == 0 {
		h = map[Kind]uint32{Stat: 4}[p.Kind]
	}
	if h == 0 {
		h = 8
	}
	return w, h
}

func (p Panel) description() string {
	if p.Empty == "" {
		return p.Help
	}
	return p.Help + "\n\nEmpty: " + p.Empty
}

// build makes Grafana's panel.
func (p Panel) build(id uint32, at dashboard.GridPos) (dashboard.Panel, error) {
	kind, title, description := string(p.Kind), p.Title, p.description()
	panel := dashboard.Panel{
		Type: kind, Id: &id, Title: &title, Description: &description, GridPos: &at,
		Links:       p.links(),
		FieldConfig: &dashboard.FieldConfigSource{Defaults: p.defaults(), Overrides: p.overrides()},
		Options:     p.options(),
	}
	panel.Transformations = p.transformations()
	if err := checkFlow(p); err != nil {
		return panel, err
	}
	for i, q := range p.Queries {
		source := dataSource(q.Source)
		if i == 0 {
			panel.Datasource = &source
		} else if *panel.Datasource.Uid != *source.Uid {
			return panel, fmt.Errorf("panel %q: its queries go to more than one data source", p.Title)
		}
		panel.Targets = append(panel.Targets, target(q, string(rune('A'+i)), source))
	}
	return panel, nil
}

// links of the panel's headline. The tile of a stat is a link itself: its
// headline has no room.
func (p Panel) links() []dashboard.DashboardLink {
	if p.Kind == Stat {
		return []dashboard.DashboardLink{}
	}
	return []dashboard.DashboardLink{p.Next.build()}
}

func (l Link) build() dashboard.DashboardLink {
	url := l.URL
	return dashboard.DashboardLink{Title: l.Title, Type: dashboard.DashboardLinkTypeLink, Icon: "external link", Url: &url, Tags: []string{}}
}

// dataSource returns the template variable of a source; Live is built in.
func dataSource(s queries.Source) common.DataSourceRef {
	kind, uid := "prometheus", "${prometheus}"
	switch s {
	case queries.PostgreSQL:
		kind, uid = "grafana-postgresql-datasource", "${postgresql}"
	case queries.Live:
		kind, uid = "datasource", "grafana"
	case queries.Tempo:
		kind, uid = "tempo", "${tempo}"
	}
	return common.DataSourceRef{Type: &kind, Uid: &uid}
}

func target(q queries.Query, ref string, source common.DataSourceRef) variants.Dataquery {
	where := map[string]any{"type": *source.Type, "uid": *source.Uid}
	switch q.Source {
	case queries.PostgreSQL:
		return variants.UnknownDataquery{"refId": ref, "datasource": where, "format": "table", "rawQuery": true, "editorMode": "code", "rawSql": q.Text}
	case queries.Live:
		// The buffer is in milliseconds.
		return variants.UnknownDataquery{"refId": ref, "datasource": where, "queryType": "measurements", "channel": q.Text, "buffer": 60000}
	}
	if q.Source == queries.Tempo {
		return variants.UnknownDataquery{"refId": ref, "datasource": where, "queryType": "traceql", "query": q.Text, "limit": 20, "tableType": "traces"}
	}
	query := prometheus.NewDataquery()
	query.RefId, query.Expr, query.Datasource = &ref, q.Text, &source
	ranged, instant, legend := !q.Instant, q.Instant, q.Legend
	query.Range, query.Instant, query.LegendFormat = &ranged, &instant, &legend
	format := prometheus.PromQueryFormatTimeSeries
	if q.Heatmap {
		format = prometheus.PromQueryFormatHeatmap
	} else if q.Table {
		format = prometheus.PromQueryFormatTable
	}
	query.Format = &format
	if q.Exemplars {
		query.Exemplar = &q.Exemplars
	}
	return *query
}

func sorted(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
