package panels

import (
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
	if len(p.Queries) > 0 && p.Queries[0].Source == queries.PostgreSQL {
		all := true
		reduce.Values = &all
	}
	tooltip := common.VizTooltipOptions{Mode: common.TooltipDisplayModeMulti, Sort: common.SortOrderDescending}
	legend := common.VizLegendOptions{DisplayMode: common.LegendDisplayModeList, Placement: common.LegendPlacementBottom, ShowLegend: true, Calcs: []string{}}
	switch p.Kind {
	case Stat:
		o := stat.NewOptions()
		o.ReduceOptions, o.Orientation = reduce, common.VizOrientationAuto
		o.ColorMode = common.BigValueColorModeBackground
		return o
	case Series:
		o := timeseries.NewOptions()
		o.Legend, o.Tooltip = legend, tooltip
		return o
	case Pie:
		o := piechart.NewOptions()
		o.PieType, o.ReduceOptions, o.Orientation = piechart.PieChartTypeDonut, reduce, common.VizOrientationAuto
		o.DisplayLabels = []piechart.PieChartLabels{piechart.PieChartLabelsName, piechart.PieChartLabelsPercent}
		o.Tooltip = common.VizTooltipOptions{Mode: common.TooltipDisplayModeSingle, Sort: common.SortOrderNone}
		o.Legend = piechart.PieChartLegendOptions{DisplayMode: common.LegendDisplayModeList, Placement: common.LegendPlacementRight, ShowLegend: true, Calcs: []string{}}
		return o
	case Bars:
		o := bargauge.NewOptions()
		o.ReduceOptions, o.Orientation = reduce, common.VizOrientationHorizontal
		o.NamePlacement, o.DisplayMode = common.BarGaugeNamePlacementLeft, common.BarGaugeDisplayModeBasic
		return o
	case Timeline:
		o := statetimeline.NewOptions()
		o.Legend, o.Tooltip, o.ShowValue = legend, tooltip, common.VisibilityModeNever
		return o
	case Heatmap:
		return map[string]any{
			"calculate": false, "cellGap": 1, "showValue": "never",
			// Viridis rises evenly in lightness, for every kind of sight.
			"color":        map[string]any{"mode": "scheme", "scheme": "Viridis", "steps": 64, "exponent": 0.5, "scale": "exponential", "fill": Bad, "reverse": false},
			"legend":       map[string]any{"show": true},
			"rowsFrame":    map[string]any{"layout": "auto"},
			"tooltip":      map[string]any{"mode": "single", "yHistogram": false, "showColorScale": false},
			"yAxis":        map[string]any{"unit": p.Unit, "axisPlacement": "left", "reverse": false},
			"exemplars":    map[string]any{"color": Bad},
			"filterValues": map[string]any{"le": 1e-9},
		}
	default:
		return table.NewOptions()
	}
}

// defaults are the options of a panel's values.
func (p Panel) defaults() dashboard.FieldConfig {
	unit, zero := p.Unit, 0.0
	steps := []dashboard.Threshold{{Color: Neutral}}
	for _, s := range p.Steps {
		value := s.Value
		steps = append(steps, dashboard.Threshold{Value: &value, Color: s.Colour})
	}
	config := dashboard.FieldConfig{
		Unit: &unit, Max: p.Max, Mappings: mappings(p),
		Thresholds: &dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: steps},
		Color:      &dashboard.FieldColor{Mode: dashboard.FieldColorModeIdThresholds},
	}
	none := "no data"
	config.NoValue = &none
	switch p.Kind {
	case Series:
		config.Color.Mode = dashboard.FieldColorModeIdPaletteClassicByName
		config.Min = &zero
		config.Custom = p.lines()
	case Pie:
		config.Color.Mode = dashboard.FieldColorModeIdPaletteClassicByName
	case Bars:
		config.Min = &zero
	case Timeline:
		config.Custom = map[string]any{"fillOpacity": 80, "lineWidth": 0}
	case Table:
		config.Custom = map[string]any{"align": "auto", "filterable": true, "cellOptions": map[string]any{"type": "color-text"}}
		if p.Compare {
			config.Custom = map[string]any{"align": "auto", "cellOptions": map[string]any{"type": "color-background", "mode": "basic", "wrapText": true}}
			config.Mappings = append(config.Mappings[:1:1], differs())
			config.Thresholds.Steps = []dashboard.Threshold{{Color: "transparent"}}
		}
	}
	return config
}

// lines is how time series are drawn: thresholds as dashed lines where the
// panel has bad values, and gaps left as gaps.
func (p Panel) lines() map[string]any {
	custom := map[string]any{
		"drawStyle": "line", "lineWidth": 2, "fillOpacity": 10, "showPoints": "auto", "spanNulls": false,
		"axisPlacement": "auto", "stacking": map[string]any{"mode": "none", "group": "A"},
		"thresholdsStyle": map[string]any{"mode": "off"},
	}
	if p.Stacked {
		custom["fillOpacity"], custom["lineWidth"] = 60, 1
		custom["stacking"] = map[string]any{"mode": "normal", "group": "A"}
	}
	if len(p.Steps) > 1 {
		custom["thresholdsStyle"] = map[string]any{"mode": "dashed"}
	}
	return custom
}
