package queries

import "fmt"

// The SQL of what is asked of the store over its whole time: from the sums by the
// hour, so that a month reads thousands of rows and not millions. The functions
// …_between put the sums and the rows of the range's ragged ends together.

// eventsOfRange are the events of the time range, as sums.
const eventsOfRange = "helios_events_between($__timeFrom(), $__timeTo())"

// findingsOfRange are what the current verdicts of the time range find wrong.
const findingsOfRange = "helios_findings_between($__timeFrom(), $__timeTo())"

// byMinute is true of ranges in which minutes can be told apart on a screen, and
// few enough rows be read for them.
const byMinute = "$__timeTo()::timestamptz - $__timeFrom()::timestamptz <= interval '3 hours'"

// EventsBy are the events of the time range by a column.
func EventsBy(column string) Query {
	return SQL(`
SELECT ` + column + `, sum(events)::bigint AS events FROM ` + eventsOfRange + `
GROUP BY ` + column + ` ORDER BY 2 DESC LIMIT 20`)
}

// EventsSince are the events of the last so much time, by cloud. The latest one is
// sought in the last hour that the cloud has events of.
func EventsSince(interval string) Query {
	return SQL(`
WITH by_type AS (
  SELECT cloud, type, sum(events)::bigint AS events, max(hour) AS hour
  FROM helios_events_between(now() - interval '` + interval + `', now() + interval '1 day') GROUP BY cloud, type),
by_cloud AS (SELECT cloud, sum(events)::bigint AS events, count(*) AS types, max(hour) AS hour FROM by_type GROUP BY cloud)
SELECT c.cloud, c.events, c.types, (SELECT max(e.time) FROM helios_events e
  WHERE e.time >= c.hour AND e.time < c.hour + interval '1 hour' AND left(e.cloud, 256) = c.cloud) AS latest
FROM by_cloud c ORDER BY c.cloud`)
}

// perCloud has a column for each cloud that has a colour of its own.
func perCloud(count string) string {
	return fmt.Sprintf(`coalesce(%[1]s FILTER (WHERE cloud = 'aws'), 0)::bigint AS aws, coalesce(%[1]s FILTER (WHERE cloud = 'azure'), 0)::bigint AS azure,
  coalesce(%[1]s FILTER (WHERE cloud = 'gcp'), 0)::bigint AS gcp, coalesce(%[1]s FILTER (WHERE cloud NOT IN ('aws', 'azure', 'gcp')), 0)::bigint AS others`, count)
}

// EventsOverTime are the events of the time range by the minute, of long ranges by
// the hour.
func EventsOverTime() Query {
	return SQL(`
SELECT date_trunc('minute', time) AS "time",
  ` + perCloud("count(*)") + `
FROM helios_events WHERE $__timeFilter(time) AND ` + byMinute + ` GROUP BY 1
UNION ALL
SELECT hour,
  ` + perCloud("sum(events)") + `
FROM ` + eventsOfRange + ` WHERE NOT (` + byMinute + `) GROUP BY 1 ORDER BY 1`)
}

// MissingOverTime are the facts that a cloud did not report, as EventsOverTime.
func MissingOverTime() Query {
	return SQL(`
SELECT date_trunc('minute', decided_at) AS "time",
  ` + perCloud("count(*)") + `
FROM helios_verdicts CROSS JOIN unnest(missing) AS cloud
WHERE $__timeFilter(decided_at) AND status IN ('missing', 'partial') AND ` + byMinute + ` GROUP BY 1
UNION ALL
SELECT hour,
  ` + perCloud("sum(facts)") + `
FROM ` + findingsOfRange + ` WHERE finding = 'missing' AND NOT (` + byMinute + `) GROUP BY 1 HAVING sum(facts) <> 0 ORDER BY 1`)
}

// Disagreements are the clouds and fields of the odd ones out.
func Disagreements() Query {
	return SQL(`
SELECT field, cloud, sum(facts)::bigint AS facts FROM ` + findingsOfRange + `
WHERE finding = 'outlier' GROUP BY 1, 2 HAVING sum(facts) <> 0 ORDER BY 3 DESC LIMIT 200`)
}

// WorstProducers are the sources of the odd ones out.
func WorstProducers() Query {
	return SQL(`
SELECT cloud, source AS producer, type, sum(facts)::bigint AS facts FROM ` + findingsOfRange + `
WHERE finding = 'outlier' GROUP BY 1, 2, 3 HAVING sum(facts) <> 0 ORDER BY 4 DESC LIMIT 20`)
}

