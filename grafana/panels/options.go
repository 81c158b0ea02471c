package panels

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/piechart"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"

	"github.com/helios-connect/helios/grafana/queries"
)

// options of a kind. The SDK's defaults differ from the editor's: no legends,
// upright bars that are cut. Each kind is set to what was found readable.
func (p Panel) options() any {
	reduce := common.ReduceDataOptions{Calcs: []string{"lastNotNull"}}
	// A table-shaped answer holds one value per row.
	if p.Kind != Pie && len(p.Queries) > 0 && p.Queries[0].Source == queries.PostgreSQL {
		all := true
		reduce.Values = &all
	}
	tooltip := common.VizTooltipOptions{Mode: common.TooltipDisplayModeMulti, Sort: common.SortOrderDescending}
	legend := common.VizLegendOptions{DisplayMode: common.LegendDisplayModeList, Placement: common.LegendPlacementBottom, ShowLegend: true, Calcs: []string{}}
	switch p.Kind {
	case Stat:
		o := stat.NewOptions()
		o.ReduceOptions, o.Orientation = reduce, common.VizOrientationAuto
		o.ColorMode = common.BigValueColorModeBackgroundSolid
		// On a laptop the headline of a narrow tile has room for four letters.
		if w, _ := p.size(); w < 6 {
			o.TextMode = common.BigValueTextModeValueAndName
		}
		return o
	case Series:
		o := timeseries.NewOptions()
		o.Legend, o.Tooltip = legend, tooltip
		return o
	case Pie:
		o := piechart.NewOptions()
		o.PieType, o.ReduceOptions, o.Orientation = piechart.PieChartTypeDonut, reduce, common.VizOrientationAuto
		o.DisplayLabels = []piechart.PieChartLabels{} // they lie on each other where slices are thin
		placement, mode := common.LegendPlacementRight, common.LegendDisplayModeTable
		if w, _ := p.size(); w < 8 {
			placement, mode = common.LegendPlacementBottom, common.LegendDisplayModeList
		}
		o.Tooltip = common.VizTooltipOptions{Mode: common.TooltipDisplayModeSingle, Sort: common.SortOrderNone}
		o.Legend = piechart.PieChartLegendOptions{DisplayMode: mode, Placement: placement, ShowLegend: true, Calcs: []string{},
			Values: []piechart.PieChartLegendValues{piechart.PieChartLegendValuesPercent, piechart.PieChartLegendValuesValue}}
		return o
	case Bars:
		o := bargauge.NewOptions()
		o.ReduceOptions, o.Orientation = reduce, common.VizOrientationHorizontal
		title, value := 12.0, 16.0
		o.Text = &common.VizTextDisplayOptions{TitleSize: &title, ValueSize: &value}
		// By itself one bar alone fills the panel.
		o.Sizing, o.MinVizHeight, o.MaxVizHeight = common.BarGaugeSizingManual, 16, 40
		o.NamePlacement, o.DisplayMode = common.BarGaugeNamePlacementLeft, common.BarGaugeDisplayModeBasic
		return o
	case Traces:
		return map[string]any{}
	case Timeline:
		o := statetimeline.NewOptions()
		legend.ShowLegend = false // the bars say it themselves
		o.Legend, o.Tooltip, o.ShowValue, o.PerPage = legend, tooltip, common.VisibilityModeAuto, nil
		return o
	case Flow:
		return flow(p.Nodes)
	case Heatmap:
		return map[string]any{
			"calculate": false, "cellGap": 1, "showValue": "never",
			// Viridis rises evenly in lightness, for every kind of sight.
			"color":        map[string]any{"mode": "scheme", "scheme": "Viridis", "steps": 64, "exponent": 0.5, "scale": "exponential", "fill": Bad, "reverse": false},
			"legend":       map[string]any{"show": true},
			"rowsFrame":    map[string]any{"layout": "auto"},
			"tooltip":      map[string]any{"mode": "single", "yHistogram": false, "showColorScale": false},
			"yAxis":        map[string]any{"unit": p.Unit, "axisPlacement": "left", "reverse": false},
			"cellValues":   map[string]any{"unit": "short"},
			"exemplars":    map[string]any{"color": Bad},
			"filterValues": map[string]any{"le": 1e-9},
		}
	default:
		o := table.NewOptions()
		if len(p.Queries) > 0 && p.Queries[0].Source == queries.Live {
			// What came last stands first.
			newest := true
			o.SortBy = []common.TableSortByFieldState{{DisplayName: "time", Desc: &newest}}
		}
		return o
	}
}

