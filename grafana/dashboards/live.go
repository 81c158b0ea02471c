package dashboards

import (
	p "github.com/helios-connect/helios/grafana/panels"
	q "github.com/helios-connect/helios/grafana/queries"
	t "github.com/helios-connect/helios/plugins/telemetry"
)

func live() p.Board {
	const pushed = "no pipeline pushes to Grafana Live; a reload shows what was pushed last."
	stats := func(title, interval string) p.Panel {
		return p.Panel{Title: "Last " + title, Kind: p.Table, Height: 6, Unit: "short", Width: 8,
			Columns: []p.Column{{Field: "cloud", Name: "cloud", Width: 60}, {Field: "events", Name: "events", Width: 68},
				{Field: "types", Name: "types", Width: 54}, {Field: "latest", Name: "latest"}}, Steps: p.Plain(), Next: panelsToCost,
			Help:    "Events and facts of the last " + title + ", whatever the time range. A cloud that is missing here has sent nothing.",
			Empty:   "the store holds no event of that time.",
			Queries: []q.Query{q.EventsSince(interval)}}
	}
	return p.Board{
		UID: liveUID, Title: "Helios Live events", From: "now-15m", Refresh: "30s",
		Description: "What happens now, as it happens, and its history from the store. Live is for looking; the store is the truth.",
		Rows: []p.Row{
			{Title: "Now", Panels: []p.Panel{
				{Title: "Events as they come", Kind: p.Table, Filter: true, Wide: "type", Columns: append(streamed("time", "cloud", "type", "key", "tenant"), p.Column{Field: "delay_ms", Name: "delay", Unit: "ms", Width: 75}), Unit: "short", Width: 14, Height: 10,
					CellLinks: map[string]string{"key": openFact}, Steps: p.Plain(), Next: toPipelines, Empty: pushed,
					Help:    "Sampled above the rate that a browser can take. Nothing moves although Overview counts events: the push is broken, the pipelines are not.",
					Queries: []q.Query{q.Stream("events")}},
				{Title: "Verdicts as they fall", Kind: p.Table, Filter: true, Columns: streamed("time", "status", "fact", "key", "differs"), Unit: "short", Width: 10, Height: 10, Steps: p.Plain(), Next: toReconciliation, Empty: pushed,
					CellLinks: map[string]string{"fact": openFact},
					Help:      "Verdicts in the moment that they are handed on. A click on a fact opens it.",
					Queries:   []q.Query{q.Stream("verdicts")}},
				{Title: "Pushed, sampled and dropped", Kind: p.Series, Unit: "eps", Width: 24, Height: 5, Steps: p.Plain(), Next: toPipelines,
					Help:  "What happens to events and verdicts on their way to the tables above. Sampled: more than a browser can follow. Dropped, by reason: stale is older than 3 s, unauthorized wants another token; the store has them all.",
					Empty: "HELIOS_GRAFANA_URL names no Grafana to push to.",
					Queries: []q.Query{q.Prom(q.Sum(q.Rate(q.Of(t.LivePushed), q.Interval)), "pushed"), q.Prom(q.Sum(q.Rate(q.Of(t.LiveSampled), q.Interval)), "sampled"),
						q.Prom(q.Sum(q.Rate(q.Of(t.LiveDropped), q.Interval), t.LabelReason), "dropped: {{reason}}")}},
			}},
			{Title: "Shares of the time range", Panels: []p.Panel{
				share("cloud", 6, "A slice much smaller than its neighbours: that cloud loses events; see Overview."),
				share("type", 12, "A type that vanishes: its producer stopped."),
				share("tenant", 6, "A tenant that grows suddenly takes the capacity of the others; see Cost."),
			}},
			{Title: "History", Panels: []p.Panel{
				{Title: "Events over time", Kind: p.Series, Unit: "short", Width: 24, Stacked: true, Columned: true, Steps: p.Plain(), Next: toPipelines,
					Help:    "Stored events by the time of the event, by the minute, of ranges over three hours by the hour. A gap in one colour: that cloud was silent, or late and will fill it.",
					Empty:   "the store holds no event of the time range.",
					Queries: []q.Query{q.EventsOverTime()}},
				stats("24 hours", "24 hours"), stats("7 days", "7 days"), stats("30 days", "30 days"),
				{Title: "Latest events", Kind: p.Table, Unit: "short", Height: 10, Filter: true, Steps: p.Plain(), Next: toFact, CellLinks: map[string]string{"key": openFact},
					Help:  "The newest stored events of the time range. A click on a fact opens it.",
					Empty: "the store holds no event of the time range.",
					Queries: []q.Query{q.SQL(`
SELECT time, cloud, tenant, type, key, source, id FROM helios_events
WHERE $__timeFilter(time) ORDER BY time DESC LIMIT 100`)}},
			}},
		},
	}
}

// streamed are the fields of a stream that are shown, in this order: by itself
// Grafana sorts them by name.
func streamed(fields ...string) (columns []p.Column) {
	// Narrower than elsewhere: what streams is always of today.
	widths := map[string]int{"time": 82, "cloud": 76, "key": 175, "tenant": 82, "status": 110, "fact": 68}
	units := map[string]string{"time": "time:HH:mm:ss"}
	for _, f := range fields {
		columns = append(columns, p.Column{Field: f, Name: f, Width: widths[f], Unit: units[f]})
	}
	return columns
}

func share(column string, width uint32, red string) p.Panel {
	return p.Panel{Title: "By " + column, Kind: p.Pie, Unit: "short", Width: width, Steps: p.Plain(), Next: toOverview,
		Help:    "Stored events of the time range by " + column + ". " + red,
		Empty:   "the store holds no event of the time range.",
		Queries: []q.Query{q.EventsBy(column)}}
}
