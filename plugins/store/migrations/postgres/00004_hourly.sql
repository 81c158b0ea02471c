-- Sums by the hour, so that a dashboard over months reads hundreds of rows and
-- not millions, and outlives the rows that retention drops. The store adds to
-- them in the transaction that inserts the rows, for rows that really are new.
--
-- Texts are cut to 256 characters. Within an hour, a tenant and a type no more
-- than 100 sources (and 100 rules) are told apart; the rest counts as 'other'.

-- +goose Up
-- Writers wait until their rows are counted; readers of events and verdicts don't.
LOCK TABLE helios_dead_letters IN ACCESS EXCLUSIVE MODE;
LOCK TABLE helios_events, helios_verdict_history IN SHARE MODE;

ALTER TABLE helios_dead_letters
    ADD COLUMN source     text NOT NULL DEFAULT '', -- of the event, where a contract refused it
    ADD COLUMN contract   text NOT NULL DEFAULT '', -- subject/version that refused it
    ADD COLUMN violations text NOT NULL DEFAULT ''; -- rule and place of each breach
CREATE INDEX helios_dead_letters_contract ON helios_dead_letters (contract, recorded_at) WHERE contract <> '';

-- +goose StatementBegin
CREATE FUNCTION helios_row_key(VARIADIC parts text[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT md5(string_agg(length(part)::text || ':' || part, '' ORDER BY place))
    FROM unnest(parts) WITH ORDINALITY AS p(part, place)
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION helios_row_key(text[]) IS
    'What names a row of an hourly table: its texts together may be longer than a B-tree takes.';

CREATE TABLE helios_events_hourly (
    hour     timestamptz NOT NULL, -- of event time, its beginning
    tenant   text        NOT NULL COLLATE "C",
    cloud    text        NOT NULL COLLATE "C",
    type     text        NOT NULL COLLATE "C",
    source   text        NOT NULL COLLATE "C",
    contract text        NOT NULL COLLATE "C", -- subject/version that judged the payload, or ''
    violated boolean     NOT NULL, -- it passed with a breach of that contract
    events   bigint      NOT NULL,
    bytes    bigint      NOT NULL  -- of the events as they came
);
CREATE UNIQUE INDEX helios_events_hourly_key ON helios_events_hourly
    (hour, helios_row_key(tenant, type, cloud, source, contract), violated);
CREATE INDEX helios_events_hourly_type ON helios_events_hourly (hour, tenant, type);

CREATE TABLE helios_dead_letters_hourly (
    hour     timestamptz NOT NULL, -- of recorded_at
    reason   text        NOT NULL COLLATE "C",
    stage    text        NOT NULL COLLATE "C",
    tenant   text        NOT NULL COLLATE "C",
    cloud    text        NOT NULL COLLATE "C",
    type     text        NOT NULL COLLATE "C",
    source   text        NOT NULL COLLATE "C",
    contract text        NOT NULL COLLATE "C",
    rule     text        NOT NULL COLLATE "C", -- the first breach: rule and place, indexes as *
    letters  bigint      NOT NULL
);
CREATE UNIQUE INDEX helios_dead_letters_hourly_key ON helios_dead_letters_hourly
    (hour, helios_row_key(tenant, type, reason, stage, cloud, source, contract, rule));
CREATE INDEX helios_dead_letters_hourly_type ON helios_dead_letters_hourly (hour, tenant, type);

CREATE TABLE helios_verdicts_hourly (
    hour        timestamptz NOT NULL, -- of decided_at
    tenant      text        NOT NULL COLLATE "C",
    type        text        NOT NULL COLLATE "C",
    status      text        NOT NULL COLLATE "C",
    expectation text        NOT NULL COLLATE "C",
    verdicts    bigint      NOT NULL, -- first revisions: one for each fact
    corrections bigint      NOT NULL  -- later revisions
);
CREATE UNIQUE INDEX helios_verdicts_hourly_key ON helios_verdicts_hourly
    (hour, helios_row_key(tenant, type, status, expectation));

INSERT INTO helios_events_hourly
WITH read AS (
    SELECT date_trunc('hour', time, 'UTC') AS hour, left(tenant, 256) AS tenant, left(cloud, 256) AS cloud,
           left(type, 256) AS type, left(source, 256) AS source, octet_length(event) AS size,
           CASE WHEN strpos(event, '"helios') > 0 THEN helios_json(event) END AS document
    FROM helios_events OFFSET 0 -- the document is read once
), counted AS (
    SELECT hour, tenant, cloud, type, source, left(coalesce(document->>'heliosschema', ''), 256) AS contract,
           coalesce(document->>'heliosviolations', '') NOT IN ('', 'no_contract') AS violated,
           count(*) AS events, sum(size) AS bytes
    FROM read GROUP BY 1, 2, 3, 4, 5, 6, 7
), ranked AS (
    SELECT hour, tenant, type, source,
           row_number() OVER (PARTITION BY hour, tenant, type ORDER BY source = 'other', sum(events) DESC, source) AS place
    FROM counted GROUP BY hour, tenant, type, source
)
SELECT hour, tenant, cloud, type, CASE WHEN place <= 100 THEN source ELSE 'other' END, contract, violated, sum(events), sum(bytes)
FROM counted JOIN ranked USING (hour, tenant, type, source) GROUP BY 1, 2, 3, 4, 5, 6, 7;

INSERT INTO helios_dead_letters_hourly
SELECT date_trunc('hour', recorded_at, 'UTC'), left(reason, 256), left(stage, 256), left(tenant, 256), left(cloud, 256),
       left(type, 256), '', '', '', count(*)
FROM helios_dead_letters GROUP BY 1, 2, 3, 4, 5, 6;

INSERT INTO helios_verdicts_hourly
SELECT date_trunc('hour', decided_at, 'UTC'), left(tenant, 256), left(type, 256), status, left(expectation, 256),
       count(*) FILTER (WHERE revision = 1), count(*) FILTER (WHERE revision > 1)
FROM helios_verdict_history GROUP BY 1, 2, 3, 4, 5;

CREATE VIEW helios_contract_compliance AS
SELECT hour, tenant, type, source, contract,
       sum(valid)::bigint AS valid, sum(violated)::bigint AS violated, sum(refused)::bigint AS refused,
       sum(valid)::float8 / sum(valid + violated + refused)::float8 AS share
FROM (
    SELECT hour, tenant, type, source, contract, CASE WHEN violated THEN 0 ELSE events END AS valid,
           CASE WHEN violated THEN events ELSE 0 END AS violated, 0 AS refused
    FROM helios_events_hourly WHERE contract <> ''
    UNION ALL
    SELECT hour, tenant, type, source, contract, 0, 0, letters
    FROM helios_dead_letters_hourly WHERE contract <> ''
) AS judged
GROUP BY hour, tenant, type, source, contract;

-- +goose Down
DROP VIEW helios_contract_compliance;
DROP TABLE helios_verdicts_hourly;
DROP TABLE helios_dead_letters_hourly;
DROP TABLE helios_events_hourly;
DROP FUNCTION helios_row_key(text[]);
ALTER TABLE helios_dead_letters DROP COLUMN source, DROP COLUMN contract, DROP COLUMN violations;