// Billed starts a query over what the events of the time range are billed, by
// tenant and price: billed(cloud, service, advice, tenant, events, bytes, usd, alt).
// prices is a table expression of a price for each cloud. Pieces of 64 KiB and a
// minimum of 1,000 bytes are exact; other units are estimated from the mean size.
func Billed(prices string) string {
	return "WITH " + prices + `,
used AS (
  SELECT tenant, cloud, sum(events)::float8 AS events, sum(bytes)::float8 AS bytes, sum(chunks)::float8 AS chunks, sum(padded)::float8 AS padded
  FROM ` + eventsOfRange + ` GROUP BY tenant, cloud),
units AS (
  SELECT p.*, u.tenant, u.events, u.bytes,
    CASE p.chunk WHEN 65536 THEN u.chunks ELSE u.events * ceil(u.bytes / u.events / p.chunk) END AS pieces,
    CASE p.least WHEN 0 THEN u.bytes WHEN 1000 THEN u.padded ELSE greatest(u.bytes, u.events * p.least) END AS weight
  FROM used u JOIN price p ON p.cloud = u.cloud WHERE u.events > 0),
billed AS (
  SELECT cloud, service, advice, tenant, events, bytes, pieces * per_chunk + weight * per_byte AS usd, pieces * alt_chunk + weight * alt_byte AS alt
  FROM units)
`
}

// hoursOfRange is true of the hours that the time range begins or lies in, of the
// tenants that the dashboard shows: compliance is kept by whole hours. Grafana puts
// All into a query as it is, the regular expression .*, and escapes every $ of a
// name: none ends the string.
const hoursOfRange = `tenant ~ $$^(?:${tenant:regex})\Z$$ AND hour >= date_trunc('hour', $__timeFrom()::timestamptz, 'UTC') AND hour <= $__timeTo()`

// judged are the rows of the view helios_contract_compliance before it adds them
// up, which would be done twice.
const judged = `(SELECT hour, tenant, source, contract, CASE WHEN violated THEN 0 ELSE events END AS valid, CASE WHEN violated THEN events ELSE 0 END AS violated, 0 AS refused
  FROM helios_events_hourly WHERE contract <> '' AND ` + hoursOfRange + `
  UNION ALL SELECT hour, tenant, source, contract, 0, 0, letters FROM helios_dead_letters_hourly WHERE contract <> '' AND ` + hoursOfRange + `) AS judged`

const compliance = "sum(valid)::float8 / sum(valid + violated + refused)::float8 AS compliance"

// ComplianceOverTime is the share of events that kept their contract, by the hour
// and, over more than a week, by the day. What began before the range stands at
// its beginning: a panel of a few minutes would show nothing otherwise.
func ComplianceOverTime() Query {
	return SQL(`
SELECT greatest(date_trunc(CASE WHEN $__timeTo()::timestamptz - $__timeFrom()::timestamptz > interval '8 days' THEN 'day' ELSE 'hour' END, hour, 'UTC'), $__timeFrom()::timestamptz) AS "time",
  sum(valid)::float8 / sum(judged)::float8 AS compliance
FROM (SELECT hour, sum(CASE WHEN violated THEN 0 ELSE events END) AS valid, sum(events) AS judged
  FROM helios_events_hourly WHERE contract <> '' AND ` + hoursOfRange + ` GROUP BY hour
  UNION ALL SELECT hour, 0, sum(letters) FROM helios_dead_letters_hourly WHERE contract <> '' AND ` + hoursOfRange + ` GROUP BY hour) AS by_hour
GROUP BY 1 ORDER BY 1`)
}

// ComplianceByProducer names who keeps which version of a contract.
func ComplianceByProducer() Query {
	return SQL(`
SELECT contract, tenant, source AS producer, sum(valid)::bigint AS valid, sum(violated)::bigint AS violated, sum(refused)::bigint AS refused, ` + compliance + `
FROM ` + judged + ` GROUP BY 1, 2, 3 ORDER BY compliance, sum(violated + refused) DESC, 1, 2, 3 LIMIT 50`)
}

// RefusedByRule names which rule refused whose events.
func RefusedByRule() Query {
	return SQL(`
SELECT rule, contract, tenant, source AS producer, sum(letters)::bigint AS refused, max(hour) AS latest
FROM helios_dead_letters_hourly WHERE contract <> '' AND ` + hoursOfRange + `
GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC LIMIT 50`)
}

// Contracts are the registered versions, the newest first.
func Contracts() Query {
	return SQL(`
SELECT subject, version, language, first_seen_at AS "first seen", jsonb_array_length(helios_json(changes)) AS changes,
  concat_ws(' and ', CASE WHEN breaks_backward THEN 'its readers' END, CASE WHEN breaks_forward THEN 'readers of the one before' END) AS breaks, problem
FROM helios_contracts ORDER BY first_seen_ns DESC, subject, version DESC LIMIT 100`)
}

// ContractChanges are the differences of each version to the one before.
func ContractChanges() Query {
	return SQL(`
SELECT k.subject, k.version, c->>'kind' AS change, c->>'pointer' AS place, (SELECT string_agg(r, '; ') FROM
  jsonb_array_elements_text(CASE jsonb_typeof(c->'reasons') WHEN 'array' THEN c->'reasons' ELSE '[]' END) AS r) AS breaks
FROM (SELECT * FROM helios_contracts ORDER BY first_seen_ns DESC, subject, version DESC LIMIT 100) AS k
CROSS JOIN LATERAL jsonb_array_elements(helios_json(k.changes)) AS c
ORDER BY k.first_seen_ns DESC, k.subject, k.version DESC, 4 LIMIT 200`)
}
