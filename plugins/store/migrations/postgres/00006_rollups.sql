-- What dashboards and the API ask over weeks, from sums by the hour: the facts by
-- their current verdict, what those verdicts find wrong by cloud, and what events
-- are billed by. Functions put whole hours from the sums and the ragged ends of a
-- range from the rows together.

-- +goose Up
-- Writers wait until their rows are counted. The order is theirs, rows before
-- sums: the other way round, one that is under way would be waited for for ever.
LOCK TABLE helios_events, helios_verdict_history, helios_verdicts IN SHARE MODE;
LOCK TABLE helios_events_hourly, helios_verdicts_hourly IN ACCESS EXCLUSIVE MODE;

-- Of rows from before only the mean size is known.
ALTER TABLE helios_events_hourly
    ADD COLUMN chunks bigint NOT NULL DEFAULT 0, -- pieces of 64 KiB that the events are cut into
    ADD COLUMN padded bigint NOT NULL DEFAULT 0; -- bytes, where each event counts as 1,000 at least
UPDATE helios_events_hourly SET chunks = events * ceil(bytes / events / 65536.0), padded = greatest(bytes, 1000 * events) WHERE events > 0;

ALTER TABLE helios_verdicts_hourly
    ADD COLUMN facts bigint NOT NULL DEFAULT 0; -- revisions that are their fact's current verdict

CREATE TABLE helios_findings_hourly (
    hour    timestamptz NOT NULL, -- of decided_at of a fact's current verdict
    tenant  text        NOT NULL COLLATE "C",
    type    text        NOT NULL COLLATE "C",
    finding text        NOT NULL COLLATE "C", -- missing, or outlier
    cloud   text        NOT NULL COLLATE "C", -- that did not report the fact, or said something else
    source  text        NOT NULL COLLATE "C", -- of the outlier's event
    field   text        NOT NULL COLLATE "C", -- in which it differed
    facts   bigint      NOT NULL
);
CREATE UNIQUE INDEX helios_findings_hourly_key ON helios_findings_hourly
    (hour, helios_row_key(tenant, type, finding, cloud, source, field));
CREATE INDEX helios_findings_hourly_type ON helios_findings_hourly (hour, tenant, type);

