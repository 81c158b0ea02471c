package dashboards

import (
	"github.com/helios-connect/helios/grafana/alerts"
	p "github.com/helios-connect/helios/grafana/panels"
	q "github.com/helios-connect/helios/grafana/queries"
	t "github.com/helios-connect/helios/plugins/telemetry"
)

func overview() p.Board {
	verdicts := q.Sum(q.Increase(q.Of(t.ReconcileVerdicts), q.Range))
	stalledNow := q.Max(q.Of(t.ReconcileStalled), t.LabelParticipant)
	return p.Board{
		UID: overviewUID, Title: "Helios Overview",
		Description: "What is wrong, on which cloud, and since when. Every tile leads to the dashboard that says more.",
		From:        "now-30m",
		Rows: []p.Row{
			{Title: "Is anything wrong?", Panels: []p.Panel{
				{Title: "Agreement", Kind: p.Stat, Unit: "percentunit", Steps: p.Falling(0.9, 0.98), Next: toReconciliation,
					Help:    "Share of the verdicts of the time range on which the clouds agree. Red: below 90 %. Open Reconciliation, which names cloud and field.",
					Empty:   "no fact was judged in the time range.",
					Queries: []q.Query{q.Instant(q.Agreement(q.Range), "agreement")}},
				{Title: "Facts judged", Kind: p.Stat, Unit: "short", Steps: p.Plain(), Next: toReconciliation,
					Help:    "Verdicts of the time range, corrections included. 0 with events coming in: reconciliation stands still; see Pipelines.",
					Queries: []q.Query{q.Instant(verdicts, "verdicts")}},
				{Title: "Broken now", Kind: p.Stat, Unit: "short", Steps: p.ZeroIsGood(), Next: toReconciliation,
					Help: "Verdicts of the last five minutes that are not matched. Red: at least one. Reconciliation lists the facts.",
					Queries: []q.Query{q.Instant("round("+q.OrZero(q.Sum(q.Increase(q.Of(t.ReconcileVerdicts, q.Not(t.LabelStatus, "matched")), "5m")),
						q.Sum(q.Of(t.ReconcileVerdicts)))+")", "not matched")}},
				{Title: "Clouds stalled", Kind: p.Stat, Unit: "short", Steps: p.ZeroIsGood(), Next: toPipelines,
					Help:    "Clouds of which nothing was heard for idle_timeout, on any clock. Red: look at the cloud's queue and its ingest stream; what waits for it becomes indeterminate.",
					Queries: []q.Query{q.Instant(q.Sum(stalledNow), "stalled")}},
				{Title: "Events unaccounted for", Kind: p.Stat, Unit: "short", Steps: p.ZeroIsGood(), Next: toPipelines,
					Help:    "The conservation law: received minus converted minus refused is 0. Red for longer than a moment: events vanish in ingest; read its log before a restart.",
					Queries: []q.Query{q.Instant(q.Unaccounted(), "unaccounted")}},
				{Title: "Dead letters", Kind: p.Stat, Unit: "short", Steps: []p.Step{{Value: 0, Colour: p.Good}, {Value: 1, Colour: p.Warn}, {Value: 1000, Colour: p.Bad}}, Next: toPipelines,
					Help:    "Events of the time range that were refused. Red: 1,000 and more. Pipelines shows them by reason; `helios-connect dlq list` shows each.",
					Queries: []q.Query{q.Instant("round("+q.DeadLettersIn(q.Range)+")", "dead letters")}},
			}},
			{Title: "Which cloud, since when?", Panels: []p.Panel{
				{Title: "Clouds heard of", Kind: p.Timeline, Unit: "short", Steps: []p.Step{{Value: 0, Colour: p.Good}, {Value: 1, Colour: p.Bad}}, Next: toPipelines,
					Values:  map[string]p.Entry{"0": {Name: "heard of", Colour: p.Good}, "1": {Name: "stalled", Colour: p.Bad}},
					Help:    "Each cloud over time. Red: stalled on at least one clock since the left edge of the bar. See Pipelines for its stream, and the cloud's own queue.",
					Queries: []q.Query{q.Prom(stalledNow, "{{participant}}")}},
				{Title: "Behind the frontier", Kind: p.Series, Unit: "s", Steps: p.Rising(30, 300), Next: toPipelines,
					Help:    "How far the newest event of each cloud is behind the newest of all, worst clock. Above the line at 300 s the latency objective is lost: its producer or its queue is slow.",
					Queries: []q.Query{q.Prom(q.Max(q.Of(t.ReconcileWatermarkLag), t.LabelParticipant), "{{participant}}")}},
				{Title: "Events per second", Kind: p.Series, Unit: "eps", Steps: p.Plain(), Next: toPipelines,
					Help:    "Events of each cloud that reach reconciliation. A line that falls alone: that cloud's ingest. All together: the log or the process.",
					Queries: []q.Query{q.Prom(q.Sum(q.Rate(q.Of(t.ReconcileReceived), q.Interval), t.LabelParticipant), "{{participant}}")}},
				{Title: "Verdicts per second", Kind: p.Series, Unit: "eps", Stacked: true, Steps: p.Plain(), Next: toReconciliation,
					Help:    "Verdicts by status. Growing orange: values differ; violet: a cloud lost facts; grey: a cloud is stalled.",
					Queries: []q.Query{q.Prom(q.Sum(q.Rate(q.Of(t.ReconcileVerdicts), q.Interval), t.LabelStatus), "{{verdict_status}}")}},
			}},
			{Title: "Promises", Panels: []p.Panel{
				{Title: "Error budget left", Kind: p.Bars, Unit: "percentunit", Max: p.Number(1), Steps: p.Falling(0.0001, 0.25), Next: toSLO, Width: 12,
					Help:    "What is left of each objective's error budget by the errors of three days. Red: used up; stop risky changes and open SLO.",
					Queries: budgets(alerts.Objectives())},
				{Title: "Time to verdict", Kind: p.Series, Unit: "s", Steps: p.Rising(60, 300), Next: toReconciliation,
					Help: "From a fact's last event to its verdict. 300 s is the objective; most wait for the window only when a cloud is missing.",
					Queries: []q.Query{q.Prom(q.Quantile(0.5, t.ReconcileDelay, q.Interval), "half of them within"),
						q.Prom(q.Quantile(0.99, t.ReconcileDelay, q.Interval), "99 % within")}},
			}},
		},
	}
}

func budgets(objectives []alerts.Objective) []q.Query {
	var all []q.Query
	for _, o := range objectives {
		legend := o.Title
		if o.By != "" {
			legend = o.Title + ": {{" + o.By + "}}"
		}
		all = append(all, q.Instant(o.BudgetLeft(), legend))
	}
	return all
}