// defaults are the options of a panel's values.
func (p Panel) defaults() dashboard.FieldConfig {
	unit, zero := p.Unit, 0.0
	config := dashboard.FieldConfig{
		Unit: &unit, Max: p.Max, Decimals: p.Decimals, Mappings: mappings(p),
		Thresholds: thresholds(p.Steps),
		Color:      &dashboard.FieldColor{Mode: dashboard.FieldColorModeIdThresholds},
	}
	none := "no data"
	if p.Empty != "" && p.Kind != Stat {
		// The same words stand there when the source did not answer.
		none = "No data. Without a red mark above: " + p.Empty
	}
	config.NoValue = &none
	switch p.Kind {
	case Stat:
		config.Links = []dashboard.DashboardLink{p.Next.build()}
	case Series:
		config.Color.Mode = dashboard.FieldColorModeIdPaletteClassic
		if p.SoftMin == nil {
			config.Min = &zero
		}
		config.Custom = p.lines()
		// Each threshold is a line; one at the foot of the scale says nothing.
		for len(p.Steps) > 0 && p.Steps[0].Value <= 0 {
			p.Steps = p.Steps[1:]
		}
		config.Thresholds = thresholds(p.Steps)
	case Pie:
		config.Color.Mode = dashboard.FieldColorModeIdPaletteClassic
	case Bars:
		config.Min = &zero
		// One bar alone would have no name.
		if label, ok := labelOf(p.Queries); ok {
			name := "${__field.labels." + label + "}"
			config.DisplayName = &name
		}
	case Timeline:
		config.Custom = map[string]any{"fillOpacity": 80, "lineWidth": 0}
	case Table:
		config.Custom = map[string]any{"align": "auto", "filterable": p.Filter, "minWidth": 60, "cellOptions": map[string]any{"type": "color-text"}}
		// A number in a table is no alarm by itself.
		if len(p.Steps) < 2 {
			config.Thresholds.Steps = []dashboard.Threshold{{Color: "text"}}
		}
		if p.Compare {
			config.Custom = map[string]any{"align": "left", "minWidth": 60, "cellOptions": map[string]any{"type": "color-background", "mode": "basic", "wrapText": true}}
			config.Mappings = append(config.Mappings[:1:1], differs())
			config.Thresholds.Steps = []dashboard.Threshold{{Color: "transparent"}}
		}
	}
	return config
}

// labelOf is the label that a panel's only query is called by.
func labelOf(asked []queries.Query) (string, bool) {
	if len(asked) != 1 {
		return "", false
	}
	label, ok := strings.CutPrefix(asked[0].Legend, "{{")
	return strings.TrimSuffix(label, "}}"), ok && strings.Count(asked[0].Legend, "{{") == 1 && strings.HasSuffix(asked[0].Legend, "}}")
}

// thresholds start neutral: what isn't there is neither good nor bad.
func thresholds(steps []Step) *dashboard.ThresholdsConfig {
	all := []dashboard.Threshold{{Color: Neutral}}
	for _, s := range steps {
		value := s.Value
		all = append(all, dashboard.Threshold{Value: &value, Color: s.Colour})
	}
	return &dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: all}
}

// lines is how time series are drawn: thresholds as dashed lines where the
// panel has bad values, and gaps left as gaps.
func (p Panel) lines() map[string]any {
	custom := map[string]any{
		"drawStyle": "line", "lineWidth": 2, "fillOpacity": 0, "showPoints": "auto", "spanNulls": false,
		"axisPlacement": "auto", "stacking": map[string]any{"mode": "none", "group": "A"},
		"thresholdsStyle": map[string]any{"mode": "off"},
	}
	if p.Stacked {
		custom["fillOpacity"], custom["lineWidth"] = 60, 1
		custom["stacking"] = map[string]any{"mode": "normal", "group": "A"}
	}
	if p.Columned {
		custom["drawStyle"], custom["fillOpacity"], custom["lineWidth"] = "bars", 80, 0
		custom["barAlignment"] = 1 // a minute's column begins where the minute does
	}
	if len(p.Steps) > 1 {
		custom["thresholdsStyle"] = map[string]any{"mode": "dashed"}
		// A line at 1 over values of 0 needs a scale of its own.
		for _, s := range p.Steps {
			if s.Value > 0 && s.Value <= 1 {
				custom["axisSoftMax"] = 2 * s.Value
			}
		}
	}
	if p.SoftMin != nil {
		custom["axisSoftMin"], custom["axisSoftMax"] = *p.SoftMin, 1
	}
	return custom
}
