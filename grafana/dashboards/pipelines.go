package dashboards

import (
	"github.com/helios-connect/helios/grafana/alerts"
	p "github.com/helios-connect/helios/grafana/panels"
	q "github.com/helios-connect/helios/grafana/queries"
	t "github.com/helios-connect/helios/plugins/telemetry"
)

func pipelines() p.Board {
	stream := q.Like(t.LabelStream, "$stream")
	perStream := func(m t.Metric) string { return q.Sum(q.Rate(q.Of(m, stream), q.Interval), t.LabelStream) }
	// Every program that Prometheus scrapes exports what the runtime says.
	helios := q.Is(t.LabelJob, "helios")
	perProcess := func(m t.Metric) string { return q.Sum(q.Of(m, helios), t.LabelInstance) }
	batches := q.Sum(q.Rate(q.CountOf(t.ConnectInputBatches, stream), q.Interval), t.LabelStream)
	return p.Board{
		UID: pipelinesUID, Title: "Helios Pipelines",
		Description: "Each stream: what comes in, what goes out, what holds it up, what was refused.",
		Variables:   []p.Variable{{Name: "stream", Title: "Stream", Metric: t.ConnectInputReceived.Name, Label: t.LabelStream}},
		Rows: []p.Row{
			{Title: "Flow", Panels: []p.Panel{
				{Title: "Messages in", Kind: p.Series, Unit: "mps", Steps: p.Plain(), Next: toOverview,
					Help:    "What the inputs deliver per second, by stream. At 0 although its cloud sends: look at connections below and at the credentials (helios-connect doctor).",
					Queries: []q.Query{q.Prom(perStream(t.ConnectInputReceived), "{{stream}}")}},
				{Title: "Messages out", Kind: p.Series, Unit: "mps", Steps: p.Plain(), Next: toOverview,
					Help:    "What the outputs have written per second, by stream. Lower than what comes in for long: the output is the limit; see write time.",
					Queries: []q.Query{q.Prom(perStream(t.ConnectOutputSent), "{{stream}}")}},
				{Title: "Errors", Kind: p.Series, Unit: "eps", Steps: []p.Step{{Value: 0, Colour: p.Good}, {Value: 1, Colour: p.Bad}}, Next: toOverview,
					Help: "Writes that did not succeed, and messages that a processor flagged, per second. Above the line: read the stream's log; writes are tried again.",
					Queries: []q.Query{q.Prom(perStream(t.ConnectOutputErrors), "{{stream}} writing"),
						q.Prom(perStream(t.ConnectProcessorErrors), "{{stream}} processing")}},
				{Title: "Connections lost", Kind: p.Series, Unit: "short", Steps: []p.Step{{Value: 0, Colour: p.Good}, {Value: 1, Colour: p.Bad}}, Next: toOverview,
					Help:    "Times in five minutes that an input lost its connection. Above the line: network, credentials or the far end; helios-connect doctor tells which.",
					Queries: []q.Query{q.Prom(q.Sum(q.Increase(q.Of(t.ConnectInputLost, stream), "5m"), t.LabelStream), "{{stream}}")}},
			}},
			{Title: "Lag and backpressure", Panels: []p.Panel{
				{Title: "Behind the topic", Kind: p.Series, Unit: "short", Steps: p.Rising(10000, 50000), Next: toReconciliation,
					Help: "Records that a consumer has not read yet, and events that reconciliation has not applied. Above 50,000: the store or the CPU is the limit.",
					Queries: []q.Query{q.Prom(q.Behind([]string{t.LabelStream}, stream), "{{stream}}"),
						q.Prom(q.Sum(q.Of(t.ReconcileInputLag), t.LabelStream), "{{stream}} (reconciliation)")}},
				{Title: "Write time, 99 %", Kind: p.Series, Unit: "s", Steps: p.Rising(1, 10), Next: toOverview,
					Help: "Time within which 99 % of an output's writes end. Above 10 s everything before it waits: that is where backpressure comes from.",
					Queries: []q.Query{q.Prom("histogram_quantile(0.99, "+
						q.Sum(q.Rate(q.BucketsOf(t.ConnectOutputLatency, stream), q.Interval), t.LabelLE, t.LabelStream)+")", "{{stream}}")}},
				{Title: "Messages per batch", Kind: p.Series, Unit: "short", Steps: p.Plain(), Next: panelsToCost,
					Help:    "Mean size of what an input delivers at once. 1 at a high rate is expensive: see Cost for what batching would save.",
					Queries: []q.Query{q.Prom(perStream(t.ConnectInputReceived)+" / ("+batches+" > 0)", "{{stream}}")}},
				{Title: "Store: time of a batch, 99 %", Kind: p.Series, Unit: "s", Steps: p.Rising(1, 5), Next: toOverview,
					Help:    "Time within which 99 % of the store's transactions end, by table. Above 5 s: look at the database's disk and locks.",
					Queries: []q.Query{q.Prom(q.Quantile(0.99, t.StoreBatchLatency, q.Interval, t.LabelTable), "{{table}}")}},
				{Title: "Store waits", Kind: p.Stat, Unit: "short", Steps: p.ZeroIsGood(), Next: toOverview,
					Help:    "Batches of five minutes that the store could not take. Red: the database is away or full. Nothing is lost, the log keeps it.",
					Queries: []q.Query{q.Instant(q.Counted(q.Sum(q.Increase(q.Of(t.StoreUnavailable), "5m"))), "batches")}},
				{Title: "Facts open", Kind: p.Stat, Unit: "short", Steps: p.Plain(), Next: toReconciliation,
					Help:    "Facts that wait for their verdict. Growing without end: a cloud is behind; see Overview.",
					Queries: []q.Query{q.Instant(q.Sum(q.Of(t.ReconcileOpen)), "open")}},
				{Title: "Judged early", Kind: p.Stat, Unit: "short", Steps: p.ZeroIsGood(), Next: toReconciliation,
					Help:    "Facts of the time range that were judged early because max_open or max_reread was reached. Red: raise the bound or shorten the window.",
					Queries: []q.Query{q.Instant(q.Counted(q.Sum(q.Increase(q.Of(t.ReconcilePressure), q.Range))), "facts")}},
				{Title: "Webhook busy", Kind: p.Stat, Unit: "short", Steps: p.Rising(500, 1000), Next: toOverview,
					Help:    "Requests that wait for their event to be durable. Red: the log answers slowly.",
					Empty:   "no webhook is configured.",
					Queries: []q.Query{q.Instant(q.Sum(q.Of(t.WebhookInFlight)), "requests")}},
				{Title: "Webhook answers", Kind: p.Bars, Unit: "short", Width: 8, Height: 4, Steps: p.Plain(), Next: toOverview,
					Help:    "Requests of the time range by status. 4xx: a sender that isn't known or is wrongly signed; 5xx and 429: we could not take it, the sender tries again.",
					Empty:   "no webhook is configured.",
					Queries: []q.Query{q.Instant(q.Counted(q.Sum(q.Increase(q.Of(t.WebhookRequests), q.Range), t.LabelCode)), "{{code}}")}},
			}},
			{Title: "Is it there, and for how long?", Panels: []p.Panel{
				{Title: "Processes measured", Kind: p.Stat, Width: 12, Unit: "short", Steps: []p.Step{{Value: 0, Colour: p.Bad}, {Value: 1, Colour: p.Good}}, Next: toOverview,
					Help:    "Processes of Helios whose metrics Prometheus reads. Red: none, so nothing else here is known. Is the process running, and reachable?",
					Queries: []q.Query{q.Instant(q.Sum(q.Of(t.PrometheusUp, helios)), "processes")}},
				{Title: "Certificate left", Kind: p.Stat, Width: 12, Unit: "s", Steps: p.Falling(alerts.ExpiryNow.Seconds(), alerts.ExpirySoon.Seconds()), Next: toOverview,
					Help:    "Time until the certificate of the webhook expires. Red: three days or less; then no cloud can push any more. Put a new one where the old one is, it is loaded without a restart.",
					Empty:   "no webhook has a certificate: it is ended by a proxy before it, or there is no webhook.",
					Queries: []q.Query{q.Instant(q.Left(t.WebhookCertificateExpiry), "left")}},
			}},
			{Title: "Dead letters and the conservation law", Panels: []p.Panel{
				{Title: "Dead letters by reason", Kind: p.Series, Unit: "eps", Stacked: true, Width: 8, Steps: p.Plain(), Next: toContracts,
					Help:    "Refused events per second, by reason, at ingest and at reconciliation; what a contract refuses is on Contracts. `helios-connect dlq list --reason` shows them, `dlq replay` sends them again when the cause is gone.",
					Queries: []q.Query{q.Prom(q.DeadLetters(q.Interval), "{{reason}}")}},
				{Title: "Received, converted, refused", Kind: p.Series, Unit: "eps", Width: 8, Steps: p.Plain(), Next: toOverview,
					Help: "The three sides of the law at ingest: received = converted + refused. Lines that part for long: see unaccounted.",
					Queries: []q.Query{q.Prom(q.Sum(q.Rate(q.Of(t.CanonicalReceived), q.Interval)), "received"),
						q.Prom(q.Sum(q.Rate(q.Of(t.CanonicalConverted), q.Interval)), "converted"),
						q.Prom(q.OrZero(q.Sum(q.Rate(q.Of(t.CanonicalRefused), q.Interval)), q.Sum(q.Of(t.CanonicalReceived))), "refused")}},
				{Title: "Unaccounted by cloud", Kind: p.Series, Unit: "short", Width: 8, Steps: []p.Step{{Value: 0, Colour: p.Good}, {Value: 1, Colour: p.Bad}}, Next: toOverview,
					Help:    "Received minus converted minus refused. A peak is a batch that was half counted when it was scraped; a line above 0 is a loss: keep the log, open an incident.",
					Queries: []q.Query{q.Prom(q.Unaccounted(t.LabelParticipant), "{{participant}}")}},
				{Title: "Latest dead letters", Kind: p.Table, Unit: "short", Steps: p.Plain(), Next: toContracts,
					Help:  "The newest of the time range, from the store. The detail says what to repair.",
					Empty: "nothing was refused in the time range.",
					Queries: []q.Query{q.SQL(`
SELECT recorded_at AS "time", reason, stage, CASE WHEN cloud = '' AND origin !~ '/' THEN origin ELSE cloud END AS cloud, tenant, type, left(detail, 200) AS detail
FROM helios_dead_letters WHERE $__timeFilter(recorded_at)
ORDER BY recorded_at DESC LIMIT 50`)}},
			}},
			{Title: "Process", Panels: []p.Panel{
				{Title: "Memory", Kind: p.Series, Unit: "bytes", Steps: p.Plain(), Next: toOverview, Width: 8,
					Help: "Resident memory and Go's heap of each process, and what facts hold of it. Growing without end with the facts: shorten window or correction horizon.",
					Queries: []q.Query{q.Prom(perProcess(t.ProcessRSS), "{{instance}} resident"), q.Prom(perProcess(t.GoHeap), "{{instance}} heap"),
						q.Prom(q.Sum(q.Of(t.ReconcileBytes)), "facts")}},
				{Title: "CPU", Kind: p.Series, Unit: "short", Steps: p.Plain(), Next: toOverview, Width: 8,
					Help:    "Cores in use by each process. At the machine's number for long: start another process; partitions are shared out.",
					Queries: []q.Query{q.Prom(q.Sum(q.Rate(q.Of(t.ProcessCPU, helios), q.Interval), t.LabelInstance), "{{instance}}")}},
				{Title: "Goroutines and files", Kind: p.Series, Unit: "short", Steps: p.Plain(), Next: toOverview, Width: 8,
					Help:    "Both are level in a healthy process. A steady climb is a leak: take a profile at /debug/pprof and restart in a quiet hour.",
					Queries: []q.Query{q.Prom(perProcess(t.GoGoroutines), "{{instance}} goroutines"), q.Prom(perProcess(t.ProcessFDs), "{{instance}} open files")}},
				{Title: "Names beyond the bound", Kind: p.Stat, Unit: "short", Width: 6, Steps: p.ZeroIsGood(), Next: toOverview,
					Help:    "Times in the time range that something was counted as \"other\": metrics tell 1,000 tenants and participants apart, and 2,000 pairs. Red: somebody makes names up, or the bound is too small for you; the store has every name.",
					Queries: []q.Query{q.Instant(q.Counted(q.Sum(q.Increase(q.Of(t.LabelOverflow), q.Range))), "times")}},
			}},
		},
	}
}

var panelsToCost = p.To("Cost", costUID)
