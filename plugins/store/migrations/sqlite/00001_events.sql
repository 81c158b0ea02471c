-- Events. The same columns as in PostgreSQL; times are text in UTC with nine
-- decimals, which sorts as it should.

-- +goose Up
CREATE TABLE helios_events (
    identity    BLOB    NOT NULL PRIMARY KEY, -- hash of tenant, cloud, source, id and time
    time        TEXT    NOT NULL,
    time_ns     INTEGER NOT NULL, -- event time, Unix nanoseconds
    tenant      TEXT    NOT NULL,
    cloud       TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    key         TEXT    NOT NULL, -- correlationid
    ingest_time TEXT,
    ingest_ns   INTEGER,
    stored_at   TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    event       TEXT    NOT NULL  -- the event as it came, byte for byte
);
CREATE INDEX helios_events_key ON helios_events (key);
CREATE INDEX helios_events_time ON helios_events (time);
CREATE INDEX helios_events_type ON helios_events (tenant, type, time);

-- +goose Down
DROP TABLE helios_events;
