package panels

import (
	"regexp"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/helios-connect/helios/grafana/queries"
	"github.com/helios-connect/helios/plugins/telemetry"
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

// Measures are other series that come in several dashboards: the middle of a
// distribution is calm, its end is not.
var (
	measures = []Entry{{"half", "#2E8BC9"}, {"99 %", "#C77C00"}, {"others", Neutral}, {"late", Neutral},
		{"received", "#6C8EBF"}, {"converted", Good}, {"refused", Bad}}
	streams = []Entry{{"reconcile", "#C0629A"}, {"store-events", "#6C8EBF"}, {"store-verdicts", "#A08A00"}, {"dead-letters", Bad},
		{"ingest-webhook", "#7A6FC8"}, {"store-contracts", Neutral}}
	outcomes = []Entry{{"valid", "#6C8EBF"}, {"upgraded", "#A08A00"}, {"invalid", Bad}, {"unregistered", Neutral}}
)

// labelled are the names that the values of a label have.
var labelled = map[string][]Entry{
	telemetry.LabelParticipant: Clouds, telemetry.LabelStatus: Statuses, telemetry.LabelOutcome: outcomes,
	telemetry.LabelStream: append(slices.Clone(Clouds), streams...),
}

// named are the entries that a series of the panel can be called by. A browser
// asks every override of every series: the others would only cost time.
func (p Panel) named() (all []Entry) {
	for _, q := range p.Queries {
		if q.Source == queries.PostgreSQL && regexp.MustCompile(`\bcloud\b`).MatchString(q.Text) {
			all = append(append(all, Clouds...), measures...)
		}
		for label, entries := range labelled {
			if strings.HasPrefix(q.Legend, "{{"+label+"}}") {
				all = append(all, entries...)
			}
		}
		for _, e := range measures {
			if strings.HasPrefix(q.Legend, e.Name) {
				all = append(all, e)
			}
		}
	}
	return all
}

// seriesColours gives the series of clouds, statuses and so on their colours.
func (p Panel) seriesColours() []dashboard.DashboardFieldConfigSourceOverrides {
	all, seen := []dashboard.DashboardFieldConfigSourceOverrides{}, map[string]bool{}
	for _, e := range p.named() {
		if seen[e.Name] {
			continue
		}
		seen[e.Name] = true
		all = append(all, dashboard.DashboardFieldConfigSourceOverrides{
			Matcher:    dashboard.MatcherConfig{Id: "byRegexp", Options: "/^(ingest-|send-)?" + e.Name + "( |$)/"},
			Properties: []dashboard.DynamicConfigValue{{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": e.Colour}}},
		})
	}
	return all
}

// dashedWindows tells the long windows of one cloud's lines apart.
func (p Panel) dashedWindows() []dashboard.DashboardFieldConfigSourceOverrides {
	if !slices.ContainsFunc(p.Queries, func(q queries.Query) bool { return strings.HasSuffix(q.Legend, " 6h") }) {
		return nil
	}
	return []dashboard.DashboardFieldConfigSourceOverrides{{
		Matcher:    dashboard.MatcherConfig{Id: "byRegexp", Options: "/ (6h|1d|3d)$/"},
		Properties: []dashboard.DynamicConfigValue{{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{6, 6}}}},
	}}
}

// unnamed gives a name to what streams share, the resources: they have no label.
func (p Panel) unnamed() []dashboard.DashboardFieldConfigSourceOverrides {
	all := []dashboard.DashboardFieldConfigSourceOverrides{}
	for _, q := range p.Queries {
		what, ok := strings.CutPrefix(q.Legend, "{{"+telemetry.LabelStream+"}}")
		if !ok {
			continue
		}
		pattern := "/^" + regexp.QuoteMeta(what) + "$/"
		if what == "" {
			// Not by its name: the field of every series has that one.
			pattern = "/^Value$/"
		}
		all = append(all, dashboard.DashboardFieldConfigSourceOverrides{
			Matcher:    dashboard.MatcherConfig{Id: "byRegexp", Options: pattern},
			Properties: []dashboard.DynamicConfigValue{{Id: "displayName", Value: "(shared)" + what}},
		})
	}
	return all
}

// mappings writes what null and NaN are, in words, and colours the names of
// clouds and statuses in cells.
func mappings(p Panel) []dashboard.ValueMapping {
	text := p.Null
	if text == "" {
		text = "no data"
		if p.Kind == Table {
			text = "–"
		}
	}
	all := []dashboard.ValueMapping{{SpecialValueMap: &dashboard.SpecialValueMap{
		Type: dashboard.MappingTypeSpecialValue,
		Options: dashboard.DashboardSpecialValueMapOptions{
			Match: dashboard.SpecialValueMatchNullAndNan, Result: result(text, Neutral),
		},
	}}}
	if len(p.Values) > 0 {
		all = append(all, valueMapping(p.Values))
	}
	if p.Kind == Table {
		options := map[string]dashboard.ValueMappingResult{}
		for _, entries := range [][]Entry{Clouds, Statuses, p.Words} {
			for _, e := range entries {
				options[e.Name] = result(e.Name, e.Colour)
			}
		}
		all = append(all, dashboard.ValueMapping{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}})
	}
	return all
}

// valueMapping writes words for values.
func valueMapping(values map[string]Entry) dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for value, e := range values {
		options[value] = result(e.Name, e.Colour)
	}
	return dashboard.ValueMapping{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}
}

func result(text, colour string) dashboard.ValueMappingResult {
	return dashboard.ValueMappingResult{Text: &text, Color: &colour}
}

// opens writes a word instead of an id that nobody reads.
func opens() dashboard.ValueMapping {
	text, colour := "open", Clouds[1].Colour
	return dashboard.ValueMapping{RegexMap: &dashboard.RegexMap{
		Type:    dashboard.MappingTypeRegexToText,
		Options: dashboard.DashboardRegexMapOptions{Pattern: "^[0-9a-f]{32}$", Result: dashboard.ValueMappingResult{Text: &text, Color: &colour}},
	}}
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