-- What a verdict finds wrong. The names are cut as the sums' are, and show U+0000 as
-- they do: after doubled backslashes, which no control character can stand for.
-- +goose StatementBegin
CREATE FUNCTION helios_findings(status text, missing text[], verdict text)
RETURNS TABLE (finding text, cloud text, source text, field text)
LANGUAGE sql IMMUTABLE AS $$
    SELECT 'missing', left(name, 256), '', '' FROM unnest($2) AS name WHERE $1 IN ('missing', 'partial')
    UNION ALL
    SELECT 'outlier', left(name #>> '{}', 256),
           left(CASE jsonb_typeof(doc->'events'->(name #>> '{}')->'source') WHEN 'string' THEN doc->'events'->(name #>> '{}')->>'source' ELSE '' END, 256),
           left(CASE jsonb_typeof(diff->'field') WHEN 'string' THEN diff->>'field' ELSE '' END, 256)
    FROM (SELECT helios_json(CASE WHEN strpos($3, '\u0000') = 0 THEN $3
              ELSE replace(replace(replace($3, '\\', chr(1)), '\u0000', '\u2400'), chr(1), '\\') END) AS doc WHERE $1 = 'mismatched' OFFSET 0) AS read
    CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(doc->'diffs') WHEN 'array' THEN doc->'diffs' ELSE '[]' END) AS diff
    CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(diff->'outliers') WHEN 'array' THEN diff->'outliers' ELSE '[]' END) AS name
    WHERE jsonb_typeof(name) = 'string'
$$;
-- +goose StatementEnd

-- Retention may have deleted the revisions of a fact, and with them its hour.
INSERT INTO helios_verdicts_hourly (hour, tenant, type, status, expectation, verdicts, corrections, facts)
SELECT date_trunc('hour', decided_at, 'UTC'), left(tenant, 256), left(type, 256), status, left(expectation, 256), 0, 0, count(*)
FROM helios_verdicts GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (hour, helios_row_key(tenant, type, status, expectation)) DO UPDATE SET facts = excluded.facts;

INSERT INTO helios_findings_hourly
WITH counted AS (
    SELECT date_trunc('hour', v.decided_at, 'UTC') AS hour, left(v.tenant, 256) AS tenant, left(v.type, 256) AS type,
           f.finding, f.cloud, f.source, f.field, count(*) AS facts
    FROM helios_verdicts v CROSS JOIN LATERAL helios_findings(v.status, v.missing, v.verdict) AS f
    WHERE v.status <> 'matched' GROUP BY 1, 2, 3, 4, 5, 6, 7
), sources AS (
    SELECT hour, tenant, type, source,
           row_number() OVER (PARTITION BY hour, tenant, type ORDER BY source = 'other', sum(facts) DESC, source) AS place
    FROM counted GROUP BY hour, tenant, type, source
), fields AS (
    SELECT hour, tenant, type, field,
           row_number() OVER (PARTITION BY hour, tenant, type ORDER BY field = 'other', sum(facts) DESC, field) AS place
    FROM counted GROUP BY hour, tenant, type, field
)
SELECT hour, tenant, type, finding, cloud, CASE WHEN s.place <= 100 THEN source ELSE 'other' END,
       CASE WHEN f.place <= 100 THEN field ELSE 'other' END, sum(facts)
FROM counted JOIN sources s USING (hour, tenant, type, source) JOIN fields f USING (hour, tenant, type, field)
GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- What is not matched is rare: small indexes for it, in place of a large one.
DROP INDEX helios_verdicts_status;
CREATE INDEX helios_verdicts_unmatched ON helios_verdicts (decided_at) WHERE status <> 'matched';
CREATE INDEX helios_verdict_history_corrections ON helios_verdict_history (decided_at) WHERE revision > 1;

-- The functions are one query each, so that they become a part of the query that
-- calls them: hours and partitions outside the range are not read.
-- +goose StatementBegin
CREATE FUNCTION helios_events_between(since timestamptz, until timestamptz)
RETURNS TABLE (hour timestamptz, tenant text, cloud text, type text, source text, events bigint, bytes bigint, chunks bigint, padded bigint)
LANGUAGE sql STABLE AS $$
    SELECT h.hour, h.tenant, h.cloud, h.type, h.source, h.events, h.bytes, h.chunks, h.padded FROM helios_events_hourly h
    WHERE h.hour >= date_trunc('hour', $1 + interval '3599.999999 s', 'UTC') AND h.hour < date_trunc('hour', $2, 'UTC')
    UNION ALL
    SELECT date_trunc('hour', e.time, 'UTC'), left(e.tenant, 256), left(e.cloud, 256), left(e.type, 256), left(e.source, 256),
           1, octet_length(e.event), (octet_length(e.event) + 65535) / 65536, greatest(octet_length(e.event), 1000) FROM helios_events e
    WHERE e.time >= $1 AND e.time <= $2 AND e.time < date_trunc('hour', $1 + interval '3599.999999 s', 'UTC')
    UNION ALL
    SELECT date_trunc('hour', e.time, 'UTC'), left(e.tenant, 256), left(e.cloud, 256), left(e.type, 256), left(e.source, 256),
           1, octet_length(e.event), (octet_length(e.event) + 65535) / 65536, greatest(octet_length(e.event), 1000) FROM helios_events e
    WHERE e.time >= greatest(date_trunc('hour', $2, 'UTC'), date_trunc('hour', $1 + interval '3599.999999 s', 'UTC')) AND e.time <= $2
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION helios_events_between(timestamptz, timestamptz) IS
    'Events of a range, both ends included: whole hours from helios_events_hourly, its ends from helios_events.';

-- +goose StatementBegin
CREATE FUNCTION helios_findings_between(since timestamptz, until timestamptz)
RETURNS TABLE (hour timestamptz, tenant text, type text, finding text, cloud text, source text, field text, facts bigint)
LANGUAGE sql STABLE AS $$
    SELECT h.hour, h.tenant, h.type, h.finding, h.cloud, h.source, h.field, h.facts FROM helios_findings_hourly h
    WHERE h.hour >= date_trunc('hour', $1 + interval '3599.999999 s', 'UTC') AND h.hour < date_trunc('hour', $2, 'UTC')
    UNION ALL
    SELECT date_trunc('hour', v.decided_at, 'UTC'), left(v.tenant, 256), left(v.type, 256), f.finding, f.cloud, f.source, f.field, 1
    FROM helios_verdicts v CROSS JOIN LATERAL helios_findings(v.status, v.missing, v.verdict) AS f
    WHERE v.status <> 'matched' AND v.decided_at >= $1 AND v.decided_at <= $2
      AND v.decided_at < date_trunc('hour', $1 + interval '3599.999999 s', 'UTC')
    UNION ALL
    SELECT date_trunc('hour', v.decided_at, 'UTC'), left(v.tenant, 256), left(v.type, 256), f.finding, f.cloud, f.source, f.field, 1
    FROM helios_verdicts v CROSS JOIN LATERAL helios_findings(v.status, v.missing, v.verdict) AS f
    WHERE v.status <> 'matched' AND v.decided_at <= $2
      AND v.decided_at >= greatest(date_trunc('hour', $2, 'UTC'), date_trunc('hour', $1 + interval '3599.999999 s', 'UTC'))
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION helios_findings_between(timestamptz, timestamptz) IS
    'What current verdicts of a range find wrong, both ends included: whole hours from helios_findings_hourly, its ends from helios_verdicts.';

-- +goose Down
DROP FUNCTION helios_findings_between(timestamptz, timestamptz);
DROP FUNCTION helios_events_between(timestamptz, timestamptz);
DROP INDEX helios_verdict_history_corrections;
DROP INDEX helios_verdicts_unmatched;
CREATE INDEX helios_verdicts_status ON helios_verdicts (status, opened_at);
DROP FUNCTION helios_findings(text, text[], text);
DROP TABLE helios_findings_hourly;
ALTER TABLE helios_verdicts_hourly DROP COLUMN facts;
ALTER TABLE helios_events_hourly DROP COLUMN padded, DROP COLUMN chunks;
