package panels

import "fmt"

// Node is a box of a flow: a name, a value, and the colour of what its state
// says. Fields are the legends of the panel's queries.
type Node struct {
	Name  string
	Value string // the field that is written
	State string // the field whose colour the box has; empty: Colour
	// Colour of a box without a state.
	Colour string
	X, Y   float64 // percent of the panel, upper left corner
	To     []string
	URL    string // where a click leads
}

// The size of a box, percent of the panel.
const nodeWidth, nodeHeight = 21.0, 16.0

// onColour is text on a box: readable on every colour of this package.
const onColour = "#FFFFFF"

// flow draws the nodes and what goes from one to the next. Everything is placed
// in percent, so that it fits a phone too.
func flow(nodes []Node) map[string]any {
	elements := []any{}
	for _, n := range nodes {
		background := map[string]any{"fixed": n.Colour}
		if n.State != "" {
			background = map[string]any{"fixed": Neutral, "field": n.State}
		}
		connections := []any{}
		for _, to := range n.To {
			connections = append(connections, map[string]any{
				"source": map[string]any{"x": 1, "y": 0}, "target": map[string]any{"x": -1, "y": 0}, "targetName": to, "path": "straight",
				"color": background, "size": map[string]any{"fixed": 2, "min": 1, "max": 10},
			})
		}
		box := element(n.Name, "rectangle", n.X, n.Y, nodeWidth, nodeHeight, map[string]any{})
		box["background"] = map[string]any{"color": background}
		box["border"] = map[string]any{"color": background, "radius": 4, "width": 0}
		box["connections"] = connections
		name := element(n.Name+" name", "text", n.X, n.Y+1, nodeWidth, nodeHeight/2-1, text(map[string]any{"mode": "fixed", "fixed": n.Name}, 11, "bottom"))
		value := element(n.Name+" value", "metric-value", n.X, n.Y+nodeHeight/2, nodeWidth, nodeHeight/2-1,
			text(map[string]any{"mode": "field", "field": n.Value, "fixed": ""}, 14, "top"))
		for _, e := range []map[string]any{box, name, value} {
			if n.URL != "" {
				e["links"] = []any{map[string]any{"title": "Open " + n.Name, "url": n.URL}}
			}
			elements = append(elements, e)
		}
	}
	return map[string]any{
		"inlineEditing": false, "panZoom": false, "infinitePan": false, "showAdvancedTypes": false,
		"root": map[string]any{"name": "flow", "type": "frame", "elements": elements},
	}
}

func element(name, kind string, x, y, w, h float64, config map[string]any) map[string]any {
	return map[string]any{
		"name": name, "type": kind, "config": config,
		"constraint": map[string]any{"horizontal": "scale", "vertical": "scale"},
		"placement":  map[string]any{"left": x, "right": 100 - x - w, "top": y, "bottom": 100 - y - h},
		"background": map[string]any{"color": map[string]any{"fixed": "transparent"}},
		"border":     map[string]any{"color": map[string]any{"fixed": "transparent"}},
	}
}

func text(what map[string]any, size int, valign string) map[string]any {
	return map[string]any{"text": what, "size": size, "align": "center", "valign": valign, "color": map[string]any{"fixed": onColour}}
}

// checkFlow finds nodes that lead nowhere: Grafana draws them without a word.
func checkFlow(p Panel) error {
	known, legends := map[string]bool{}, map[string]bool{}
	for _, n := range p.Nodes {
		known[n.Name] = true
	}
	for _, q := range p.Queries {
		legends[q.Legend] = true
	}
	for _, n := range p.Nodes {
		for _, to := range n.To {
			if !known[to] {
				return fmt.Errorf("panel %q: node %q leads to %q, which is not there", p.Title, n.Name, to)
			}
		}
		for _, field := range []string{n.Value, n.State} {
			if field != "" && !legends[field] {
				return fmt.Errorf("panel %q: node %q shows %q, which no query is called", p.Title, n.Name, field)
			}
		}
	}
	return nil
}
