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
				{Title: "Agreement", Kind: p.Stat, Unit: "percentunit", Decimals: p.Number(2), Steps: p.Falling(0.9, 0.98), Next: toReconciliation,
					Help:    "Share of the verdicts of the time range on which the clouds agree. Red: below 90 %. Open Reconciliation, which names cloud and field.",
					Empty:   "no fact was judged in the time range.",
					Queries: []q.Query{q.Instant(q.Agreement(q.Range), "agreement")}},
				{Title: "Facts judged", Kind: p.Stat, Unit: "short", Steps: p.Plain(), Next: toReconciliation,
					Help:    "Verdicts of the time range, corrections included. 0 with events coming in: reconciliation stands still; see Pipelines.",
					Queries: []q.Query{q.Instant(q.Counted(verdicts), "verdicts")}},
				{Title: "Broken now", Kind: p.Stat, Unit: "short", Steps: p.Rising(0.5, 100), Next: toReconciliation,
					Help: "Verdicts of the last five minutes that are not matched. Amber: at least one, red: 100. The table below says of which cloud, Reconciliation lists the facts.",
					Queries: []q.Query{q.Instant("round("+q.OrZero(q.Sum(q.Increase(q.Of(t.ReconcileVerdicts, q.Not(t.LabelStatus, "matched")), "5m")),
						q.Sum(q.Of(t.ReconcileVerdicts)))+")", "not matched")}},
				{Title: "Clouds stalled", Kind: p.Stat, Unit: "short", Steps: p.ZeroIsGood(), Next: toPipelines,
					Help:    "Clouds of which nothing was heard for idle_timeout, on any clock. Red: look at the cloud's queue and its ingest stream; what waits for it becomes indeterminate.",
					Queries: []q.Query{q.Instant(q.Sum(stalledNow), "stalled")}},
				{Title: "Unaccounted", Kind: p.Stat, Unit: "short", Steps: p.ZeroIsGood(), Next: toPipelines,
					Help:    "The conservation law: received minus converted minus refused is 0; the least of two minutes, so that events under way don't count. Red: events vanish in ingest; read its log before a restart.",
					Queries: []q.Query{q.Instant(vanished, "unaccounted")}},
				{Title: "Dead letters", Kind: p.Stat, Unit: "short", Steps: []p.Step{{Value: 0, Colour: p.Good}, {Value: 1, Colour: p.Warn}, {Value: 1000, Colour: p.Bad}}, Next: toPipelines,
					Help:    "Dead letters that the store took in the time range: events that were refused anywhere. Red: 1,000 and more. Pipelines shows them by reason; `helios-connect dlq list` shows each.",
					Queries: []q.Query{q.Instant(q.Counted(q.DeadLettersStored(q.Range)), "dead letters")}},
			}},
			{Title: "What is wrong, on which cloud, since when?", Panels: []p.Panel{
				{Title: "What is wrong", Kind: p.Table, Unit: "short", Width: 14, Height: 10, Steps: p.Plain(), Next: toReconciliation,
					Words: problems, CellLinks: map[string]string{"example": openFact},
					Help:    "Every kind of fault of the time range by cloud, ongoing ones first. Since: the start of the last spell without a pause of two minutes, or the left edge of the time range. Ongoing: seen in the last two minutes. Detail: the fields that differ, the reasons of refusal. The example opens a fact, side by side.",
					Queries: []q.Query{q.SQL(wrong)}},
				theFlow(),
				{Title: "Each cloud now", Kind: p.Table, Wide: "last event", Unit: "short", Width: 14, Height: 6, Steps: p.Plain(), Next: toPipelines,
					Columns: []p.Column{
						{Field: t.LabelParticipant, Name: "cloud", Width: 70},
						{Field: "Value #A", Name: "state", Values: cloudStates},
						{Field: "Value #B", Name: "last event", Unit: "dateTimeFromNow"},
						{Field: "Value #C", Name: "behind", Unit: "s", Steps: p.Rising(30, 300)},
						{Field: "Value #D", Name: "events/s", Unit: "none"},
						{Field: "Value #E", Name: "events", Unit: "short"},
					},
					Help: "Silent: nothing was heard of the cloud for idle_timeout, its last event says since when; partly silent: so on some of its clocks. Look at its queue and its ingest stream. Behind: how far its slowest clock is behind the newest event of all.",
					Queries: []q.Query{q.Table(cloudState), q.Table(q.Max(q.Of(t.ReconcileWatermark), t.LabelParticipant) + " * 1000"),
						q.Table(q.Max(q.Of(t.ReconcileWatermarkLag), t.LabelParticipant)),
						q.Table("round(" + q.Sum(q.Rate(q.Of(t.ReconcileReceived), q.Interval), t.LabelParticipant) + ", 0.1)"),
						q.Table("round(" + q.Sum(q.Increase(q.Of(t.ReconcileReceived), q.Range), t.LabelParticipant) + ")")}},
				{Title: "Clouds heard of", Kind: p.Timeline, Unit: "short", Steps: []p.Step{{Value: 0, Colour: p.Good}, {Value: 1, Colour: p.Warn}, {Value: 2, Colour: p.Bad}}, Next: toPipelines,
					Values: cloudStates, Width: 10, Height: 6,
					Help:    "Each cloud over time. Red: silent on all its clocks since the left edge of the bar, amber: on some. See Pipelines for its stream, and the cloud's own queue.",
					Queries: []q.Query{q.Prom(cloudState, "{{participant}}")}},
				{Title: "Events per second", Kind: p.Series, Unit: "eps", Steps: p.Plain(), Next: toPipelines, Width: 8,
					Help:    "Events of each cloud that reach reconciliation. A line that falls alone: that cloud's ingest. All together: the log or the process.",
					Queries: []q.Query{q.Prom(q.Sum(q.Rate(q.Of(t.ReconcileReceived), q.Interval), t.LabelParticipant), "{{participant}}")}},
				{Title: "Verdicts that aren't matched", Kind: p.Series, Unit: "eps", Stacked: true, Steps: p.Plain(), Next: toReconciliation, Width: 8,
					Help:    "Verdicts per second by status, without the matched ones. Orange: values differ; violet: a cloud lost facts; grey: a cloud is silent, and they can't be judged without it.",
					Queries: []q.Query{q.Prom(q.Sum(q.Rate(q.Of(t.ReconcileVerdicts, q.Not(t.LabelStatus, "matched")), q.Interval), t.LabelStatus), "{{verdict_status}}")}},
				{Title: "Behind the frontier", Kind: p.Series, Unit: "s", Steps: p.Rising(30, 300), Next: toPipelines, Width: 8,
					Help:    "How far the newest event of each cloud is behind the newest of all, worst clock. Above the line at 300 s the latency objective is lost: its producer or its queue is slow.",
					Queries: []q.Query{q.Prom(q.Max(q.Of(t.ReconcileWatermarkLag), t.LabelParticipant), "{{participant}}")}},
			}},
			{Title: "Promises", Panels: []p.Panel{
				{Title: "Error budget left", Kind: p.Bars, Unit: "percentunit", Max: p.Number(1), Steps: p.Budget(), Next: toSLO, Width: 12,
					Help:    "What is left of each objective's error budget by the errors of three days: verdicts that stood, facts judged in 5 min and in 500 ms, clouds heard of, rows stored. Red: used up; stop risky changes and open SLO.",
					Queries: budgets(alerts.Objectives())},
				{Title: "Time to verdict", Kind: p.Series, Unit: "s", Steps: p.Rising(60, 300), Next: toReconciliation,
					Help: "From a fact's last event to its verdict. 300 s is the objective; most wait for the window only when a cloud is missing.",
					Queries: []q.Query{q.Prom(q.Quantile(0.5, t.ReconcileDelay, q.Interval), "half of them within"),
						q.Prom(q.Quantile(0.99, t.ReconcileDelay, q.Interval), "99 % within")}},
			}},
		},
	}
}

