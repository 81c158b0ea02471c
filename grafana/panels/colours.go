package panels

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// One visual language: a cloud and a status have the same colour everywhere.
// The hues follow Okabe and Ito's palette for the colour-blind, moved until each
// has a contrast of 3:1 on Grafana's dark and on its light panels (WCAG 2.2,
// 1.4.11). No panel tells by colour alone: every one also writes the name.
const (
	Neutral = "#8C8C8C" // nothing known
	Good    = "#009E73"
	Warn    = "#C77C00"
	Bad     = "#D55E00"

	darkAmber = "#8A5A00" // behind white text
)

// Entry is a name and its colour.
type Entry struct{ Name, Colour string }

// Clouds and Statuses in the order of legends.
var (
	Clouds = []Entry{{"aws", "#C77C00"}, {"azure", "#2E8BC9"}, {"gcp", "#009E73"}}

	Statuses = []Entry{
		{"matched", "#6C8EBF"}, {"mismatched", "#D55E00"}, {"partial", "#A08A00"},
		{"missing", "#C0629A"}, {"indeterminate", "#8C8C8C"},
	}
)

// seriesColours gives the series of clouds and statuses their colours.
func seriesColours() []dashboard.DashboardFieldConfigSourceOverrides {
	var all []dashboard.DashboardFieldConfigSourceOverrides
	for _, entries := range [][]Entry{Clouds, Statuses} {
		for _, e := range entries {
			all = append(all, dashboard.DashboardFieldConfigSourceOverrides{
				Matcher:    dashboard.MatcherConfig{Id: "byRegexp", Options: "/^" + e.Name + "( |$)/"},
				Properties: []dashboard.DynamicConfigValue{{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": e.Colour}}},
			})
		}
	}
	return all
}

// mappings writes what null and NaN are, in words, and colours the names of
// clouds and statuses in cells.
func mappings(p Panel) []dashboard.ValueMapping {
	text := p.Null
	if text == "" {
		text = "no data"
	}
	all := []dashboard.ValueMapping{{SpecialValueMap: &dashboard.SpecialValueMap{
		Type: dashboard.MappingTypeSpecialValue,
		Options: dashboard.DashboardSpecialValueMapOptions{
			Match: dashboard.SpecialValueMatchNullAndNan, Result: result(text, Neutral),
		},
	}}}
	if len(p.Values) > 0 {
		options := map[string]dashboard.ValueMappingResult{}
		for value, e := range p.Values {
			options[value] = result(e.Name, e.Colour)
		}
		all = append(all, dashboard.ValueMapping{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}})
	}
	if p.Kind == Table {
		options := map[string]dashboard.ValueMappingResult{}
		for _, entries := range [][]Entry{Clouds, Statuses} {
			for _, e := range entries {
				options[e.Name] = result(e.Name, e.Colour)
			}
		}
		all = append(all, dashboard.ValueMapping{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}})
	}
	return all
}

func result(text, colour string) dashboard.ValueMappingResult {
	return dashboard.ValueMappingResult{Text: &text, Color: &colour}
}

// differs colours the cells of the comparison of one fact: SQL marks a value
// unlike the majority's with "≠ ".
func differs() dashboard.ValueMapping {
	text, amber := "≠ $1", darkAmber
	return dashboard.ValueMapping{RegexMap: &dashboard.RegexMap{
		Type:    dashboard.MappingTypeRegexToText,
		Options: dashboard.DashboardRegexMapOptions{Pattern: "^≠ (.*)$", Result: dashboard.ValueMappingResult{Text: &text, Color: &amber}},
	}}
}
