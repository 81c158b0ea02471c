package dashboards

import (
	"fmt"
	"strings"

	"github.com/helios-connect/helios/grafana/alerts"
	p "github.com/helios-connect/helios/grafana/panels"
	q "github.com/helios-connect/helios/grafana/queries"
)

// causes say where to look when an objective is missed.
var causes = map[string]p.Link{
	"verdict_accuracy": toReconciliation, "event_latency": toReconciliation, "own_latency": toPipelines,
	"ingest_availability": toPipelines, "delivery": toPipelines,
}

func slo() p.Board {
	b := p.Board{
		UID: sloUID, Title: "Helios SLO", From: "now-6h",
		Description: "Each promise: its objective, what is left of its error budget, and how fast it burns.",
	}
	for _, o := range alerts.Objectives() {
		b.Rows = append(b.Rows, objective(o))
	}
	return b
}

func objective(o alerts.Objective) p.Row {
	good, left := "good", "left"
	if o.By != "" {
		good, left = "{{"+o.By+"}}", "{{"+o.By+"}}"
	}
	share := fmt.Sprintf("%.4g", o.Target*100)
	target := share + " %"
	// One digit more than the objective: 99.97 is no 99.99.
	_, fraction, _ := strings.Cut(share, ".")
	var burns []q.Query
	for _, w := range []string{"5m", "1h", "6h", "3d"} {
		legend := w
		if o.By != "" {
			legend = good + " " + w
		}
		burns = append(burns, q.Prom(o.BurnRate(w), legend))
	}
	short := "short"
	return p.Row{Title: o.Title + ", " + target, Panels: []p.Panel{
		{Title: o.Short + ": good", Kind: p.Stat, Unit: "percentunit", Decimals: p.Number(float64(len(fraction) + 1)), Steps: p.Falling(o.Target-(1-o.Target), o.Target), Next: causes[o.Name], Width: 5, Height: 6,
			Help:    "Share of good events in three days; the objective is " + target + ". Red: twice as many bad ones as it allows. The link leads to the likely cause.",
			Empty:   "there was no event yet.",
			Queries: []q.Query{q.Instant("1 - "+o.Recorded("3d"), good)}},
		{Title: o.Short + ": budget left", Kind: p.Stat, Unit: "percentunit", Steps: p.Budget(), Next: causes[o.Name], Width: 5, Height: 6,
			Help:    "What is left of the error budget by the errors of three days. Red: nothing. Postpone what may break more until it is green.",
			Empty:   "there was no event yet.",
			Queries: []q.Query{q.Instant(o.BudgetLeft(), left)}},
		{Title: o.BurnPanel(), Kind: p.Series, Unit: short, Steps: []p.Step{{Value: 0, Colour: p.Good}, {Value: 1, Colour: p.Warn}, {Value: 14.4, Colour: p.Bad}}, Next: causes[o.Name], Width: 14, Height: 6,
			Help:    fmt.Sprintf("How many times faster than allowed the budget is used, over several windows. Above 14.4 in 5 min and 1 h: a page. Windows with fewer than %g events raise no alert.", o.Gate),
			Empty:   "there was no event yet.",
			Queries: burns},
	}}
}
