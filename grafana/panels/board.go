//lint:file-ignore SA1019 Grafana reads version 2 from files only with errors: version 1 it is.

package panels

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/helios-connect/helios/grafana/queries"
)

// Board is a dashboard: rows of panels, filled from left to right.
type Board struct {
	UID, Title, Description string
	From                    string // the start of the time range, such as now-1h
	Refresh                 string
	Variables               []Variable
	Rows                    []Row
}

// Row is a headline and the panels under it.
type Row struct {
	Title  string
	Panels []Panel
}

// Variable narrows a dashboard down: the values of a metric's label, or, without
// a metric, text that a person types.
type Variable struct {
	Name, Title, Metric, Label string
}

// Tag marks the dashboards of Helios; their menu lists what has it.
const Tag = "helios"

// JSON renders the board as a dashboard of Grafana, version 1.
func (b Board) JSON() ([]byte, error) {
	d, err := b.build()
	if err != nil {
		return nil, fmt.Errorf("dashboard %q: %w", b.Title, err)
	}
	raw, err := json.MarshalIndent(d, "", "  ")
	return append(raw, '\n'), err
}

func (b Board) build() (*dashboard.Dashboard, error) {
	cursor, zone, from := dashboard.DashboardCursorSyncCrosshair, "browser", b.From
	refresh, editable, version := b.Refresh, false, uint32(1)
	if from == "" {
		from = "now-1h"
	}
	if refresh == "" {
		refresh = "10s"
	}
	d := &dashboard.Dashboard{
		Uid: &b.UID, Title: &b.Title, Description: &b.Description, Tags: []string{Tag},
		Timezone: &zone, Editable: &editable, GraphTooltip: &cursor, Refresh: &refresh,
		Time: &dashboard.DashboardDashboardTime{From: from, To: "now"}, SchemaVersion: 41, Version: &version,
		Links: []dashboard.DashboardLink{{Title: "Helios", Type: dashboard.DashboardLinkTypeDashboards, Icon: "external link",
			Tags: []string{Tag}, AsDropdown: true, KeepTime: true, IncludeVars: true}},
	}
	d.Templating.List = append(d.Templating.List,
		sourceVariable("prometheus", "Metrics", "prometheus"),
		sourceVariable("postgresql", "Store", "grafana-postgresql-datasource"))
	if b.shows(queries.Tempo) {
		d.Templating.List = append(d.Templating.List, sourceVariable("tempo", "Traces", "tempo"))
	}
	for _, v := range b.Variables {
		d.Templating.List = append(d.Templating.List, v.build())
	}
	return d, b.place(d)
}

// PanelID is the number of the panel with the title, as it stands in the JSON.
func (b Board) PanelID(title string) (id uint32, ok bool) {
	for _, row := range b.Rows {
		id++ // the row's own
		for _, p := range row.Panels {
			if id++; p.Title == title {
				return id, true
			}
		}
	}
	return 0, false
}

// shows tells whether a panel asks a data source.
func (b Board) shows(source queries.Source) bool {
	for _, row := range b.Rows {
		for _, p := range row.Panels {
			for _, q := range p.Queries {
				if q.Source == source {
					return true
				}
			}
		}
	}
	return false
}

// place lays the panels out on Grafana's grid of 24 columns.
func (b Board) place(d *dashboard.Dashboard) error {
	var id, y uint32
	for _, row := range b.Rows {
		id++
		title, rowID := row.Title, id
		at := dashboard.GridPos{H: 1, W: 24, Y: y}
		d.Panels = append(d.Panels, dashboard.PanelOrRowPanel{RowPanel: &dashboard.RowPanel{
			Type: "row", Title: &title, Id: rowID, GridPos: &at, Panels: []dashboard.Panel{}}})
		y++
		var x, high uint32
		var last dashboard.GridPos
		for _, p := range row.Panels {
			w, h := p.size()
			if x+w > 24 && !p.Under {
				x, y, high = 0, y+high, 0
			}
			at := dashboard.GridPos{X: x, Y: y, W: w, H: h}
			if p.Under {
				at.X, at.Y = last.X, last.Y+last.H
			}
			id++
			panel, err := p.build(id, at)
			if err != nil {
				return err
			}
			d.Panels = append(d.Panels, dashboard.PanelOrRowPanel{Panel: &panel})
			last, x, high = at, max(x, at.X+w), max(high, at.Y+h-y)
		}
		y += high
	}
	return nil
}

func sourceVariable(name, label, kind string) dashboard.VariableModel {
	return dashboard.VariableModel{Type: dashboard.VariableTypeDatasource, Name: name, Label: &label,
		Query: &dashboard.StringOrMap{String: &kind}}
}

func (v Variable) build() dashboard.VariableModel {
	title := v.Title
	if v.Metric == "" {
		empty := ""
		return dashboard.VariableModel{Type: dashboard.VariableTypeTextbox, Name: v.Name, Label: &title, Query: &dashboard.StringOrMap{String: &empty}}
	}
	query := fmt.Sprintf("label_values(%s, %s)", v.Metric, v.Label)
	kind, uid, yes := "prometheus", "${prometheus}", true
	// All is one expression. Otherwise it would be every value, one by one: a long
	// query, which one hostile value breaks.
	all, value, everything := "All", "$__all", ".*"
	refresh := dashboard.VariableRefreshOnTimeRangeChanged
	return dashboard.VariableModel{
		Type: dashboard.VariableTypeQuery, Name: v.Name, Label: &title, Query: &dashboard.StringOrMap{String: &query},
		Datasource: &common.DataSourceRef{Type: &kind, Uid: &uid}, Multi: &yes, IncludeAll: &yes, AllValue: &everything, Refresh: &refresh,
		Current: &dashboard.VariableOption{Text: dashboard.StringOrArrayOfString{String: &all}, Value: dashboard.StringOrArrayOfString{String: &value}},
	}
}
