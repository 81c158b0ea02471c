-- What the API asks over weeks, from sums by the hour: the facts by their current
-- verdict, what those verdicts find wrong by cloud, and what events are billed by.

-- +goose Up
-- Of rows from before only the mean size is known.
ALTER TABLE helios_events_hourly ADD COLUMN chunks INTEGER NOT NULL DEFAULT 0; -- pieces of 64 KiB that the events are cut into
ALTER TABLE helios_events_hourly ADD COLUMN padded INTEGER NOT NULL DEFAULT 0; -- bytes, where each event counts as 1,000 at least
UPDATE helios_events_hourly SET chunks = events * ((bytes / events + 65535) / 65536), padded = max(bytes, 1000 * events) WHERE events > 0;

ALTER TABLE helios_verdicts_hourly ADD COLUMN facts INTEGER NOT NULL DEFAULT 0; -- revisions that are their fact's current verdict

CREATE TABLE helios_findings_hourly (
    hour    TEXT    NOT NULL, -- of decided_at of a fact's current verdict
    tenant  TEXT    NOT NULL,
    type    TEXT    NOT NULL,
    finding TEXT    NOT NULL, -- missing, or outlier
    cloud   TEXT    NOT NULL, -- that did not report the fact, or said something else
    source  TEXT    NOT NULL, -- of the outlier's event
    field   TEXT    NOT NULL, -- in which it differed
    facts   INTEGER NOT NULL,
    PRIMARY KEY (hour, tenant, type, finding, cloud, source, field)
);

-- Retention may have deleted the revisions of a fact, and with them its hour.
INSERT INTO helios_verdicts_hourly (hour, tenant, type, status, expectation, verdicts, corrections, facts)
SELECT substr(decided_at, 1, 13) || ':00:00.000000000Z', substr(tenant, 1, 256), substr(type, 1, 256), status, substr(expectation, 1, 256), 0, 0, count(*)
FROM helios_verdicts WHERE true GROUP BY 1, 2, 3, 4, 5 -- WHERE parts ON CONFLICT from a join's ON
ON CONFLICT (hour, tenant, type, status, expectation) DO UPDATE SET facts = excluded.facts;

INSERT INTO helios_findings_hourly
WITH read AS (
    -- The sums show U+0000 as U+2400. Doubled backslashes are out of the way meanwhile, as
    -- a control character that no JSON holds.
    SELECT decided_at, tenant, type, status, missing, CASE WHEN instr(verdict, '\u0000') = 0 THEN verdict
        ELSE replace(replace(replace(verdict, '\\', char(1)), '\u0000', '\u2400'), char(1), '\\') END AS verdict
    FROM helios_verdicts WHERE status <> 'matched'
), found AS (
    SELECT substr(v.decided_at, 1, 13) || ':00:00.000000000Z' AS hour, substr(v.tenant, 1, 256) AS tenant, substr(v.type, 1, 256) AS type,
           'missing' AS finding, substr(m.value, 1, 256) AS cloud, '' AS source, '' AS field
    FROM read v, json_each(v.missing) AS m WHERE v.status IN ('missing', 'partial')
    UNION ALL
    SELECT substr(v.decided_at, 1, 13) || ':00:00.000000000Z', substr(v.tenant, 1, 256), substr(v.type, 1, 256), 'outlier', substr(o.value, 1, 256),
           substr(coalesce((SELECT CASE WHEN e.type = 'object' THEN CASE json_type(e.value, '$.source') WHEN 'text' THEN e.value ->> '$.source' END END
                            FROM json_each(v.verdict, '$.events') AS e WHERE e.key = o.value), ''), 1, 256),
           substr(CASE json_type(d.value, '$.field') WHEN 'text' THEN d.value ->> '$.field' ELSE '' END, 1, 256)
    -- What is no list, or holds other things than it should, finds nothing: a call on
    -- what is no JSON would end the migration.
    FROM read v,
         json_each(CASE WHEN v.status = 'mismatched' THEN CASE WHEN json_valid(v.verdict) THEN
             CASE json_type(v.verdict, '$.diffs') WHEN 'array' THEN v.verdict END END END, '$.diffs') AS d,
         json_each(CASE d.type WHEN 'object' THEN CASE json_type(d.value, '$.outliers') WHEN 'array' THEN d.value END END, '$.outliers') AS o
    WHERE o.type = 'text'
), counted AS (
    SELECT *, count(*) AS facts FROM found GROUP BY 1, 2, 3, 4, 5, 6, 7
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

DROP INDEX helios_verdicts_status;
CREATE INDEX helios_verdicts_unmatched ON helios_verdicts (decided_at) WHERE status <> 'matched';
CREATE INDEX helios_verdict_history_corrections ON helios_verdict_history (decided_at) WHERE revision > 1;

-- +goose Down
DROP INDEX helios_verdict_history_corrections;
DROP INDEX helios_verdicts_unmatched;
CREATE INDEX helios_verdicts_status ON helios_verdicts (status, opened_at);
DROP TABLE helios_findings_hourly;
ALTER TABLE helios_verdicts_hourly DROP COLUMN facts;
ALTER TABLE helios_events_hourly DROP COLUMN padded;
ALTER TABLE helios_events_hourly DROP COLUMN chunks;
