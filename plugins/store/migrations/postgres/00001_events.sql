-- Events, one partition a day of event time (UTC). The store creates the days
-- from 2000 to 2099 as events arrive; what lies outside is rare enough (clocks
-- that are wrong) for one partition on either side. No default partition:
-- attaching a day would have to scan it.

-- +goose Up
CREATE TABLE helios_events (
    identity    uuid        NOT NULL, -- hash of tenant, cloud, source, id and time
    time        timestamptz NOT NULL, -- time_ns cut to microseconds
    time_ns     bigint      NOT NULL, -- event time, Unix nanoseconds
    tenant      text        NOT NULL COLLATE "C",
    cloud       text        NOT NULL,
    source      text        NOT NULL,
    id          text        NOT NULL,
    type        text        NOT NULL COLLATE "C",
    key         text        NOT NULL, -- correlationid
    ingest_time timestamptz,
    ingest_ns   bigint,
    stored_at   timestamptz NOT NULL DEFAULT now(),
    event       text        NOT NULL, -- the event as it came, byte for byte
    -- Time first: batches come in about its order, which keeps the index's hot
    -- pages few, and it serves queries by time.
    PRIMARY KEY (time, identity)
) PARTITION BY RANGE (time);

-- A B-tree refuses values over 2704 bytes and keys may be longer: hash index.
CREATE INDEX helios_events_key ON helios_events USING hash (key);
CREATE INDEX helios_events_type ON helios_events (tenant, type, time);

CREATE TABLE helios_events_before_2000 PARTITION OF helios_events
    FOR VALUES FROM (MINVALUE) TO ('2000-01-01 00:00:00+00');
CREATE TABLE helios_events_from_2100 PARTITION OF helios_events
    FOR VALUES FROM ('2100-01-01 00:00:00+00') TO (MAXVALUE);

-- +goose StatementBegin
CREATE FUNCTION helios_drop_events_before(first_kept date) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    partition text;
BEGIN
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'helios_events'::regclass
          AND c.relname ~ '^helios_events_[0-9]{8}$'
          AND right(c.relname, 8)::date < first_kept
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
        RETURN NEXT partition;
    END LOOP;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION helios_drop_events_before(date) IS
    'Retention: drops the partitions of all days before the given one and names them.';

-- Executing it is for those who may drop tables.
REVOKE ALL ON FUNCTION helios_drop_events_before(date) FROM PUBLIC;

-- +goose Down
DROP FUNCTION helios_drop_events_before(date);
DROP TABLE helios_events;