// perSecond is short enough for a box on a phone.
const perSecond = "suffix:/s"

// theFlow draws the way of an event, from the clouds to the verdicts.
func theFlow() p.Panel {
	fields := []p.Column{{Name: "log", Unit: perSecond}, {Name: "reconcile", Unit: perSecond},
		{Name: "unaccounted", Steps: p.ZeroIsGood()}, {Name: "agreement", Steps: p.Falling(0.9, 0.98)}}
	asked := []q.Query{
		q.Instant(q.Sum(q.Rate(q.Of(t.CanonicalConverted), q.Interval)), "log"), q.Instant(vanished, "unaccounted"),
		q.Instant(q.Sum(q.Rate(q.Of(t.ReconcileReceived), q.Interval)), "reconcile"), q.Instant(q.Agreement("5m"), "agreement"),
	}
	nodes := []p.Node{
		{Name: "log", Value: "log", State: "unaccounted", X: 27, Y: 42, To: []string{"reconcile"}, URL: toPipelines.URL},
		{Name: "reconcile", Value: "reconcile", State: "agreement", X: 53, Y: 42, URL: toReconciliation.URL},
	}
	all := q.Sum(q.Of(t.ReconcileVerdicts))
	for i, cloud := range p.Clouds {
		state, of := cloud.Name+" state", q.Is(t.LabelParticipant, cloud.Name)
		fields = append(fields, p.Column{Name: cloud.Name, Unit: perSecond}, p.Column{Name: state, Values: cloudStates})
		asked = append(asked, q.Instant(q.Sum(q.Rate(q.Of(t.ReconcileReceived, of), q.Interval)), cloud.Name), q.Instant(stateOf(of), state))
		nodes = append(nodes, p.Node{Name: cloud.Name, Value: cloud.Name, State: state, X: 0.5, Y: 9 + 33*float64(i), To: []string{"log"}, URL: toPipelines.URL + "&var-stream=ingest-" + cloud.Name + "&var-stream=reconcile"})
	}
	for i, status := range p.Statuses {
		fields = append(fields, p.Column{Name: status.Name, Unit: "short", Steps: []p.Step{{Value: 0.5, Colour: status.Colour}}})
		asked = append(asked, q.Instant(q.Counted(q.OrZero(q.Sum(q.Increase(q.Of(t.ReconcileVerdicts, q.Is(t.LabelStatus, status.Name)), "5m")), all)), status.Name))
		nodes = append(nodes, p.Node{Name: status.Name, Value: status.Name, State: status.Name, X: 78.5, Y: 2 + 20*float64(i), URL: toReconciliation.URL})
		nodes[1].To = append(nodes[1].To, status.Name)
	}
	return p.Panel{Title: "From the clouds to the verdicts of 5 min", Kind: p.Flow, Unit: "short", Width: 10, Height: 10, Steps: p.Plain(), Next: toPipelines,
		Help:    "The way of every event: three clouds, the log, reconciliation, a verdict. A cloud is red while it is silent, the log while events are unaccounted for, reconciliation while less than 90 % agree; verdicts are those of five minutes. A click leads on.",
		Columns: fields, Nodes: nodes, Queries: asked}
}

