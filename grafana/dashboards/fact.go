package dashboards

import (
	p "github.com/helios-connect/helios/grafana/panels"
	q "github.com/helios-connect/helios/grafana/queries"
)

// asked is what was typed or linked. Grafana's sqlstring writes \" for ", which
// PostgreSQL takes for two characters.
const asked = `replace(${fact:sqlstring}, '\"', '"')`

// theFact is the fact that the page is about: by its id, or the newest that has
// the key; both are indexed. Without either it is the newest of the time range
// whose values differ.
const theFact = `(SELECT id, tenant, type, key FROM helios_verdicts
WHERE id = ` + asked + ` OR key = ` + asked + ` ORDER BY decided_at DESC LIMIT 1)
UNION ALL (SELECT id, tenant, type, key FROM helios_verdicts
WHERE ${fact:sqlstring} = '' AND $__timeFilter(decided_at) AND status = 'mismatched' ORDER BY decided_at DESC LIMIT 1)
LIMIT 1`

// sampledTrace is the id of the trace that a document names, if it is one that
// was recorded; otherwise empty and not null, which would be a link too.
func sampledTrace(document string) string {
	return "coalesce(substring(helios_json(" + document + ")->>'traceparent' from '^00-([0-9a-f]{32})-[0-9a-f]{16}-01$'), '') AS trace"
}

