package dashboards

import (
	p "github.com/helios-connect/helios/grafana/panels"
	q "github.com/helios-connect/helios/grafana/queries"
	t "github.com/helios-connect/helios/plugins/telemetry"
)

func reconciliation() p.Board {
	return p.Board{
		UID: reconciliationUID, Title: "Helios Reconciliation",
		Description: "Where the clouds disagree: status, cloud, field, producer, and what was believed before.",
		Rows: []p.Row{
			{Title: "Verdicts", Panels: []p.Panel{
				{Title: "Verdicts by status", Kind: p.Series, Unit: "eps", Stacked: true, Steps: p.Plain(), Next: toLive,
					Help:    "Verdicts per second. What isn't matched needs a look: the tables below name the facts, the cloud and the field.",
					Queries: []q.Query{q.Prom(q.Sum(q.Rate(q.Of(t.ReconcileVerdicts), q.Interval), t.LabelStatus), "{{verdict_status}}")}},
				{Title: "Share of statuses", Kind: p.Pie, Unit: "short", Steps: p.Plain(), Next: toOverview,
					Help:    "All verdicts of the time range. Everything but matched together should stay below 2 %.",
					Queries: []q.Query{q.Instant(q.Counted(q.Sum(q.Increase(q.Of(t.ReconcileVerdicts), q.Range), t.LabelStatus)), "{{verdict_status}}")}},
				{Title: "Verdicts by expectation", Kind: p.Bars, Unit: "short", Width: 6, Steps: p.Plain(), Next: toOverview,
					Help:    "Verdicts of the time range by the expectation that judged them. One at 0 that should not be: its globs match nothing any more.",
					Queries: []q.Query{q.Instant(q.Counted(q.Sum(q.Increase(q.Of(t.ReconcileVerdicts), q.Range), t.LabelExpectation)), "{{expectation}}")}},
				{Title: "Time to verdict", Kind: p.Heatmap, Unit: "s", Steps: p.Plain(), Next: toSLO,
					Help:    "Facts by the time from their last event to their verdict; bright is many. A second band at the length of the window is facts that a cloud never reported.",
					Queries: []q.Query{q.Buckets(q.Sum(q.Increase(q.BucketsOf(t.ReconcileDelay), q.Interval), t.LabelLE))}},
				{Title: "Repeated and without effect", Kind: p.Series, Unit: "eps", Steps: p.Plain(), Next: panelsToCost,
					Help: "Events after the first of a fact and cloud. Many of one cloud: its producer sends twice, or its queue delivers again; Cost has the price.",
					Queries: []q.Query{q.Prom(q.Sum(q.Rate(q.Of(t.ReconcileDuplicates), q.Interval), t.LabelParticipant), "{{participant}}"),
						q.Prom(q.Sum(q.Rate(q.Of(t.ReconcileUncounted), q.Interval)), "late without effect")}},
			}},
			{Title: "Where", Panels: []p.Panel{
				{Title: "Missing, by cloud", Kind: p.Series, Unit: "short", Width: 12, Columned: true, Stacked: true, Steps: p.Plain(), Next: toPipelines,
					Help:    "Facts that a cloud did not report, by the minute of their verdict, of ranges over three hours by the hour. A tall column: an outage of its queue; low ones all the time: a producer that forgets.",
					Empty:   "no cloud lost a fact in the time range.",
					Queries: []q.Query{q.MissingOverTime()}},
				{Title: "Disagreement, cloud by field", Kind: p.Table, Unit: "short", Width: 12, Steps: p.Plain(), Next: toFact,
					Matrix: [3]string{"cloud", "field", "facts"}, Null: "0",
					Help:    "How often a cloud's value of a field was the odd one out. A full column: that cloud is wrong; a full row: the field is ill-defined, or needs a tolerance.",
					Empty:   "no values differed in the time range.",
					Queries: []q.Query{q.Disagreements()}},
				{Title: "Worst producers", Kind: p.Table, Unit: "short", Width: 12, Steps: p.Plain(), Next: toContracts,
					Help:    "Sources whose events were the odd one out most often. Start with the first: ask its owner with a fact from the list below.",
					Empty:   "no values differed in the time range.",
					Queries: []q.Query{q.WorstProducers()}},
				{Title: "Corrections", Kind: p.Table, Wide: "type", Unit: "short", Width: 12, Steps: p.Plain(), Next: toSLO, CellLinks: map[string]string{"fact": openFact},
					Help:  "What was believed, and what is known now. Many from missing to matched: allowed_lateness is shorter than the clouds are late.",
					Empty: "no verdict was corrected in the time range.",
					Queries: []q.Query{q.SQL(`
SELECT h.decided_at AS "time", b.status AS believed, h.status AS now, h.type, h.id AS fact
FROM helios_verdict_history h
JOIN helios_verdict_history b ON b.id = h.id AND b.opened_ns = h.opened_ns AND b.revision = h.revision - 1
WHERE $__timeFilter(h.decided_at) AND h.revision > 1
ORDER BY h.decided_at DESC LIMIT 50`)}},
			}},
			{Title: "Which facts", Panels: []p.Panel{
				{Title: "Latest disagreements", Kind: p.Table, Unit: "short", Height: 10, Steps: p.Plain(), Next: toFact, CellLinks: map[string]string{"fact": openFact},
					Help:  "The newest facts that are not matched. A click on a fact opens it, side by side.",
					Empty: "everything that was judged in the time range was matched.",
					Queries: []q.Query{q.SQL(`
SELECT decided_at AS "time", status, tenant, type, key, array_to_string(missing, ', ') AS missing, closed_by AS why, id AS fact
FROM helios_verdicts WHERE $__timeFilter(decided_at) AND status <> 'matched'
ORDER BY decided_at DESC LIMIT 100`)}},
			}},
		},
	}
}