// vanished is the least of two minutes or, where Prometheus has looked for less than
// half a minute, of now.
var vanished = q.Vanished("2m") + " or " + q.Unaccounted()

// cloudState of each cloud: 0 heard of, 1 silent on some of its clocks, 2 on all.
var cloudState = stateOf()

func stateOf(matchers ...string) string {
	silent := q.Avg(q.Of(t.ReconcileStalled, matchers...), t.LabelParticipant)
	return "ceil(" + silent + ") + floor(" + silent + ")"
}

var cloudStates = map[string]p.Entry{"0": {Name: "heard of", Colour: p.Good}, "1": {Name: "partly silent", Colour: p.Warn}, "2": {Name: "silent", Colour: p.Bad}}

// problems colours what wrong finds.
var problems = []p.Entry{{Name: "ongoing", Colour: p.Bad}, {Name: "over", Colour: p.Neutral}, {Name: "unknown", Colour: p.Warn}, {Name: "fine", Colour: p.Good}}

// wrong finds what is wrong by kind and cloud. Its spells are rows with less
// than two minutes between them. Of each kind it reads the newest two thousand,
// so that a bad month costs no more than a bad hour. A silence is followed back from
// there, from each spell's row to the first of the two minutes before it. That nothing is wrong is a row
// too: an empty panel could be a store that does not answer. Where nothing was
// judged, nothing is known.
const wrong = `
WITH RECURSIVE wrong AS (
  SELECT 1 AS rank, 'silent' AS problem, cloud, 'facts can''t be judged' AS detail, decided_at AS at, id
  FROM (SELECT * FROM helios_verdicts WHERE $__timeFilter(decided_at) AND status = 'indeterminate' ORDER BY decided_at DESC LIMIT 2000) v
  CROSS JOIN unnest(stalled) AS cloud
  UNION ALL
  SELECT 2, 'facts missing', cloud, 'it did not report them', decided_at, id
  FROM (SELECT * FROM helios_verdicts WHERE $__timeFilter(decided_at) AND status IN ('missing', 'partial') ORDER BY decided_at DESC LIMIT 2000) v
  CROSS JOIN unnest(missing) AS cloud
  UNION ALL
  SELECT 3, 'values differ', coalesce(cloud, 'no majority'), regexp_replace(d->>'field', '^data\.', ''), at, id
  FROM (SELECT id, decided_at AS at, helios_json(verdict)->'diffs' AS diffs FROM helios_verdicts
        WHERE $__timeFilter(decided_at) AND status = 'mismatched' ORDER BY decided_at DESC LIMIT 2000) v
  CROSS JOIN LATERAL jsonb_array_elements(diffs) AS d
  LEFT JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(d->'outliers') WHEN 'array' THEN d->'outliers' ELSE '[]' END) AS cloud ON true
  UNION ALL
  SELECT 4, 'events refused', CASE WHEN cloud <> '' THEN cloud WHEN origin ~ '^[a-z0-9-]+$' THEN origin ELSE 'unknown' END, reason, recorded_at, ''
  FROM (SELECT * FROM helios_dead_letters WHERE $__timeFilter(recorded_at) ORDER BY recorded_at DESC LIMIT 2000) l
), spaced AS (
  SELECT *, at - lag(at) OVER (PARTITION BY rank, cloud ORDER BY at) AS pause FROM wrong
), episode AS (
  SELECT rank, problem, cloud, max(at) FILTER (WHERE pause IS NULL OR pause > interval '2 minutes') AS since, max(at) AS latest,
    count(*) AS times, string_agg(DISTINCT detail, ', ') AS detail, (array_agg(id ORDER BY at DESC))[1] AS example
  FROM spaced GROUP BY rank, problem, cloud
), silence AS (
  SELECT cloud, since, 0 AS steps FROM episode WHERE rank = 1
  UNION ALL
  SELECT s.cloud, v.decided_at, steps + 1 FROM silence s
  CROSS JOIN LATERAL (SELECT decided_at FROM helios_verdicts WHERE $__timeFilter(decided_at) AND status = 'indeterminate' AND stalled @> ARRAY[s.cloud]
    AND decided_at >= s.since - interval '2 minutes' AND decided_at < s.since ORDER BY decided_at LIMIT 1) v WHERE steps < 1000
)
SELECT state, cloud, problem, since, times, detail, example FROM (
  SELECT CASE WHEN latest > least(now(), $__timeTo()::timestamptz) - interval '2 minutes' THEN 'ongoing' ELSE 'over' END AS state, cloud, problem,
    CASE rank WHEN 1 THEN (SELECT min(s.since) FROM silence s WHERE s.cloud = e.cloud) ELSE since END AS since, times, detail, example, rank FROM episode e
  UNION ALL
  SELECT CASE WHEN judged THEN 'fine' ELSE 'unknown' END, 'all', 'nothing', NULL, 0,
    CASE WHEN judged THEN 'all matched, none refused' ELSE 'no fact was judged, or no verdict reached the store' END, '', 9
  FROM (SELECT EXISTS (SELECT FROM helios_verdicts WHERE $__timeFilter(decided_at)) AS judged) v WHERE NOT EXISTS (SELECT FROM episode)
) found ORDER BY state, rank, times DESC LIMIT 50`

func budgets(objectives []alerts.Objective) []q.Query {
	var all []q.Query
	for _, o := range objectives {
		legend := o.Short
		if o.By != "" {
			legend += ": {{" + o.By + "}}"
		}
		all = append(all, q.Instant(o.BudgetLeft(), legend))
	}
	return all
}
