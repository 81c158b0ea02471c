-- Sums by the hour, so that a dashboard over months reads hundreds of rows and
-- not millions, and outlives the rows that retention drops. The store adds to
-- them in the transaction that inserts the rows, for rows that really are new.
--
-- Texts are cut to 256 characters. Within an hour, a tenant and a type no more
-- than 100 sources (and 100 rules) are told apart; the rest counts as 'other'.

-- +goose Up
ALTER TABLE helios_dead_letters ADD COLUMN source TEXT NOT NULL DEFAULT ''; -- of the event, where a contract refused it
ALTER TABLE helios_dead_letters ADD COLUMN contract TEXT NOT NULL DEFAULT ''; -- subject/version that refused it
ALTER TABLE helios_dead_letters ADD COLUMN violations TEXT NOT NULL DEFAULT ''; -- rule and place of each breach
CREATE INDEX helios_dead_letters_contract ON helios_dead_letters (contract, recorded_at) WHERE contract <> '';

CREATE TABLE helios_events_hourly (
    hour     TEXT    NOT NULL, -- of event time, its beginning
    tenant   TEXT    NOT NULL,
    cloud    TEXT    NOT NULL,
    type     TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    contract TEXT    NOT NULL, -- subject/version that judged the payload, or ''
    violated BOOLEAN NOT NULL, -- it passed with a breach of that contract
    events   INTEGER NOT NULL,
    bytes    INTEGER NOT NULL, -- of the events as they came
    PRIMARY KEY (hour, tenant, type, cloud, source, contract, violated)
);

CREATE TABLE helios_dead_letters_hourly (
    hour     TEXT    NOT NULL, -- of recorded_at
    reason   TEXT    NOT NULL,
    stage    TEXT    NOT NULL,
    tenant   TEXT    NOT NULL,
    cloud    TEXT    NOT NULL,
    type     TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    contract TEXT    NOT NULL,
    rule     TEXT    NOT NULL, -- the first breach: rule and place, indexes as *
    letters  INTEGER NOT NULL,
    PRIMARY KEY (hour, tenant, type, reason, stage, cloud, source, contract, rule)
);

CREATE TABLE helios_verdicts_hourly (
    hour        TEXT    NOT NULL, -- of decided_at
    tenant      TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    expectation TEXT    NOT NULL,
    verdicts    INTEGER NOT NULL, -- first revisions: one for each fact
    corrections INTEGER NOT NULL, -- later revisions
    PRIMARY KEY (hour, tenant, type, status, expectation)
);

INSERT INTO helios_events_hourly
WITH read AS (
    SELECT substr(time, 1, 13) || ':00:00.000000000Z' AS hour, substr(tenant, 1, 256) AS tenant, substr(cloud, 1, 256) AS cloud,
           substr(type, 1, 256) AS type, substr(source, 1, 256) AS source, length(CAST(event AS BLOB)) AS size,
           CASE WHEN instr(event, '"helios') > 0 AND json_valid(event) THEN event ELSE '{}' END AS document
    FROM helios_events
), counted AS (
    SELECT hour, tenant, cloud, type, source, substr(coalesce(json_extract(document, '$.heliosschema'), ''), 1, 256) AS contract,
           coalesce(json_extract(document, '$.heliosviolations'), '') NOT IN ('', 'no_contract') AS violated,
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
SELECT substr(recorded_at, 1, 13) || ':00:00.000000000Z', substr(reason, 1, 256), substr(stage, 1, 256), substr(tenant, 1, 256),
       substr(cloud, 1, 256), substr(type, 1, 256), '', '', '', count(*)
FROM helios_dead_letters GROUP BY 1, 2, 3, 4, 5, 6;

INSERT INTO helios_verdicts_hourly
SELECT substr(decided_at, 1, 13) || ':00:00.000000000Z', substr(tenant, 1, 256), substr(type, 1, 256), status,
       substr(expectation, 1, 256), count(*) FILTER (WHERE revision = 1), count(*) FILTER (WHERE revision > 1)
FROM helios_verdict_history GROUP BY 1, 2, 3, 4, 5;

CREATE VIEW helios_contract_compliance AS
SELECT hour, tenant, type, source, contract, sum(valid) AS valid, sum(violated) AS violated, sum(refused) AS refused,
       sum(valid) * 1.0 / sum(valid + violated + refused) AS share
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
DROP INDEX helios_dead_letters_contract;
ALTER TABLE helios_dead_letters DROP COLUMN source;
ALTER TABLE helios_dead_letters DROP COLUMN contract;
ALTER TABLE helios_dead_letters DROP COLUMN violations;
