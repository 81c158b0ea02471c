package dashboards

import (
	"fmt"
	"strings"

	p "github.com/helios-connect/helios/grafana/panels"
	q "github.com/helios-connect/helios/grafana/queries"
	t "github.com/helios-connect/helios/plugins/telemetry"
)

func cost(prices Prices) p.Board {
	note := " List prices by config/prices.yaml: " + strings.Join(origins(prices), "; ") + "."
	const empty = "the store holds no event of the time range, or prices.yaml does not name the cloud."
	// What each event of the time range was billed.
	billed := q.Billed(prices.rows())
	// Seconds of the time range, for what it would be in a month.
	const month = "(2592000.0 / greatest(1, extract(epoch FROM $__timeTo()::timestamptz - $__timeFrom()::timestamptz)))"
	money := map[string]string{"usd": "currencyUSD", "usd a month": "currencyUSD", "usd per million": "currencyUSD",
		"saved a month": "currencyUSD", "usd for them": "currencyUSD", "bytes": "bytes"}
	return p.Board{
		UID: costUID, Title: "Helios Cost", From: "now-24h", Refresh: "5m",
		Description: "What the events cost on their way here, and what would make them cheaper." + note,
		Rows: []p.Row{
			{Title: "What it costs", Panels: []p.Panel{
				{Title: "By cloud and service", Kind: p.Table, Wide: "service", Unit: "short", Width: 14, Height: 9, Steps: p.Plain(), Next: toLive, Units: money, Empty: empty,
					Help: "Stored events, their bytes and their price in the time range, and what a month like it would cost. A cloud far above the others: look at its recommendation." + note,
					Queries: []q.Query{q.SQL(billed + `
SELECT cloud, service, sum(events) AS events, sum(bytes) AS bytes, sum(usd) AS usd,
  sum(usd) / sum(events) * 1e6 AS "usd per million", sum(usd) * ` + month + ` AS "usd a month"
FROM billed GROUP BY cloud, service ORDER BY sum(usd) DESC`)}},
				{Title: "By tenant", Kind: p.Table, Wide: "tenant", Unit: "short", Width: 10, Height: 9, Steps: p.Plain(), Next: toLive, Units: money, Empty: empty,
					Help: "Who causes the cost of the time range, for charging it on. One tenant that grows suddenly: see Live events for its types." + note,
					Queries: []q.Query{q.SQL(billed + `
SELECT tenant, sum(events) AS events, sum(bytes) AS bytes, sum(usd) AS usd, sum(usd) * ` + month + ` AS "usd a month"
FROM billed GROUP BY tenant ORDER BY sum(usd) DESC LIMIT 50`)}},
			}},
			{Title: "What is paid for nothing", Panels: []p.Panel{
				{Title: "Dead letters", Kind: p.Table, Wide: "cloud", Height: 7, Unit: "short", Width: 12, Steps: p.Plain(), Next: toPipelines, Units: money,
					Empty: "nothing was refused in the time range, or it is not known of which cloud.",
					Help:  "Dead letters of the time range by cloud, at the mean price of its events. Many: repair their cause on Pipelines before anything else." + note,
					Queries: []q.Query{q.SQL(billed + `,
mean AS (SELECT cloud, sum(usd) / sum(events) AS usd FROM billed GROUP BY cloud)
SELECT d.cloud, count(*) AS "dead letters", avg(m.usd) * 1e6 AS "usd per million", sum(m.usd) AS "usd for them"
FROM (SELECT CASE WHEN cloud <> '' THEN cloud ELSE origin END AS cloud FROM helios_dead_letters WHERE $__timeFilter(recorded_at)) d
JOIN mean m ON m.cloud = d.cloud GROUP BY d.cloud ORDER BY 2 DESC`)}},
				{Title: "Events that came twice", Kind: p.Bars, Height: 7, Unit: "short", Width: 6, Steps: p.Plain(), Next: toReconciliation,
					Help:    "Events of the time range after the first of their fact and cloud. Each was paid for like the first: its price is that of the cloud on the left.",
					Empty:   "no event was repeated.",
					Queries: []q.Query{q.Instant(q.Counted(q.Sum(q.Increase(q.Of(t.ReconcileDuplicates), q.Range), t.LabelParticipant)), "{{participant}}")}},
				{Title: "Duplicate deliveries", Kind: p.Bars, Height: 7, Null: "none", Unit: "short", Width: 6, Steps: p.Plain(), Next: toPipelines,
					Help:    "Deliveries of the time range that deduplication dropped. Many: the queue's visibility timeout is shorter than our acknowledgement.",
					Empty:   "no deduplication is configured, or no delivery came twice.",
					Queries: []q.Query{q.Instant(q.Counted(q.Sum(q.Increase(q.Of(t.DedupeDuplicates), q.Range), t.LabelParticipant)), "{{participant}}")}},
			}},
			{Title: "What would be cheaper", Panels: []p.Panel{
				{Title: "Recommendations", Kind: p.Table, Height: 7, Unit: "short", Width: 14, Steps: p.Plain(), Next: toPipelines, Units: money, Empty: empty,
					Help: "Each cheaper way that prices.yaml names, computed over the events of the time range. What is saved assumes that it isn't done yet: compare messages per batch on Pipelines." + note,
					Queries: []q.Query{q.SQL(billed + `
SELECT cloud, advice, sum(usd) * ` + month + ` AS "usd a month", (sum(usd) - sum(alt)) * ` + month + ` AS "saved a month"
FROM billed WHERE advice <> '' GROUP BY cloud, advice HAVING sum(usd) > sum(alt) ORDER BY 4 DESC`)}},
				{Title: "Retention", Kind: p.Table, Height: 7, Unit: "short", Width: 10, Steps: p.Plain(), Next: toLive, Units: money,
					Empty: "the store has no events yet.",
					Help:  "Size of the stored events by age, its price, and so what dropping the older ones saves: helios_drop_events_before. Check first how long you must keep them." + note,
					Queries: []q.Query{q.SQL(fmt.Sprintf(`
SELECT CASE WHEN day > current_date + 1 THEN '4: in the future, by wrong clocks' WHEN day > current_date - 30 THEN '1: last 30 days' WHEN day > current_date - 90 THEN '2: 30 to 90 days' ELSE '3: older than 90 days' END AS age,
  count(*) AS days, sum(size) AS bytes, sum(size) / 1073741824.0 * %g AS "usd a month"
FROM (SELECT right(c.relname, 8)::date AS day, pg_total_relation_size(c.oid) AS size
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'helios_events'::regclass AND c.relname ~ '^helios_events_[0-9]{8}$') d
GROUP BY 1 ORDER BY 1`, prices.Storage.GiBMonth))}},
			}},
		},
	}
}

// origins says of each price where it comes from.
func origins(prices Prices) []string {
	all := []string{prices.Storage.Service + " (" + prices.Storage.Origin.String() + ")"}
	for _, s := range prices.Services {
		all = append(all, s.Service+" ("+s.Origin.String()+")")
	}
	return all
}