func fact() p.Board {
	const none = "no fact has this id or key. Type another above, or come by a link from Reconciliation."
	return p.Board{
		UID: factUID, Title: "Helios Fact", Refresh: "30s", From: "now-24h",
		Description: "One fact: what each cloud says, field by field, and how its verdict came about.",
		Variables:   []p.Variable{{Name: "fact", Title: "Fact (id or key)"}},
		Rows: []p.Row{
			{Title: "What is known", Panels: []p.Panel{
				{Title: "Verdict", Kind: p.Table, Unit: "short", Height: 5, Steps: p.Plain(), Next: toReconciliation, CellLinks: map[string]string{"fact": openFact},
					Help: "The current verdict of each fact with the id or key above; the page shows the first. Without: the clouds that did not report it, or were silent. With neither: the newest fact of the time range whose values differ. Not matched: the next table shows in what.", Empty: none,
					Queries: []q.Query{q.SQL(`
WITH f AS (` + theFact + `)
SELECT v.status, v.tenant, v.type, v.key, array_to_string(v.missing || v.stalled, ', ') AS without, v.closed_by AS why,
  v.opened_at, v.decided_at, v.revision, split_part(v.expectation, '@', 1) AS expectation, v.id AS fact
FROM helios_verdicts v WHERE v.id = (SELECT id FROM f) OR v.key = ` + asked + `
ORDER BY v.decided_at DESC LIMIT 10`)}},
				{Title: "Side by side", Kind: p.Table, Unit: "string", Height: 12, Steps: p.Plain(), Next: toReconciliation, Compare: true, Null: "missing",
					Matrix: [3]string{"cloud", "field", "value"}, Empty: none,
					Help: "The event of each cloud that was judged, field by field, what the verdict names first. Amber with ≠: this cloud is the odd one out; ask the producer of that column. Amber everywhere: each says something else. With ~: written otherwise, but the same by the expectation's tolerances, or in another order. Missing: the cloud does not have the field.",
					Queries: []q.Query{q.SQL(`
WITH RECURSIVE f AS (` + theFact + `),
judged AS (SELECT f.id, helios_json(v.verdict) AS doc FROM f JOIN helios_verdicts v ON v.id = f.id),
e AS (SELECT DISTINCT ON (ev.cloud) ev.cloud, helios_json(ev.event)->'data' AS doc
  FROM f JOIN judged USING (id) JOIN helios_events ev ON ev.key = f.key AND ev.tenant = f.tenant AND ev.type = f.type
  ORDER BY ev.cloud, coalesce(ev.id = judged.doc->'events'->ev.cloud->>'id', false) DESC, ev.time_ns, ev.id),
node(cloud, path, value) AS (
  SELECT cloud, 'data', doc FROM e WHERE doc IS NOT NULL
  UNION ALL
  SELECT n.cloud, n.path || '.' || c.name, c.value FROM node n CROSS JOIN LATERAL (
    SELECT key AS name, value FROM jsonb_each(CASE jsonb_typeof(n.value) WHEN 'object' THEN n.value ELSE '{}' END)
    UNION ALL
    SELECT (i - 1)::text, value FROM jsonb_array_elements(CASE jsonb_typeof(n.value) WHEN 'array' THEN n.value ELSE '[]' END) WITH ORDINALITY AS a(value, i)
  ) c),
leaf AS (SELECT cloud, path, coalesce(value #>> '{}', 'null') AS value FROM node
  WHERE jsonb_typeof(value) NOT IN ('object', 'array')),
named AS (SELECT d->>'field' AS field, d->'outliers' AS outliers
  FROM judged CROSS JOIN LATERAL jsonb_array_elements(judged.doc->'diffs') AS d),
usual AS (SELECT path, mode() WITHIN GROUP (ORDER BY value) AS value, count(DISTINCT value) AS values FROM leaf GROUP BY path)
SELECT leaf.path AS field, leaf.cloud, CASE WHEN usual.values > 1 AND NOT n.outliers @? '$[*]' THEN '≠ '
    WHEN leaf.value = usual.value THEN ''
    WHEN n.outliers ? leaf.cloud THEN '≠ ' ELSE '~ ' END || leaf.value AS value
FROM leaf JOIN usual USING (path) LEFT JOIN named n ON leaf.path = n.field OR starts_with(leaf.path, n.field || '.')
ORDER BY n.field IS NULL, leaf.path, leaf.cloud LIMIT 1000`)}},
			}},
			{Title: "How it came about", Panels: []p.Panel{
				{Title: "Verdict history", Kind: p.Table, Wide: "why", Unit: "short", Width: 12, Steps: p.Plain(), Next: toReconciliation, CellLinks: map[string]string{"trace": openTrace}, Empty: none,
					Help: "Every revision, oldest first: what was believed then, and why it changed. A late_event that changes much: that cloud is late. A trace is there when one of the events was sampled.",
					Queries: []q.Query{q.SQL(`
WITH f AS (` + theFact + `)
SELECT h.decided_at AS "time", h.revision, h.status, h.closed_by AS why, array_to_string(h.missing || h.stalled, ', ') AS without,
  ` + sampledTrace("h.verdict") + `
FROM helios_verdict_history h JOIN f ON f.id = h.id ORDER BY h.opened_ns, h.revision LIMIT 100`)}},
				{Title: "What differs by the verdict", Kind: p.Table, Unit: "string", Words: []p.Entry{{Name: "odd one out", Colour: p.Bad}}, Width: 12, Steps: p.Plain(), Next: toReconciliation,
					Empty: "the values agree, or no fact is chosen.",
					Help:  "The values that the verdict found different, tolerances considered. The odd ones out are the clouds to ask; where none is, there is no majority.",
					Queries: []q.Query{q.SQL(`
WITH f AS (` + theFact + `)
SELECT d->>'field' AS field, said.cloud, CASE WHEN d->'outliers' ? said.cloud THEN 'odd one out' END AS verdict, said.value
FROM f JOIN helios_verdicts v ON v.id = f.id CROSS JOIN LATERAL jsonb_array_elements(helios_json(v.verdict)->'diffs') AS d
CROSS JOIN LATERAL jsonb_each_text(d->'values') AS said(cloud, value) ORDER BY 1, 2 LIMIT 100`)}},
				{Title: "Raw events", Kind: p.Table, Unit: "short", Height: 10, Steps: p.Plain(), Next: toLive, Empty: none, CellLinks: map[string]string{"trace": openTrace},
					Help: "Every event of the fact as it came. More than one of a cloud: repeated, or corrected by its producer.",
					Queries: []q.Query{q.SQL(`
WITH f AS (` + theFact + `)
SELECT ev.time, ev.cloud, ev.source, ev.id, ev.ingest_time, ` + sampledTrace("ev.event") + `, ev.event
FROM f JOIN helios_events ev ON ev.key = f.key AND ev.tenant = f.tenant AND ev.type = f.type
ORDER BY ev.time_ns LIMIT 100`)}},
			}},
		},
	}
}
