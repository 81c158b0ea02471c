package dashboards

import (
	p "github.com/helios-connect/helios/grafana/panels"
	q "github.com/helios-connect/helios/grafana/queries"
	t "github.com/helios-connect/helios/plugins/telemetry"
)

func trace() p.Board {
	const off = "tracing is off (docs/tracing.md)."
	stages := q.Prom("histogram_quantile(0.95, sum by ("+t.LabelLE+", "+t.LabelStage+") (rate("+q.BucketsOf(t.TraceStageTime)+"["+q.Interval+"])))", "{{"+t.LabelStage+"}}")
	stages.Exemplars = true
	return p.Board{
		UID: traceUID, Title: "Helios Trace", Refresh: "1m", From: "now-1h",
		Description: "One event's way, from its producer through every stage to the verdict and the store.",
		Variables:   []p.Variable{{Name: "trace", Title: "Trace (id)"}},
		Rows: []p.Row{
			{Title: "The trace", Panels: []p.Panel{
				{Title: "Spans", Kind: p.Traces, Unit: "short", Height: 20, Steps: p.Plain(), Next: toFact,
					Help:  "Every span of the trace. Red spans failed: their status says why. A verdict is linked to the events that it joins.",
					Empty: "type the id of a trace above (the red mark asks for it), or come by a link from Fact or by an exemplar below; the event is not sampled, or is forgotten.", Queries: []q.Query{q.Trace("${trace}")}},
			}},
			{Title: "Traced events", Panels: []p.Panel{
				{Title: "Stages, 95th percentile", Kind: p.Series, Unit: "s", Width: 16, Steps: p.Plain(), Next: toPipelines,
					Help: "How long the stages of sampled events take. A diamond is one of them: click it for its trace. A stage that rises is the one to look at.", Empty: "tracing is off, or Prometheus does not read HELIOS_EXEMPLARS_ADDRESS (docs/tracing.md).",
					Queries: []q.Query{stages}},
				{Title: "Spans that are thrown away", Kind: p.Series, Unit: "short", Width: 8, Steps: p.ZeroIsGood(), Next: toPipelines,
					Help: "Spans a second that the collector did not take. Events are not touched by it. Look at the collector, or sample less.", Empty: off,
					Queries: []q.Query{q.Prom("sum by ("+t.LabelReason+") (rate("+q.Of(t.TraceSpansDropped)+"["+q.Interval+"]))", "{{"+t.LabelReason+"}}")}},
			}},
		},
	}
}
